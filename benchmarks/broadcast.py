"""`pandu bench broadcast`: an announcement to many: how fast it is frozen and sent, what it costs the replies, what a kill -9 loses.

Instant client: the whole path but the network. HTTP: through aiogram to the fake Bot API server, which counts. Paced: the fake refuses
more than 30 a second in any sliding second, as Telegram does.
"""

from __future__ import annotations

import asyncio
import json as js
import random
import signal
import sys
import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from sqlalchemy import Connection, func, select, text

from benchmarks.broadcast_engine import ACCOUNT, SOURCE, at_noon
from benchmarks.processes import postgres_url, sqlite_url
from bot import campaign_start
from handlers import announcement
from storage import campaigns, ledger, migrate
from storage.database import Database
from storage.schema import campaign_recipients
from tests.fakes.telegram import FakeTelegram, serve

HTTP_RECIPIENTS = 5_000
PACED_SECONDS = 20
PACE = 30.0  # what Telegram allows
_CONTENT = {"text": "Halo {sapaan}. Layanan tatap muka pekan ini pindah ke kantor kecamatan."}


def run(*, json: bool, recipients: int = 20_000) -> None:
    """Both databases; the last line is JSON of the whole with --json."""
    found: dict[str, Any] = {}
    for name, made in (("sqlite", sqlite_url), ("postgresql", postgres_url)):
        with made() as url:
            found[name] = asyncio.run(measure(url, recipients))
            if not json:
                Console().print(name, found[name])
    worst = {
        key: max(one[key] for one in found.values())
        for key in ("freeze_s", "rss_mb", "reply_p95_ms", "lost", "repeated")
    }
    least = {key: min(one[key] for one in found.values()) for key in ("sends_per_s", "sends_per_s_http", "paced_share")}
    if json:
        print(js.dumps({**worst, **least, "recipients": recipients, "databases": found}))


async def measure(url: str, recipients: int) -> dict[str, Any]:
    """One database."""
    database = Database(url)
    await database.write(migrate.upgrade)
    await database.write(partial(fill, count=recipients))
    key, freeze = await frozen(database, "at once", {})
    at_once = await engine({"url": url, "campaign": key, "recipients": recipients, "rate": 0, "talk": True})
    counts = await database.read(partial(ledger.counts, campaign_id=key))
    async with serve() as fake:
        few = _known(fake, min(recipients, HTTP_RECIPIENTS))
        http_key, _ = await frozen(database, "http", few)
        http = await engine(_wish(url, http_key, fake, 0.0))
        http_rate = len(fake.sent) / http["seconds"]
    paced = await _paced(database, url)
    await database.close()
    return {
        "freeze_s": round(freeze, 2),
        "sends_per_s": round(recipients / at_once["seconds"], 1),
        "sends_per_s_http": round(http_rate, 1),
        "rss_mb": at_once["rss_mb"],
        "rss_after_5s_mb": at_once["rss_after_5s_mb"],
        "reply_p95_ms": at_once["reply_p95_ms"],
        "lost": recipients - at_once["reached"] + (recipients - counts.get("accepted", 0)),
        "repeated": at_once["repeated"],
        **paced,
    }


async def _paced(database: Database, url: str) -> dict[str, Any]:
    """With the real limit in the fake: share of 30 a second that is reached, and refusals."""
    async with serve() as fake:
        fake.flood.on = True
        key, _ = await frozen(database, "paced", _known(fake, 30 * PACED_SECONDS))
        await engine(_wish(url, key, fake, PACE))
        moments = [sent.at for sent in fake.sent]
        pace = (len(moments) - 1) / (moments[-1] - moments[0])
        return {"paced_share": round(pace / 30, 3), "refused_429": fake.flood.refused}


def _known(fake: FakeTelegram, count: int) -> dict[str, Any]:
    """The first people have started the bot; the filter that finds them."""
    for number in range(1, count + 1):
        fake.person(number)
    return {"chat": list(range(1, count + 1))}


def _wish(url: str, key: int, fake: FakeTelegram, rate: float) -> dict[str, Any]:
    return {"url": url, "campaign": key, "recipients": 0, "rate": rate, "api": fake.base}


async def killed(url: str, recipients: int, kills: int, *, seed: int = 7) -> dict[str, Any]:
    """Kills the sending process at random moments; compares the fake's log with the ledger, row by row."""
    database, chance = Database(url), random.Random(seed)
    await database.write(migrate.upgrade)
    await database.write(partial(fill, count=recipients))
    key, _ = await frozen(database, "killed", {})
    async with serve() as fake:
        _known(fake, recipients)
        wish = {**_wish(url, key, fake, 0.0), "lease": 2}
        for _ in range(kills):
            process = await _begin(wish)
            had = len(fake.sent)
            while len(fake.sent) < min(recipients, had + 1) and process.returncode is None:
                await asyncio.sleep(0.01)
            await asyncio.sleep(chance.uniform(0.01, 0.4))
            if process.returncode is None:
                process.send_signal(signal.SIGKILL)
            await process.wait()
        if await _state(database, key) == "running":
            await engine(wish)
        got = Counter(sent.chat for sent in fake.sent)
    rows = await database.read(partial(_ledger, key=key))
    await database.close()
    return {
        "recipients": recipients,
        "sent": len(got),
        "repeated": sum(n - 1 for n in got.values()),
        "unknown": sum(state == "unknown" for state in rows.values()),
        "lost": sum(state == "accepted" and not got[chat] for chat, state in rows.items()),
        "unexplained": sum(state not in ("accepted", "unknown") for state in rows.values()),
        "sent_unmarked": sum(bool(got[chat]) and state != "accepted" for chat, state in rows.items()),
    }


def _ledger(connection: Connection, key: int) -> dict[int, str]:
    ledger_row = campaign_recipients.c
    found = select(ledger_row.chat_id, ledger_row.state).where(ledger_row.campaign_id == key)
    return {row[0]: row[1] for row in connection.execute(found)}


async def _state(database: Database, key: int) -> str:
    found = await database.read(partial(campaigns.get, campaign_id=key))
    return str(found["state"]) if found else ""


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


async def frozen(database: Database, name: str, tree: dict[str, Any]) -> tuple[int, float]:
    """A running campaign, and the seconds that its start took."""
    clock = at_noon()

    def work(connection: Connection) -> int:
        values = {
            "name": name,
            "content": announcement.read(_CONTENT),
            "audience": {"filter": tree},
            "sources": [SOURCE],
        }
        return campaigns.create(connection, values, actor="operator:bench", now=clock(connection))

    def go(connection: Connection) -> int:
        campaign = campaigns.get(connection, key)
        assert campaign is not None
        now = clock(connection)
        return campaign_start.go(connection, campaign, approval_from=1e12, actor="operator:bench", now=now)

    key = await database.write(work)
    began = time.monotonic()
    await database.write(go)
    return key, time.monotonic() - began


async def _begin(wish: dict[str, Any]) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.broadcast_engine", js.dumps(wish)),
        cwd=Path(__file__).parent.parent,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )


async def engine(wish: dict[str, Any]) -> dict[str, Any]:
    """Runs the sending process to the end of its campaign."""
    process = await _begin(wish)
    said, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"the sending process ended with {process.returncode}")
    return dict(js.loads(said.decode().splitlines()[-1]))
