"""GET /replies: what is given, in which order, once; waiting without sleeping and without asking the database."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, update

from bot.wake import Wake
from bot.webchat import cursor, limits
from bot.webchat.channel import WebChat
from bot.webchat.receive import address_of
from handlers.messages import Option, Reply, SecureForm
from storage import chats, outbox, schema
from storage.database import Database
from tests.bot.webchat.conftest import Side


def texts(answer: Any) -> list[str]:
    return [reply["text"] for reply in answer.json()["replies"]]


async def test_a_reply_as_the_page_reads_it(side: Side, session: str) -> None:
    options = (
        Option(label="Ya", action="answer:ya"),
        Option(label="Tidak", action="answer:tidak", description="belum"),
    )
    form = SecureForm(key="k", fields=("nik",), url="https://pandu.example/f/k")
    await side.say(session, Reply(text="Setuju?", options=options, version=4, form=form))
    await side.send()
    answer = (await side.replies(session)).json()
    assert answer["typing"] is True  # nobody has answered "halo" yet
    [reply] = answer["replies"]
    assert reply == {
        "id": reply["id"],
        "author": "bot",
        "text": "Setuju?",
        "options": [
            {"number": 1, "label": "Ya", "description": ""},
            {"number": 2, "label": "Tidak", "description": "belum"},
        ],
        "version": 4,
        "form": {"url": "https://pandu.example/f/k"},
    }


async def test_each_reply_once_in_order(side: Side, session: str) -> None:
    await side.say(session, Reply(text="satu"), Reply(text="dua"))
    await side.send()
    first = await side.replies(session)
    assert texts(first) == ["satu", "dua"]
    after = first.json()["next"]
    assert texts(await side.replies(session, after)) == []
    await side.say(session, Reply(text="tiga"))
    await side.send()
    assert texts(await side.replies(session, after)) == ["tiga"]
    assert texts(await side.replies(session)) == ["satu", "dua", "tiga"]  # from the beginning, for a page that lost all


async def test_a_simple_reader_may_send_the_last_id(side: Side, session: str) -> None:
    await side.say(session, Reply(text="satu"), Reply(text="dua"))
    await side.send()
    first, second = (await side.replies(session, 0)).json()["replies"]
    assert texts(await side.replies(session, first["id"])) == ["dua"]
    assert texts(await side.replies(session, second["id"])) == []


async def test_what_waited_is_not_lost_behind_younger_replies(side: Side, session: str) -> None:
    """A campaign that was held goes out after replies with greater numbers."""
    await side.say(session, Reply(text="pengumuman"), lane=outbox.BROADCASTS, author="campaign:1")
    await side.database.write(lambda c: c.execute(update(schema.outbox).values(state="held")))
    await side.say(session, Reply(text="jawaban"))
    await side.send()
    first = await side.replies(session)
    assert texts(first) == ["jawaban"]
    await side.database.write(
        lambda c: c.execute(update(schema.outbox).where(schema.outbox.c.state == "held").values(state="pending"))
    )
    await side.send()
    later = await side.replies(session, first.json()["next"])
    assert texts(later) == ["pengumuman"]
    assert later.json()["replies"][0]["author"] == "campaign"
    assert texts(await side.replies(session, later.json()["next"])) == []


async def test_many_replies_come_in_pieces(side: Side, session: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "REPLIES", 3)
    await side.say(session, *(Reply(text=str(number)) for number in range(8)))
    await side.send()
    after, seen = "", []
    while given := (await side.replies(session, after)).json():
        if not given["replies"]:
            break
        assert len(given["replies"]) <= 3
        seen += [reply["text"] for reply in given["replies"]]
        after = given["next"]
    assert seen == [str(number) for number in range(8)]


async def test_nobody_sees_what_is_not_sent(side: Side, session: str) -> None:
    """Rows the sender holds but has not handed over may still be cancelled (an agent takes over)."""
    await side.say(session, Reply(text="belum"))
    await side.database.write(lambda c: c.execute(update(schema.outbox).values(state="sending", owner="other")))
    assert texts(await side.replies(session)) == []


async def test_handed_over_is_given_before_the_mark_is_committed(side: Side, session: str) -> None:
    await side.say(session, Reply(text="cepat"))
    key = await side.database.write(
        lambda c: c.execute(update(schema.outbox).values(state="sending").returning(schema.outbox.c.id)).scalar_one()
    )
    await side.channel.send(address_of(session), Reply(text="cepat"), lane=0, key=key)
    first = await side.replies(session)
    assert texts(first) == ["cepat"]
    assert texts(await side.replies(session, first.json()["next"])) == []


async def test_other_peoples_replies_stay_theirs(side: Side, session: str) -> None:
    await side.say(session, Reply(text="rahasia"))
    await side.send()
    assert texts(await side.replies(await side.session())) == []


# -- waiting ------------------------------------------------------------------------------------------------------


async def test_a_waiting_page_wakes_at_once_and_asks_nobody_meanwhile(side: Side, session: str) -> None:
    await side.database.write(lambda c: c.execute(update(schema.queue).values(pending=0)))
    loop = asyncio.get_running_loop()
    waiting = asyncio.create_task(side.replies(session, wait=20))
    await asyncio.sleep(0.05)
    asked = side.reads
    await asyncio.sleep(0.2)
    assert side.reads == asked
    await side.say(session, Reply(text="ini"))
    began = loop.time()
    await side.send()
    assert texts(await waiting) == ["ini"]
    assert loop.time() - began < 1


async def test_a_quiet_chat_costs_no_query(side: Side, session: str) -> None:
    await side.database.write(lambda c: c.execute(update(schema.queue).values(pending=0)))
    assert texts(await side.replies(session, wait=0.05)) == []
    asked = side.reads
    for _ in range(3):
        answer = await side.replies(session, wait=0.02)
        assert answer.json() == {"replies": [], "typing": False, "next": "0"}
    assert side.reads == asked
    await side.post(session, {"id": "a2", "text": "masih di sana?"})
    assert (await side.replies(session)).json()["typing"] is True


async def test_the_service_can_stop_at_once(side: Side, session: str) -> None:
    waiting = asyncio.create_task(side.replies(session, wait=25))
    await asyncio.sleep(0.05)
    side.channel.stop()
    assert texts(await asyncio.wait_for(waiting, 1)) == []
    assert texts(await asyncio.wait_for(side.replies(session, wait=25), 1)) == []


async def test_a_fifth_tab_ends_the_oldest(side: Side, session: str) -> None:
    tabs = []
    for _ in range(limits.WAITERS_PER_SESSION + 1):
        tabs.append(asyncio.create_task(side.replies(session, wait=20)))
        await asyncio.sleep(0.02)
    done, _ = await asyncio.wait(tabs, timeout=2, return_when=asyncio.FIRST_COMPLETED)
    assert done == {tabs[0]}
    side.channel.stop()
    await asyncio.gather(*tabs)


async def test_too_many_pages_are_asked_to_come_later(
    side: Side, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "WAITERS", 0)
    answer = await side.replies(session)
    assert (answer.status_code, answer.json()["reason"]) == (503, "busy")


async def test_an_outage_is_told(side: Side, session: str) -> None:
    async def down(_work: Any) -> Any:
        raise TimeoutError

    side.database.read = down  # type: ignore[assignment, method-assign]
    answer = await side.replies(session)
    assert (answer.status_code, answer.json()["reason"]) == (503, "unavailable")
    assert "retry-after" in answer.headers


@pytest.mark.parametrize("after", ["x", "-1", "1.", ".1", "1..2", "1.2.x", "9" * 19, "1" + ".2" * 9_000, "١"])
async def test_a_bad_place(side: Side, session: str, after: str) -> None:
    answer = await side.replies(session, after)
    assert (answer.status_code, answer.json()["reason"]) == (400, "bad_after")


@pytest.mark.parametrize("wait", ["x", "-1", "26", "nan", "inf", "1e3", "٣"])
async def test_a_bad_wait(side: Side, session: str, wait: Any) -> None:
    answer = await side.replies(session, wait=wait)
    assert (answer.status_code, answer.json()["reason"]) == (400, "bad_wait")


@pytest.mark.parametrize("text", ["0", "17", "0.5", "1732423412345678.9.10"])
def test_cursors_travel(text: str) -> None:
    assert str(cursor.parse(text)) == text


async def test_another_process_sends(postgres: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Web and sender in different processes: the page has its reply after the next look, and looks only while it waits."""
    monkeypatch.setattr(limits, "NET_SECONDS", 0.05)
    here = Side(postgres)
    there = Side(Database(postgres.url))
    session = await here.session()
    await here.post(session, {"id": "a1", "text": "halo"})
    waiting = asyncio.create_task(here.replies(session, wait=20))
    await asyncio.sleep(0.1)
    await there.say(session, Reply(text="dari sana"))
    await there.send()
    first = await asyncio.wait_for(waiting, 5)
    assert texts(first) == ["dari sana"]
    assert texts(await here.replies(session, first.json()["next"], wait=0.2)) == []
    for side in (here, there):
        await side.channel.close()
        await side.http.aclose()
    await there.database.close()


async def test_sending_never_fails(sqlite: Database) -> None:
    """Nobody reads, nobody is known: the reply waits in the outbox."""
    channel = WebChat(sqlite, Wake(sqlite))
    assert (await channel.send("unknown", Reply(text="x"), lane=0, key=7)).platform_id == "7"  # type: ignore[union-attr]


async def test_agents_are_named(side: Side, session: str) -> None:
    def take(connection: Connection) -> int:
        chat = chats.find(connection, "web", "web", address_of(session))
        assert chat is not None
        return chats.take_over(connection, chat["id"], owner="agent:1", now=chat["created_at"])

    await side.database.write(take)
    await side.say(session, Reply(text="Saya Rina"), author="agent:1")
    await side.send()
    [reply] = (await side.replies(session)).json()["replies"]
    assert reply["author"] == "agent"


async def test_old_ids_leave_the_cursor(side: Side, session: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.webchat.replies._OVERLAP", timedelta(microseconds=1))
    after = ""
    for number in range(5):
        await side.say(session, Reply(text=str(number)))
        await side.send()
        answer = await side.replies(session, after)
        assert texts(answer) == [str(number)]
        after = answer.json()["next"]
    place = cursor.parse(after)
    assert place is not None
    assert len(place.given) <= 2
