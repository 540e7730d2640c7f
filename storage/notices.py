"""Messages about a person's own imported changes: whom a change concerns, what waits for them, when the last one went.

Only linked chats that asked to be told are noted; a change from before the link or before the asking concerns nobody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, case, func, select, update

from storage import imports, restrictions, subscriptions
from storage.inbox import insert_for
from storage.reminders import ADDRESS, CHATS, holds, in_zones
from storage.schema import changes, chats, conversations, courses, enrolments, links, notices, outbox
from storage.schema import subscriptions as wanted

TOPICS: Mapping[str, frozenset[str]] = {
    "incentive": frozenset(("insentif", subscriptions.EVERYTHING)),
    "enrolment": frozenset(("insentif", "pelatihan", subscriptions.EVERYTHING)),
}
"""Which topics a change belongs to; a course's certificate is a condition of the incentive."""

_GONE = ("cancelled", "expired", "failed")


def note(connection: Connection, after: int, now: datetime, limit: int) -> tuple[int, int]:
    """Notes for whom the changes after one are news. Returns (the last change that was read, how many were)."""
    rows = imports.changes_after(connection, after, limit)
    if not rows:
        return after, 0
    first: dict[int, int] = {}
    asked = _asked(connection, [row["participant_id"] for row in rows], now)
    for row in rows:
        for one in asked.get(row["participant_id"], ()):
            if concerns(row, one):
                first.setdefault(one["chat_id"], row["id"])
    if first:
        statement = insert_for(connection)(notices)
        statement = statement.on_conflict_do_update(
            index_elements=["chat_id"],
            set_={"first_change": func.coalesce(notices.c.first_change, statement.excluded.first_change)},
        )
        connection.execute(statement, [{"chat_id": key, "first_change": at} for key, at in sorted(first.items())])
    return rows[-1]["id"], len(rows)


def concerns(change: Mapping[Any, Any], asked: Mapping[Any, Any]) -> bool:
    """Whether a change is news to somebody who asked for a topic (`topic`, `since`) and is linked (`linked_at`)."""
    kind = str(change["what"]).partition(":")[0]
    at = change["at"]
    return bool(asked["topic"] in TOPICS.get(kind, ()) and at >= asked["since"] and at >= asked["linked_at"])


def _asked(connection: Connection, people: Sequence[int], now: datetime) -> dict[int, list[RowMapping]]:
    """The chats linked to these participants with the topics they asked for, by participant."""
    statement = (
        select(
            links.c.participant_id,
            links.c.chat_id,
            links.c.created_at.label("linked_at"),
            wanted.c.topic,
            wanted.c.since,
        )
        .join(wanted, wanted.c.chat_id == links.c.chat_id)
        .where(links.c.participant_id.in_(sorted(set(people))), holds(now), wanted.c.ended_at.is_(None))
        .order_by(links.c.chat_id)
    )
    found: dict[int, list[RowMapping]] = {}
    for row in connection.execute(statement).mappings():
        found.setdefault(row["participant_id"], []).append(row)
    return found


def due(connection: Connection, *, zone: str, midnight: datetime, now: datetime, limit: int) -> list[RowMapping]:
    """Chats of a zone for which news waits and which have had neither such a message nor an announcement since `midnight`.

    While an agent owns the conversation the news waits.
    """
    announced = (
        select(outbox.c.id)
        .where(
            outbox.c.chat_id == chats.c.id,
            outbox.c.author.like("campaign:%"),
            outbox.c.created_at >= midnight,
            outbox.c.state.not_in(_GONE),
        )
        .exists()
    )
    statement = (
        select(*ADDRESS, notices.c.first_change, links.c.participant_id, links.c.level)
        .select_from(CHATS.join(notices, notices.c.chat_id == chats.c.id).join(links, links.c.chat_id == chats.c.id))
        .where(
            notices.c.first_change.is_not(None),
            notices.c.sent_at.is_(None) | (notices.c.sent_at < midnight),
            holds(now),
            chats.c.stopped_at.is_(None),
            conversations.c.owner == "bot",
            in_zones([zone]),
            ~restrictions.holds(chats.c.id),
            ~announced,
        )
        .order_by(chats.c.id)
        .limit(limit)
    )
    return list(connection.execute(statement).mappings())


def news(connection: Connection, row: Mapping[Any, Any], now: datetime) -> list[RowMapping]:
    """The untold changes of a row of `due` that its chat has asked for, in their order."""
    asked = _asked(connection, [row["participant_id"]], now).get(row["participant_id"], [])
    mine = [one for one in asked if one["chat_id"] == row["chat_id"]]
    statement = select(changes).where(
        changes.c.participant_id == row["participant_id"], changes.c.id >= row["first_change"]
    )
    found = connection.execute(statement.order_by(changes.c.id)).mappings()
    return [change for change in found if any(concerns(change, one) for one in mine)]


def done(connection: Connection, chat_id: int, *, sent_at: datetime | None) -> None:
    """Nothing waits any more; `sent_at`: a message went."""
    sent = {"sent_at": sent_at} if sent_at else {}
    connection.execute(update(notices).where(notices.c.chat_id == chat_id).values(first_change=None, **sent))


def take_back(connection: Connection, *, since: datetime, author: str) -> int:
    """Lets news wait again whose messages (by `author`, with the first change behind it) expired since a moment; returns how many.

    Each message is taken back once: it then bears the author alone.
    """
    statement = select(outbox.c.id, outbox.c.chat_id, outbox.c.author, outbox.c.created_at).where(
        outbox.c.done_at >= since, outbox.c.state == "expired", outbox.c.author.like(f"{author}:%")
    )
    lost = connection.execute(statement.order_by(outbox.c.id)).all()
    for row in lost:
        first = int(row.author.rpartition(":")[2])
        waiting = case((notices.c.first_change < first, notices.c.first_change), else_=first)
        sent = case((notices.c.sent_at == row.created_at, None), else_=notices.c.sent_at)
        mine = notices.c.chat_id == row.chat_id
        connection.execute(update(notices).where(mine).values(first_change=waiting, sent_at=sent))
        connection.execute(update(outbox).where(outbox.c.id == row.id).values(author=author))
    return len(lost)


def enrolment(connection: Connection, participant_id: int, course_key: str) -> RowMapping | None:
    """A participant's enrolment in a course as it is now, with the title."""
    statement = (
        select(enrolments, courses.c.title, courses.c.invented)
        .join(courses, courses.c.id == enrolments.c.course_id)
        .where(enrolments.c.participant_id == participant_id, courses.c.course_key == course_key)
    )
    return connection.execute(statement).mappings().first()


def forget_old(connection: Connection, limit: int) -> int:
    """Lets a small batch of news go whose changes are kept no longer (the link or the wish ended meanwhile); returns how many."""
    oldest = connection.execute(select(func.min(changes.c.id))).scalar()
    waiting = select(notices.c.chat_id).where(notices.c.first_change.is_not(None))
    if oldest is not None:
        waiting = waiting.where(notices.c.first_change < oldest)
    old = waiting.order_by(notices.c.chat_id).limit(limit)
    return connection.execute(update(notices).where(notices.c.chat_id.in_(old)).values(first_change=None)).rowcount
