"""The list of courses and what people have noted from it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, or_, select, update

from storage.inbox import insert_for
from storage.schema import course_choices, courses

MOST = 2_000  # rows that are ranked: more than were ever on offer at once (facts 9.6: 780 in October 2021)


def search(
    connection: Connection,
    *,
    today: date,
    topic: str = "",
    platform: str = "",
    modes: Sequence[str] = (),
    regions: Sequence[str] = (),
    max_price: int | None = None,
    starts: tuple[date, date] | None = None,
) -> list[RowMapping]:
    """Courses that are still listed and meet every condition given.

    `regions` binds courses held at a place only; `starts`: the first and the last day to begin, which self-paced
    courses without a day always meet.
    """
    statement = select(courses).where(_listed(today))
    if topic:
        statement = statement.where(courses.c.topic == topic)
    if platform:
        statement = statement.where(courses.c.platform == platform)
    if modes:
        statement = statement.where(courses.c.mode.in_(modes))
    if regions:
        statement = statement.where(courses.c.region.in_(regions))
    if max_price is not None:
        statement = statement.where(courses.c.price <= max_price)
    if starts:
        any_day = and_(courses.c.starts_on.is_(None), courses.c.mode == "spl")
        statement = statement.where(or_(courses.c.starts_on.between(*starts), any_day))
    return list(connection.execute(statement.order_by(courses.c.id).limit(MOST)).mappings())


def _listed(today: date) -> ColumnElement[bool]:
    return or_(courses.c.valid_until.is_(None), courses.c.valid_until >= today)


def get(connection: Connection, course_id: int, today: date) -> RowMapping | None:
    """The course by its key; None where it is unknown or no longer listed."""
    return connection.execute(select(courses).where(courses.c.id == course_id, _listed(today))).mappings().first()


def any_listed(connection: Connection, today: date) -> bool:
    """Whether there is a list at all, with a course that is still on it."""
    return connection.execute(select(courses.c.id).where(_listed(today)).limit(1)).first() is not None


def note_choice(connection: Connection, *, chat_id: int, course_id: int, now: datetime) -> None:
    """Notes a course for a chat; noted twice it stands once, with the newer time."""
    statement = insert_for(connection)(course_choices).values(chat_id=chat_id, course_id=course_id, noted_at=now)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["chat_id", "course_id"], set_={"noted_at": now, "dropped_at": None}
        )
    )


def drop_choice(connection: Connection, *, chat_id: int, course_id: int, now: datetime) -> None:
    """Takes a note back."""
    connection.execute(
        update(course_choices)
        .where(course_choices.c.chat_id == chat_id, course_choices.c.course_id == course_id)
        .values(dropped_at=now)
    )


def choices(connection: Connection, chat_id: int) -> list[RowMapping]:
    """The courses a chat has noted, newest first."""
    statement = (
        select(courses, course_choices.c.noted_at)
        .join(course_choices, course_choices.c.course_id == courses.c.id)
        .where(course_choices.c.chat_id == chat_id, course_choices.c.dropped_at.is_(None))
        .order_by(course_choices.c.noted_at.desc())
    )
    return list(connection.execute(statement).mappings())
