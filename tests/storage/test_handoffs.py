"""The queue and who speaks: the same on SQLite and on PostgreSQL, races included."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import Connection, func, select

from storage import agents, chats, desk_messages, desk_texts, handoffs, outbox, outcomes, ownership, sending, waits
from storage.database import Database
from storage.handoffs import RefusedError
from storage.schema import conversations, messages
from storage.schema import handoffs as table
from storage.schema import outbox as outbox_rows
from tests.storage.desk import add_agent, add_chat, ask, owner, serve

MINUTE = timedelta(minutes=1)


async def test_the_line_is_by_urgency_then_by_time_and_who_was_served_comes_first(
    database: Database, now: datetime
) -> None:
    def work(connection: Connection) -> None:
        one, two, urgent = (ask(connection, name, now, later=n) for n, name in enumerate(("a", "b", "c")))
        handoffs.raise_priority(connection, urgent, 1)
        handoffs.raise_priority(connection, urgent, 2)  # never back
        assert [row["id"] for row in handoffs.waiting(connection)] == [urgent, one, two]
        agent = add_agent(connection, "rani", now)
        ownership.take(connection, two, agent, now)
        ownership.give_back(connection, two, agent, now)
        line = handoffs.waiting(connection)
        assert [row["id"] for row in line] == [urgent, two, one]
        assert [handoffs.position(connection, row) for row in line] == [1, 2, 3]

    await database.write(work)


async def test_who_asks_again_keeps_the_place(database: Database, now: datetime) -> None:
    def work(connection: Connection) -> None:
        first = ask(connection, "a", now)
        row = handoffs.get(connection, first)
        assert row is not None
        again = handoffs.join(
            connection, chat_id=row["chat_id"], number="L-2", topic="x", priority=0, live=True, now=now + MINUTE
        )
        assert (again["id"], again["priority"], again["asked_at"]) == (first, 2, now)

    await database.write(work)


async def test_the_queue_gives_to_the_least_loaded_below_the_cap_with_the_skill(
    database: Database, now: datetime
) -> None:
    def work(connection: Connection) -> None:
        rani = add_agent(connection, "rani", now, cap=2)
        budi = add_agent(connection, "budi", now, cap=1, skills=["uang"])
        away = add_agent(connection, "cici", now)
        agents.switch(connection, away, agents.FINISHING, now)
        add_agent(connection, "edit", now, role="editor")
        asked = [ask(connection, name, now, later=n) for n, name in enumerate("abcd")]
        skilled = ask(connection, "e", now, later=9, wanted_skill="data")
        given = {}
        for _ in range(9):
            row = ownership.assign_next(connection, now)
            if row is not None:
                given[row["id"]] = row["agent_id"]
        assert given == {asked[0]: rani, asked[1]: budi, asked[2]: rani}
        ownership.end(connection, asked[0], rani, now)
        ownership.end(connection, asked[1], budi, now)
        ownership.leave(connection, handoffs.get(connection, asked[3])["chat_id"], now)  # type: ignore[index]
        row = ownership.assign_next(connection, now)
        assert row is not None  # budi is less loaded, but has another skill
        assert (row["id"], row["agent_id"]) == (skilled, rani)
        assert owner(connection, skilled) == f"agent:{rani}"

    await database.write(work)


async def test_a_skill_that_nobody_there_has_keeps_nobody_waiting(database: Database, now: datetime) -> None:
    def work(connection: Connection) -> None:
        budi = add_agent(connection, "budi", now, skills=["uang"])
        wanted = ask(connection, "a", now, wanted_skill="data")
        row = ownership.assign_next(connection, now)
        assert row is not None
        assert (row["id"], row["agent_id"]) == (wanted, budi)

    await database.write(work)


async def test_of_two_agents_who_reach_for_one_request_one_has_it(database: Database, now: datetime) -> None:
    names = [f"agen{n}" for n in range(6)]
    keys = await database.write(lambda c: [add_agent(c, name, now, code=f"P-{name[-1]}") for name in names])
    for turn in range(5):
        wanted = await database.write(partial(ask, address=f"chat{turn}", now=now))

        async def reach(agent: int, wanted: int = wanted) -> int | None:
            try:
                row = await database.write(lambda c: ownership.take(c, wanted, agent, now))
            except RefusedError as refused:
                return None if refused.reason == "taken" else -1
            return int(row["agent_id"])

        async def assign() -> int | None:
            row = await database.write(lambda c: ownership.assign_next(c, now))
            return int(row["agent_id"]) if row else None

        won = [key for key in await asyncio.gather(*(reach(key) for key in keys), assign()) if key is not None]
        assert len(won) == 1
        assert await database.read(partial(owner, handoff_id=wanted)) == f"agent:{won[0]}"


async def test_the_queue_never_gives_more_than_the_cap_however_many_give(database: Database, now: datetime) -> None:
    agent = await database.write(lambda c: add_agent(c, "rani", now, cap=2))
    await database.write(lambda c: [ask(c, f"x{n}", now, later=n) for n in range(6)])
    for _ in range(3):
        await asyncio.gather(*(database.write(lambda c: ownership.assign_next(c, now)) for _ in range(5)))
    assert len(await database.read(lambda c: handoffs.active(c, agent_id=agent))) == 2


async def test_only_the_owner_is_heard_whatever_happens_at_the_same_moment(database: Database, now: datetime) -> None:
    """Two agents, the bot and a takeover at once: each message in the outbox was its owner's, and no two owners speak in turns."""

    def prepare(connection: Connection) -> tuple[int, int, int, int]:
        key = ask(connection, "a", now)
        rani, budi = add_agent(connection, "rani", now), add_agent(connection, "budi", now)
        row = ownership.take(connection, key, rani, now)
        return key, row["chat_id"], rani, budi

    key, chat, rani, budi = await database.write(prepare)

    async def speak(agent: int, text: str) -> str:
        say = partial(desk_messages.say, chat_id=chat, agent_id=agent, payload={"text": text}, now=now)
        try:
            await database.write(say)
        except RefusedError as refused:
            return f"{refused.reason}:{refused.agent_id}"
        return "said"

    async def seize() -> str:
        await database.write(lambda c: ownership.take(c, key, budi, now, from_another=True))
        return "seized"

    acts = [speak(rani if n % 2 else budi, f"{n}") for n in range(12)]
    told = await asyncio.gather(*acts[:6], seize(), *acts[6:])
    assert set(told) <= {"said", "seized", f"taken:{rani}", f"taken:{budi}"}

    def authors(connection: Connection) -> list[str]:
        rows = connection.execute(select(outbox_rows.c.author, outbox_rows.c.state).order_by(outbox_rows.c.id)).all()
        kept = [row.author for row in rows if row.state == "pending"]
        assert all(author == f"agent:{budi}" for author in kept)  # what rani had not sent yet is cancelled
        return [row.author for row in rows]

    spoken = await database.read(authors)
    assert spoken == sorted(spoken, key=[f"agent:{rani}", f"agent:{budi}"].index)


