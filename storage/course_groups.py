"""What groups of similar people finished: of one age band and one kabupaten, province or the whole country.

Only counts are kept, only of groups of `LEAST` people or more, and only of courses that `FEW` or more of them finished, so that no
single person shows through. Who does not want it (`chats.similar`) is not counted either.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, case, distinct, func, literal, select

from storage import restrictions
from storage.schema import chats, course_groups, enrolments, imports, links, participants

LEAST = 50  # people who finished a course, or the group is not looked at
FEW = 5  # of them who finished this one
MOST = 10  # courses a group
BANDS = (18, 25, 35, 45, 55)  # lowest ages
ALL_AGES = 0
_LEVELS = (4, 2, 0)  # digits of the place: kabupaten, province, the whole country
_DONE = ("finished", "certified")


@dataclass(frozen=True, slots=True)
class Count:
    """How many of a group finished a course."""

    place: str
    band: int
    course_id: int
    finished: int
    people: int


def band_of(age: int) -> int | None:
    """The band of an age; None below the lowest."""
    return next((band for band in reversed(BANDS) if age >= band), None)


def bounds(band: int) -> tuple[int, int | None]:
    """The lowest and the highest age of a band; the last one has no highest."""
    following = [other for other in BANDS if other > band]
    return band, following[0] - 1 if following else None


def best(connection: Connection, keys: Sequence[tuple[str, int]]) -> list[RowMapping]:
    """The courses that the first of these groups (place, band) that there is finished, the most first."""
    for place, band in keys:
        statement = select(course_groups).where(course_groups.c.place == place, course_groups.c.band == band)
        rows = connection.execute(statement.order_by(course_groups.c.finished.desc(), course_groups.c.course_id))
        if found := list(rows.mappings()):
            return found
    return []


# -- counting -----------------------------------------------------------------------------------------------------


def newest_data(connection: Connection) -> tuple[int, datetime | None]:
    """The last import that may have changed the groups, and the moment of which the enrolments speak."""
    kinds = ("participants", "courses", "enrolments")
    last = select(func.max(imports.c.id)).where(imports.c.kind.in_(kinds), imports.c.state == "done")
    return connection.execute(last).scalar() or 0, connection.execute(select(func.max(enrolments.c.as_of))).scalar()


def count(connection: Connection, today: date) -> Iterator[Count]:
    """All groups that are large enough, counted anew; reads the whole of enrolments, so never within a message's transaction."""
    for digits in _LEVELS:
        for banded in (True, False):
            if digits or banded:
                yield from _counted(connection, digits, today if banded else None)


def _counted(connection: Connection, digits: int, today: date | None) -> Iterator[Count]:
    place = func.substr(participants.c.region, 1, digits) if digits else literal("")
    band = _band(today) if today else literal(ALL_AGES)
    people = func.count(distinct(participants.c.id))
    groups = _finishers(place.label("place"), band.label("band"), people.label("people"))
    groups = groups.group_by("place", "band").having(people >= LEAST)
    sizes = {(row.place, row.band): row.people for row in connection.execute(groups) if row.place is not None}
    sizes = {key: size for key, size in sizes.items() if key[1] is not None}
    if not sizes:
        return
    finished = func.count()
    each = _finishers(place.label("place"), band.label("band"), enrolments.c.course_id, finished.label("finished"))
    each = each.group_by("place", "band", enrolments.c.course_id).having(finished >= FEW)
    each = each.order_by("place", "band", finished.desc(), enrolments.c.course_id)
    taken: dict[tuple[str, int], int] = {}
    for row in connection.execute(each):
        key = (row.place, row.band)
        taken[key] = taken.get(key, 0) + 1
        if key in sizes and taken[key] <= MOST:
            yield Count(row.place, row.band, row.course_id, row.finished, sizes[key])


def _finishers(*columns: ColumnElement[Any]) -> Any:
    unwilling = (
        select(links.c.participant_id)
        .join(chats, chats.c.id == links.c.chat_id)
        .where(links.c.ended_at.is_(None), chats.c.similar.is_(False))
    )
    joined = enrolments.join(participants, participants.c.id == enrolments.c.participant_id)
    return (
        select(*columns)
        .select_from(joined)
        .where(
            enrolments.c.state.in_(_DONE),
            participants.c.id.not_in(unwilling),
            ~restrictions.of_record(participants.c.id),
        )
    )


def _band(today: date) -> ColumnElement[int]:
    """The band of a participant's age; NULL without a birth date and below the lowest band."""
    born = participants.c.birth_date
    return case(*((born <= _years_before(today, band), band) for band in reversed(BANDS)))


def _years_before(today: date, years: int) -> date:
    day = 28 if (today.month, today.day) == (2, 29) else today.day
    return date(today.year - years, today.month, day)


# -- writing ------------------------------------------------------------------------------------------------------


def replace(connection: Connection, places: Sequence[str], counts: Sequence[Count], as_of: datetime) -> None:
    """Puts the counts of some places in the place of the former ones."""
    connection.execute(course_groups.delete().where(course_groups.c.place.in_(places)))
    if counts:
        rows = [
            {
                "place": one.place,
                "band": one.band,
                "course_id": one.course_id,
                "finished": one.finished,
                "people": one.people,
                "as_of": as_of,
            }
            for one in counts
        ]
        connection.execute(course_groups.insert(), rows)


def known_places(connection: Connection) -> set[str]:
    """The places that have counts now."""
    return set(connection.execute(select(course_groups.c.place).distinct()).scalars())


def clear(connection: Connection) -> int:
    """Deletes all counts; returns how many there were."""
    return connection.execute(course_groups.delete()).rowcount
