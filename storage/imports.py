"""Imports: rows are staged with what is wrong in them, then applied to the records in small batches.

An import that was killed goes on where it was: `imports` keeps how far it has come in the same transaction as each batch.
How rows reach the records: `storage.import_apply`.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, bindparam, func, select, text, update

from storage.import_apply import COUNTED
from storage.schema import changes, import_rows, imports

KEYS: Mapping[str, tuple[str, ...]] = {
    "participants": ("record_key",),
    "courses": ("course_key",),
    "enrolments": ("record_key", "course_key"),
    "incentives": ("record_key", "kind"),
    "providers": ("provider_key",),
    "offices": ("name", "region"),
}
"""What names a row of each kind, in the file and in `import_rows` (key, second)."""

Problem = tuple[str, str, str, str]  # column, masked value, reason, mend


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row as it is staged: with data, or with problems."""

    line: int
    key: str
    second: str
    data: list[Any] | None
    problems: list[Problem] | None


# -- the import itself --------------------------------------------------------------------------------------------


def unfinished(connection: Connection, kind: str, file_hash: str, columns: Sequence[str]) -> RowMapping | None:
    """An earlier import of the same file that has not come to its end."""
    statement = select(imports).where(
        imports.c.kind == kind, imports.c.file_hash == file_hash, imports.c.state.in_(("staging", "applying"))
    )
    rows = connection.execute(statement.order_by(imports.c.id.desc())).mappings()
    return next((row for row in rows if row["columns"] == list(columns)), None)


def begin(
    connection: Connection,
    *,
    kind: str,
    file_name: str,
    file_hash: str,
    columns: Sequence[str],
    as_of: datetime,
    now: datetime,
) -> RowMapping:
    """A new import; unfinished ones of the same kind are given up (their rows: `leftover`)."""
    connection.execute(
        update(imports)
        .where(imports.c.kind == kind, imports.c.state.in_(("staging", "applying")))
        .values(state="abandoned", updated_at=now)
    )
    row = {
        "kind": kind, "file_name": file_name[:200], "file_hash": file_hash, "state": "staging", "columns": list(columns),
        "counts": dict.fromkeys(("rows", "refused", *COUNTED), 0), "as_of": as_of, "started_at": now, "updated_at": now,
    }  # fmt: skip
    return connection.execute(imports.insert().values(row).returning(imports)).mappings().one()


def progress(connection: Connection, import_id: int, now: datetime, **values: Any) -> None:
    """Notes how far an import has come: state, staged_line, applied_line, counts, finished_at."""
    connection.execute(update(imports).where(imports.c.id == import_id).values(updated_at=now, **values))


def leftover(connection: Connection, limit: int) -> int:
    """Deletes a small batch of staged rows whose import has ended; returns how many."""
    left = select(import_rows.c.line).where(import_rows.c.import_id == imports.c.id).exists()
    gone = connection.execute(
        select(imports.c.id).where(imports.c.state.in_(("done", "abandoned")), left).limit(1)
    ).scalar()
    if gone is None:
        return 0
    return connection.execute(import_rows.delete().where(_first_lines(gone, limit))).rowcount


def _first_lines(import_id: int, limit: int) -> ColumnElement[bool]:
    lines = (
        select(import_rows.c.line).where(import_rows.c.import_id == import_id).order_by(import_rows.c.line).limit(limit)
    )
    last = select(func.max(lines.subquery().c.line)).scalar_subquery()
    return and_(import_rows.c.import_id == import_id, import_rows.c.line <= last)


# -- staging ------------------------------------------------------------------------------------------------------


def stage(connection: Connection, import_id: int, rows: Sequence[Row]) -> None:
    """Adds rows to the staging table; the transaction has begun with an earlier statement (`progress`)."""
    if not rows:
        return
    dumped = [(import_id, row.line, row.key, row.second, _dump(row.data), _dump(row.problems)) for row in rows]
    columns = tuple(import_rows.c.keys())
    if connection.dialect.name == "postgresql":
        driver: Any = connection.connection.dbapi_connection
        driver.run_async(lambda asyncpg: asyncpg.copy_records_to_table("import_rows", records=dumped, columns=columns))
    else:
        connection.exec_driver_sql(f"INSERT INTO import_rows ({', '.join(columns)}) VALUES (?, ?, ?, ?, ?, ?)", dumped)  # noqa: S608


def _dump(value: object) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def analyse(connection: Connection) -> None:
    """Lets PostgreSQL know how many rows are staged, so that it reads batches by the index."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("ANALYZE import_rows"))


def repeated(connection: Connection, import_id: int) -> array[int]:
    """Rows whose key an earlier row of the file has: line, line of the first, line, …"""
    rows = import_rows.c
    first = func.min(rows.line).over(partition_by=(rows.key, rows.second))
    found = (
        select(rows.line, first.label("first")).where(rows.import_id == import_id, rows.problems.is_(None)).subquery()
    )
    statement = select(found).where(found.c.line > found.c.first).order_by(found.c.line)
    result = connection.execution_options(yield_per=5_000).execute(statement)
    return array("q", (number for row in result for number in row))


def refuse(connection: Connection, import_id: int, problems: Mapping[int, Sequence[Problem]]) -> None:
    """Marks staged rows as refused."""
    if problems:
        statement = (
            update(import_rows)
            .where(import_rows.c.import_id == import_id, import_rows.c.line == bindparam("at"))
            .values(problems=bindparam("wrong"), data=None)
        )
        connection.execute(statement, [{"at": line, "wrong": list(wrong)} for line, wrong in problems.items()])


def refused(connection: Connection, import_id: int, after: int, limit: int) -> list[RowMapping]:
    """A page of refused rows in their order: line, problems."""
    rows = import_rows.c
    statement = select(rows.line, rows.problems).where(
        rows.import_id == import_id, rows.line > after, rows.problems.is_not(None)
    )
    return list(connection.execute(statement.order_by(rows.line).limit(limit)).mappings())


def last_staged(connection: Connection, import_id: int) -> int:
    """The last line that is staged; 0 where none is."""
    return (
        connection.execute(select(func.max(import_rows.c.line)).where(import_rows.c.import_id == import_id)).scalar()
        or 0
    )


def good(connection: Connection, import_id: int, after: int, limit: int) -> list[RowMapping]:
    """A page of rows that nothing is wrong with: line, key, second, data."""
    rows = import_rows.c
    statement = select(rows.line, rows.key, rows.second, rows.data)
    statement = statement.where(rows.import_id == import_id, rows.line > after, rows.problems.is_(None))
    return list(connection.execute(statement.order_by(rows.line).limit(limit)).mappings())


def count(connection: Connection, import_id: int) -> tuple[int, int]:
    """How many rows are staged, and how many of them are refused."""
    statement = select(func.count(), func.count(import_rows.c.problems)).where(import_rows.c.import_id == import_id)
    staged, wrong = connection.execute(statement).one()
    return int(staged), int(wrong)


# -- what has changed ---------------------------------------------------------------------------------------------


def changes_after(connection: Connection, change_id: int, limit: int) -> list[RowMapping]:
    """Changes of payments and enrolments in their order, from the one after `change_id`."""
    statement = select(changes).where(changes.c.id > change_id).order_by(changes.c.id).limit(limit)
    return list(connection.execute(statement).mappings())


def delete_changes(connection: Connection, *, before: datetime, limit: int) -> int:
    """Deletes a small batch of old changes; returns how many."""
    old = select(changes.c.id).where(changes.c.at < before).order_by(changes.c.id).limit(limit)
    return connection.execute(changes.delete().where(changes.c.id.in_(old))).rowcount
