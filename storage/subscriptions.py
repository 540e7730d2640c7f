"""Who wants announcements, by topic, with the wording they agreed to.

A stop is kept as a row of its own, so that every sender can see it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, exists, func, not_, or_, select, update

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


def agreed_at(connection: Connection, chat_id: int) -> datetime | None:
    """Since when the chat wants to be told of anything; None where it does not."""
    mine = (subscriptions.c.chat_id == chat_id, subscriptions.c.ended_at.is_(None))
    found: datetime | None = connection.execute(select(func.min(subscriptions.c.since)).where(*mine)).scalar()
    return found


def stop(connection: Connection, chat_id: int, now: datetime) -> list[str]:
    """Ends everything that comes unasked; returns the topics that were running.

    The stop is noted even for a chat that never subscribed, and unsent announcements are cancelled in this transaction.
    """
    running = topics(connection, chat_id)
    if running or not stopped(connection, chat_id):
        _end(connection, chat_id, running, now)
        again = {"ended_at": now} if EVERYTHING in running else {"ended_at": now, "wording": ""}
        made = insert_for(connection)(subscriptions).values(
            chat_id=chat_id, topic=EVERYTHING, wording="", since=now, ended_at=now
        )
        connection.execute(made.on_conflict_do_update(index_elements=["chat_id", "topic"], set_=again))
    connection.execute(
        update(outbox)
        .where(outbox.c.chat_id == chat_id, outbox.c.lane == _BROADCASTS, outbox.c.state.in_(("pending", "held")))
        .values(state="cancelled", reason=_STOPPED, done_at=now)
    )
    ledger.opted_out(connection, chat_id, _STOPPED, now)
    return running


def stop_some(
    connection: Connection, chat_id: int, now: datetime, named: Sequence[str], *, left: Sequence[str]
) -> None:
    """Ends the named topics, or notes that they are not wanted; `left`: what goes on.

    A wish for everything becomes a wish for what is left of it, with its own wording and day.
    """
    whole = _row(connection, chat_id, EVERYTHING)
    if whole is not None and whole.ended_at is None:
        connection.execute(subscriptions.delete().where(subscriptions.c.id == whole.id))
        for topic in left:
            subscribe(connection, chat_id, topic, wording=whole.wording, now=whole.since)
    _end(connection, chat_id, named, now)
    unknown = [topic for topic in named if _row(connection, chat_id, topic) is None]
    for topic in unknown:
        noted = {"chat_id": chat_id, "topic": topic, "wording": "", "since": now, "ended_at": now}
        connection.execute(subscriptions.insert().values(noted))
    ledger.opted_out(connection, chat_id, _STOPPED, now, topics=named)


def _end(connection: Connection, chat_id: int, named: Sequence[str], now: datetime) -> None:
    mine = (subscriptions.c.chat_id == chat_id, subscriptions.c.topic.in_(list(named)))
    running = subscriptions.c.ended_at.is_(None)
    connection.execute(update(subscriptions).where(*mine, running).values(ended_at=now))


def _row(connection: Connection, chat_id: int, topic: str) -> Row[Any] | None:
    mine = (subscriptions.c.chat_id == chat_id, subscriptions.c.topic == topic)
    return connection.execute(select(subscriptions).where(*mine)).first()


def stopped(connection: Connection, chat_id: int) -> bool:
    """Whether the person has said stop and nothing since: no campaign and no reminder may reach the chat."""
    return stopped_at(connection, chat_id) is not None


def stopped_at(connection: Connection, chat_id: int) -> datetime | None:
    """When the person has said stop; None where they did not, or want something again since."""
    everything = _row(connection, chat_id, EVERYTHING)
    ended: datetime | None = everything.ended_at if everything is not None else None
    return ended if ended is not None and not topics(connection, chat_id) else None


def ended_last(connection: Connection, chat_id: int) -> list[str]:
    """The topics that the stop has ended; [] where none was running, or no stop holds."""
    moment = stopped_at(connection, chat_id)
    if moment is None:
        return []
    row = subscriptions.c
    mine = (row.chat_id == chat_id, row.ended_at == moment, row.wording != "")
    return list(connection.execute(select(row.topic).where(*mine).order_by(row.id)).scalars())


def resume(connection: Connection, chat_id: int, now: datetime, *, wording: str = "") -> list[str]:
    """Takes a stop back: what it ended runs again, by this wording or by that of before; returns those topics."""
    ended = ended_last(connection, chat_id)
    for topic in ended:
        before = _row(connection, chat_id, topic)
        agreed = wording or (before.wording if before is not None else "")
        subscribe(connection, chat_id, topic, wording=agreed, now=now)
    if stopped_at(connection, chat_id) is not None:
        noted = (subscriptions.c.chat_id == chat_id, subscriptions.c.topic == EVERYTHING)
        connection.execute(subscriptions.delete().where(*noted))
    return ended


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


def unwilling(connection: Connection, chat_ids: Sequence[int | None]) -> set[int]:
    """Of these chats, those that have left or said stop: a message that fails there is no fault of the channel's."""
    if not (asked := [key for key in chat_ids if key is not None]):
        return set()
    gone = or_(chats.c.stopped_at.is_not(None), opted_out(None))
    return set(connection.execute(select(chats.c.id).where(chats.c.id.in_(asked), gone)).scalars())
