"""Codes that carry a preparation, and what moves between two chats, on both databases."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection

from storage import carrying, chats, consents, identity, registrations
from storage.database import Database
from tests.storage.test_people import add_chat

DAY = timedelta(days=1)


async def test_a_code_opens_until_its_end_or_until_it_is_used(database: Database, now: datetime) -> None:
    def work(connection: Connection) -> None:
        one = add_chat(connection, "one", now)
        for code in ("a", "b"):
            carrying.make_code(connection, code, chat_id=one, now=now, expires_at=now + DAY)
        assert carrying.chat_of(connection, "a", now) == one
        assert carrying.chat_of(connection, "a", now + DAY) is None
        assert carrying.chat_of(connection, "c", now) is None
        assert carrying.delete_old_codes(connection, before=now, limit=10) == 0
        carrying.use_up(connection, one)
        assert carrying.chat_of(connection, "b", now) is None
        carrying.make_code(connection, "d", chat_id=one, now=now, expires_at=now)
        assert carrying.delete_old_codes(connection, before=now + DAY, limit=10) == 1

    await database.write(work)


async def test_what_moves(database: Database, now: datetime) -> None:
    def work(connection: Connection) -> None:
        one, two = add_chat(connection, "one", now), add_chat(connection, "two", now)
        for chat, number in ((one, "P-1"), (two, "P-2")):
            registrations.save(connection, chat, number=number, data={}, now=now, kept_until=now + DAY)
            for purpose in ("registration", "improve"):
                consents.give(connection, chat, purpose=purpose, wording=number, now=now, until=None)
        identity.log_looks(connection, [one], actor="cli", what="ekspor", now=now)
        carrying.move(connection, one, two, purposes=("registration",), now=now)
        row = registrations.of_chat(connection, two, now)
        assert row is not None
        assert row["number"] == "P-1"
        assert registrations.of_chat(connection, one, now) is None
        given = {row["purpose"]: row["wording"] for row in consents.all_active(connection, two, now)}
        assert given == {"registration": "P-1", "improve": "P-2"}
        assert [row["purpose"] for row in consents.all_active(connection, one, now)] == ["improve"]
        assert len(identity.looks(connection, two)) == 1
        carrying.move(connection, one, two, purposes=("registration",), now=now)  # nothing there any more
        assert registrations.of_chat(connection, two, now) is not None

    await database.write(work)


async def test_a_state_and_an_address_are_found(database: Database, now: datetime) -> None:
    def work(connection: Connection) -> None:
        one = add_chat(connection, "one", now)
        assert carrying.state_if_free(connection, one) is None
        chats.save_states(connection, {one: {"form": "registration"}}, now)
        assert carrying.state_if_free(connection, one) == {"form": "registration"}
        place = carrying.address(connection, one)
        assert place is not None
        assert (place["channel"], place["owner_version"]) == ("telegram", 0)
        assert carrying.address(connection, one + 1) is None

    await database.write(work)