async def test_who_does_not_own_the_chat_is_refused_with_the_reason(database: Database, now: datetime) -> None:
    def work(connection: Connection) -> None:
        key = ask(connection, "a", now)
        chat = int(handoffs.get(connection, key)["chat_id"])  # type: ignore[index]
        rani, budi = add_agent(connection, "rani", now), add_agent(connection, "budi", now)

        def reason(agent: int) -> tuple[str, int | None]:
            with pytest.raises(RefusedError) as caught:
                desk_messages.say(connection, chat_id=chat, agent_id=agent, payload={"text": "x"}, now=now)
            return caught.value.reason, caught.value.agent_id

        assert reason(rani) == ("bot", None)
        ownership.take(connection, key, rani, now)
        assert reason(budi) == ("taken", rani)
        desk_messages.say(connection, chat_id=chat, agent_id=rani, payload={"text": "Halo, saya Rani"}, now=now)
        ownership.end(connection, key, rani, now)
        assert reason(rani) == ("bot", None)
        for act in (ownership.end, ownership.give_back):
            with pytest.raises(RefusedError, match="gone"):
                act(connection, key, rani, now)
        assert connection.execute(select(func.count()).select_from(messages)).scalar() == 1

    await database.write(work)


async def test_words_that_are_passed_on_still_go_and_words_that_were_taken_away_do_not(
    database: Database, now: datetime
) -> None:
    def work(connection: Connection) -> None:
        rani, budi = add_agent(connection, "rani", now), add_agent(connection, "budi", now)

        def sendable(key: int, before: str) -> set[str]:
            source = {"source": "web:web", "token": f"t{key}{before}", "now": now, "lease": MINUTE}
            rows, _ = sending.claim(connection, **source, limit=9, rate=0, reserve=0)
            good = sending.check(connection, ids=[r["id"] for r in rows], token=source["token"], now=now, lease=MINUTE)
            return {row["payload"]["text"] for row in rows if row["id"] in good}

        def spoken(name: str) -> int:
            key = ask(connection, name, now)
            row = ownership.take(connection, key, rani, now)
            desk_messages.say(connection, chat_id=row["chat_id"], agent_id=rani, payload={"text": name}, now=now)
            return key

        ended, passed, dropped, seized = spoken("ended"), spoken("passed"), spoken("dropped"), spoken("seized")
        ownership.end(connection, ended, rani, now)
        ownership.transfer(connection, passed, rani, now, note="bahasa Jawa", to_agent=budi)
        ownership.give_back(connection, dropped, rani, now)
        ownership.take(connection, seized, budi, now, from_another=True)
        assert sendable(1, "x") == {"ended", "passed", "dropped"}
        case = handoffs.get(connection, passed)
        assert case is not None
        assert [(n["author"], n["text"]) for n in desk_texts.notes(connection, case["case_id"])] == [
            (f"agent:{rani}", "bahasa Jawa")
        ]

    await database.write(work)


