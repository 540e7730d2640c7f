"""Whether a database is sound: its pages, its references, its schema, its queues. Each finding says what to do."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from datetime import timedelta

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, func, select, text
from sqlalchemy.exc import SAWarning

from storage.database import database_now
from storage.schema import chats, inbox, metadata, outbox, queue

_SHOWN = 5
_LATE = timedelta(minutes=10)  # a lease is 30 s: nothing is this late unless no process recovers it


def findings(connection: Connection) -> list[str]:
    """What is wrong with a database at this version's schema; [] where it is sound. Reads whole tables: not for every minute."""
    kinds = (_pages, _references, _drift, _queues, _leases)
    return [found for kind in kinds for found in kind(connection)]


def _pages(connection: Connection) -> Iterator[str]:
    if connection.dialect.name == "sqlite":
        rows = connection.exec_driver_sql(f"PRAGMA integrity_check({_SHOWN})").scalars()
        yield from (
            f"the file is damaged: {row}; restore the last backup (docs/backup.md)" for row in rows if row != "ok"
        )
        return
    broken = connection.execute(text("SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid")).scalars()
    yield from (f"index {name} is not valid: REINDEX INDEX {name}" for name in broken)


def _references(connection: Connection) -> Iterator[str]:
    """PostgreSQL watches over them itself; an SQLite file may have been changed by a program that did not."""
    if connection.dialect.name != "sqlite":
        return
    counts: dict[tuple[str, str], int] = {}
    for table, _, parent, _ in connection.exec_driver_sql("PRAGMA foreign_key_check"):
        counts[table, parent] = counts.get((table, parent), 0) + 1
    for (table, parent), count in counts.items():
        yield f"{count} rows of {table} refer to rows of {parent} that are not there; restore a backup or delete them"


def _drift(connection: Connection) -> Iterator[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SAWarning)  # indexes on expressions cannot be compared
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        differences = compare_metadata(context, metadata)
    for difference in differences[:_SHOWN]:
        step = difference if isinstance(difference, tuple) else difference[0]
        names = [str(getattr(part, "name", part)) for part in step[1:] if part is not None]
        yield f"the schema differs from this version's: {step[0]} {' '.join(names)}; somebody has changed it by hand"


def _queues(connection: Connection) -> Iterator[str]:
    """`queue.pending` counts the waiting events of a chat: too low, and they are never answered."""
    waiting = (
        select(inbox.c.chat_id, func.count().label("events"))
        .where(inbox.c.state == "pending")
        .group_by(inbox.c.chat_id)
    ).subquery()
    pairs = waiting.join(queue, queue.c.chat_id == waiting.c.chat_id, isouter=True)
    counted = func.coalesce(queue.c.pending, 0)
    wrong = connection.execute(select(func.count()).select_from(pairs).where(counted != waiting.c.events)).scalar_one()
    if wrong:
        yield f"{wrong} chats have events that their queue row does not count; `pandu queue list` shows dead letters, else file an issue"
    idle = queue.outerjoin(waiting, queue.c.chat_id == waiting.c.chat_id)
    empty = select(func.count()).select_from(idle).where(queue.c.pending > 0, waiting.c.events.is_(None))
    if found := connection.execute(empty).scalar_one():
        yield f"{found} chats count events that are not there; the worker takes them out at its next claim"


def _leases(connection: Connection) -> Iterator[str]:
    late = database_now(connection) - _LATE
    stuck = select(func.count()).select_from(outbox).where(outbox.c.state == "sending", outbox.c.lease_until < late)
    if found := connection.execute(stuck).scalar_one():
        yield f"{found} messages are being sent by processes that are gone: is a sender running?"
    held = select(func.count()).select_from(queue.join(chats)).where(queue.c.pending > 0, queue.c.ready_at < late)
    if found := connection.execute(held).scalar_one():
        yield f"{found} chats have been waiting for more than 10 minutes: is a worker running?"
