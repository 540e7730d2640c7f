"""Chats, their conversation state, owner and log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, func, literal_column, select, update

from storage.inbox import insert_for
from storage.schema import chats, conversations, identities, inbox, links, messages, outbox

_conversations = (
    select(conversations)
    .where(conversations.c.chat_id.in_(bindparam("chat_ids", expanding=True)))
    .order_by(conversations.c.chat_id)  # lock order: chats by id
    .with_for_update()
)


def lock_conversations(connection: Connection, chat_ids: Sequence[int]) -> dict[int, RowMapping]:
    """The conversations of these chats, locked for the rest of the transaction."""
    return {row["chat_id"]: row for row in connection.execute(_conversations, {"chat_ids": chat_ids}).mappings()}


_save_state = (
    update(conversations)
    .where(conversations.c.chat_id == bindparam("key"))
    .values(state=bindparam("new_state"), updated_at=bindparam("now"))
)


def save_states(connection: Connection, states: Mapping[int, Mapping[str, Any]], now: datetime) -> None:
    """Writes the new state of each conversation."""
    if states:
        connection.execute(
            _save_state, [{"key": key, "new_state": dict(state), "now": now} for key, state in sorted(states.items())]
        )


def log(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Appends to the message log; rows: chat_id, author, text, at, and what is known of media, inbox_id, intent, confidence, handler, step, model, content."""
    if rows:
        keys = (
            "chat_id",
            "author",
            "text",
            "media",
            "inbox_id",
            "intent",
            "second",
            "confidence",
            "handler",
            "step",
            "model",
            "content",
            "at",
        )
        connection.execute(messages.insert(), [{key: row.get(key) for key in keys} for row in rows])


_touch = (
    update(chats)
    .where(chats.c.id.in_(bindparam("chat_ids", expanding=True)))
    .values(seen_at=bindparam("now"), stopped_at=None)
)


def touch(connection: Connection, chat_ids: Sequence[int], now: datetime) -> None:
    """Notes that these people were just here; who had left the channel has come back."""
    connection.execute(_touch, {"chat_ids": chat_ids, "now": now})


def get(connection: Connection, chat_id: int) -> RowMapping | None:
    """The chat by its key."""
    return connection.execute(select(chats).where(chats.c.id == chat_id)).mappings().first()


def take_back(connection: Connection, chat_id: int, event_id: str, instead: str) -> None:
    """The writer has deleted a message: its words and file leave the log and the stored event."""
    chosen = select(inbox).where(inbox.c.chat_id == chat_id, inbox.c.event_id == event_id)
    event = connection.execute(chosen).mappings().first()
    if event is None:
        return
    payload = {**event["payload"], "text": "", "media": None} if event["payload"] else None
    connection.execute(update(inbox).where(inbox.c.id == event["id"]).values(payload=payload))
    logged = (messages.c.chat_id == chat_id, messages.c.inbox_id == event["id"], messages.c.author == "person")
    connection.execute(update(messages).where(*logged).values(text=instead, media=None))


def addressed(connection: Connection, chat_id: int) -> RowMapping | None:
    """The chat with its conversation's owner and owner_version, for what is sent outside a turn."""
    statement = select(chats, conversations.c.owner, conversations.c.owner_version)
    statement = statement.join(conversations, conversations.c.chat_id == chats.c.id).where(chats.c.id == chat_id)
    return connection.execute(statement).mappings().first()


def find(connection: Connection, channel: str, account: str, address: str) -> RowMapping | None:
    """The chat by its address on a channel account."""
    statement = select(chats).where(chats.c.channel == channel, chats.c.account == account, chats.c.address == address)
    return connection.execute(statement).mappings().first()


def find_by_identity(connection: Connection, channel: str, account: str, kind: str, value: str) -> RowMapping | None:
    """The chat that a number or id is vouched for in now."""
    statement = (
        select(chats)
        .join(identities, identities.c.chat_id == chats.c.id)
        .where(chats.c.channel == channel, chats.c.account == account)
        .where(identities.c.kind == kind, identities.c.value == value, identities.c.vouched)
        .order_by(identities.c.last_seen.desc())
        .limit(1)
    )
    return connection.execute(statement).mappings().first()


def heard_by_bot(connection: Connection, *, source: str, event_ids: Sequence[str]) -> list[str]:
    """Of these stored events, those of chats that the bot owns: no agent is to be taken for a reader."""
    statement = (
        select(inbox.c.event_id)
        .join(conversations, conversations.c.chat_id == inbox.c.chat_id)
        .where(inbox.c.source == source, inbox.c.event_id.in_(event_ids), conversations.c.owner == "bot")
        .order_by(inbox.c.id)
    )
    return list(connection.execute(statement).scalars())