async def test_a_message_whose_owner_lost_the_chat_while_it_was_on_its_way_is_stopped(
    database: Database, now: datetime
) -> None:
    def work(connection: Connection) -> None:
        rani, budi = add_agent(connection, "rani", now), add_agent(connection, "budi", now)
        key = ask(connection, "a", now)
        chat = ownership.take(connection, key, rani, now)["chat_id"]
        sent = desk_messages.say(connection, chat_id=chat, agent_id=rani, payload={"text": "x"}, now=now)
        sending.claim(connection, source="web:web", token="t", now=now, lease=MINUTE, limit=9, rate=0, reserve=0)
        ownership.take(connection, key, budi, now, from_another=True)
        assert sending.check(connection, ids=[sent], token="t", now=now, lease=MINUTE) == set()
        state = desk_messages.deliveries(connection, chat)[sent]
        assert (state["state"], state["reason"]) == ("cancelled", "owner changed")
        with pytest.raises(RefusedError, match="taken"):
            desk_messages.retry(connection, outbox_id=sent, agent_id=rani, now=now)
        ownership.take(connection, key, rani, now, from_another=True)
        desk_messages.retry(connection, outbox_id=sent, agent_id=rani, now=now)
        assert desk_messages.deliveries(connection, chat)[sent]["state"] == "pending"
        with pytest.raises(RefusedError, match="gone"):
            desk_messages.retry(connection, outbox_id=sent, agent_id=budi, now=now)

    await database.write(work)


async def test_who_drops_out_loses_no_ones_place(database: Database, now: datetime) -> None:
    def work(connection: Connection) -> None:
        rani = add_agent(connection, "rani", now)
        served = ask(connection, "a", now)
        ownership.take(connection, served, rani, now)
        earlier = ask(connection, "b", now - MINUTE)
        assert ownership.drop_out(connection, now + 2 * MINUTE) == []
        (dropped,) = ownership.drop_out(connection, now + 3 * MINUTE)
        assert (dropped["id"], dropped["agent_id"], dropped["asked_at"]) == (served, None, now)
        assert [row["id"] for row in handoffs.waiting(connection)] == [served, earlier]
        assert owner(connection, served) == "bot"
        assert ownership.assign_next(connection, now + 3 * MINUTE) is None
        agents.beat(connection, rani, now + 3 * MINUTE)
        again = ownership.assign_next(connection, now + 3 * MINUTE)
        assert again is not None
        assert (again["id"], again["assigned_at"], again["taken_at"]) == (served, now, now + 3 * MINUTE)
        agents.switch(connection, rani, agents.AWAY, now + 4 * MINUTE)
        agents.beat(connection, rani, now + 7 * MINUTE)
        assert [row["id"] for row in ownership.drop_out(connection, now + 7 * MINUTE)] == [served]

    await database.write(work)


async def test_finishing_keeps_what_there_is_and_switching_off_does_not(database: Database, now: datetime) -> None:
    def work(connection: Connection) -> None:
        rani = add_agent(connection, "rani", now)
        served = ask(connection, "a", now)
        ownership.take(connection, served, rani, now)
        agents.switch(connection, rani, agents.FINISHING, now)
        agents.beat(connection, rani, now + 5 * MINUTE)
        assert ownership.drop_out(connection, now + 5 * MINUTE) == []
        agents.switch_off(connection, rani, now + 5 * MINUTE)
        assert [row["id"] for row in ownership.drop_out(connection, now + 5 * MINUTE)] == [served]
        assert agents.by_code(connection, "P-RANI") is None

    await database.write(work)


