"""Figures: what people wrote is counted once, by day, whoever runs it and however often; nothing in them points at a person."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import Connection, func, insert, select, update

from bot.effects import Parts
from bot.figures import Counting
from bot.terminal.session import Session
from handlers import catalogue, journeys
from handlers.turn import Policy
from storage import figures, privacy, visits
from storage.database import Database
from storage.schema import (
    changes,
    chats,
    daily,
    links,
    messages,
    participants,
    reminders,
)
from storage.schema import visits as visit_rows
from tests.bot.engines import StubEngine
from tests.storage import desk as rows

MONDAY = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)  # 10.00 WIB
DAY = timedelta(days=1)
TODAY = date(2026, 11, 23)


def session(database: Database, chat: str = "a", *, channel: str = "telegram", at: datetime = MONDAY) -> Session:
    parts = Parts(engine=StubEngine(), catalogue=catalogue.load(), policy=Policy(), new_id=lambda n: "0" * n)
    made = Session(database, parts, channel=channel, chat=chat, now=at)
    made._run = chat  # event ids of several people in one instant must differ
    return made


async def count(database: Database, at: datetime) -> int:
    return await Counting(database, clock=lambda _: at).run_once(breath=0)


async def read(
    database: Database, first: date = TODAY, last: date = TODAY + 30 * DAY, channel: str = ""
) -> figures.Figures:
    return await database.read(partial(figures.of, first=first, last=last, channel=channel))


async def test_what_people_write_is_counted_once_by_day_topic_and_outcome(database: Database) -> None:
    one, other = session(database), session(database, "b", channel="whatsapp")
    await one.say("incentive_when: kapan cair")
    await one.say("out_of_scope: resep rendang")
    await other.say("incentive_failed: sertifikat saya mana")
    assert await count(database, MONDAY + timedelta(minutes=10)) == 3
    assert await count(database, MONDAY + timedelta(minutes=20)) == 0
    found = await read(database)
    assert (found.visits, found.people, found.new, found.turns) == (2, 2, 2, 3)
    assert dict(found.outcomes) == {"understood": 2, "refused": 1}
    assert found.topics == {"incentive_failed": 1, "incentive_when": 1}
    assert found.unclear == {"out_of_scope": 1}
    assert found.by_channel == {"telegram": 1, "whatsapp": 1}
    assert found.by_day == {TODAY: {"visits": 2, "people": 2, "handoff": 0}}
    assert (await read(database, channel="whatsapp")).visits == 1
    assert (await read(database, first=TODAY + DAY)).visits == 0


async def test_a_visit_is_solved_by_thanks_or_when_nobody_comes_back_within_a_week(database: Database) -> None:
    returns, thankful, silent = (session(database, name) for name in "abc")
    for person in (returns, thankful, silent):
        await person.say("incentive_when: kapan cair")
    await thankful.say("thanks: makasih")
    await count(database, MONDAY + DAY)
    assert (await read(database)).solved_share is None
    for person in (returns, thankful):
        person.now = MONDAY + 3 * DAY
        await person.say("incentive_when: kok belum")
    await count(database, MONDAY + 4 * DAY)
    found = await read(database)
    assert (found.solved, found.returned, found.visits) == (1, 1, 5)
    assert found.unsolved == {"incentive_when": (1, 2)}
    await count(database, MONDAY + 11 * DAY)
    found = await read(database)
    assert (found.solved, found.returned) == (4, 1)  # and the two later visits, and who never came back
    assert await database.read(lambda c: c.execute(select(func.count()).select_from(visit_rows)).scalar_one()) == 0
    returns.now = MONDAY + 12 * DAY
    await returns.say("incentive_when: halo")
    await count(database, MONDAY + 13 * DAY)
    assert (await read(database)).returned == 1


async def test_a_pause_of_six_hours_begins_a_new_visit_and_a_new_day_a_new_person(database: Database) -> None:
    late = datetime(2026, 11, 23, 16, 30, tzinfo=UTC)  # 23.30 WIB
    person = session(database, at=late)
    await person.say("incentive_when: kapan")
    person.now = late + timedelta(hours=1)  # the next day in WIB, the same visit
    await person.say("incentive_failed: sertifikat")
    person.now = late + timedelta(hours=8)
    await person.say("incentive_failed: lagi")
    await count(database, late + timedelta(hours=9))
    found = await read(database)
    assert (found.visits, found.people, found.new) == (2, 2, 1)
    assert found.by_day[TODAY + DAY] == {"visits": 1, "people": 1, "handoff": 0}


async def test_steps_of_journeys_are_counted_once_a_visit_and_their_end_only_where_it_was_reached(
    database: Database,
) -> None:
    person = session(database)
    await person.say("report_problem: mau lapor")
    state, _, _ = await person.look()
    assert state.form == "report"
    first = f"report/{state.step}"
    await person.say("incentive_when: kapan cair")  # a question in the middle: the step is asked again
    await person.say("cancel: batal")
    await count(database, MONDAY + timedelta(minutes=10))
    found = await read(database)
    assert found.steps["report"] == {first.partition("/")[2]: 1}

    log = select(messages.c.step).where(messages.c.author == "person").order_by(messages.c.id)
    steps = await database.read(lambda c: list(c.execute(log).scalars()))
    assert steps == [first, first, None]


async def test_handoffs_regions_and_saved_deadlines(database: Database) -> None:
    def work(connection: Connection) -> None:
        for number in range(figures.FEW):
            rows.ask(connection, f"h{number}", MONDAY)
        for number, region in enumerate(["3273"] * figures.FEW + ["9471"]):
            key = int(
                connection.execute(
                    insert(participants)
                    .values(
                        record_key=f"r{number}",
                        name="Siti",
                        region=region,
                        membership="active",
                        as_of=MONDAY,
                        imported_at=MONDAY,
                    )
                    .returning(participants.c.id)
                ).scalar_one()
            )
            chat = rows.add_chat(connection, f"p{number}", MONDAY)
            link = {"chat_id": chat, "participant_id": key, "level": "2", "method": "test", "created_at": MONDAY}
            connection.execute(insert(links).values(link))
            line = {
                "chat_id": chat,
                "author": "person",
                "text": "x",
                "intent": "status",
                "handler": "status",
                "at": MONDAY,
            }
            connection.execute(insert(messages).values(line))
            bought = {"participant_id": key, "what": "enrolment:K1", "after": {}, "at": MONDAY + 2 * DAY}
            connection.execute(insert(changes).values(bought))
            connection.execute(insert(changes).values({**bought, "what": "enrolment:K2"}))  # the second one counts not
            if number < 2:
                key_of = {"chat_id": chat, "key": "buy_by:2026-11-26:3", "at": MONDAY + number * 3 * DAY}
                connection.execute(insert(reminders).values(key_of))  # the second after the purchase

    await database.write(work)
    await count(database, MONDAY + 3 * DAY)
    await count(database, MONDAY + 3 * DAY)
    found = await read(database)
    assert (found.handoffs, found.handed_over) == (5, {"uang": 5})
    assert found.by_region == {"32": 5}  # the one from Papua is too few
    assert found.saved == 1
    listed = await database.read(partial(figures.rows, first=TODAY, last=TODAY + 30 * DAY))
    assert {row["region"] for row in listed} == {"", "32"}
    assert sum(row["count"] for row in listed if row["measure"] == "visits") == 6


async def test_who_is_erased_is_not_counted_any_more_and_leaves_no_visit(database: Database) -> None:
    person = session(database)
    await person.say("incentive_when: kapan cair")
    await count(database, MONDAY + timedelta(minutes=5))
    key = await database.read(lambda c: c.execute(select(chats.c.id)).scalar_one())
    await database.write(partial(privacy.erase, chat_id=key, now=MONDAY))
    assert await database.read(lambda c: c.execute(select(visit_rows)).all()) == []
    assert (await read(database)).visits == 1


async def test_an_answer_that_people_call_wrong_is_counted_by_topic(database: Database) -> None:
    person = session(database)
    await person.say("incentive_when: kapan cair")
    await person.say("jawaban ini salah")
    await count(database, MONDAY + timedelta(minutes=5))
    await count(database, MONDAY + timedelta(minutes=6))
    assert (await read(database)).wrong == {"incentive_when": 1}


async def test_two_counters_at_once_count_once_and_none_overtakes_an_open_transaction(database: Database) -> None:
    person = session(database)
    await person.say("incentive_when: kapan cair")
    now = MONDAY + timedelta(minutes=10)
    batch = await database.read(partial(visits.count, before=now, size=10))
    twin = await database.read(partial(visits.count, before=now, size=10))
    assert await database.write(partial(visits.keep, batch=batch, now=now))
    assert not await database.write(partial(visits.keep, batch=twin, now=now))
    assert (await read(database)).turns == 1
    await database.write(lambda c: c.execute(update(messages).values(at=now + DAY)))
    assert (await database.read(partial(visits.count, before=now, size=10))).read == 0


async def test_the_days_are_added_up_in_batches_of_any_size(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.figures._BATCH", 2)
    person = session(database)
    for number in range(5):
        person.now = MONDAY + number * timedelta(hours=7)
        await person.say("incentive_when: kapan")
    assert await count(database, MONDAY + 3 * DAY) == 5
    found = await read(database)
    assert (found.visits, found.turns, found.returned) == (5, 5, 4)


async def test_the_file_has_no_more_than_counts(database: Database) -> None:
    from bot.desk.figures import as_csv

    await session(database).say("incentive_when: nama saya Siti Aminah 0812")
    await count(database, MONDAY + timedelta(minutes=5))
    text = as_csv(await database.read(partial(figures.rows, first=TODAY, last=TODAY)))
    found = list(csv.DictReader(io.StringIO(text)))
    assert {row["measure"] for row in found} == {"visits", "people", "turns", "topic"}
    assert "Siti" not in text
    assert set(daily.columns.keys()) == set(found[0])


def test_every_journey_and_step_has_a_name_for_the_page() -> None:
    named = catalogue.load().files["journeys"]
    for name, form in journeys.FORMS.items():
        assert list(named[name]["steps"]) == [step.name for step in form.steps], name
    assert set(named) == set(journeys.FORMS)
