"""What groups of similar people finished: only large groups, only counts, nobody who does not want it, nothing where the operator does not."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import Connection, select, update

from bot.similar import SimilarPeople
from storage import chats, course_groups, inbox, people
from storage.database import Database
from storage.schema import course_groups as counts
from storage.schema import courses, enrolments, imports, participants

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
YOUNG, OLD = date(2000, 1, 1), date(1975, 1, 1)  # 26 and 51 years old


def add_courses(connection: Connection) -> None:
    row = {"provider": "P", "platform": "pijar", "mode": "spl", "topic": "kue", "price": 1, "as_of": NOW}
    connection.execute(courses.insert(), [{**row, "course_key": key, "title": key} for key in "abc"])


def add_people(
    connection: Connection, number: int, course: int, *, region: str | None, born: date | None, state: str = "finished"
) -> list[int]:
    first = connection.execute(select(participants.c.id).order_by(participants.c.id.desc()).limit(1)).scalar() or 0
    row = {
        "name": "Contoh",
        "membership": "active",
        "region": region,
        "birth_date": born,
        "as_of": NOW,
        "imported_at": NOW,
    }
    connection.execute(participants.insert(), [{**row, "record_key": str(first + n)} for n in range(1, number + 1)])
    made = list(
        connection.execute(
            select(participants.c.id).where(participants.c.id > first).order_by(participants.c.id)
        ).scalars()
    )
    row = {"course_id": course, "position": 1, "state": state, "as_of": NOW}
    connection.execute(enrolments.insert(), [{**row, "participant_id": one} for one in made])
    return made


async def kept(database: Database) -> dict[tuple[str, int], list[tuple[int, int, int]]]:
    def work(connection: Connection) -> dict[tuple[str, int], list[tuple[int, int, int]]]:
        found: dict[tuple[str, int], list[tuple[int, int, int]]] = {}
        rows = connection.execute(select(counts).order_by(counts.c.place, counts.c.band, counts.c.finished.desc()))
        for row in rows.mappings():
            found.setdefault((row["place"], row["band"]), []).append((row["course_id"], row["finished"], row["people"]))
        return found

    return await database.read(work)


def loop(database: Database, now: datetime = NOW, *, wanted: bool = True) -> SimilarPeople:
    return SimilarPeople(database, wanted=wanted, clock=lambda _: now)


async def test_groups_of_fifty_are_kept_and_smaller_ones_are_not(database: Database) -> None:
    def work(connection: Connection) -> None:
        add_courses(connection)
        add_people(connection, 40, 1, region="3273", born=YOUNG)
        add_people(connection, 10, 2, region="3273", born=YOUNG)
        add_people(connection, 49, 1, region="3204", born=OLD)
        add_people(connection, 4, 3, region="3273", born=YOUNG)
        add_people(connection, 60, 3, region="3578", born=YOUNG, state="running")

    await database.write(work)
    assert await loop(database).run_once() > 0
    found = await kept(database)
    assert found["3273", 25] == [(1, 40, 54), (2, 10, 54)], "a course that four people finished is not told"
    assert ("3204", 45) not in found, "49 people are too few"
    assert found["32", 0] == [(1, 89, 103), (2, 10, 103)]
    assert found["", 25] == [(1, 40, 54), (2, 10, 54)]
    assert not [key for key in found if key[0].startswith("35")], "who has not finished counts for nothing"
    assert all(people >= course_groups.LEAST for rows in found.values() for _, _, people in rows)


async def test_without_age_or_place_people_count_where_they_can(database: Database) -> None:
    def work(connection: Connection) -> None:
        add_courses(connection)
        add_people(connection, 50, 1, region="3273", born=None)
        add_people(connection, 50, 2, region=None, born=YOUNG)

    await database.write(work)
    await loop(database).run_once()
    assert set(await kept(database)) == {("3273", 0), ("32", 0), ("", 25)}


async def test_who_switched_it_off_is_not_counted(database: Database) -> None:
    def work(connection: Connection) -> None:
        add_courses(connection)
        made = add_people(connection, 50, 1, region="3273", born=YOUNG)
        chat = inbox.chat_at(connection, ("web", "w", "a"), NOW)
        people.link(connection, chat_id=chat, participant_id=made[0], level="2", method="x", now=NOW)
        chats.change(connection, chat, similar=False)

    await database.write(work)
    await loop(database).run_once()
    assert await kept(database) == {}, "49 are left"


async def test_it_is_counted_again_after_an_import_and_on_another_day(database: Database) -> None:
    def more(connection: Connection) -> None:
        add_people(connection, 50, 1, region="3273", born=YOUNG)

    await database.write(add_courses)
    await database.write(more)
    assert await loop(database).run_once() > 0
    assert await loop(database).run_once() == 0
    await database.write(more)
    row = {"kind": "enrolments", "file_name": "f", "file_hash": "h", "state": "done", "columns": [], "counts": {}}
    row |= {"as_of": NOW, "started_at": NOW, "updated_at": NOW}
    await database.write(lambda c: c.execute(imports.insert().values(row)))
    assert await loop(database).run_once() > 0
    assert (await kept(database))["3273", 25] == [(1, 100, 100)]
    assert await loop(database, NOW + timedelta(days=1)).run_once() > 0


async def test_places_that_have_become_too_small_go(database: Database) -> None:
    def work(connection: Connection) -> None:
        add_courses(connection)
        add_people(connection, 50, 1, region="3273", born=YOUNG)

    await database.write(work)
    await loop(database).run_once()
    await database.write(lambda c: c.execute(update(enrolments).values(state="running")))
    await loop(database, NOW + timedelta(days=1)).run_once()
    assert await kept(database) == {}


async def test_the_operator_can_switch_it_off(database: Database) -> None:
    def work(connection: Connection) -> None:
        add_courses(connection)
        add_people(connection, 50, 1, region="3273", born=YOUNG)

    await database.write(work)
    await loop(database).run_once()
    assert await loop(database, wanted=False).run_once() == 0
    assert await kept(database) == {}
    assert await loop(database).run_once() > 0, "and on again"


@pytest.mark.parametrize(("age", "band"), [(17, None), (18, 18), (24, 18), (25, 25), (54, 45), (55, 55), (80, 55)])
def test_ages_fall_into_bands(age: int, band: int | None) -> None:
    assert course_groups.band_of(age) == band


async def test_birthdays_are_counted_to_the_day(database: Database) -> None:
    def work(connection: Connection) -> None:
        add_courses(connection)
        add_people(connection, 50, 1, region="3273", born=date(2001, 11, 25))  # 25 tomorrow
        add_people(connection, 50, 1, region="3204", born=date(2001, 11, 24))  # 25 today

    await database.write(work)
    await database.write(partial(course_groups.clear))
    await loop(database).run_once()
    found = await kept(database)
    assert ("3273", 18) in found
    assert ("3204", 25) in found
