"""What the tests of import and export share: their tables on both databases, files, and one import as the command runs it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from bot.exchange import importer, staging
from storage.database import Database

KEY = bytes(range(32))
TODAY = date(2026, 11, 24)
AS_OF = datetime(2026, 11, 23, 23, 0, tzinfo=UTC)
NIK = "3273001412990001"
PEOPLE = "record_key,name,membership,phone\n"


def source(file: Path, kind: str = "participants") -> staging.Source:
    return staging.open_source(file, kind, today=TODAY, lookup_key=KEY)


async def imported(
    database: Database,
    file: Path,
    kind: str = "participants",
    *,
    as_of: datetime = AS_OF,
    report: Path | None = None,
    dry: bool = False,
    tell: Callable[[str, float], None] = lambda phase, done: None,
) -> importer.Outcome:
    work = importer.dry_run if dry else importer.run
    return await work(database, source(file, kind), as_of=as_of, report_to=report, tell=tell)


async def rows_of(database: Database, table: Any, *order: Any) -> list[dict[str, Any]]:
    """All rows of a table, without their own keys."""

    def read(connection: Connection) -> list[dict[str, Any]]:
        return [dict(row) for row in connection.execute(select(table).order_by(*order)).mappings()]

    return await database.read(read)


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path