async def test_a_person_leaves_from_the_queue_and_from_a_conversation(database: Database, now: datetime) -> None:
    def work(connection: Connection) -> None:
        rani = add_agent(connection, "rani", now)
        waiting, served = ask(connection, "a", now), ask(connection, "b", now)
        chat = ownership.take(connection, served, rani, now)["chat_id"]
        left = ownership.leave(connection, handoffs.get(connection, waiting)["chat_id"], now)  # type: ignore[index]
        assert left is not None
        assert (left["state"], left["ended_why"]) == ("left", "person")
        ended = ownership.leave(connection, chat, now)
        assert ended is not None
        assert (ended["state"], ended["ended_why"], owner(connection, served)) == ("ended", "person", "bot")
        assert ownership.leave(connection, chat, now) is None
        assert not handoffs.close(connection, waiting, state="closed_out", why="full", now=now)

    await database.write(work)


async def test_a_transfer_wants_a_colleague_who_is_there(database: Database, now: datetime) -> None:
    def work(connection: Connection) -> None:
        rani, budi = add_agent(connection, "rani", now), add_agent(connection, "budi", now - 9 * MINUTE)
        key = ask(connection, "a", now)
        ownership.take(connection, key, rani, now)
        with pytest.raises(RefusedError, match="away"):
            ownership.transfer(connection, key, rani, now, note="x", to_agent=budi)
        row = ownership.transfer(connection, key, rani, now, note="soal data", to_skill="data")
        assert (row["state"], row["wanted_skill"], row["front"]) == ("waiting", "data", True)

    await database.write(work)


async def test_an_agent_begins_from_a_case_unless_somebody_is_there(database: Database, now: datetime) -> None:
    def work(connection: Connection) -> None:
        from storage import cases

        rani = add_agent(connection, "rani", now)
        key = ask(connection, "a", now)
        case = cases.by_number(connection, "L-a")
        assert case is not None
        with pytest.raises(RefusedError, match="busy"):
            ownership.open_by_agent(connection, case, rani, now)
        handoffs.close(connection, key, state="closed_out", why="full", now=now)
        row = ownership.open_by_agent(connection, case, rani, now)
        assert (row["state"], row["agent_id"], row["number"]) == ("active", rani, "L-a")
        assert [r["id"] for r in handoffs.of_chat(connection, case["chat_id"])] == [row["id"], key]

    await database.write(work)


async def test_campaigns_wait_while_an_agent_speaks_and_go_afterwards(database: Database, now: datetime) -> None:
    def work(connection: Connection) -> None:
        rani = add_agent(connection, "rani", now)
        key = ask(connection, "a", now)
        chat = ownership.take(connection, key, rani, now)["chat_id"]
        draft = outbox.Draft(
            chat_id=chat,
            source="web:web",
            payload={"text": "kabar"},
            owner_version=0,
            expires_at=now + 60 * MINUTE,
            lane=outbox.BROADCASTS,
            author="campaign:1",
        )
        outbox.enqueue(connection, [draft], now)
        rows, _ = sending.claim(
            connection, source="web:web", token="t", now=now, lease=MINUTE, limit=9, rate=0, reserve=0
        )
        assert sending.check(connection, ids=[r["id"] for r in rows], token="t", now=now, lease=MINUTE) == set()
        ownership.end(connection, key, rani, now)
        states = connection.execute(select(outbox_rows.c.state).where(outbox_rows.c.author == "campaign:1"))
        assert states.scalars().all() == ["pending"]

    await database.write(work)


# -- waits ------------------------------------------------------------------------------------------------------------


async def test_the_wait_is_measured_or_not_told(database: Database, now: datetime) -> None:
    def work(connection: Connection) -> None:
        assert waits.expected(connection, 1, now) is None
        rani = add_agent(connection, "rani", now, cap=2)
        assert waits.expected(connection, 2, now) == timedelta(0)
        for name in "ab":
            ownership.take(connection, ask(connection, name, now), rani, now)
        assert waits.expected(connection, 1, now) is None  # nothing measured yet
        for n, minutes in enumerate((4, 6, 8, 10, 60)):
            serve(connection, f"old{n}", rani, now, minutes=minutes)
        assert waits.handling_time(connection, now) == 8 * MINUTE
        assert waits.expected(connection, 3, now) == 12 * MINUTE
        agents.switch(connection, rani, agents.AWAY, now)
        assert waits.expected(connection, 3, now) is None

    await database.write(work)


