"""News of imported changes: for whom, when, once; and what is never sent."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, delete, select, update

from bot.notices import Notices
from bot.wake import Wake
from handlers import catalogue
from handlers.templates import wanted
from storage import chats, inbox, notices, outbox, people, privacy, subscriptions
from storage.database import Database
from storage.schema import changes, enrolments, incentives, links, participants
from storage.schema import notices as rows
from storage.schema import outbox as sent_rows

NOON = datetime(2026, 11, 24, 5, 0, tzinfo=UTC)  # 12.00 WIB
BEFORE = NOON - timedelta(days=2)


def loop(database: Database, now: datetime = NOON) -> Notices:
    return Notices(database, catalogue.load, Wake(database), clock=lambda _: now)


def person(connection: Connection, key: str) -> int:
    row = {"record_key": key, "name": "Contoh", "membership": "finished", "as_of": NOON, "imported_at": NOON}
    return int(connection.execute(participants.insert().values(row).returning(participants.c.id)).scalar_one())


def chat(connection: Connection, address: str, participant: int, *, topic: str = "insentif", level: str = "2") -> int:
    key = inbox.chat_at(connection, ("web", "w", address), BEFORE)
    people.link(connection, chat_id=key, participant_id=participant, level=level, method="agent", now=BEFORE)
    if topic:
        subscriptions.subscribe(connection, key, topic, wording="w", now=BEFORE)
    return key


def payment(
    connection: Connection, participant: int, state: str, *, was: str | None = "waiting", at: datetime = NOON
) -> None:
    """A payment in a state, and the change that led there."""
    row = {"participant_id": participant, "kind": "training", "amount": 600_000, "state": state, "as_of": at}
    row["scheduled_on"] = date(2026, 11, 26) if state == "scheduled" else None
    connection.execute(delete(incentives).where(incentives.c.participant_id == participant))
    connection.execute(incentives.insert().values(row))
    change(connection, participant, "incentive:training", was, state, at=at)


def change(
    connection: Connection, participant: int, what: str, was: str | None, now: str, *, at: datetime = NOON
) -> None:
    row = {"participant_id": participant, "what": what, "before": {"state": was} if was else None}
    connection.execute(changes.insert().values(**row, after={"state": now}, at=at))


async def texts(database: Database) -> list[str]:
    statement = select(sent_rows.c.payload).where(sent_rows.c.author.like("notice%")).order_by(sent_rows.c.id)
    return await database.read(lambda c: [row["text"] for row in c.execute(statement).scalars()])


async def one(database: Database, **options: Any) -> tuple[int, int]:
    """(participant, chat) of somebody linked who asked to be told."""

    def work(connection: Connection) -> tuple[int, int]:
        key = person(connection, "1")
        return key, chat(connection, "a", key, **options)

    return await database.write(work)


async def test_a_change_is_told_once_with_its_date(database: Database) -> None:
    who, _ = await one(database)
    await database.write(partial(payment, participant=who, state="scheduled"))
    assert await loop(database).run_once() == 1
    assert await loop(database).run_once() == 0
    assert await loop(database, NOON + timedelta(days=1)).run_once() == 0
    (payload,) = await database.read(lambda c: list(c.execute(select(sent_rows.c.payload)).scalars()))
    assert set(wanted(catalogue.load())[payload["template"]["name"]].variables) == set(payload["template"]["values"])
    (said,) = await texts(database)
    assert "menurut data 24 Nov, 12.00 WIB" in said
    assert "Insentif Rp600.000: dijadwalkan 26 Nov 2026" in said
    assert "BERHENTI" in said


async def test_it_stands_in_the_broadcast_lane_and_never_leaves_in_the_evening(database: Database) -> None:
    who, _ = await one(database)
    await database.write(partial(payment, participant=who, state="sent"))
    await loop(database, NOON + timedelta(hours=7)).run_once()  # 19.00 WIB
    row = await database.read(lambda c: c.execute(select(sent_rows)).mappings().one())
    assert (row["lane"], row["state"]) == (outbox.BROADCASTS, "pending")
    assert row["expires_at"] == datetime(2026, 11, 24, 13, 0, tzinfo=UTC)


def close(connection: Connection, state: str, at: datetime) -> None:
    """What the sender does with the newest message."""
    newest = select(sent_rows.c.id).order_by(sent_rows.c.id.desc()).limit(1).scalar_subquery()
    connection.execute(update(sent_rows).where(sent_rows.c.id == newest).values(state=state, done_at=at))


async def test_what_could_not_leave_by_the_evening_is_told_anew_the_next_morning(database: Database) -> None:
    who, _ = await one(database)
    await database.write(partial(payment, participant=who, state="scheduled"))
    assert await loop(database, NOON + timedelta(hours=7)).run_once() == 1, "19.00 WIB"
    evening, morning = NOON + timedelta(hours=8, minutes=1), NOON + timedelta(hours=20)
    await database.write(partial(close, state="expired", at=evening))
    assert await loop(database, evening).run_once() == 0
    await database.write(partial(payment, participant=who, state="paid", was="scheduled", at=morning))
    assert await loop(database, morning).run_once() == 1
    assert "sudah masuk" in (await texts(database))[-1], "as it is now"
    assert await loop(database, morning + timedelta(days=1)).run_once() == 0, "taken back once"


async def test_what_expired_at_midday_may_go_the_same_day(database: Database) -> None:
    who, _ = await one(database)
    await database.write(partial(payment, participant=who, state="scheduled"))
    assert await loop(database, NOON).run_once() == 1
    later = NOON + timedelta(hours=6, minutes=1)
    await database.write(partial(close, state="expired", at=later))
    assert await loop(database, later).run_once() == 1


@pytest.mark.parametrize("state", ["accepted", "cancelled", "unknown", "failed"])
async def test_what_left_or_was_stopped_is_not_told_again(database: Database, state: str) -> None:
    who, _ = await one(database)
    await database.write(partial(payment, participant=who, state="scheduled"))
    await loop(database).run_once()
    await database.write(partial(close, state=state, at=NOON))
    assert await loop(database, NOON + timedelta(days=1)).run_once() == 0


async def test_what_is_closed_after_the_next_news_went_waits_for_another_day(database: Database) -> None:
    who, _ = await one(database)
    await database.write(partial(payment, participant=who, state="scheduled"))
    await loop(database).run_once()
    first = await database.read(lambda c: c.execute(select(sent_rows.c.id)).scalar_one())
    tomorrow = NOON + timedelta(days=1)
    await database.write(partial(payment, participant=who, state="sent", was="scheduled", at=tomorrow))
    assert await loop(database, tomorrow).run_once() == 1
    late = {"state": "expired", "done_at": tomorrow + timedelta(minutes=1)}
    await database.write(lambda c: c.execute(update(sent_rows).where(sent_rows.c.id == first).values(late)))
    assert await loop(database, tomorrow + timedelta(minutes=5)).run_once() == 0, "one a day"
    assert await loop(database, tomorrow + timedelta(days=1)).run_once() == 1


@pytest.mark.parametrize(
    ("topic", "count"), [("insentif", 1), ("semua", 1), ("pelatihan", 0), ("gelombang", 0), ("", 0)]
)
async def test_only_who_asked_for_it_is_told(database: Database, topic: str, count: int) -> None:
    who, _ = await one(database, topic=topic)
    await database.write(partial(payment, participant=who, state="sent"))
    assert await loop(database).run_once() == count


async def test_changes_from_before_the_link_or_the_wish_are_no_news(database: Database) -> None:
    who, _ = await one(database)
    await database.write(partial(payment, participant=who, state="sent", at=BEFORE - timedelta(seconds=1)))
    assert await loop(database).run_once() == 0
    assert await database.read(lambda c: c.execute(select(rows)).all()) == []


async def test_one_a_day_and_the_next_day_tells_what_came_meanwhile(database: Database) -> None:
    who, _ = await one(database)
    await database.write(partial(payment, participant=who, state="scheduled"))
    assert await loop(database).run_once() == 1
    later = NOON + timedelta(hours=3)
    await database.write(partial(payment, participant=who, state="sent", was="scheduled", at=later))
    await database.write(partial(payment, participant=who, state="paid", was="sent", at=later))
    assert await loop(database, later).run_once() == 0
    assert await loop(database, NOON + timedelta(hours=20)).run_once() == 1, "08.00 of the next day"
    said = (await texts(database))[-1]
    assert said.count("Insentif Rp600.000") == 1, "the state as it is now"
    assert "sudah masuk" in said


async def test_an_announcement_of_the_day_counts_too(database: Database) -> None:
    who, key = await one(database)

    def announce(connection: Connection) -> None:
        draft = outbox.Draft(
            chat_id=key,
            source="web:w",
            payload={"text": "x"},
            owner_version=0,
            expires_at=NOON,
            lane=1,
            author="campaign:1",
        )
        outbox.enqueue(connection, [draft], NOON - timedelta(hours=1))
        payment(connection, who, "sent")

    await database.write(announce)
    assert await loop(database).run_once() == 0
    assert await loop(database, NOON + timedelta(days=1)).run_once() == 1


async def test_what_came_back_to_where_it_was_is_no_news(database: Database) -> None:
    who, _ = await one(database)

    def work(connection: Connection) -> None:
        payment(connection, who, "failed", was="sent")
        payment(connection, who, "sent", was="failed")

    await database.write(work)
    assert await loop(database).run_once() == 0


async def test_old_data_and_vanished_records_are_not_told(database: Database) -> None:
    who, _ = await one(database)
    await database.write(partial(payment, participant=who, state="sent"))
    assert await loop(database, NOON + timedelta(days=4)).run_once() == 0
    await database.write(partial(change, participant=who, what="enrolment:gone", was=None, now="bought"))
    await database.write(partial(change, participant=who, what="something:new", was=None, now="x"))
    assert await loop(database).run_once() == 0


async def test_while_an_agent_speaks_the_news_waits(database: Database) -> None:
    who, key = await one(database)
    await database.write(partial(payment, participant=who, state="sent"))
    await database.write(partial(chats.take_over, chat_id=key, owner="agent:1", now=NOON))
    assert await loop(database).run_once() == 0
    await database.write(partial(chats.take_over, chat_id=key, owner="bot", now=NOON))
    assert await loop(database).run_once() == 1


async def test_stop_the_end_of_a_link_and_leaving_the_channel_end_it(database: Database) -> None:
    who, key = await one(database)

    def more(connection: Connection) -> list[int]:
        return [chat(connection, address, who) for address in "bcd"]

    unlinked, away, lapsed = await database.write(more)
    await database.write(partial(payment, participant=who, state="sent"))
    await database.write(lambda c: notices.note(c, 0, NOON, 500))
    await database.write(partial(subscriptions.stop, chat_id=key, now=NOON))
    await database.write(partial(people.end_link, chat_id=unlinked, why="x", now=NOON))
    await database.write(partial(chats.change, chat_id=away, stopped_at=NOON))
    await database.write(lambda c: c.execute(update(links).where(links.c.chat_id == lapsed).values(expires_at=NOON)))
    assert await loop(database).run_once() == 0


async def test_level_1_sees_nothing_and_2a_no_amount(database: Database) -> None:
    who, _ = await one(database, level="2a")
    await database.write(partial(chat, address="b", participant=who, level="1"))
    await database.write(partial(payment, participant=who, state="scheduled"))
    assert await loop(database).run_once() == 1
    (said,) = await texts(database)
    assert "Insentif: sudah dijadwalkan" in said
    assert "Rp" not in said
    assert "26 Nov" not in said


async def test_every_chat_of_a_person_and_however_many_people(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.notices._CHATS", 2)
    monkeypatch.setattr("bot.notices._CHANGES", 3)

    def work(connection: Connection) -> None:
        for number in range(7):
            who = person(connection, str(number))
            chat(connection, f"a{number}", who)
            chat(connection, f"b{number}", who)
            payment(connection, who, "sent")

    await database.write(work)
    assert await loop(database).run_once() == 14
    assert await loop(database).run_once() == 0


async def test_zones_have_their_own_day(database: Database) -> None:
    who, key = await one(database)
    await database.write(partial(chats.change, chat_id=key, zone="WIT"))
    await database.write(partial(payment, participant=who, state="sent"))
    assert await loop(database, datetime(2026, 11, 24, 11, 30, tzinfo=UTC)).run_once() == 0, "20.30 WIT, 18.30 WIB"
    assert await loop(database, datetime(2026, 11, 24, 23, 0, tzinfo=UTC)).run_once() == 1, "08.00 WIT of the next day"


async def test_erasing_takes_what_waits(database: Database) -> None:
    who, key = await one(database)
    await database.write(partial(payment, participant=who, state="sent"))
    await database.write(lambda c: notices.note(c, 0, NOON, 500))
    await database.write(partial(privacy.erase, chat_id=key, now=NOON))
    assert await database.read(lambda c: c.execute(select(rows)).all()) == []


async def test_news_whose_changes_are_gone_is_let_go(database: Database) -> None:
    who, _ = await one(database)
    await database.write(partial(payment, participant=who, state="sent"))
    await database.write(lambda c: notices.note(c, 0, NOON, 500))
    assert await database.write(partial(notices.forget_old, limit=9)) == 0
    await database.write(lambda c: c.execute(delete(changes)))
    assert await database.write(partial(notices.forget_old, limit=9)) == 1
    assert await database.write(partial(notices.forget_old, limit=9)) == 0


async def test_a_certificate_is_news_for_courses_and_incentive(database: Database) -> None:
    who, _ = await one(database)

    def work(connection: Connection) -> None:
        from tests.bot.test_similar import add_courses

        add_courses(connection)
        chat(connection, "b", who, topic="pelatihan")
        row = {"participant_id": who, "course_id": 1, "position": 1, "state": "certified", "as_of": NOON}
        connection.execute(enrolments.insert().values(**row, certificate_on=date(2026, 11, 23)))
        change(connection, who, "enrolment:a", "finished", "certified")

    await database.write(work)
    assert await loop(database).run_once() == 2
    assert all("Pelatihan a: selesai, sertifikat 23 Nov 2026" in said for said in await texts(database))
