"""Who it is: a number, an id, both, another one since; and what that does to the chat, its proof and where it is sent."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from bot.effects import Parts
from bot.wake import Wake
from bot.worker import Worker
from handlers import catalogue
from handlers.turn import Policy
from storage import chats, inbox, outbox, people, schema
from storage.database import Database
from tests.bot.engines import StubEngine
from tests.bot.whatsapp.conftest import BSUID, NUMBER, PHONE, Door, payload
from tests.conftest import NOW

DIGITS = PHONE[1:]
T = 1_764_000_000
NEW_PHONE = "+6285700000001"


async def rows(database: Database) -> list[dict[str, Any]]:
    table = schema.chats
    return await database.read(lambda c: [dict(r) for r in c.execute(select(table).order_by(table.c.id)).mappings()])


async def ids(database: Database, chat: int = 1) -> dict[str, bool]:
    table = schema.identities
    found = select(table.c.value, table.c.vouched).where(table.c.chat_id == chat)
    return await database.read(lambda c: {r.value: r.vouched for r in c.execute(found)})


async def heard_in(database: Database) -> list[tuple[str, int]]:
    table = schema.inbox.c
    found = select(table.payload, table.chat_id).order_by(table.id)
    return await database.read(lambda c: [(r.payload["text"], r.chat_id) for r in c.execute(found)])


async def test_the_number_is_vouched_for_by_whatsapp(door: Door) -> None:
    await door.says("halo", "1", phone=DIGITS, bsuid=BSUID)
    assert await ids(door.database) == {PHONE: True, BSUID: True}
    assert await door.database.read(lambda c: chats.vouched_phone(c, 1)) == PHONE


@pytest.mark.parametrize(
    "ways",
    [
        ({"phone": DIGITS}, {"phone": DIGITS, "bsuid": BSUID}, {"bsuid": BSUID}),
        ({"phone": DIGITS, "bsuid": BSUID}, {"bsuid": BSUID}, {"phone": DIGITS}),
        ({"bsuid": BSUID}, {"phone": DIGITS, "bsuid": BSUID}, {"phone": DIGITS}),
    ],
    ids=["number first", "both first", "id first"],
)
async def test_one_person_is_one_chat_however_they_are_named(door: Door, ways: tuple[dict[str, str], ...]) -> None:
    for number, way in enumerate(ways):
        await door.says(str(number), f"wamid.{number}", sent=T + number, **way)
    assert await heard_in(door.database) == [("0", 1), ("1", 1), ("2", 1)]


async def test_new_people_are_known_by_name_also_many_at_once(door: Door) -> None:
    body = payload("many")
    value = body["entry"][0]["changes"][0]["value"]
    text = {"timestamp": str(T), "type": "text", "text": {"body": "halo"}}
    people = [(f"62811000{n:04}", f"ID.new{n}", f"Orang {n}") for n in range(30)]
    value["messages"] = [{**text, "id": f"w{bsuid}", "from": p, "from_user_id": bsuid} for p, bsuid, _ in people * 2]
    value["contacts"] = [{"profile": {"name": n}, "wa_id": p, "user_id": bsuid} for p, bsuid, n in people]
    body["entry"] = body["entry"][:1]
    assert (await door.post(body)).status_code == 200
    found = await rows(door.database)
    assert [(r["address"], r["name"]) for r in found] == [(f"+{p}", n) for p, _, n in people]
    assert await ids(door.database, 30) == {"+628110000029": True, "ID.new29": True}


async def test_who_takes_over_a_number_is_known_by_name(door: Door) -> None:
    await door.says("Siti", "1", phone=DIGITS, bsuid=BSUID)
    await door.says("Budi", "2", sent=T + 9, phone=DIGITS, bsuid="ID.Budi1")
    assert [r["name"] for r in await rows(door.database)] == ["Siti", "Siti"]  # as both are called in these tests


async def test_a_chat_begun_by_an_announcement_is_theirs(door: Door) -> None:
    await door.database.write(lambda c: inbox.chat_at(c, ("whatsapp", NUMBER, PHONE), NOW - timedelta(days=1)))
    await door.says("ya kak", "1", phone=DIGITS, bsuid=BSUID)
    await door.says("lagi", "2", bsuid=BSUID)
    assert await heard_in(door.database) == [("ya kak", 1), ("lagi", 1)]


async def test_an_id_told_by_a_status_is_known_when_they_answer_without_their_number(door: Door) -> None:
    def announce(connection: Any) -> None:
        chat = inbox.chat_at(connection, ("whatsapp", NUMBER, PHONE), NOW)
        values = {"source": f"whatsapp:{NUMBER}", "payload": {"text": "x"}, "owner_version": 0}
        outbox.enqueue(connection, [outbox.Draft(chat_id=chat, expires_at=NOW, **values)], NOW)
        connection.execute(schema.outbox.update().values(platform_id="wamid.ours", state="accepted"))

    await door.database.write(announce)
    await door.post("status_without_key")
    await door.says("ya kak", "1", bsuid=BSUID)
    assert await heard_in(door.database) == [("ya kak", 1)]


async def test_only_an_id_is_sent_to_by_id_and_by_number_once_it_is_known(door: Door) -> None:
    await door.says("a", "1", bsuid=BSUID)
    assert [(r["address"], r["reach"]) for r in await rows(door.database)] == [(BSUID, None)]
    assert await door.database.read(lambda c: chats.vouched_phone(c, 1)) is None
    await door.says("b", "2", phone=DIGITS, bsuid=BSUID)
    assert await door.database.read(lambda c: chats.vouched_phone(c, 1)) == PHONE


async def test_a_number_that_speaks_with_another_id_is_another_person(door: Door) -> None:
    await door.says("saya Siti", "1", phone=DIGITS, bsuid=BSUID)
    await door.says("saya Budi", "2", sent=T + 10**6, phone=DIGITS, bsuid="ID.Budi1")
    await door.says("Budi lagi", "3", sent=T + 10**6 + 1, phone=DIGITS)
    await door.says("Siti lagi", "4", sent=T + 10**6 + 2, bsuid=BSUID)
    assert [chat for _, chat in await heard_in(door.database)] == [1, 2, 2, 1]
    siti, budi = await rows(door.database)
    assert (siti["address"], siti["reach"]) == (PHONE, BSUID)
    assert (budi["address"], budi["reach"]) == ("ID.Budi1", PHONE)
    assert await ids(door.database) == {PHONE: False, BSUID: True}
    assert await door.database.read(lambda c: chats.vouched_phone(c, 2)) == PHONE


async def test_a_number_whose_owner_is_known_by_it_alone_goes_with_whoever_has_the_id(door: Door) -> None:
    await door.says("dulu", "1", phone=DIGITS)
    await door.says("tanpa nomor", "2", sent=T + 1, bsuid=BSUID)
    await door.says("dengan nomor", "3", sent=T + 2, bsuid=BSUID, phone=DIGITS)
    assert [chat for _, chat in await heard_in(door.database)] == [1, 2, 2]
    first, _ = await rows(door.database)
    assert first["stopped_at"] is not None  # nothing may go to the number for the chat that it has left
    assert await ids(door.database, 1) == {PHONE: False}


async def test_an_old_message_that_comes_late_takes_no_number_away(door: Door) -> None:
    await door.says("Budi", "1", sent=T + 10**6, phone=DIGITS, bsuid="ID.Budi1")
    await door.says("lama", "2", sent=T, phone=DIGITS, bsuid=BSUID)
    budi, siti = await rows(door.database)
    assert (budi["reach"], siti["address"]) == (None, BSUID)
    assert (await ids(door.database, 1))[PHONE]
    assert PHONE not in await ids(door.database, 2)


async def test_the_chat_goes_with_a_person_who_changes_the_number_once(door: Door) -> None:
    await door.says("halo", "1", phone=DIGITS, bsuid=BSUID)
    for _ in range(2):
        await door.post("system_number_changed")
    await door.says("nomor baru", "3", sent=T + 9, phone=NEW_PHONE[1:], bsuid="ID.new1")
    await door.says("terlambat", "4", sent=T - 9, phone=DIGITS, bsuid=BSUID)
    assert await heard_in(door.database) == [("halo", 1), ("", 1), ("nomor baru", 1), ("terlambat", 1)]
    (chat,) = await rows(door.database)
    assert (chat["address"], chat["reach"]) == (PHONE, NEW_PHONE)
    assert await ids(door.database) == {PHONE: False, BSUID: False, NEW_PHONE: True, "ID.new1": True}
    await door.says("orang lain", "5", sent=T + 99, phone=DIGITS, bsuid="ID.Other")
    assert (await heard_in(door.database))[-1] == ("orang lain", 2)


async def test_an_id_that_changes_without_its_number_leaves_none_vouched_for(door: Door) -> None:
    await door.says("halo", "1", phone=DIGITS, bsuid=BSUID)
    await door.post("system_id_changed")
    assert await ids(door.database) == {PHONE: False, BSUID: False, "ID.new1": True}
    assert (await rows(door.database))[0]["reach"] == "ID.new1"


async def test_a_message_that_overtakes_the_move_has_a_chat_of_its_own(door: Door) -> None:
    await door.says("halo", "1", phone=DIGITS, bsuid=BSUID)
    await door.says("nomor baru", "2", sent=T + 9, phone=NEW_PHONE[1:], bsuid="ID.new1")
    await door.post("system_number_changed")
    await door.says("lagi", "4", sent=T + 10, phone=NEW_PHONE[1:], bsuid="ID.new1")
    assert [chat for _, chat in await heard_in(door.database)] == [1, 2, 1, 2]
    assert await ids(door.database, 1) == {PHONE: False, BSUID: False}


async def test_nobody_known_moves_nothing(door: Door) -> None:
    assert (await door.post("system_number_changed")).status_code == 200
    assert await ids(door.database) == {}


# -- what the move does to the link -------------------------------------------------------------------------------


def worker(database: Database) -> Worker:
    parts = Parts(engine=StubEngine(), catalogue=catalogue.load(), policy=Policy(), new_id=lambda length: "7" * length)
    return Worker(database, parts, Wake(database), clock=lambda _: NOW)


async def linked(door: Door, *, method: str) -> None:
    """Siti's chat, linked to her record at level 2, and her web chat that an agent has linked."""
    await door.says("/menu", "1", phone=DIGITS, bsuid=BSUID)

    def work(connection: Any) -> None:
        values = {"record_key": "r1", "name": "Siti", "phone": PHONE, "membership": "active"}
        connection.execute(schema.participants.insert().values(**values, as_of=NOW, imported_at=NOW))
        web = inbox.chat_at(connection, ("web", "web", "w"), NOW)
        for chat, how in ((1, method), (web, "agent")):
            people.link(connection, chat_id=chat, participant_id=1, level="2", method=how, now=NOW)

    await door.database.write(work)
    await settle(door.database)


