"""NIK and KK of preparations: kept sealed as long as the preparation, who has opened them, and the move to another key."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from storage import identity, privacy
from storage.database import Database
from tests.storage.test_people import add_chat

DAY = timedelta(days=1)


def row(mark: str, key_id: str = "old") -> dict[str, Any]:
    return {"sealed": mark.encode(), "key_id": key_id, "nik_hash": f"nik {mark}", "kk_hash": f"kk {mark}"}


async def test_they_are_replaced_kept_longer_and_erased_when_their_time_is_over(
    database: Database, now: datetime
) -> None:
    def work(connection: Connection) -> None:
        one, two = add_chat(connection, "one", now), add_chat(connection, "two", now)
        for chat in (one, two):
            identity.save(connection, chat, values=row("a"), now=now, kept_until=now + DAY)
        identity.save(connection, one, values=row("b"), now=now, kept_until=now + DAY)
        found = identity.get(connection, one, now)
        assert found is not None
        assert (found["sealed"], found["nik_hash"]) == (b"b", "nik b")
        assert identity.get(connection, one, now + DAY) is None
        identity.keep_until(connection, one, now + 2 * DAY)
        assert identity.delete_expired(connection, now=now + DAY, limit=10) == 1
        assert identity.get(connection, one, now + DAY) is not None
        assert identity.get(connection, two, now) is None
        assert identity.delete(connection, one) == 1
        assert identity.delete(connection, one) == 0

    await database.write(work)


async def test_looks_are_told_by_chat_and_erased_with_it(database: Database, now: datetime) -> None:
    def work(connection: Connection) -> None:
        one, two = add_chat(connection, "one", now), add_chat(connection, "two", now)
        identity.save(connection, one, values=row("a"), now=now, kept_until=now + DAY)
        identity.log_looks(connection, [], actor="cli", what="ekspor", now=now)
        identity.log_looks(connection, [one, two], actor="cli", what="ekspor", now=now)
        identity.log_looks(connection, [one], actor="cli", what="ekspor", now=now + DAY)
        (seen,) = identity.looks(connection, one)
        assert (seen["actor"], seen["what"], seen["times"], seen["at"]) == ("cli", "ekspor", 2, now + DAY)
        erased = privacy.erase(connection, one, now)
        assert (erased["identity_numbers"], erased["identity_looks"]) == (1, 2)
        assert identity.looks(connection, one) == []
        assert len(identity.looks(connection, two)) == 1

    await database.write(work)


async def test_rows_are_found_by_their_key(database: Database, now: datetime) -> None:
    def work(connection: Connection) -> None:
        chats = [add_chat(connection, name, now) for name in ("one", "two", "three")]
        for chat, key in zip(chats, ("old", "old", "new"), strict=True):
            identity.save(connection, chat, values=row("a", key), now=now, kept_until=now + DAY)
        assert identity.key_counts(connection) == {"new": 1, "old": 2}
        assert [found["chat_id"] for found in identity.sealed_under(connection, "old", 1)] == chats[:1]
        identity.reseal(connection, chats[0], row("c", "new"))
        assert identity.key_counts(connection) == {"new": 2, "old": 1}

    await database.write(work)
