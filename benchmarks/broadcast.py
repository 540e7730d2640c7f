"""`pandu bench broadcast`: an announcement to many: how fast it is frozen and sent, what it costs the replies, what a kill -9 loses.

`speed`: a client that answers at once, the whole path but the network, with people who write meanwhile. `http`: through aiogram to the fake
Bot API server, the first 5,000. `pace`: the fake refuses more than 30 a second in any sliding second, as Telegram does. `kills`
(--kills N): everything dies N times (benchmarks/broadcast_crash.py). PANDU_BENCH_PARTS and PANDU_BENCH_DATABASES choose (comma separated).
Ends with 1 where somebody was lost, got it twice, or the platform had to refuse.
"""

from __future__ import annotations

import asyncio
import json as js
import sys
from functools import partial
from pathlib import Path
from typing import Any

import typer
from rich.console import Console

from benchmarks import options
from benchmarks.broadcast_audience import frozen, known, prepared
from benchmarks.broadcast_crash import killed
from benchmarks.processes import postgres_url, sqlite_url
from storage import ledger
from storage.database import Database
from tests.fakes.telegram import FakeTelegram, serve

HTTP_RECIPIENTS = 5_000
KILLED_RECIPIENTS = 1_000  # for each kill
PACED_SECONDS = 20
PACE = 30.0  # what Telegram allows
PARTS = "speed,http,pace,kills"
_MUST_BE_ZERO = ("lost", "repeated_unlisted", "unexplained", "refused_429")
_LEAST = ("sends_per_s", "sends_per_s_http", "paced_share")
_SHOWN = ("rss_over_time_mb", "sends_per_s_over_time")


def run(*, json: bool, recipients: int = 20_000, kills: int = 0) -> None:
    """The databases one after the other; with --json the last line is JSON of the whole."""
    found: dict[str, dict[str, Any]] = {}
    databases = options.wanted("DATABASES", "sqlite,postgresql")
    for name, made in (("sqlite", sqlite_url), ("postgresql", postgres_url)):
        if name in databases:
            found[name] = measured(made, recipients, kills)
            if not json:
                Console().print(name, found[name])
    if json:
        print(js.dumps({**together(found), "recipients": recipients, "machine": options.machine(), "databases": found}))
    if any(one.get(key) for one in found.values() for key in _MUST_BE_ZERO):
        raise typer.Exit(1)


def measured(made: Any, recipients: int, kills: int) -> dict[str, Any]:
    """One database; the kills have one of their own."""
    parts = options.wanted("PARTS", PARTS)
    found: dict[str, Any] = {}
    if parts & {"speed", "http", "pace"}:
        with made() as url:
            found |= asyncio.run(measure(url, recipients, parts))
    if kills and "kills" in parts:
        with made() as url:
            survived = asyncio.run(killed(url, KILLED_RECIPIENTS * (kills + 1), kills))
        found |= {**survived, "recipients": recipients, "lost": survived["lost"] + found.get("lost", 0)}
    return found


def together(found: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The worst of the databases, figure by figure."""
    names = dict.fromkeys(name for one in found.values() for name in one if name not in _SHOWN)
    worst = {}
    for name in names:
        given = [one[name] for one in found.values() if one.get(name) is not None]
        worst[name] = (min if name in _LEAST else max)(given, default=None)
    return worst


async def measure(url: str, recipients: int, parts: set[str]) -> dict[str, Any]:
    """Speed and pace on one database."""
    database = await prepared(url, recipients)
    found: dict[str, Any] = {}
    try:
        if "speed" in parts:
            found |= await _at_once(database, recipients)
        if "http" in parts:
            found |= await _by_http(database, recipients)
        if "pace" in parts:
            found |= await _paced(database)
    finally:
        await database.close()
    return found


async def _at_once(database: Database, recipients: int) -> dict[str, Any]:
    key, freeze = await frozen(database, "at once", {})
    sent = await engine({"url": database.url, "campaign": key, "recipients": recipients, "rate": 0, "talk": True})
    counts = await database.read(partial(ledger.counts, campaign_id=key))
    kept = ("rss_mb", "rss_after_5s_mb", "rss_over_time_mb", "sends_per_s_over_time", "reply_p95_ms")
    return {
        "freeze_s": round(freeze, 2),
        "sends_per_s": round(recipients / sent["seconds"], 1),
        **{name: sent[name] for name in kept},
        "lost": recipients - sent["reached"] + (recipients - counts.get("accepted", 0)),
        "repeated": sent["repeated"],
        "repeated_unlisted": sent["repeated"],
    }


async def _by_http(database: Database, recipients: int) -> dict[str, Any]:
    async with serve() as fake:
        key, _ = await frozen(database, "http", known(fake, min(recipients, HTTP_RECIPIENTS)))
        sent = await engine(_wish(database, key, fake, 0.0))
        return {"sends_per_s_http": round(len(fake.sent) / sent["seconds"], 1)}


async def _paced(database: Database) -> dict[str, Any]:
    """With the real limit in the fake: share of 30 a second that is reached, and refusals."""
    async with serve() as fake:
        fake.flood.on = True
        key, _ = await frozen(database, "paced", known(fake, 30 * PACED_SECONDS))
        await engine(_wish(database, key, fake, PACE))
        moments = [sent.at for sent in fake.sent]
        pace = (len(moments) - 1) / (moments[-1] - moments[0])
        return {"paced_share": round(pace / PACE, 3), "refused_429": fake.flood.refused}


def _wish(database: Database, key: int, fake: FakeTelegram, rate: float) -> dict[str, Any]:
    return {"url": database.url, "campaign": key, "recipients": 0, "rate": rate, "api": fake.base}


async def engine(wish: dict[str, Any]) -> dict[str, Any]:
    """Runs the sending process to the end of its campaign."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.broadcast_engine", js.dumps(wish)),
        cwd=Path(__file__).parent.parent,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    said, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"the sending process ended with {process.returncode}")
    return dict(js.loads(said.decode().splitlines()[-1]))
