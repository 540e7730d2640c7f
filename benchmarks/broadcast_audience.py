"""People for the announcements of `pandu bench broadcast`, and a campaign that is frozen and let go."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from typing import Any

from sqlalchemy import Connection, func, select, text

from benchmarks.broadcast_engine import ACCOUNT, SOURCE, at_noon
from bot import campaign_start
from handlers import announcement
from storage import campaigns, migrate
from storage.database import Database
from storage.schema import campaign_recipients
from tests.fakes.telegram import FakeTelegram

_CONTENT = {"text": "Halo {sapaan}. Layanan tatap muka pekan ini pindah ke kantor kecamatan."}


async def prepared(url: str, recipients: int) -> Database:
    """The database with so many people on Telegram."""
    database = Database(url)
    await database.write(migrate.upgrade)
    await database.write(partial(fill, count=recipients))
    return database


def fill(connection: Connection, count: int) -> None:
    """So many people on Telegram."""
    numbers = "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < :count)"
    instant = "now()" if connection.dialect.name == "postgresql" else str(time.time_ns() // 1000)
    connection.execute(
        text(
            "INSERT INTO chats (id, channel, account, address, name, created_at, seen_at) "
            f"{numbers} SELECT n, 'telegram', '{ACCOUNT}', CAST(n AS TEXT), 'Siti Contoh', {instant}, {instant} FROM s"
        ),
        {"count": count},
    )
    connection.execute(
        text(f"INSERT INTO conversations (chat_id, updated_at) {numbers} SELECT n, {instant} FROM s"), {"count": count}
    )
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.setval("chats_id_seq", count)))
        connection.exec_driver_sql("ANALYZE chats")
        connection.exec_driver_sql("ANALYZE conversations")


def known(fake: FakeTelegram, count: int) -> dict[str, Any]:
    """The first people have started the bot; the filter that finds them."""
    for number in range(1, count + 1):
        fake.person(number)
    return {"chat": list(range(1, count + 1))}


async def frozen(database: Database, name: str, tree: Mapping[str, Any]) -> tuple[int, float]:
    """A running campaign, and the seconds that its start took."""
    clock = at_noon()

    def draft(connection: Connection) -> int:
        values = {
            "name": name,
            "content": announcement.read(_CONTENT),
            "audience": {"filter": dict(tree)},
            "sources": [SOURCE],
        }
        return campaigns.create(connection, values, actor="operator:bench", now=clock(connection))

    def go(connection: Connection) -> int:
        campaign = campaigns.get(connection, key)
        assert campaign is not None
        now = clock(connection)
        return campaign_start.go(connection, campaign, approval_from=1e12, actor="operator:bench", now=now)

    key = await database.write(draft)
    began = time.monotonic()
    await database.write(go)
    return key, time.monotonic() - began


def ledger_of(connection: Connection, key: int) -> dict[int, str]:
    """State by chat."""
    row = campaign_recipients.c
    found = select(row.chat_id, row.state).where(row.campaign_id == key)
    return {row.chat_id: row.state for row in connection.execute(found)}


async def state(database: Database, key: int) -> str:
    """The campaign's."""
    found = await database.read(partial(campaigns.get, campaign_id=key))
    return str(found["state"]) if found else ""
