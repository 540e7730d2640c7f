"""Outbound messages: two lanes a chat, order kept within each; what is put in, taken back and asked.

States: pending → sending → accepted, failed, unknown (cut after the request left), cancelled, expired; `held` waits for an agent or a template.
They are claimed in `storage.sending` within `storage.budgets`; what became of a send is written in `storage.outcomes`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, bindparam, func, literal_column, select, update

from storage import ledger
from storage.schema import chats, outbox

REPLIES, BROADCASTS = 0, 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A message to be sent; `payload` is a Reply as JSON."""

    chat_id: int
    source: str
    payload: Mapping[str, Any]
    owner_version: int
    expires_at: datetime
    lane: int = REPLIES
    author: str = "bot"
    cancellable: bool = False
    passes_agent: bool = False
    held: bool = False  # waits until the agent gives the chat back
    not_before: datetime | None = None


def enqueue(connection: Connection, drafts: Sequence[Draft], now: datetime) -> None:
    """Puts messages at the end of their chat's lane."""
    if drafts:
        connection.execute(
            outbox.insert(),
            [
                {
                    "chat_id": draft.chat_id,
                    "source": draft.source,
                    "lane": draft.lane,
                    "author": draft.author,
                    "payload": dict(draft.payload),
                    "state": "held" if draft.held else "pending",
                    "owner_version": draft.owner_version,
                    "cancellable": draft.cancellable,
                    "passes_agent": draft.passes_agent,
                    "not_before": draft.not_before or now,
                    "expires_at": draft.expires_at,
                    "created_at": now,
                }
                for draft in drafts
            ],
        )


_COPIED = (
    *("chat_id", "source", "lane", "author", "payload", "owner_version", "cancellable", "passes_agent"),
    *("attempts", "expires_at"),
)


def copy(connection: Connection, row: Mapping[str, Any], *, not_before: datetime, now: datetime) -> int:
    """Sends a message anew under a key of its own, so that late reports about the old one do not touch it; returns that key."""
    values = {name: row[name] for name in _COPIED}
    made = outbox.insert().values(**values, state="pending", not_before=not_before, created_at=now)
    return int(connection.execute(made.returning(outbox.c.id)).scalar_one())


_cancel = (
    update(outbox)
    .where(
        outbox.c.chat_id.in_(bindparam("chat_ids", expanding=True)),
        outbox.c.lane == REPLIES,
        outbox.c.state == "pending",
        outbox.c.cancellable,
    )
    .values(state="cancelled", reason="overtaken", done_at=bindparam("now"))
)


def cancel_overtaken(connection: Connection, chat_ids: Sequence[int], now: datetime) -> None:
    """Cancels unsent prompts of chats whose turn has moved on."""
    connection.execute(_cancel, {"chat_ids": chat_ids, "now": now})


def stop_chat(connection: Connection, chat_id: int, now: datetime) -> None:
    """The person left this channel: nothing more goes out, and the chat is an opt-out until they come back."""
    connection.execute(update(chats).where(chats.c.id == chat_id).values(stopped_at=now))
    connection.execute(
        update(outbox)
        .where(outbox.c.chat_id == chat_id, outbox.c.state.in_(("pending", "held")))
        .values(state="cancelled", reason="the person left", done_at=now)
    )
    ledger.opted_out(connection, chat_id, "the person left", now)


def is_unsent(table: FromClause) -> ColumnElement[bool]:
    """The very words of the partial indexes: SQLite uses one only when its condition stands in the statement."""
    return table.c.state.in_([literal_column("'pending'"), literal_column("'sending'")])


def has_backlog(connection: Connection, *, count: int) -> bool:
    """Whether at least so many replies wait to be sent."""
    waiting = select(outbox.c.id).where(outbox.c.lane == REPLIES, is_unsent(outbox)).limit(count).subquery()
    return connection.execute(select(func.count()).select_from(waiting)).scalar_one() >= count


_SAID = ("accepted", "sending", "unknown", "pending")


def last_said(connection: Connection, chat_id: int) -> dict[str, Any] | None:
    """The newest message of a chat that went out or is about to, as its Reply in JSON; None after a week without any."""
    statement = select(outbox.c.payload).where(outbox.c.chat_id == chat_id, outbox.c.state.in_(_SAID))
    found = connection.execute(statement.order_by(outbox.c.id.desc()).limit(1)).scalar()
    return dict(found) if found else None


def wake_stranded(connection: Connection, *, now: datetime, limit: int) -> int:
    """Messages made "in the future" may go now: the clock has gone back since; returns how many."""
    stranded = (
        select(outbox.c.id)
        .where(is_unsent(outbox), outbox.c.state == "pending", outbox.c.created_at > now + timedelta(minutes=5))
        .limit(limit)
    )
    return connection.execute(
        update(outbox).where(outbox.c.id.in_(stranded)).values(not_before=now, created_at=now)
    ).rowcount


def delete_done(connection: Connection, *, before: datetime, limit: int) -> int:
    """Deletes a small batch of finished messages older than `before`; returns how many."""
    old = select(outbox.c.id).where(outbox.c.done_at.is_not(None), outbox.c.done_at < before).limit(limit)
    return connection.execute(outbox.delete().where(outbox.c.id.in_(old))).rowcount