def shut_window(connection: Connection, chat_id: int, *, sent: datetime, now: datetime) -> None:
    """The platform says that the window was over for a message of `sent`; what the person has written since opens it again."""
    said = (messages.c.chat_id == chat_id, messages.c.author == "person", messages.c.at > sent)
    waiting = (inbox.c.chat_id == chat_id, inbox.c.state == literal_column("'pending'"))
    since = select(messages.c.id).where(*said).exists() | select(inbox.c.id).where(*waiting).exists()
    connection.execute(update(chats).where(chats.c.id == chat_id, ~since).values(window_until=now))


def change(connection: Connection, chat_id: int, **values: Any) -> None:
    """Sets columns of the chat: formal, zone, stopped_at, name."""
    connection.execute(update(chats).where(chats.c.id == chat_id).values(**values))


def take_over(connection: Connection, chat_id: int, *, owner: str, now: datetime, carry: bool = False) -> int:
    """Gives the conversation to `owner` ("bot" or "agent:<id>"), cancels the former owner's unsent replies; returns the new version.

    `carry`: the former owner passes it on of their own accord, so what an agent has written still goes out, before anything later.
    """
    version = connection.execute(
        update(conversations)
        .where(conversations.c.chat_id == chat_id)
        .values(owner=owner, owner_version=conversations.c.owner_version + 1, updated_at=now)
        .returning(conversations.c.owner_version)
    ).scalar_one()
    unsent = (outbox.c.chat_id == chat_id, outbox.c.lane == 0, outbox.c.passes_agent.is_(False))
    if carry:
        by_agent = update(outbox).where(*unsent, outbox.c.state.in_(("pending", "sending")), _by_agent)
        connection.execute(by_agent.values(owner_version=version))
    connection.execute(
        update(outbox)
        .where(
            *unsent,
            outbox.c.state == "pending",
            (outbox.c.author == "bot") | _by_agent,
            outbox.c.owner_version != version,
        )
        .values(state="cancelled", reason="owner changed", done_at=now)
    )
    if owner == "bot":  # what waited for the agent to finish may go now, if it is not too late
        connection.execute(
            update(outbox)
            .where(outbox.c.chat_id == chat_id, outbox.c.state == "held")
            .values(state="pending", not_before=now)
        )
    return int(version)


_by_agent = outbox.c.author.like("agent:%")


def note_identity(connection: Connection, chat_id: int, *, kind: str, value: str, vouched: bool, now: datetime) -> None:
    """Remembers a number or id that belongs to the chat; `vouched` when the platform says so. A vouched one stays vouched."""
    statement = insert_for(connection)(identities).values(
        chat_id=chat_id, kind=kind, value=value, vouched=vouched, first_seen=now, last_seen=now
    )
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["chat_id", "kind", "value"],
            set_={"last_seen": now, "vouched": identities.c.vouched | statement.excluded.vouched},
        )
    )


def vouched_phone(connection: Connection, chat_id: int) -> str | None:
    """The number the platform vouches for, the newest first."""
    statement = (
        select(identities.c.value)
        .where(identities.c.chat_id == chat_id, identities.c.kind == "phone", identities.c.vouched)
        .order_by(identities.c.last_seen.desc())
        .limit(1)
    )
    return connection.execute(statement).scalar()


_active_link = select(links).where(links.c.chat_id == bindparam("chat_id"), links.c.ended_at.is_(None))


def active_link(connection: Connection, chat_id: int) -> RowMapping | None:
    """The chat's link to a participant, if it has one."""
    return connection.execute(_active_link, {"chat_id": chat_id}).mappings().first()


def transcript(connection: Connection, chat_id: int, limit: int = 50) -> list[RowMapping]:
    """The last messages of a chat, oldest first."""
    rows = connection.execute(
        select(messages).where(messages.c.chat_id == chat_id).order_by(messages.c.id.desc()).limit(limit)
    )
    return list(rows.mappings())[::-1]


def answers_since(connection: Connection, chat_id: int, since: datetime, *, handler: str) -> tuple[int, bool]:
    """(how many messages the bot has said in the chat since a moment, whether one of them was of this handler)."""
    own = (messages.c.chat_id == chat_id, messages.c.author == "bot", messages.c.at >= since)
    counted = select(func.count(), func.count().filter(messages.c.handler == handler)).where(*own)
    count, of_handler = connection.execute(counted).one()
    return count, of_handler > 0


def forget_idle_states(connection: Connection, *, before: datetime, limit: int) -> int:
    """Empties a small batch of conversation states untouched since `before` (an abandoned form may hold a birth date)."""
    old = (
        select(conversations.c.chat_id)
        .where(conversations.c.updated_at < before, conversations.c.owner == "bot", conversations.c.state.is_not(None))
        .limit(limit)
    )
    return connection.execute(update(conversations).where(conversations.c.chat_id.in_(old)).values(state=None)).rowcount
