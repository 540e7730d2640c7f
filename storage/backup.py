"""Backup and restore of a whole database, on SQLite and PostgreSQL alike. Neither holds a secret: keys live outside the database."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, delete, update

from storage import backup_postgres, backup_sqlite, migrate, progress
from storage.backup_file import BackupError, Manifest, Reader, Tell, Writer
from storage.database import Database, database_now, parsed
from storage.schema import desk_sessions, leases, outbox

JOB = "backup"  # in the table of jobs: when the last backup was made
_BROADCASTS = 1


async def make(url: str, path: Path, *, tell: Tell) -> Manifest:
    """Backs a database up while it is used; raises BackupError, and leaves no file then."""
    found = parsed(url)
    with Writer(path) as writer:
        if found.get_backend_name() == "sqlite":
            manifest = await asyncio.to_thread(backup_sqlite.dump, Path(found.database or ""), writer, tell)
        else:
            manifest = await backup_postgres.dump(url, writer, tell)
        writer.finish(manifest)
    await _note(url, writer.size)
    return manifest


async def restore(url: str, path: Path, *, force: bool, tell: Tell) -> Manifest:
    """Restores into an empty database (any with `force`) and brings it to this version's schema; raises BackupError."""
    found = parsed(url)
    reader = Reader(path)
    try:
        manifest = reader.manifest
        if manifest.backend != found.get_backend_name():
            raise BackupError(
                f"{path} is a backup of {manifest.backend}, PANDU_DATABASE_URL is {found.get_backend_name()}"
            )
        if not migrate.knows(manifest.schema):
            raise BackupError(f"{path} has schema {manifest.schema}, which is newer than this version of Pandu")
        await asyncio.to_thread(reader.verify)
        if manifest.backend == "sqlite":
            await asyncio.to_thread(backup_sqlite.load, reader, Path(found.database or ""), force=force, tell=tell)
        else:
            await backup_postgres.load(reader, url, force=force, tell=tell)
    finally:
        reader.close()
    database = Database(url)
    try:
        await database.write(migrate.upgrade)
        await database.write(_settle)
    finally:
        await database.close()
    return manifest


def last_made(connection: Connection) -> datetime | None:
    """When the last backup of this database was made by `make`; None for never."""
    at = progress.get(connection, JOB).get("made_at")
    return datetime.fromisoformat(at) if at else None


async def _note(url: str, size: int) -> None:
    def work(connection: Connection) -> None:
        now = database_now(connection)
        progress.keep(connection, JOB, {"made_at": now.isoformat(), "bytes": size}, now)

    database = Database(url)
    try:
        await database.write(work)
    finally:
        await database.close()


def _settle(connection: Connection) -> None:
    """What must not come back to life with old rows.

    Broadcast rows that waited at the backup have most likely gone out since: like a send whose end is unknown they are not repeated
    (platform-rules 4), while replies are. Nobody stays logged in, and no process holds a lease.
    """
    now = database_now(connection)
    waiting = outbox.c.state.in_(("pending", "sending", "held"))
    connection.execute(
        update(outbox)
        .where(outbox.c.lane == _BROADCASTS, waiting)
        .values(state="unknown", reason="restored from a backup", done_at=now, owner=None, lease_until=None)
    )
    connection.execute(delete(desk_sessions))
    connection.execute(update(leases).values(until=now))  # a poller's place stays with its row
