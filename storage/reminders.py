"""Who is to be reminded of what. Nobody is reminded of the same thing twice."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, func, or_, select

from storage import restrictions
from storage.inbox import insert_for
from storage.schema import (
    chats,
    conversations,
    course_choices,
    courses,
    drafts,
    enrolments,
    links,
    participants,
    reminders,
)

ADDRESS = (
    chats.c.id.label("chat_id"),
    chats.c.channel,
    chats.c.account,
    chats.c.zone,
    conversations.c.owner,
    conversations.c.owner_version,
)
CHATS = chats.join(conversations, conversations.c.chat_id == chats.c.id)


def in_zones(zones: Sequence[str]) -> ColumnElement[bool]:
    """Whether a chat's zone (unknown = WIB) is one of these."""
    return func.coalesce(chats.c.zone, "WIB").in_(zones)


def drafts_due(
    connection: Connection, *, seen_from: datetime, seen_to: datetime, now: datetime, zones: Sequence[str], limit: int
) -> list[RowMapping]:
    """Half-done forms whose person was last here in that span, in one of these zones, and has not been reminded."""
    statement = (
        select(*ADDRESS, drafts.c.form)
        .select_from(CHATS.join(drafts, drafts.c.chat_id == chats.c.id))
        .where(
            chats.c.seen_at.between(seen_from, seen_to),
            chats.c.stopped_at.is_(None),
            chats.c.kiosk_until.is_(None),
            drafts.c.reminded_at.is_(None),
            ~restrictions.holds(chats.c.id),
            drafts.c.expires_at > now,
            in_zones(zones),
        )
        .order_by(chats.c.id)
        .limit(limit)
    )
    return list(connection.execute(statement).mappings())


def mark_draft(connection: Connection, chat_id: int, form: str, now: datetime) -> None:
    """The draft's one reminder is spent."""
    connection.execute(
        drafts.update().where(drafts.c.chat_id == chat_id, drafts.c.form == form).values(reminded_at=now)
    )


def deadlines_due(
    connection: Connection,
    *,
    day: date,
    key: str,
    fresh_from: datetime,
    now: datetime,
    zones: Sequence[str],
    limit: int,
) -> list[RowMapping]:
    """Linked chats with a noted course whose record's deadline is that day and shows no purchase; a row a course, the newest note first.

    Only fresh data counts, and only who was not given the reminder `key` before.
    """
    bought = select(enrolments.c.id).where(enrolments.c.participant_id == participants.c.id).exists()
    given = select(reminders.c.id).where(reminders.c.chat_id == chats.c.id, reminders.c.key == key).exists()
    statement = (
        select(
            *ADDRESS,
            participants.c.buy_by,
            participants.c.as_of,
            courses.c.title,
            courses.c.platform,
            courses.c.invented,
        )
        .select_from(
            CHATS.join(links, and_(links.c.chat_id == chats.c.id, holds(now)))
            .join(participants, participants.c.id == links.c.participant_id)
            .join(course_choices, and_(course_choices.c.chat_id == chats.c.id, course_choices.c.dropped_at.is_(None)))
            .join(courses, courses.c.id == course_choices.c.course_id)
        )
        .where(
            participants.c.buy_by == day,
            participants.c.as_of >= fresh_from,
            chats.c.stopped_at.is_(None),
            in_zones(zones),
            ~restrictions.holds(chats.c.id),
            ~bought,
            ~given,
        )
        .order_by(chats.c.id, course_choices.c.noted_at.desc())
        .limit(limit)
    )
    return list(connection.execute(statement).mappings())


def holds(now: datetime) -> ColumnElement[bool]:
    """Whether a link shows the record now."""
    lasting = or_(links.c.expires_at.is_(None), links.c.expires_at > now)
    return and_(links.c.ended_at.is_(None), links.c.level != "1", lasting)


def once(connection: Connection, chat_id: int, key: str, now: datetime) -> bool:
    """Notes a reminder; False if this one was given before."""
    statement = insert_for(connection)(reminders).on_conflict_do_nothing().values(chat_id=chat_id, key=key, at=now)
    return connection.execute(statement).rowcount == 1


def given(connection: Connection, chat_id: int, beginning: str, since: datetime) -> bool:
    """Whether the chat was given a reminder since a moment whose key begins so."""
    mine = (reminders.c.chat_id == chat_id, reminders.c.key.like(f"{beginning}%"), reminders.c.at >= since)
    return connection.execute(select(reminders.c.id).where(*mine).limit(1)).first() is not None
