"""A participant's courses and payments, as imported."""

from __future__ import annotations

from sqlalchemy import Connection, RowMapping, select

from storage.schema import courses, enrolments, incentives


def payments(connection: Connection, participant_id: int) -> list[RowMapping]:
    """All payments of a participant, in the order in which they fall due."""
    statement = select(incentives).where(incentives.c.participant_id == participant_id).order_by(incentives.c.id)
    return list(connection.execute(statement).mappings())


def first_course(connection: Connection, participant_id: int) -> RowMapping | None:
    """The enrolment in the first course (the one that earns the incentive) with its title, provider and platform."""
    statement = (
        select(enrolments, courses.c.title, courses.c.provider, courses.c.platform, courses.c.invented)
        .join(courses, courses.c.id == enrolments.c.course_id)
        .where(enrolments.c.participant_id == participant_id)
        .order_by(enrolments.c.position)
        .limit(1)
    )
    return connection.execute(statement).mappings().first()


def course_ids(connection: Connection, participant_id: int) -> set[int]:
    """The courses a participant has bought."""
    statement = select(enrolments.c.course_id).where(enrolments.c.participant_id == participant_id)
    return set(connection.execute(statement).scalars())