async def settle(database: Database) -> None:
    while await worker(database).run_once():
        pass


async def told(database: Database, chat: int) -> list[str]:
    table = schema.outbox.c
    found = select(table.payload).where(table.chat_id == chat).order_by(table.id)
    return await database.read(lambda c: [r.payload["text"] for r in c.execute(found)])


async def link_of(database: Database, chat: int) -> Any:
    return await database.read(lambda c: chats.active_link(c, chat))


@pytest.mark.parametrize(
    ("name", "method", "stays"),
    [
        ("system_number_changed", "birth_card", False),
        ("system_id_changed", "birth_card", False),
        ("system_identity_changed", "birth_card", False),
        ("system_number_changed", "agent", True),
        ("system_identity_changed", "agent", False),
    ],
)
async def test_what_rested_on_the_number_falls_and_the_owner_is_warned(
    door: Door, name: str, method: str, stays: bool
) -> None:
    await linked(door, method=method)
    before = len(await told(door.database, 1))
    await door.post(name)
    await settle(door.database)
    assert (await link_of(door.database, 1) is not None) == stays
    assert await link_of(door.database, 2) is not None
    said = (await told(door.database, 1))[before:]
    assert len(said) == (0 if stays else 1)
    assert ["Nomor WhatsApp yang terhubung" in words for words in await told(door.database, 2)] == [True] * (not stays)
    if not stays:
        assert "putus" in said[0]


