"""Who wants announcements, by topic, with the wording they agreed to.

A stop is kept as a row of its own, so that every sender can see it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, exists, not_, or_, select, update

from storage import ledger, restrictions
from storage.inbox import insert_for
from storage.schema import chats, outbox, subscriptions

EVERYTHING = "semua"  # the topic of "all"; its ended row means: nothing proactive to this chat

_BROADCASTS = 1  # lane of the outbox
_STOPPED = "stopped by the person"


def subscribe(connection: Connection, chat_id: int, topic: str, *, wording: str, now: datetime) -> bool:
    """Begins (or begins again) a topic; False if it was running already. An earlier stop of everything is lifted."""
    if topic in topics(connection, chat_id):
        return False
    statement = insert_for(connection)(subscriptions).values(chat_id=chat_id, topic=topic, wording=wording, since=now)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["chat_id", "topic"], set_={"wording": wording, "since": now, "ended_at": None}
        )
    )
    return True


def topics(connection: Connection, chat_id: int) -> list[str]:
    """The topics that the chat receives now."""
    statement = select(subscriptions.c.topic).where(
        subscriptions.c.chat_id == chat_id, subscriptions.c.ended_at.is_(None)
    )
    return list(connection.execute(statement.order_by(subscriptions.c.id)).scalars())


def stop(connection: Connection, chat_id: int, now: datetime, *, only: Sequence[str] | None = None) -> list[str]:
    """Ends all topics, or some; returns those that were running.

    When nothing is left, the stop is noted even for a chat that never subscribed, and unsent announcements are
    cancelled.
    """
    running = [topic for topic in topics(connection, chat_id) if only is None or topic in only]
    connection.execute(
        update(subscriptions)
        .where(subscriptions.c.chat_id == chat_id, subscriptions.c.topic.in_(running))
        .values(ended_at=now)
    )
    if not topics(connection, chat_id):
        statement = insert_for(connection)(subscriptions).values(
            chat_id=chat_id, topic=EVERYTHING, wording="", since=now, ended_at=now
        )
        connection.execute(statement.on_conflict_do_update(index_elements=["chat_id", "topic"], set_={"ended_at": now}))
        connection.execute(
            update(outbox)
            .where(outbox.c.chat_id == chat_id, outbox.c.lane == _BROADCASTS, outbox.c.state.in_(("pending", "held")))
            .values(state="cancelled", reason=_STOPPED, done_at=now)
        )
        ledger.opted_out(connection, chat_id, _STOPPED, now)
    else:
        ledger.opted_out(connection, chat_id, _STOPPED, now, topics=running)
    return running


def stopped(connection: Connection, chat_id: int) -> bool:
    """Whether the person has said stop and nothing since: no campaign and no reminder may reach the chat."""
    ended = select(subscriptions.c.id).where(
        subscriptions.c.chat_id == chat_id, subscriptions.c.topic == EVERYTHING, subscriptions.c.ended_at.is_not(None)
    )
    return connection.execute(ended).first() is not None and not topics(connection, chat_id)


def chats_of(connection: Connection, topic: str, *, after: int = 0, limit: int = 1000) -> list[int]:
    """Chats that receive a topic ("semua" receives every topic), by id, a page at a time."""
    statement = (
        select(subscriptions.c.chat_id)
        .where(
            subscriptions.c.topic.in_((topic, EVERYTHING)),
            subscriptions.c.ended_at.is_(None),
            subscriptions.c.chat_id > after,
            ~restrictions.holds(subscriptions.c.chat_id),
        )
        .distinct()
        .order_by(subscriptions.c.chat_id)
        .limit(limit)
    )
    return list(connection.execute(statement).scalars())


# -- as conditions of a statement over `chats`


def receives(some: Sequence[str] | None = None) -> ColumnElement[bool]:
    """Whether the chat of a statement over `chats` receives a topic, or one of these."""
    found = select(subscriptions.c.id).where(subscriptions.c.chat_id == chats.c.id, subscriptions.c.ended_at.is_(None))
    return exists(found.where(subscriptions.c.topic.in_(some)) if some is not None else found)


def _ended(topic: str) -> ColumnElement[bool]:
    return exists(
        select(subscriptions.c.id).where(
            subscriptions.c.chat_id == chats.c.id,
            subscriptions.c.topic == topic,
            subscriptions.c.ended_at.is_not(None),
        )
    )


def opted_out(topic: str | None) -> ColumnElement[bool]:
    """Whether the person has said stop to everything, or to this topic, and nothing since."""
    everything = and_(_ended(EVERYTHING), not_(receives()))
    return or_(everything, and_(_ended(topic), not_(receives([topic, EVERYTHING])))) if topic else everything
