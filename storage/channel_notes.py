"""What operators must know of a channel account: quality and tier changed, a template paused, the account warned, the cap near."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, RowMapping, select, update

from storage.inbox import insert_for
from storage.schema import channel_notes

SHOWN = 50


def add(connection: Connection, source: str, *, kind: str, key: str, text: str, at: datetime) -> bool:
    """Notes something once; False where the same `key` stands there already (webhooks are repeated)."""
    row = {"source": source, "key": key[:160], "kind": kind[:40], "text": text, "at": at}
    statement = insert_for(connection)(channel_notes).on_conflict_do_nothing(index_elements=["source", "key"])
    return connection.execute(statement.returning(channel_notes.c.id).values(row)).first() is not None


def still(connection: Connection, source: str, *, key: str, at: datetime) -> None:
    """What is noted already holds at this moment too: an announcement that was let go on meanwhile stops again."""
    mine = (channel_notes.c.source == source, channel_notes.c.key == key[:160])
    connection.execute(update(channel_notes).where(*mine).values(at=at))


def unseen(connection: Connection, limit: int = SHOWN) -> list[RowMapping]:
    """Notes that nobody has seen, of all accounts, the newest first."""
    statement = select(channel_notes).where(channel_notes.c.seen_at.is_(None))
    return list(connection.execute(statement.order_by(channel_notes.c.id.desc()).limit(limit)).mappings())


def latest(connection: Connection, limit: int = SHOWN) -> list[RowMapping]:
    """The last notes, seen or not, the newest first."""
    return list(connection.execute(select(channel_notes).order_by(channel_notes.c.id.desc()).limit(limit)).mappings())


def see(connection: Connection, ids: Collection[int], now: datetime) -> int:
    """Marks notes as seen by an operator; returns how many were not before."""
    fresh = channel_notes.c.id.in_(list(ids)) & channel_notes.c.seen_at.is_(None)
    return connection.execute(update(channel_notes).where(fresh).values(seen_at=now)).rowcount


def newest_since(connection: Connection, sources: Collection[str], since: datetime) -> str:
    """What has gone wrong with these accounts since a moment: the newest fault's text; "" where nothing has."""
    faults = (
        channel_notes.c.source.in_(list(sources)),
        channel_notes.c.kind.in_(("error", "template", "account")),
        channel_notes.c.at >= since,
    )
    newest = select(channel_notes.c.text).where(*faults).order_by(channel_notes.c.id.desc()).limit(1)
    return str(connection.execute(newest).scalar() or "")
