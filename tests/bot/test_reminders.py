"""Reminders: once, in daylight of the person's own zone, never after stop, and ended by an imported purchase."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import select, update

from bot.reminders import Reminders
from bot.wake import Wake
from handlers import catalogue
from handlers.templates import wanted
from storage import chats, drafts, inbox, schema, subscriptions
from storage.database import Database

NOON = datetime(2026, 11, 24, 5, 0, tzinfo=UTC)  # 12.00 WIB


async def chat(database: Database, *, seen: datetime, zone: str = "WIB") -> int:
    def work(connection) -> int:
        key = inbox.chat_at(connection, ("web", "w", "a"), seen)
        chats.change(connection, key, zone=zone, seen_at=seen)
        return key

    return await database.write(work)


async def half_done(database: Database, key: int, at: datetime) -> None:
    await database.write(
        partial(
            drafts.save,
            chat_id=key,
            form="registration",
            step="age",
            data={},
            now=at,
            expires_at=at + timedelta(days=30),
        )
    )


def loop(database: Database, now: datetime) -> Reminders:
    return Reminders(database, catalogue.load, Wake(database), clock=lambda _: now)


async def texts(database: Database) -> list[str]:
    return await database.read(
        lambda c: [row.payload["text"] for row in c.execute(select(schema.outbox).order_by(schema.outbox.c.id))]
    )


async def test_a_half_done_form_is_reminded_of_once_after_twenty_hours(database: Database) -> None:
    seen = NOON - timedelta(hours=21)
    key = await chat(database, seen=seen)
    await half_done(database, key, seen)
    assert await loop(database, NOON - timedelta(hours=2)).run_once() == 0
    assert await loop(database, NOON).run_once() == 1
    assert await loop(database, NOON).run_once() == 0
    (said,) = await texts(database)
    assert "LANJUT" in said


@pytest.mark.parametrize(("zone", "count"), [("WIB", 0), ("WIT", 1)])
async def test_nobody_is_woken(database: Database, zone: str, count: int) -> None:
    now = datetime(2026, 11, 24, 0, 30, tzinfo=UTC)  # 07.30 WIB, 09.30 WIT
    seen = now - timedelta(hours=21)
    key = await chat(database, seen=seen, zone=zone)
    await half_done(database, key, seen)
    assert await loop(database, now).run_once() == count


async def test_who_said_stop_is_not_reminded(database: Database) -> None:
    seen = NOON - timedelta(hours=21)
    key = await chat(database, seen=seen)
    await half_done(database, key, seen)
    await database.write(partial(subscriptions.stop, chat_id=key, now=seen))
    assert await loop(database, NOON).run_once() == 0
    assert await texts(database) == []


async def test_while_an_agent_owns_the_chat_a_reminder_waits(database: Database) -> None:
    seen = NOON - timedelta(hours=21)
    key = await chat(database, seen=seen)
    await half_done(database, key, seen)
    await database.write(partial(chats.take_over, chat_id=key, owner="agent:1", now=seen))
    assert await loop(database, NOON).run_once() == 1
    states = lambda c: list(c.execute(select(schema.outbox.c.state)).scalars())  # noqa: E731
    assert await database.read(states) == ["held"]
    await database.write(partial(chats.take_over, chat_id=key, owner="bot", now=NOON))
    assert await database.read(states) == ["pending"]


async def with_deadline(database: Database, buy_by: date, *, as_of: datetime = NOON) -> int:
    key = await chat(database, seen=NOON - timedelta(days=9), zone="WITA")

    def work(connection) -> None:
        person = connection.execute(
            schema.participants.insert()
            .values(record_key="1", name="Contoh", membership="selected", buy_by=buy_by, as_of=as_of, imported_at=NOON)
            .returning(schema.participants.c.id)
        ).scalar_one()
        course = connection.execute(
            schema.courses.insert()
            .values(
                course_key="k",
                title="Barista",
                provider="P",
                platform="tokopedia",
                mode="webinar",
                topic="kopi",
                price=1,
                as_of=NOON,
            )
            .returning(schema.courses.c.id)
        ).scalar_one()
        connection.execute(
            schema.links.insert().values(chat_id=key, participant_id=person, level="2", method="x", created_at=NOON)
        )
        connection.execute(schema.course_choices.insert().values(chat_id=key, course_id=course, noted_at=NOON))

    await database.write(work)
    return key


@pytest.mark.parametrize(("left", "words"), [(7, "kendala"), (3, "Tiga hari"), (1, "Besok")])
async def test_the_deadline_is_told_in_both_zones(database: Database, left: int, words: str) -> None:
    await with_deadline(database, date(2026, 11, 24) + timedelta(days=left))
    assert await loop(database, NOON).run_once() == 1
    assert await loop(database, NOON).run_once() == 0
    (payload,) = await database.read(lambda c: list(c.execute(select(schema.outbox.c.payload)).scalars()))
    want = wanted(catalogue.load())[payload["template"]["name"]]
    assert want.name == f"reminder_buy_{left}"
    assert set(want.variables) == {key for key, value in payload["template"]["values"].items() if value}
    (said,) = await texts(database)
    assert words in said
    assert "23.59 WIB" in said
    assert "00.59 WITA" in said
    assert "data 24 Nov, 13.00 WITA" in said
    assert "Tokopedia" in said
    assert "BERHENTI" in said


async def test_an_imported_purchase_ends_the_reminders(database: Database) -> None:
    await with_deadline(database, date(2026, 11, 27))
    await database.write(
        lambda c: c.execute(
            schema.enrolments.insert().values(participant_id=1, course_id=1, position=1, state="bought", as_of=NOON)
        )
    )
    assert await loop(database, NOON).run_once() == 0


async def test_old_data_reminds_nobody(database: Database) -> None:
    await with_deadline(database, date(2026, 11, 27), as_of=NOON - timedelta(days=4))
    assert await loop(database, NOON).run_once() == 0
    await database.write(lambda c: c.execute(update(schema.participants).values(as_of=NOON)))
    assert await loop(database, NOON).run_once() == 1


async def test_a_link_that_has_run_out_reminds_nobody(database: Database) -> None:
    await with_deadline(database, date(2026, 11, 27))
    await database.write(lambda c: c.execute(update(schema.links).values(expires_at=NOON)))
    assert await loop(database, NOON).run_once() == 0


async def test_everybody_is_reminded_however_many_there_are(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.reminders._BATCH", 2)
    await with_deadline(database, date(2026, 11, 27))

    def more(connection) -> None:
        for number in range(5):
            key = inbox.chat_at(connection, ("web", "w", f"b{number}"), NOON)
            link = {"chat_id": key, "participant_id": 1, "level": "2", "method": "x", "created_at": NOON}
            connection.execute(schema.links.insert().values(link))
            connection.execute(schema.course_choices.insert().values(chat_id=key, course_id=1, noted_at=NOON))

    await database.write(more)
    assert await loop(database, NOON).run_once() == 6
    assert await loop(database, NOON).run_once() == 0


async def test_who_is_asleep_keeps_nobody_waiting(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.reminders._BATCH", 1)
    now = datetime(2026, 11, 24, 0, 30, tzinfo=UTC)  # 07.30 WIB, 09.30 WIT
    for address, zone in (("a", "WIB"), ("b", "WIT")):
        key = await database.write(lambda c, address=address: inbox.chat_at(c, ("web", "w", address), now))
        seen = now - timedelta(hours=21)
        await database.write(partial(chats.change, chat_id=key, zone=zone, seen_at=seen))
        await half_done(database, key, seen)
    assert await loop(database, now).run_once() == 1


async def test_a_reminder_never_leaves_in_the_evening(database: Database) -> None:
    late = datetime(2026, 11, 24, 11, 50, tzinfo=UTC)  # 18.50 WIB
    key = await chat(database, seen=late - timedelta(hours=21))
    await half_done(database, key, late - timedelta(hours=21))
    assert await loop(database, late).run_once() == 1
    expires = await database.read(lambda c: c.execute(select(schema.outbox.c.expires_at)).scalar_one())
    assert expires == datetime(2026, 11, 24, 13, 0, tzinfo=UTC), "20.00 WIB"


async def test_a_shared_screen_is_not_reminded(database: Database) -> None:
    seen = NOON - timedelta(hours=21)
    key = await chat(database, seen=seen)
    await half_done(database, key, seen)
    await database.write(lambda c: chats.change(c, key, kiosk_until=NOON + timedelta(hours=27)))
    assert await loop(database, NOON).run_once() == 0
