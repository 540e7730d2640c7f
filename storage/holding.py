"""Messages that wait (`held`): for the agent to give the chat back, or for the person to write."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, literal_column, select, update

from storage.schema import outbox

WAITS = "waits: "  # begins the reason of what is held until the person writes


def for_agent(connection: Connection, row_id: int) -> None:
    """While an agent owns the chat, campaigns and reminders wait (design, rule 5); `chats.take_over` lets them go on."""
    _hold(connection, row_id, reason=None)


def for_person(connection: Connection, row_id: int, reason: str, expires_at: datetime | None) -> None:
    """A claimed message waits until the person writes, or until its time is over (`expires_at`: another than before)."""
    changed = {"expires_at": expires_at} if expires_at else {}
    _hold(connection, row_id, reason=(WAITS + reason)[:200], **changed)


def _hold(connection: Connection, row_id: int, **more: Any) -> None:
    values = {"state": "held", "owner": None, "attempts": outbox.c.attempts - 1, **more}
    connection.execute(update(outbox).where(outbox.c.id == row_id).values(values))


def let_go(connection: Connection, chat_ids: Sequence[int], now: datetime) -> int:
    """These people have just written: what waited for that may go; returns how many messages."""
    waiting = (outbox.c.chat_id.in_(chat_ids), outbox.c.state == "held", outbox.c.reason.startswith(WAITS))
    return connection.execute(update(outbox).where(*waiting).values(state="pending", not_before=now)).rowcount


def expire(connection: Connection, *, now: datetime, limit: int) -> int:
    """Closes a small batch of messages whose time ended while they waited; the reason stays. Returns how many."""
    late = (outbox.c.state == literal_column("'held'"), outbox.c.expires_at <= now)
    old = select(outbox.c.id).where(*late).limit(limit)
    return connection.execute(update(outbox).where(outbox.c.id.in_(old)).values(state="expired", done_at=now)).rowcount