async def test_a_rating_belongs_to_the_conversation_that_ended_last(database: Database, now: datetime) -> None:
    def work(connection: Connection) -> None:
        rani = add_agent(connection, "rani", now)
        key = serve(connection, "a", rani, now, minutes=5)
        chat = handoffs.get(connection, key)["chat_id"]  # type: ignore[index]
        found = handoffs.to_rate(connection, chat, now)
        assert found is not None
        assert found["id"] == key
        handoffs.rate(connection, key, now, rating=2)
        handoffs.rate(connection, key, now, note="lama")
        row = handoffs.get(connection, key)
        assert row is not None
        assert (row["rating"], row["rating_note"]) == (2, "lama")
        assert handoffs.to_rate(connection, chat, now + timedelta(days=8)) is None
        assert handoffs.to_rate(connection, add_chat(connection, "b", now), now) is None

    await database.write(work)


async def test_the_lock_of_a_chat_is_taken_before_the_request_is_read(database: Database, now: datetime) -> None:
    """The worker holds a chat while it answers; whoever takes the request meanwhile sees what came of it."""
    key = await database.write(partial(ask, address="a", now=now))
    rani = await database.write(lambda c: add_agent(c, "rani", now))
    chat = await database.read(lambda c: handoffs.get(c, key)["chat_id"])  # type: ignore[index]

    async def leaves() -> object:
        def work(connection: Connection) -> object:
            chats.lock_conversations(connection, [chat])
            return ownership.leave(connection, chat, now)

        return await database.write(work)

    async def takes() -> str:
        try:
            await database.write(lambda c: ownership.take(c, key, rani, now))
        except RefusedError as refused:
            return refused.reason
        return "taken"

    _, told = await asyncio.gather(leaves(), takes())
    row = await database.read(lambda c: handoffs.get(c, key))
    assert row is not None
    assert (told, row["state"]) in (("gone", "left"), ("taken", "ended"))
    held = await database.read(lambda c: c.execute(select(conversations.c.owner)).scalar_one())
    assert held == "bot"
    assert await database.read(lambda c: c.execute(select(func.count()).select_from(table)).scalar_one()) == 1


async def test_the_bot_says_nothing_after_the_agent_however_close_they_come(database: Database, now: datetime) -> None:
    """A reply of the bot's on its way while an agent takes the chat and writes: it went before, or it does not go."""
    rani = await database.write(lambda c: add_agent(c, "rani", now, cap=20))
    for turn in range(6):
        key = await database.write(lambda c, turn=turn: ask(c, f"x{turn}", now))
        chat = await database.read(lambda c, key=key: handoffs.get(c, key)["chat_id"])  # type: ignore[index]
        reply = {"chat_id": chat, "source": "web:web", "payload": {"text": "bot"}, "owner_version": 0}
        draft = outbox.Draft(**reply, expires_at=now + 60 * MINUTE)
        await database.write(partial(outbox.enqueue, drafts=[draft, draft], now=now))
        went: list[str] = []

        async def send(token: str, went: list[str] = went) -> None:
            def work(connection: Connection) -> list[str]:
                given = {"token": token, "now": now, "lease": MINUTE}
                rows, _ = sending.claim(connection, source="web:web", **given, limit=9, rate=0, reserve=0)
                good = sending.check(connection, ids=[row["id"] for row in rows], **given)
                marks = [outcomes.Mark(id=key, state="accepted") for key in good]
                outcomes.mark(connection, marks=marks, token=token, now=now)
                return [row["author"] for row in rows if row["id"] in good]

            went += await database.write(work)

        async def take(key: int = key, chat: int = chat) -> None:
            await database.write(lambda c: ownership.take(c, key, rani, now))
            payload = {"text": "agen"}
            await database.write(partial(desk_messages.say, chat_id=chat, agent_id=rani, payload=payload, now=now))

        await asyncio.gather(send("s1"), take(), send("s2"))
        for token in ("s3", "s4", "s5"):
            await send(token)
        assert went == sorted(went, reverse=True)  # "bot" before "agent:1"
        assert went.count("agent:1") == 1
