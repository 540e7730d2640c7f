"""What is wrong around a command, as one line for the operator: settings, files, the database."""

from __future__ import annotations

import sqlite3
from typing import Any

from sqlalchemy.exc import DBAPIError

from bot.settings import SettingsError
from storage.database import UrlError, is_outage, sqlstate

_CHECK = "check PANDU_DATABASE_URL"
_UPGRADE = "the database has not this version's schema: run `pandu db upgrade`"
_SQLITE = {
    sqlite3.SQLITE_BUSY: "the database has been locked for seconds (an import, a backup, another program?): try again",
    sqlite3.SQLITE_LOCKED: "the database has been locked for seconds (an import, a backup, another program?): try again",
    sqlite3.SQLITE_READONLY: "the database may not be written by this user: be the one who owns the file",
    sqlite3.SQLITE_FULL: "the database cannot be written: the disk is full, make room",
    sqlite3.SQLITE_CANTOPEN: f"the database file cannot be opened: {_CHECK}; `pandu db upgrade` makes a new one",
    sqlite3.SQLITE_NOTADB: f"the file is no database: {_CHECK}",
    sqlite3.SQLITE_CORRUPT: "the database file is damaged: stop Pandu, keep a copy, restore the last backup (docs/backup.md)",
}
_NO_SCHEMA = ("42P01", "42703")  # undefined table, undefined column
# https://www.postgresql.org/docs/current/errcodes-appendix.html: no such database, user, password; too few rights
_REFUSED = ("3D000", "28000", "28P01", "42501")


def trouble(error: BaseException) -> tuple[str, int] | None:
    """(the line, the exit code); None where the error is a fault of ours, whose traceback is wanted."""
    match error:
        case SettingsError():
            return str(error), 2
        case UrlError():
            return f"PANDU_DATABASE_URL: {error}", 2
        case OSError() if error.filename is not None:
            return f"{error.filename}: {error.strerror}", 1
        case DBAPIError() if told := _database(error):
            return told, 2
    if is_outage(error):
        return f"the database does not answer ({_reason(error)}): is it running? {_CHECK}", 2
    return None


def _database(error: DBAPIError) -> str:
    """What the database itself has said; "" where it is nothing that an operator could mend."""
    if isinstance(error.orig, sqlite3.Error):
        said, code = str(error.orig), getattr(error.orig, "sqlite_errorcode", None) or 0
        if said.startswith(("no such table", "no such column")) or " has no column named " in said:
            return _UPGRADE
        return _SQLITE.get(code & 0xFF, "")
    state = sqlstate(error)
    if state in _NO_SCHEMA:
        return _UPGRADE
    if state in _REFUSED:
        return f"the database refuses us ({_reason(error)}): {_CHECK}"
    return ""


def _reason(error: Any) -> str:
    """The first line of what was said, without the driver's class."""
    said = str(getattr(error, "orig", None) or error).splitlines()
    return (said[0] if said else type(error).__name__).rpartition(">: ")[2]
