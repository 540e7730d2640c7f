"""Events that were given up after three attempts, or could not be stored: seen, put back, thrown away by a person."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, RowMapping, select, update

from storage.inbox import enqueue
from storage.schema import inbox


def troubled(connection: Connection, limit: int = 100) -> list[RowMapping]:
    """Dead letters and rejected events, newest first."""
    statement = (
        select(
            inbox.c.id,
            inbox.c.chat_id,
            inbox.c.source,
            inbox.c.state,
            inbox.c.attempts,
            inbox.c.error,
            inbox.c.received_at,
            inbox.c.payload,
        )
        .where(inbox.c.state.in_(("dead", "rejected")))
        .order_by(inbox.c.id.desc())
        .limit(limit)
    )
    return list(connection.execute(statement).mappings())


def replay(connection: Connection, event_id: int, now: datetime) -> bool:
    """Puts a dead letter back into its chat's queue; False if there is none of that number."""
    row = connection.execute(
        update(inbox)
        .where(inbox.c.id == event_id, inbox.c.state == "dead")
        .values(state="pending", attempts=0, error=None, done_at=None)
        .returning(inbox.c.chat_id)
    ).first()
    if row is None:
        return False
    enqueue(connection, {row.chat_id: 1}, now)
    return True


def discard(connection: Connection, event_id: int) -> bool:
    """Deletes a dead letter or rejected event for good; False if there is none of that number."""
    result = connection.execute(inbox.delete().where(inbox.c.id == event_id, inbox.c.state.in_(("dead", "rejected"))))
    return bool(result.rowcount)
