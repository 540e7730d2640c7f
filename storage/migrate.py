"""Migrations: brings a database to this version's schema (Alembic; expand/contract, so that old and new workers run together)."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

MIGRATIONS = Path(__file__).parent / "migrations"


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def upgrade(connection: Connection, to: str = "head") -> None:
    """Runs what is missing, in the caller's transaction (a storage function: use with `Database.write`); a newer schema stays."""
    if (revision := current(connection)) is None or knows(revision):
        command.upgrade(_config(connection), to)


def current(connection: Connection) -> str | None:
    """The database's revision; None for an empty one."""
    return MigrationContext.configure(connection).get_current_revision()


@cache
def _known() -> frozenset[str]:
    return frozenset(script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions())


def knows(revision: str) -> bool:
    """Whether a revision is one of this version's; a newer program's is not."""
    return revision in _known()


def serves(revision: str | None) -> bool:
    """Whether this program may work on a database of that revision: its own, or a newer one (migrations only add, docs/upgrade.md)."""
    return revision is not None and (revision == head() or not knows(revision))


@cache
def head() -> str | None:
    """The revision of this version of the program."""
    return ScriptDirectory.from_config(_config()).get_current_head()
