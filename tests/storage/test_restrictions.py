"""A restriction holds for the record and the chats of one person, and for nobody else, whatever asks for it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from storage import campaign_people, restrictions, subscriptions
from storage.audience import Selection, counts
from storage.database import Database
from storage.schema import links, participants
from storage.schema import subscriptions as subscribed
from tests.bot.test_broadcast import add_chats
from tests.conftest import NOW

SOURCE = "telegram:1"


def a_record_is_restricted(connection: Connection) -> None:
    """Chats 1 and 2 are linked to records; that of chat 1 is restricted. Chat 3 is linked to none."""
    add_chats(connection, source=SOURCE, zone="WIB", first=1, count=3)
    for key in (1, 2):
        person: dict[str, Any] = {"id": key, "record_key": f"{key}", "name": "Contoh", "membership": "active"}
        connection.execute(participants.insert().values(**person, wave=70, as_of=NOW, imported_at=NOW))
        link = {"chat_id": key, "participant_id": key, "level": "2", "method": "x", "created_at": NOW}
        connection.execute(links.insert().values(link))
    restrictions.begin(connection, number="x", now=NOW, participant_id=1)


async def test_an_announcement_leaves_out_that_person_alone(database: Database) -> None:
    await database.write(a_record_is_restricted)
    people = await database.read(lambda c: campaign_people.facts(c, [1, 2, 3], None))
    assert {key: bool(row["restricted"]) for key, row in people.items()} == {1: True, 2: False, 3: False}
    chosen = Selection(tree={}, sources=[SOURCE], topic=None, numbers_of=None, template=False, needs=())
    found = await database.read(lambda c: {row[2]: row[3] for row in counts(c, chosen, NOW)})
    assert found == {None: 2, "restricted": 1}


async def test_asked_by_a_table_of_chats_it_reads_each_chat_by_itself(database: Database) -> None:
    await database.write(a_record_is_restricted)
    for key in (1, 2, 3):
        await database.write(
            lambda c, key=key: subscriptions.subscribe(c, chat_id=key, topic="insentif", wording="x", now=NOW)
        )
    asked = select(subscribed.c.chat_id).where(~restrictions.holds(subscribed.c.chat_id))
    assert sorted(await database.read(lambda c: list(c.execute(asked).scalars()))) == [2, 3]
