"""Agents' invitations, hours, canned replies, quality and the supervisor's numbers, on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import Connection, select

from storage import agents, calendar, desk_texts, handoffs, ownership, quality, supervision
from storage.database import Database
from storage.schema import quality_reviews
from tests.storage.desk import add_agent, add_chat, ask, serve

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


async def test_an_invitation_works_once(database: Database, now: datetime) -> None:
    def work(connection: Connection) -> int:
        key = agents.add(connection, name="Rani", alias="Rani", code="P-AAAA", role="admin", now=now)
        with pytest.raises(ValueError, match="already"):
            agents.add(connection, name="rani", alias="R", code="P-BBBB", role="agent", now=now)
        with pytest.raises(ValueError, match="role"):
            agents.add(connection, name="x", alias="R", code="P-BBBB", role="boss", now=now)
        agents.invite(connection, key, invite_hash="h1", until=now + DAY)
        agents.invite(connection, key, invite_hash="h2", until=now + DAY)
        assert agents.invited(connection, "h1", now) is None
        assert agents.invited(connection, "h2", now + DAY) is None
        assert agents.invited(connection, "h2", now) is not None
        return key

    key = await database.write(work)
    accept = [
        database.write(lambda c, n=n: agents.accept(c, invite_hash="h2", password_hash=f"p{n}", now=now))
        for n in range(4)
    ]
    assert sorted(filter(None, await asyncio.gather(*accept))) == [key]

    def off(connection: Connection) -> None:
        agents.switch_off(connection, key, now)
        row = agents.get(connection, key)
        assert row is not None
        assert (row["active"], row["password_hash"]) == (False, None)
        assert agents.listed(connection, only_active=True) == []

    await database.write(off)


async def test_there_is_a_desk_with_somebody_who_answers_and_hours(database: Database, now: datetime) -> None:
    def work(connection: Connection) -> None:
        add_agent(connection, "edit", now, role="editor")
        calendar.set_shifts(connection, range(5), [(480, 720), (780, 960)])
        assert not agents.staffed(connection)
        key = add_agent(connection, "rani", now)
        assert agents.staffed(connection)
        calendar.set_shifts(connection, range(5), [])
        assert not agents.staffed(connection)
        calendar.set_shifts(connection, [0], [(480, 720)])
        agents.switch_off(connection, key, now)
        assert not agents.staffed(connection)

    await database.write(work)


async def test_shifts_of_a_time_of_its_own_stand_beside_the_usual_ones(database: Database) -> None:
    first, last = date(2026, 2, 18), date(2026, 3, 19)

    def work(connection: Connection) -> None:
        calendar.set_shifts(connection, (0, 1), [(480, 960)])
        calendar.set_shifts(connection, (0,), [(480, 900)], zone="WITA", first_day=first, last_day=last)
        calendar.set_shifts(connection, (1,), [(540, 600), (660, 720)])
        found = {(r["weekday"], r["opens"], r["zone"], r["first_day"]) for r in calendar.shifts(connection)}
        assert found == {(0, 480, "WIB", None), (1, 540, "WIB", None), (1, 660, "WIB", None), (0, 480, "WITA", first)}
        with pytest.raises(ValueError, match="begin before"):
            calendar.set_shifts(connection, (1,), [(600, 540)])
        assert calendar.clear_period(connection, first, last) == 1

    await database.write(work)


async def test_days_and_rules_are_written_over(database: Database, now: datetime) -> None:
    def work(connection: Connection) -> None:
        day = date(2026, 12, 31)
        calendar.set_day(connection, day, name="Tutup buku", closed=True, author="cli", now=now)
        calendar.set_day(connection, day, name="Buka", closed=False, author="cli", now=now)
        assert [(r["name"], r["closed"]) for r in calendar.days(connection)] == [("Buka", False)]
        assert calendar.days(connection, since=day + DAY) == []
        assert calendar.clear_day(connection, day)
        assert not calendar.clear_day(connection, day)
        calendar.set_rule(connection, topic="", priority=2, first_response_minutes=30, working_days=3)
        calendar.set_rule(connection, topic="uang", priority=2, first_response_minutes=15, working_minutes=240)
        calendar.set_rule(connection, topic="uang", priority=2, first_response_minutes=10, working_days=1)
        known = calendar.rule(connection, "uang", 2), calendar.rule(connection, "akun", 2)
        assert [(r["first_response_minutes"], r["working_days"], r["working_minutes"]) for r in known if r] == [
            (10, 1, None),
            (30, 3, None),
        ]
        assert calendar.rule(connection, "uang", 1) is None
        with pytest.raises(ValueError, match="either"):
            calendar.set_rule(connection, topic="", priority=1, first_response_minutes=5)

    await database.write(work)


async def test_canned_replies_and_drafts_are_kept(database: Database, now: datetime) -> None:
    def work(connection: Connection) -> None:
        for text in ("Halo {nama}", "Halo, {nama}."):
            desk_texts.keep_canned(connection, shortcut="halo", title="Sapa", text=text, author="agent:1", now=now)
        assert [row["text"] for row in desk_texts.canned_replies(connection)] == ["Halo, {nama}."]
        assert desk_texts.delete_canned(connection, "halo")
        assert not desk_texts.delete_canned(connection, "halo")
        chat, rani = add_chat(connection, "a", now), add_agent(connection, "rani", now)
        for text in ("sebentar", "sebentar ya"):
            desk_texts.keep_draft(connection, agent_id=rani, chat_id=chat, text=text, now=now)
        assert desk_texts.draft(connection, agent_id=rani, chat_id=chat) == "sebentar ya"
        desk_texts.keep_draft(connection, agent_id=rani, chat_id=chat, text=" ", now=now)
        assert desk_texts.draft(connection, agent_id=rani, chat_id=chat) == ""

    await database.write(work)


async def test_the_supervisors_numbers(database: Database, now: datetime) -> None:
    def work(connection: Connection) -> None:
        rani, budi = add_agent(connection, "rani", now, cap=3), add_agent(connection, "budi", now, cap=1)
        calendar.set_rule(connection, topic="", priority=2, first_response_minutes=1, working_days=3)
        serve(connection, "a", rani, now, minutes=10, rating=5)
        serve(connection, "b", rani, now, minutes=20, rating=2)
        serve(connection, "c", budi, now, minutes=30)
        left = ask(connection, "d", now - 5 * MINUTE)
        handoffs.close(connection, left, state="left", why="person", now=now)
        ask(connection, "e", now - 7 * MINUTE)
        ask(connection, "f", now - 3 * MINUTE)
        ownership.take(connection, ask(connection, "g", now), budi, now)
        there = supervision.present(connection, now)
        assert (there.waiting, there.longest_wait, there.active) == (2, 7 * MINUTE, 1)
        assert (there.agents, there.slots, there.free, there.handling) == (2, 4, 3, None)
        all_of_them = supervision.figures(connection, now - DAY, now + DAY)
        assert (all_of_them.asked, all_of_them.answered, all_of_them.left, all_of_them.closed_out) == (7, 4, 1, 0)
        assert (all_of_them.first_response, all_of_them.resolution) == (MINUTE, 20 * MINUTE)
        assert (all_of_them.rating, all_of_them.ratings, all_of_them.in_time) == (3.5, 2, 1.0)
        named = {alias: found for _, alias, found in supervision.by_agent(connection, now - DAY, now + DAY)}
        assert (named["Rani"].answered, named["Rani"].handling, named["Rani"].rating) == (2, 15 * MINUTE, 3.5)
        assert (named["Budi"].answered, named["Budi"].rating) == (2, None)
        empty = supervision.figures(connection, now - 3 * DAY, now - 2 * DAY)
        assert (empty.asked, empty.first_response, empty.rating, empty.in_time, empty.quality) == (0, *[None] * 4)

    await database.write(work)


async def test_two_of_a_hundred_and_every_bad_rating_are_read_again(database: Database, now: datetime) -> None:
    def work(connection: Connection) -> None:
        rani = add_agent(connection, "rani", now)
        keys = [serve(connection, f"x{n}", rani, now, minutes=5) for n in range(120)]
        drawn = set(connection.execute(select(quality_reviews.c.handoff_id)).scalars())
        assert 0 < len(drawn) < 12
        bad = next(key for key in keys if key not in drawn)
        assert quality.sample(connection, bad, now, rating=2)
        assert not quality.sample(connection, next(k for k in keys if k not in drawn and k != bad), now, rating=3)
        quality.sample(connection, bad, now, rating=1)
        unread = quality.unread(connection)
        assert len(unread) == len(drawn) + 1
        one = next(row for row in unread if row["handoff_id"] == bad)
        assert (one["why"], one["alias"]) == ("rating", "Rani")
        answers: dict[str, bool | None] = dict.fromkeys(quality.QUESTIONS, True)
        with pytest.raises(ValueError, match="six answers"):
            quality.review(connection, one["id"], reviewer_id=rani, answers={"kind": True}, note="", now=now)
        answers |= {"kind": False, "safe": None}
        quality.review(connection, one["id"], reviewer_id=rani, answers=answers, note="ketus", now=now)
        assert bad not in {row["handoff_id"] for row in quality.unread(connection)}
        assert supervision.figures(connection, now - DAY, now + DAY).quality == 0.8

    await database.write(work)