async def test_an_agents_chat_loses_its_link_without_a_word_of_the_bot(door: Door) -> None:
    await linked(door, method="birth_card")
    await door.database.write(lambda c: chats.take_over(c, 1, owner="agent:1", now=NOW))
    before = await told(door.database, 1)
    await door.post("system_number_changed")
    await settle(door.database)
    assert await link_of(door.database, 1) is None
    assert await told(door.database, 1) == before


# -- order, age, taking back --------------------------------------------------------------------------------------


async def test_a_chat_is_read_in_the_order_of_whatsapps_clock(door: Door) -> None:
    for number, sent in (("2", T + 60), ("1", T), ("3", T + 120)):
        await door.says(f"/menu {number}", f"wamid.{number}", sent=sent, phone=DIGITS)
    await settle(door.database)
    log = schema.messages.c
    found = select(log.text).where(log.author == "person").order_by(log.id)
    assert await door.database.read(lambda c: c.execute(found).scalars().all()) == ["/menu 1", "/menu 2", "/menu 3"]


async def test_a_week_old_message_gets_an_apology_and_opens_no_window(door: Door) -> None:
    week_ago = int((NOW - timedelta(days=7)).timestamp())
    await door.says("halo", "1", sent=week_ago, phone=DIGITS)
    await settle(door.database)
    (chat,) = await rows(door.database)
    assert chat["window_until"] == NOW - timedelta(days=6)
    stale = catalogue.load().text("stale_day", day="17 Nov 2026")
    assert any(stale in words for words in await told(door.database, 1))


