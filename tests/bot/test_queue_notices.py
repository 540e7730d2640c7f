"""The queue's loop on both databases: assigning, dropping out, telling, sending home; and the policy that knows of a desk."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, select

from bot.effects import Parts
from bot.queue_notices import CLOSED, QueueNotices, news
from bot.staff import Staffed
from bot.wake import Wake
from handlers import catalogue, desk_acts
from handlers.turn import Policy
from storage import agents, calendar, cases, chats, desk_messages, handoffs, outbox, ownership, privacy
from storage.database import Database
from storage.handoffs import RefusedError
from storage.schema import chats as chat_rows
from storage.schema import conversations, messages
from storage.schema import handoffs as table
from storage.schema import outbox as outbox_rows
from tests.bot.engines import StubEngine
from tests.storage.desk import add_agent, ask

MINUTE = timedelta(minutes=1)


def loop(database: Database, now: datetime) -> QueueNotices:
    return QueueNotices(database, catalogue.load, Wake(database), clock=lambda _: now)


async def office(database: Database) -> None:
    await database.write(lambda c: calendar.set_shifts(c, range(5), [(480, 960)]))


async def said(database: Database, handoff_id: int) -> list[str]:
    def work(connection: Connection) -> list[str]:
        row = handoffs.get(connection, handoff_id)
        assert row is not None
        rows = connection.execute(
            select(outbox_rows.c.payload).where(outbox_rows.c.chat_id == row["chat_id"]).order_by(outbox_rows.c.id)
        )
        return [str(payload["text"]) for payload in rows.scalars()]

    return await database.read(work)


async def test_the_loop_gives_and_says_who_it_is_and_the_bot_owns_nothing_then(
    database: Database, now: datetime
) -> None:
    await office(database)
    assert await loop(database, now).run_once() == 0
    first = await database.write(lambda c: ask(c, "a", now))
    await database.write(lambda c: add_agent(c, "rani", now, code="P-4K7M"))
    assert await loop(database, now).run_once() == 1
    (text,) = await said(database, first)
    assert "bicara dengan Rani, petugas, kode P-4K7M" in text
    owner = await database.read(lambda c: c.execute(select(conversations.c.owner)).scalar_one())
    assert owner == "agent:1"
    logged = await database.read(lambda c: c.execute(select(messages.c.author, messages.c.handler)).all())
    assert [tuple(row) for row in logged] == [("bot", "queue")]
    assert await loop(database, now).run_once() == 0


async def test_two_loops_at_once_give_each_request_once(database: Database, now: datetime) -> None:
    """A lease that ran out: for a moment two processes believe that they lead."""
    await office(database)
    await database.write(lambda c: [add_agent(c, name, now, cap=2) for name in ("rani", "budi")])
    keys = await database.write(lambda c: [ask(c, f"x{n}", now, later=n) for n in range(6)])
    await asyncio.gather(*(loop(database, now + MINUTE).run_once() for _ in range(3)))
    await loop(database, now + MINUTE).run_once()
    rows = await database.read(lambda c: handoffs.active(c))
    assert sorted(row["id"] for row in rows) == keys[:4]
    assert sorted(row["agent_id"] for row in rows) == [1, 1, 2, 2]
    for key in keys[:4]:
        assert len([text for text in await said(database, key) if "bicara dengan" in text]) == 1


async def test_who_left_the_channel_leaves_the_queue_without_a_word(database: Database, now: datetime) -> None:
    await office(database)
    key = await database.write(lambda c: ask(c, "a", now))
    await database.write(lambda c: outbox.stop_chat(c, handoffs.get(c, key)["chat_id"], now))  # type: ignore[index]
    await loop(database, now).run_once()
    row = await database.read(lambda c: handoffs.get(c, key))
    assert row is not None
    assert (row["state"], row["ended_why"]) == ("left", "stopped")
    assert await said(database, key) == []


async def test_who_is_back_in_line_is_not_sent_home_for_the_time_that_was_served(
    database: Database, now: datetime
) -> None:
    await office(database)
    key = await database.write(lambda c: ask(c, "a", now))
    rani = await database.write(lambda c: add_agent(c, "rani", now))
    await database.write(lambda c: desk_acts.take(c, catalogue.load(), key, rani, now))
    later = now + 40 * MINUTE
    await loop(database, later).run_once()
    row = await database.read(lambda c: handoffs.get(c, key))
    assert row is not None
    assert row["state"] == "waiting"
    await loop(database, later + 30 * MINUTE).run_once()
    texts = await said(database, key)
    assert "Rani terputus" in texts[1]
    assert "Petugas penuh" in texts[2]


BASE = {"live": False, "stopped_at": None, "told_position": 2, "channel": "web"}


@pytest.mark.parametrize(
    ("more", "place", "is_open", "what"),
    [
        ({}, 2, True, None),
        ({}, 1, True, "moved"),
        ({"told_ago": 4}, 1, True, None),
        ({"channel": "sms"}, 2, True, None),
        ({"channel": "sms", "told_position": 3}, 2, True, None),
        ({"channel": "sms", "told_ago": 1}, 1, True, "moved"),
        ({"channel": "whatsapp", "told_position": 1}, 1, True, None),
        ({"waited": 30}, 2, True, "full"),
        ({"waited": 29}, 2, True, None),
        ({"waited": 90, "live": True}, 2, True, None),
        ({}, 2, False, "hours"),
        ({"live": True}, 2, False, "closed"),
        ({"live": True, "told_position": CLOSED}, 2, False, None),
        ({"live": True, "told_position": CLOSED}, 2, True, "moved"),
        ({"stopped_at": 1}, 1, False, "stopped"),
    ],
)
def test_what_is_news(more: dict[str, object], place: int, is_open: bool, what: str | None, now: datetime) -> None:
    waited, ago = int(str(more.get("waited", 10))), int(str(more.get("told_ago", 5)))
    row = {**BASE, "waiting_since": now - waited * MINUTE, "told_at": now - ago * MINUTE, **more}
    assert news(row, place, is_open=is_open, now=now) == what  # type: ignore[arg-type]


async def test_a_person_who_leaves_while_an_agent_reaches_for_them_gets_one_answer(
    database: Database, now: datetime
) -> None:
    await office(database)
    content = catalogue.load()
    rani = await database.write(lambda c: add_agent(c, "rani", now))
    for turn in range(6):
        key = await database.write(lambda c, turn=turn: ask(c, f"x{turn}", now))

        async def take(key: int = key) -> str:
            try:
                await database.write(lambda c: desk_acts.take(c, content, key, rani, now))
            except RefusedError as refused:
                return refused.reason
            return "taken"

        async def leave(key: int = key) -> str:
            chat = await database.read(lambda c: handoffs.get(c, key)["chat_id"])  # type: ignore[index]
            left = await database.write(lambda c: ownership.leave(c, chat, now))
            assert left is not None
            return str(left["state"])

        told, state = await asyncio.gather(take(), leave())
        assert (told, state) in (("taken", "ended"), ("gone", "left"))
    owners = await database.read(lambda c: c.execute(select(conversations.c.owner)).scalars().all())
    assert set(owners) == {"bot"}


async def test_abuse_is_warned_of_before_it_is_paused(database: Database, now: datetime) -> None:
    def work(connection: Connection) -> None:
        content = catalogue.load()
        rani, budi = add_agent(connection, "rani", now), add_agent(connection, "budi", now)
        key = ask(connection, "a", now)
        desk_acts.take(connection, content, key, rani, now)
        with pytest.raises(ValueError, match="warn first"):
            desk_acts.pause(connection, content, key, rani, now)
        with pytest.raises(RefusedError, match="taken"):
            desk_acts.warn(connection, content, key, budi, now)
        desk_acts.warn(connection, content, key, rani, now)
        desk_acts.pause(connection, content, key, rani, now)
        row = connection.execute(select(chat_rows.c.warned_at, chat_rows.c.paused_until)).one()
        assert (row.warned_at, row.paused_until) == (now, now + timedelta(days=1))
        ended = handoffs.get(connection, key)
        assert ended is not None
        assert (ended["state"], ended["ended_why"]) == ("ended", "paused")

    await database.write(work)


async def test_an_end_needs_a_recap(database: Database, now: datetime) -> None:
    def work(connection: Connection) -> None:
        content, rani = catalogue.load(), add_agent(connection, "rani", now)
        key = ask(connection, "a", now)
        desk_acts.take(connection, content, key, rani, now)
        for resolution, told in (("answered", " "), ("done", "x")):
            with pytest.raises(ValueError, match="recap"):
                desk_acts.end(connection, content, key, rani, now, resolution=resolution, told=told)
        desk_acts.end(connection, content, key, rani, now, resolution="forwarded", told="Kami tanyakan. " * 60)
        case = cases.by_number(connection, "L-a")
        assert case is not None
        assert (case["state"], case["resolution"]) == ("open", "forwarded")
        bubbles = connection.execute(select(outbox_rows.c.payload).order_by(outbox_rows.c.id)).scalars().all()
        assert all(len(bubble["text"]) <= 500 for bubble in bubbles)
        assert all(bubble["passes_agent"] for bubble in bubbles)
        assert len(bubbles[-1]["options"]) == 5

    await database.write(work)


async def test_erasing_takes_the_requests_too(database: Database, now: datetime) -> None:
    def work(connection: Connection) -> None:
        rani = add_agent(connection, "rani", now)
        key = ask(connection, "a", now)
        chat = ownership.take(connection, key, rani, now)["chat_id"]
        desk_messages.say(connection, chat_id=chat, agent_id=rani, payload={"text": "Halo"}, now=now)
        ownership.end(connection, key, rani, now)
        privacy.erase(connection, chat, now)
        assert connection.execute(select(table.c.id)).all() == []
        assert chats.transcript(connection, chat) == []

    await database.write(work)


async def test_conversations_learn_of_a_desk_from_the_database(database: Database, now: datetime) -> None:
    def work(connection: Connection) -> None:
        made = Parts(engine=StubEngine(), catalogue=catalogue.load(), policy=Policy(), new_id=lambda n: "0" * n)
        staffed = Staffed()

        def has_agents(later: int) -> bool:
            return staffed.parts(connection, made, now + timedelta(seconds=later)).policy.agents

        assert not has_agents(0)
        add_agent(connection, "rani", now)
        calendar.set_shifts(connection, [0], [(480, 960)])
        assert not has_agents(4)  # asked of the database at most every five seconds
        assert has_agents(5)
        agents.switch_off(connection, 1, now)
        assert not has_agents(20)
        assert not has_agents(-20)  # the clock has gone back

    await database.write(work)
