"""Fills a database as if it had served for a long time: chats with a state, a log, finished events and sends, some linked records.

    python -m benchmarks.seed sqlite:///var/big.db --chats 1000000 --log 10000000

Rows are made by the database itself (INSERT … SELECT over a series), in slices, so that ten million take minutes. Half of the log has its events
and sends still in inbox and outbox: more than `pandu run` keeps (seven days).
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Callable
from functools import partial

from sqlalchemy import Connection, text

from storage import migrate
from storage.database import Database

SOURCE = "telegram:123456789"
ACCOUNT = "123456789"
FIRST_ADDRESS = 5_000_000_000  # no chat of a benchmark has such a number
_SLICE = 200_000
_WORDS = (
    "insentif saya sudah dua minggu belum masuk juga, padahal sertifikat dan ulasan sudah beres. Mohon dicek ya kak."
)

_CHATS = """
INSERT INTO chats (id, channel, account, address, name, formal, created_at, seen_at)
SELECT :base + n, 'telegram', :account, CAST(:address + :base + n AS VARCHAR(20)), 'Siti', {false}, {now}, {now} FROM {series}"""
_CONVERSATIONS = """
INSERT INTO conversations (chat_id, owner, owner_version, state, updated_at)
SELECT :base + n, 'bot', 0, {json}, {now} FROM {series}"""
_QUEUE = "INSERT INTO queue (chat_id, pending, ready_at) SELECT :base + n, 0, {now} FROM {series}"
_LOG = """
INSERT INTO messages (id, chat_id, author, text, inbox_id, intent, confidence, handler, model, content, at)
SELECT :base + n, (:base + n) % :chats + 1, CASE WHEN n % 2 = 0 THEN 'bot' ELSE 'person' END, :words, (:base + n) / 2, 'incentive_status', 0.9,
 'incentive_status', 'seed', 'seed', {now} FROM {series}"""
_INBOX = """
INSERT INTO inbox (id, chat_id, source, event_id, payload, state, attempts, sent_at, received_at, done_at)
SELECT :base + n, (:base + n) % :chats + 1, :source, CAST(:address + :base + n AS VARCHAR(20)), {payload}, 'done', 1, {now}, {now}, {now} FROM {series}"""
_OUTBOX = """
INSERT INTO outbox (id, chat_id, source, lane, author, payload, state, owner_version, cancellable, passes_agent, attempts, not_before, expires_at,
 platform_id, created_at, done_at)
SELECT :base + n, (:base + n) % :chats + 1, :source, 0, 'bot', {payload}, 'accepted', 0, {false}, {false}, 1, {now}, {now},
 CAST(:base + n AS VARCHAR(20)), {now}, {now}
FROM {series}"""
_PEOPLE = """
INSERT INTO participants (id, record_key, name, phone, nik_hash, membership, as_of, imported_at)
SELECT :base + n, CAST(:base + n AS VARCHAR(20)), 'Siti', CAST(628000000000 + :base + n AS VARCHAR(20)), CAST(:base + n AS VARCHAR(20)), 'active',
 {now}, {now} FROM {series}"""
_LINKS = """
INSERT INTO links (chat_id, participant_id, level, method, created_at) SELECT :base + n, :base + n, '2', 'seed', {now} FROM {series}"""
_STATE = '{"greeted":true,"version":1,"data":{},"options":[],"misses":0}'
_PAYLOAD = '{"text":"x","options":[],"kind":"text"}'
_IDENTITIES = """
INSERT INTO identities (chat_id, kind, value, vouched, first_seen, last_seen)
SELECT :base + n, 'phone', CAST(628000000000 + :base + n AS VARCHAR(20)), {true}, {now}, {now} FROM {series}"""
_TABLES = ("chats", "messages", "inbox", "outbox", "participants")


def _shaped(statement: str, sqlite: bool) -> str:
    forms = {
        "series": "(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < :size) SELECT n FROM s) AS series"
        if sqlite
        else "generate_series(1, CAST(:size AS BIGINT)) AS series(n)",
        "now": "CAST(unixepoch('now', '-1 day') AS INTEGER) * 1000000" if sqlite else "now() - interval '1 day'",
        "json": ":state" if sqlite else "CAST(:state AS JSONB)",
        "payload": ":payload" if sqlite else "CAST(:payload AS JSONB)",
        "false": "0" if sqlite else "FALSE",
        "true": "1" if sqlite else "TRUE",
    }
    for name, form in forms.items():
        statement = statement.replace("{%s}" % name, form)
    return statement if sqlite else _cast(statement)


def _cast(statement: str) -> str:
    for name in ("base", "chats", "address"):
        statement = statement.replace(f":{name}", f"CAST(:{name} AS BIGINT)")
    for name in ("account", "source", "words"):
        statement = statement.replace(f":{name}", f"CAST(:{name} AS VARCHAR)")
    return statement


def _fill(connection: Connection, statement: str, base: int, size: int, chats: int) -> None:
    made = text(_shaped(statement, connection.dialect.name == "sqlite"))
    known = {"base": base, "size": size, "chats": chats, "account": ACCOUNT, "source": SOURCE, "address": FIRST_ADDRESS}
    known |= {"words": _WORDS, "state": _STATE, "payload": _PAYLOAD}
    connection.execute(made, {name: value for name, value in known.items() if f":{name}" in made.text})


def _sequences(connection: Connection) -> None:
    """Ids that the database gives from now on come after the seeded ones."""
    if connection.dialect.name != "sqlite":
        for table in _TABLES:
            connection.execute(
                text(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))")
            )


async def seed(database: Database, *, chats: int, log: int, progress: Callable[[str], None] = lambda _: None) -> None:
    """Adds so many chats and log rows to an empty, migrated database, with fresh statistics."""
    steps = (
        (_CHATS, chats),
        (_CONVERSATIONS, chats),
        (_QUEUE, chats),
        (_LOG, log),
        (_INBOX, log // 4),
        (_OUTBOX, log // 4),
    )
    for statement, rows in (*steps, (_PEOPLE, chats // 2), (_LINKS, chats // 2), (_IDENTITIES, chats // 2)):
        name = statement.split()[2]
        start = time.monotonic()
        for base in range(0, rows, _SLICE):
            size = min(_SLICE, rows - base)
            await database.write(partial(_fill, statement=statement, base=base, size=size, chats=chats))
        progress(f"{name}: {rows} rows in {time.monotonic() - start:.0f} s")
    await database.write(_sequences)
    await analyse(database)


async def analyse(database: Database) -> None:
    """Fresh statistics, as autovacuum and `PRAGMA optimize` make them in the long run."""
    await database.write(lambda connection: connection.execute(text("ANALYZE")))


def main() -> None:
    """From the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("--chats", type=int, default=1_000_000)
    parser.add_argument("--log", type=int, default=10_000_000)
    chosen = parser.parse_args()

    async def work() -> None:
        database = Database(chosen.url)
        await database.write(migrate.upgrade)
        await seed(database, chats=chosen.chats, log=chosen.log, progress=print)
        await database.close()

    asyncio.run(work())


if __name__ == "__main__":
    main()