@pytest.mark.parametrize(("name", "left"), [("reaction", "pending"), ("revoke", "pending"), ("text", "cancelled")])
async def test_only_words_overtake_a_prompt_that_has_not_left(door: Door, name: str, left: str) -> None:
    await door.says("/menu", "1", phone=DIGITS, bsuid=BSUID)
    await settle(door.database)
    values = {"source": f"whatsapp:{NUMBER}", "payload": {"text": "x"}, "owner_version": 0, "cancellable": True}
    prompt = outbox.Draft(chat_id=1, expires_at=NOW + timedelta(days=1), **values)  # type: ignore[arg-type]
    await door.database.write(lambda c: outbox.enqueue(c, [prompt], NOW))
    await door.post(name)
    await settle(door.database)
    found = select(schema.outbox.c.state).where(
        schema.outbox.c.cancellable, schema.outbox.c.payload["text"].as_string() == "x"
    )
    assert await door.database.read(lambda c: c.execute(found).scalars().all()) == [left]


async def test_what_is_taken_back_leaves_the_log_and_is_not_answered(door: Door) -> None:
    body = payload("revoke")
    message = body["entry"][0]["changes"][0]["value"]["messages"][0]
    message["revoke"]["original_message_id"] = payload("image")["entry"][0]["changes"][0]["value"]["messages"][0]["id"]
    await door.post("image")
    await settle(door.database)
    answers = await told(door.database, 1)
    log = schema.messages.c
    found = select(log.text, log.media).where(log.author == "person").order_by(log.id)
    (kept,) = await door.database.read(lambda c: c.execute(found).all())
    assert kept.media["id"] == "1003383421387256"
    await door.post(body)
    await settle(door.database)
    after = await door.database.read(lambda c: c.execute(found).all())
    assert [(row.text, row.media) for row in after] == [("[dihapus pengirim]", None), ("[taken_back]", None)]
    assert await told(door.database, 1) == answers
    assert (await heard_in(door.database))[0] == ("", 1)
