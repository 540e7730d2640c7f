"""Backup and restore of our tables on PostgreSQL by COPY over the connection that we use anyway: no other program is needed.

A read-only REPEATABLE READ transaction sees one moment, whatever goes on beside it (https://www.postgresql.org/docs/current/transaction-iso.html#XACT-REPEATABLE-READ).
COPY's text format is the one that fits other versions of the server. For databases of many gigabytes: docs/backup.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, func, inspect, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from storage import migrate
from storage.backup_file import BackupError, Manifest, Reader, Tell, Writer
from storage.database import database_now, parsed, postgres_engine
from storage.schema import leases, metadata

_VERSION = "alembic_version"


async def dump(url: str, writer: Writer, tell: Tell) -> Manifest:
    """Copies a database in use into the file."""
    rows: dict[str, int] = {}
    async with _transaction(url, isolation_level="REPEATABLE READ", postgresql_readonly=True) as connection:
        schema = await connection.run_sync(migrate.current)
        if schema is None:
            raise BackupError("this is no database of Pandu; `pandu db upgrade` makes one")
        columns = await connection.run_sync(_columns)
        driver = await _driver(connection)
        for table, names in columns.items():
            with writer.member(_member(table)) as member:

                async def put(data: bytes, member: Any = member) -> None:
                    await asyncio.to_thread(member.write, data)

                done = await driver.copy_from_table(table, columns=names, output=put)
            rows[table] = int(done.rpartition(" ")[2])
            tell(table, rows[table])
    return Manifest(
        backend="postgresql",
        schema=schema,
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        rows=rows,
        columns=columns,
        hashes=dict(writer.hashes),
    )


async def load(reader: Reader, url: str, *, force: bool, tell: Tell) -> None:
    """Fills the database in one transaction: whatever goes wrong, it is as it was before."""
    manifest = reader.manifest
    async with _transaction(url) as connection:
        await connection.run_sync(_unused)
        await connection.run_sync(_empty, manifest.columns, force)
        await connection.run_sync(migrate.upgrade, manifest.schema)
        order = [name for name in await connection.run_sync(_parents_first) if name in manifest.columns]
        if strangers := sorted({*manifest.columns} - {*order}):
            raise BackupError(f"{reader.path} holds tables that Pandu does not know: {', '.join(strangers)}")
        await connection.execute(text(f"TRUNCATE {', '.join(map(_quoted, order))}"))  # what migrations have put in
        driver = await _driver(connection)
        for table in order:
            source = _pieces(reader, _member(table))
            done = await driver.copy_to_table(table, columns=manifest.columns[table], source=source)
            if int(done.rpartition(" ")[2]) != manifest.rows[table]:
                raise BackupError(f"{reader.path} is damaged: {table} has not the rows that the manifest says")
            tell(table, manifest.rows[table])
        await connection.run_sync(_count_on, order)


@asynccontextmanager
async def _transaction(url: str, **options: Any) -> AsyncIterator[AsyncConnection]:
    engine = postgres_engine(parsed(url))
    try:
        async with engine.connect() as connection:
            if options:
                await connection.execution_options(**options)
            async with connection.begin():
                yield connection
    finally:
        await engine.dispose()


async def _driver(connection: AsyncConnection) -> Any:
    return (await connection.get_raw_connection()).driver_connection


async def _pieces(reader: Reader, name: str) -> AsyncIterator[bytes]:
    for chunk in reader.chunks(name):
        yield chunk


def _member(table: str) -> str:
    return f"tables/{table}.copy"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _columns(connection: Connection) -> dict[str, list[str]]:
    """Columns of each table as they are in this database, which may be a migration behind this program."""
    found = inspect(connection)
    names = sorted({*found.get_table_names()} - {_VERSION})
    return {name: [column["name"] for column in found.get_columns(name)] for name in names}


def _parents_first(connection: Connection) -> list[str]:
    """The tables, each after those that its rows refer to."""
    return [name for name, _ in inspect(connection).get_sorted_table_and_fkc_names() if name]


def _unused(connection: Connection) -> None:
    """BackupError while a process of Pandu is at work: it would go on amid the restored rows."""
    if not inspect(connection).has_table(leases.name):
        return
    now = database_now(connection)
    last = connection.execute(select(func.max(leases.c.until))).scalar()
    if last is not None and last > now:
        raise BackupError(
            f"the database is in use; stop Pandu first (after that, its jobs are free within {(last - now).seconds + 1} s)"
        )


def _empty(connection: Connection, backed_up: Iterable[str], force: bool) -> None:
    """Leaves no table of ours; BackupError where rows would be lost without `force`."""
    there = set(inspect(connection).get_table_names())
    ours = sorted(there & {*metadata.tables, *backed_up, _VERSION})
    filled = [
        name
        for name in ours
        if name != _VERSION and connection.execute(text(f"SELECT 1 FROM {_quoted(name)} LIMIT 1")).first()  # noqa: S608 - names out of the schema itself
    ]
    if filled and not force:
        raise BackupError(
            f"the database holds rows (in {', '.join(filled[:3])}{' …' if filled[3:] else ''}); --force replaces them"
        )
    if ours:
        connection.execute(text(f"DROP TABLE {', '.join(map(_quoted, ours))} CASCADE"))


def _count_on(connection: Connection, tables: Iterable[str]) -> None:
    """Keys count on from the highest that was restored."""
    found = inspect(connection)
    for table in tables:
        if "id" not in {column["name"] for column in found.get_columns(table)}:
            continue
        which = {"table": _quoted(table)}
        sequence = connection.execute(text("SELECT pg_get_serial_sequence(:table, 'id')"), which).scalar()
        if sequence:
            highest = f"SELECT coalesce(max(id), 0) + 1 FROM {_quoted(table)}"  # noqa: S608 - names out of the schema itself
            connection.execute(text(f"SELECT setval(:sequence, ({highest}), false)"), {"sequence": sequence})
