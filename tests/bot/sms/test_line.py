"""Through the front door: an SMS comes in, an SMS goes out."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from bot import metrics, proactive
from bot.effects import Parts
from handlers.messages import Reply
from storage import channel_notes, charges, schema
from storage.database import Database
from tests.bot.sms.conftest import PERSON, Line, on_line
from tests.conftest import NOW
from tests.fakes.sms import FakeAndroid, FakeHttp, FakeSms, Sent

SOURCE = "sms:+6281100000001"


@pytest.fixture(params=[FakeAndroid, FakeHttp], ids=["android", "http"])
def fake(request: pytest.FixtureRequest) -> FakeSms:
    made: FakeSms = request.param()
    return made


async def rows(database: Database, table: object) -> list[dict[str, object]]:
    return await database.read(lambda c: [dict(row) for row in c.execute(select(table)).mappings()])  # type: ignore[call-overload]


async def test_a_question_is_answered_within_two_parts_and_the_rest_can_be_had(
    database: Database, parts: Parts, fake: FakeSms
) -> None:
    async with on_line(fake, database, parts) as line:
        intro, answer = await line.say("berapa insentif prakerja")
        assert "Balasan memakai pulsa." in intro.text
        assert "Dinas Contoh" in intro.text
        assert (intro.to, intro.parts) == (PERSON, 1)
        assert "(29 Nov 2023)" in answer.text
        assert "Balas 1 " in answer.text
        (more,) = await line.say("2")
        assert more.text.endswith("Balas LANJUT untuk sambungannya.")
        (rest,) = await line.say("lanjut")
        assert rest.text != more.text
        assert "pulsa" not in rest.text  # said once a chat
        assert fake.problems == []


async def test_the_sender_is_vouched_for_through_our_own_sim_alone(
    database: Database, parts: Parts, fake: FakeSms
) -> None:
    async with on_line(fake, database, parts) as line:
        await line.say("halo")
        found = [(row["kind"], row["value"], row["vouched"]) for row in await rows(database, schema.identities)]
        assert found == ([("phone", PERSON, True)] if isinstance(fake, FakeAndroid) else [])


async def test_numbers_are_masked_before_the_first_insert(database: Database, parts: Parts, fake: FakeSms) -> None:
    async with on_line(fake, database, parts) as line:
        replies = await line.say("NIK saya 3201011203900001")
        assert "sembunyikan" in replies[-1].text
        for table in (schema.inbox, schema.messages, schema.outbox):
            assert "3201011203900001" not in str(await rows(database, table))


async def test_a_repeat_of_a_webhook_is_answered_once(sqlite: Database, parts: Parts) -> None:
    fake = FakeAndroid()
    async with on_line(fake, sqlite, parts) as line:
        for _ in range(3):
            assert await fake.text(PERSON, "halo", event_id="sama") == 200
            await line.settle()
        assert len(fake.sent) == 2  # who is speaking, and the greeting


async def test_stop_is_confirmed_once_and_nothing_unasked_goes_out(
    database: Database, parts: Parts, fake: FakeSms
) -> None:
    async with on_line(fake, database, parts) as line:
        await line.say("halo")
        (said,) = await line.say("S.T.O.P !!")
        assert said.text.startswith("Sudah berhenti")
        assert await line.say("berhentiii dong kak") == []
        assert await announce(line) == 0


async def announce(line: Line, text: str = "Gelombang 72 dibuka.") -> int:
    """Sends something unasked to everybody; returns how many were written."""

    def work(connection: object) -> int:
        columns = (
            schema.chats.c.id.label("chat_id"),
            schema.chats.c.channel,
            schema.chats.c.account,
            schema.chats.c.zone,
        )
        joined = schema.chats.join(schema.conversations, schema.conversations.c.chat_id == schema.chats.c.id)
        chosen = select(*columns, schema.conversations.c.owner, schema.conversations.c.owner_version).select_from(
            joined
        )
        found = connection.execute(chosen).mappings().all()  # type: ignore[attr-defined]
        return sum(proactive.send(connection, row, Reply(text=text), NOW, author="notice") for row in found)  # type: ignore[arg-type]

    return await line.database.write(work)


# -- money --------------------------------------------------------------------------------------------------------


async def test_every_part_is_counted_and_at_the_cap_announcements_wait(database: Database, parts: Parts) -> None:
    fake = FakeAndroid()
    async with on_line(fake, database, parts, cap=350 * 5) as line:
        await line.say("halo")  # two messages of a part each: what one with options takes is counted too
        spent = await database.read(lambda c: charges.of_month(c, SOURCE, "2026-11"))
        assert [(row["messages"], row["billable"]) for row in spent] == [(2, sum(one.parts for one in fake.sent))]
        assert await announce(line) == 1
        await line.settle()
        assert fake.sent[-1].text == "Gelombang 72 dibuka."
        while sum(one.parts for one in fake.sent) < 5:
            await line.say("halo")
        before = len(fake.sent)
        line.channel.gate._looked = None  # two seconds later
        await announce(line)
        await line.settle()
        assert len(fake.sent) == before
        waiting = [row for row in await rows(database, schema.outbox) if row["state"] == "pending"]
        assert [row["reason"] for row in waiting] == ["the monthly cap is reached"]
        assert await line.say("halo")  # replies never stop
        notes = [note["text"] for note in await database.read(channel_notes.latest)]
        assert any("the monthly cap is reached" in note and "Rp1,750" in note for note in notes)


async def test_operators_are_warned_at_four_fifths_of_the_cap(sqlite: Database, parts: Parts) -> None:
    async with on_line(FakeAndroid(), sqlite, parts, cap=350 * 5) as line:
        await sqlite.write(lambda c: charges.add(c, SOURCE, category="sms", at=NOW, billable=4))
        await line.say("halo")
        (note,) = await sqlite.read(channel_notes.latest)
        assert note["text"].startswith("80% of the monthly cap is spent")


async def test_a_flood_is_told_once_and_then_there_is_silence_until_midnight(sqlite: Database, parts: Parts) -> None:
    fake = FakeAndroid()
    few = Parts(
        engine=parts.engine,
        catalogue=parts.catalogue,
        policy=parts.policy.__class__(replies_a_day=5),
        new_id=parts.new_id,
    )
    async with on_line(fake, sqlite, few) as line:
        for _ in range(9):
            await line.say("halo")
        assert len(fake.sent) == 6
        assert "sudah banyak sekali" in fake.sent[-1].text
        (danger,) = await line.say("saya mau bunuh diri")  # a life is no flood
        assert "119" in danger.text or danger.text
        assert await line.say("halo", sender="+6281200000008")  # others are answered


# -- reports ------------------------------------------------------------------------------------------------------


async def report(fake: FakeSms, sent: Sent, state: str, reason: str = "") -> int:
    assert isinstance(fake, FakeAndroid | FakeHttp)
    named = {"failed": "undeliverable"}.get(state, state) if isinstance(fake, FakeHttp) else state
    return await fake.report(sent, named, reason)


async def test_reports_are_hints(database: Database, parts: Parts, fake: FakeSms) -> None:
    async with on_line(fake, database, parts) as line:
        first, second = await line.say("halo")
        assert await report(fake, first, "delivered") == 200
        assert await report(fake, first, "sent") == 200  # late, and lower
        assert await report(fake, second, "failed", "RESULT_ERROR_GENERIC_FAILURE") == 200
        found = [(row["state"], row["delivery"]) for row in await rows(database, schema.outbox)]
        assert found == [("accepted", "delivered"), ("accepted", "failed")]
        (note,) = await database.read(channel_notes.latest)
        assert note["text"] == "an SMS was not delivered: RESULT_ERROR_GENERIC_FAILURE"
        assert metrics.deliveries.values == {("sms", "delivered"): 1, ("sms", "sent"): 1, ("sms", "failed"): 1}


# -- parts of a long message --------------------------------------------------------------------------------------


def piece(number: int, text: str, *, of: int = 2, ref: str = "c3", sender: str = PERSON) -> dict[str, object]:
    part = {"ref": ref, "of": of, "no": number}
    return {"from": sender, "body": text, "id": f"{ref}-{number}", "received_at": NOW.isoformat(), "part": part}


async def test_parts_are_joined_in_their_order_and_masked_as_a_whole(database: Database, parts: Parts) -> None:
    fake = FakeHttp()
    async with on_line(fake, database, parts) as line:
        assert await fake.deliver([piece(2, "3900001 apa bisa dipakai")]) == 200
        assert await fake.deliver([piece(2, "3900001 apa bisa dipakai")]) == 200  # a repeat
        assert await line.worker.run_once() == 0  # the first part is still on its way
        assert b"3900001" not in (await rows(database, schema.sms_pieces))[0]["text"]  # type: ignore[operator]
        assert await fake.deliver([piece(1, "nik saya 320101120")]) == 200
        (stored,) = await rows(database, schema.inbox)
        assert "nik saya" in stored["payload"]["text"]  # type: ignore[index]
        assert "apa bisa dipakai" in stored["payload"]["text"]  # type: ignore[index]
        assert "3900001" not in str(stored["payload"])
        assert stored["payload"]["masked"] == ["nik"]  # type: ignore[index]
        assert await rows(database, schema.sms_pieces) == []


async def test_what_never_becomes_whole_is_answered_after_a_minute(database: Database, parts: Parts) -> None:
    fake = FakeHttp()
    async with on_line(fake, database, parts) as line:
        await fake.deliver([piece(1, "berapa insentif "), piece(3, "prakerja", of=3, ref="d4")])
        assert await line.channel._joiner.sweep(line.receiver.receive) == 0
        line.channel._joiner._clock = lambda _: NOW + timedelta(seconds=61)
        assert await line.channel._joiner.sweep(line.receiver.receive) == 2
        assert await rows(database, schema.sms_pieces) == []
        assert len(await rows(database, schema.inbox)) == 2


# -- failures -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["500", "html", "cut_before", "cut_after", "429", "503", "401"])
async def test_a_reply_survives_whatever_the_gateway_does(
    sqlite: Database, parts: Parts, fake: FakeSms, fault: str
) -> None:
    async with on_line(fake, sqlite, parts) as line:
        await line.say("halo")
        fake.faults = [fault]
        await line.say("terima kasih")
        later = NOW + timedelta(hours=1)
        line.sender._clock = lambda _: later
        await line.sender.drain()
        said = [one.text for one in fake.sent[2:]]
        assert said == ["Sama-sama, Kak. Ada lagi yang mau ditanyakan?"]  # our own id keeps it from going out twice
        assert {row["state"] for row in await rows(sqlite, schema.outbox)} == {"accepted"}


async def test_a_number_that_cannot_be_reached_is_left_in_peace(sqlite: Database, parts: Parts) -> None:
    fake = FakeHttp()
    async with on_line(fake, sqlite, parts) as line:
        await line.say("halo", sender="+6281200000000")
        assert fake.sent == []
        assert {row["state"] for row in await rows(sqlite, schema.outbox)} <= {"failed", "cancelled"}
        assert (await rows(sqlite, schema.chats))[0]["stopped_at"] is not None
