"""Sessions of a shared screen: their end, what is taken home, and what keeps a chat, on both databases."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, select

from storage import carrying, cases, chats, consents, drafts, identity, kiosk, registrations
from storage.database import Database
from storage.schema import cases as case_rows
from storage.schema import chats as chat_rows
from storage.schema import conversations, messages, metadata

PLACE = ("web", "web", "session")
MINUTES, HOURS = timedelta(minutes=20), timedelta(hours=48)


def fill(connection: Connection, now: datetime) -> int:
    """A session with a log, a draft, a preparation and its consent."""
    chat = kiosk.begin(connection, PLACE, now=now, until=now + MINUTES)
    chats.log(connection, [{"chat_id": chat, "author": "person", "text": "umur saya 51", "at": now}])
    chats.save_states(connection, {chat: {"form": "registration", "data": {"age": "51"}}}, now)
    until = now + timedelta(days=365)
    drafts.save(connection, chat, "registration", step="work", data={"age": "51"}, now=now, expires_at=until)
    registrations.save(connection, chat, number="P-1", data={"age": "51"}, now=now, kept_until=until)
    consents.give(connection, chat, purpose="registration", wording="x", now=now, until=until)
    row = {"sealed": b"x", "key_id": "k", "nik_hash": "n", "kk_hash": "k"}
    identity.save(connection, chat, values=row, now=now, kept_until=until)
    return chat


def left_of(connection: Connection, chat: int) -> set[str]:
    return {
        table.name
        for table in metadata.sorted_tables
        if "chat_id" in table.c and connection.execute(select(table).where(table.c.chat_id == chat)).first()
    }


async def test_a_session_runs_for_its_time_and_other_chats_are_none(database: Database, now: datetime) -> None:
    def work(connection: Connection) -> None:
        kiosk.begin(connection, PLACE, now=now, until=now + MINUTES)
        assert kiosk.running(connection, PLACE, now) is not None
        assert kiosk.running(connection, PLACE, now + MINUTES) is None
        assert kiosk.running(connection, ("web", "web", "other"), now) is None
        chats.change(connection, 1, kiosk_until=None)
        assert kiosk.running(connection, PLACE, now) is None

    await database.write(work)


@pytest.mark.parametrize("by_itself", [True, False])
async def test_the_end_leaves_nothing(database: Database, now: datetime, by_itself: bool) -> None:
    def work(connection: Connection) -> None:
        chat = fill(connection, now)
        if by_itself:
            assert kiosk.end_due(connection, now=now, limit=10) == 0
            assert kiosk.end_due(connection, now=now + MINUTES, limit=10) == 1
        else:
            kiosk.end(connection, chat, now)
        assert left_of(connection, chat) == set()
        assert connection.execute(select(chat_rows.c.id)).first() is None

    await database.write(work)


async def test_what_is_taken_home_waits_unreachable_until_its_end(database: Database, now: datetime) -> None:
    def work(connection: Connection) -> None:
        chat = fill(connection, now)
        carrying.make_code(connection, "code", chat_id=chat, now=now, expires_at=now + HOURS)
        kiosk.end(connection, chat, now)
        left = {"drafts", "registrations", "consents", "identity_numbers", "carry_codes", "conversations"}
        assert left_of(connection, chat) == left
        assert connection.execute(select(conversations.c.state)).scalar_one() is None
        assert connection.execute(select(messages.c.id)).first() is None
        assert chats.find(connection, *PLACE) is None
        assert carrying.chat_of(connection, "code", now) == chat
        assert kiosk.end_due(connection, now=now + MINUTES, limit=10) == 0
        assert kiosk.end_due(connection, now=now + HOURS, limit=10) == 1
        assert left_of(connection, chat) == set()

    await database.write(work)


async def test_an_open_case_keeps_its_chat_until_it_is_closed(database: Database, now: datetime) -> None:
    def work(connection: Connection) -> None:
        chat = fill(connection, now)
        cases.create(connection, number="L-1", chat_id=chat, topic="danger", priority=0, story="x", now=now, due_at=now)
        kiosk.end(connection, chat, now)
        assert chats.find(connection, *PLACE) is None
        assert "messages" in left_of(connection, chat)
        later = now + timedelta(days=1)
        assert kiosk.end_due(connection, now=later, limit=10) == 1
        assert "cases" in left_of(connection, chat)
        connection.execute(case_rows.update().values(state="closed"))
        assert kiosk.end_due(connection, now=later + timedelta(days=1), limit=10) == 1
        assert left_of(connection, chat) == set()

    await database.write(work)
