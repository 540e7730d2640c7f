"""What agents say: into the outbox only while the conversation is theirs (design, rule 5), and into the log."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, func, literal, select, update

from storage import chats, outbox
from storage.handoffs import ACTIVE, RefusedError
from storage.ownership import BOT, owner_of
from storage.schema import Instant, handoffs
from storage.schema import chats as chat_rows
from storage.schema import messages as message_rows
from storage.schema import outbox as outbox_rows

_UNTOLD = {"platform_id": None, "delivery": None, "delivery_at": None, "delivery_reason": None}
LIFE = timedelta(hours=24)  # as of every reply: so long it may be tried again


def say(connection: Connection, *, chat_id: int, agent_id: int, payload: Mapping[str, Any], now: datetime) -> int:
    """Sends an agent's message (a Reply as JSON); returns its key in the outbox.

    Raises RefusedError: gone (no such chat), bot (nobody has taken it), taken (with who has it).
    """
    version = _version_of_owner(connection, chat_id, agent_id)
    chat = chats.get(connection, chat_id)
    if chat is None:
        raise RefusedError("gone")
    draft = outbox.Draft(
        chat_id=chat_id,
        source=f"{chat['channel']}:{chat['account']}",
        payload=payload,
        owner_version=version,
        expires_at=now + LIFE,
        author=owner_of(agent_id),
    )
    outbox.enqueue(connection, [draft], now)
    mine = (outbox_rows.c.chat_id == chat_id, outbox_rows.c.author == draft.author)
    key = connection.execute(select(func.max(outbox_rows.c.id)).where(*mine)).scalar_one()
    logged = {"chat_id": chat_id, "author": draft.author, "text": payload["text"], "outbox_id": key, "at": now}
    connection.execute(message_rows.insert().values(logged))
    connection.execute(
        update(handoffs)
        .where(handoffs.c.chat_id == chat_id, handoffs.c.state == ACTIVE)
        .values(first_response_at=func.coalesce(handoffs.c.first_response_at, literal(now, Instant())))
    )
    return int(key)


def retry(connection: Connection, *, outbox_id: int, agent_id: int, now: datetime) -> None:
    """Sends a failed or cancelled message of the agent's once more. Raises RefusedError as `say`, or gone where there is none such."""
    mine = (outbox_rows.c.id == outbox_id, outbox_rows.c.author == owner_of(agent_id))
    row = connection.execute(select(outbox_rows).where(*mine)).mappings().first()
    if row is None:
        raise RefusedError("gone")
    version = _version_of_owner(connection, row["chat_id"], agent_id)
    over = outbox_rows.c.state.in_(("failed", "cancelled", "expired", "unknown")) | (
        outbox_rows.c.delivery == "failed"  # the platform took it, and told later that it could not be delivered
    )
    values = {"state": "pending", "owner_version": version, "not_before": now, "expires_at": now + LIFE, "attempts": 0}
    statement = update(outbox_rows).where(*mine, over).values(**values, reason=None, done_at=None, **_UNTOLD)
    if not connection.execute(statement).rowcount:
        raise RefusedError("gone")


def deliveries(connection: Connection, chat_id: int, *, limit: int = 100) -> dict[int, RowMapping]:
    """Where the last messages to a chat stand, by their key in the outbox: state, reason, attempts, done_at."""
    rows = outbox_rows.c
    statement = select(rows.id, rows.author, rows.state, rows.reason, rows.attempts, rows.done_at)
    statement = statement.where(rows.chat_id == chat_id).order_by(rows.id.desc()).limit(limit)
    return {row["id"]: row for row in connection.execute(statement).mappings()}


def _version_of_owner(connection: Connection, chat_id: int, agent_id: int) -> int:
    """The conversation's version while it is the agent's, with its lock held to the end of the transaction."""
    locked = chats.lock_conversations(connection, [chat_id]).get(chat_id)
    if locked is None:
        raise RefusedError("gone")
    if locked["owner"] == BOT:
        raise RefusedError("bot")
    if locked["owner"] != owner_of(agent_id):
        raise RefusedError("taken", int(str(locked["owner"]).removeprefix("agent:")))
    return int(locked["owner_version"])


def pause(connection: Connection, chat_id: int, *, until: datetime) -> None:
    """Agents do not talk in this chat until then (abuse after a warning)."""
    connection.execute(update(chat_rows).where(chat_rows.c.id == chat_id).values(paused_until=until))


def warned(connection: Connection, chat_id: int, now: datetime) -> None:
    """A civil tone was asked for."""
    connection.execute(update(chat_rows).where(chat_rows.c.id == chat_id).values(warned_at=now))
