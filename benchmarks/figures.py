"""`pandu bench figures`: the page of figures over a large log, and how fast the log is counted.

PANDU_BENCH_LOG (10,000,000) rows over PANDU_BENCH_CHATS (1,000,000) chats are seeded and counted; then a year of counts by day is made as a busy
national service would have it, and the page's queries are timed. PANDU_BENCH_DATABASES (sqlite,postgres).
"""

from __future__ import annotations

import asyncio
import json as js
import random
import statistics
import time
from datetime import date, timedelta
from functools import partial
from typing import Any

import typer
from sqlalchemy import Connection, func, insert, select

from benchmarks import options
from benchmarks.processes import postgres_url, sqlite_url
from benchmarks.seed import seed
from bot.figures import Counting
from handlers import catalogue
from storage import figures, migrate
from storage.database import Database
from storage.schema import daily

_CHANNELS = ("telegram", "whatsapp", "web", "sms")
_PROVINCES = tuple(str(code) for code in range(11, 50))


def _a_day(day: date, topics: list[str], chance: random.Random) -> list[dict[str, Any]]:
    keys = [
        *(
            (measure, topic, "")
            for measure in ("topic", "unclear", "solved", "returned", "handoff")
            for topic in topics
        ),
        *(("turns", outcome, place) for outcome in ("understood", "asked_back", "refused") for place in _PROVINCES),
        *((measure, "", place) for measure in ("visits", "people") for place in _PROVINCES),
        *(("step", f"registration/{number}", "") for number in range(40)),
    ]
    return [
        {
            "day": day,
            "measure": measure,
            "key": key,
            "channel": channel,
            "region": place,
            "count": chance.randint(1, 900),
        }
        for measure, key, place in keys
        for channel in _CHANNELS
    ]


async def _measured(url: str) -> dict[str, float]:
    database = Database(url)
    await database.write(migrate.upgrade)
    await seed(database, chats=options.count("CHATS", 1_000_000), log=options.count("LOG", 10_000_000))
    try:
        started = time.perf_counter()
        counted = await Counting(database).run_once(breath=0)
        seconds = time.perf_counter() - started
        last, chance = date(2026, 11, 24), random.Random(7)
        topics = sorted({*catalogue.load().answers, *catalogue.load().topics})
        await database.write(lambda c: c.execute(daily.delete()))
        for number in range(365):
            rows = _a_day(last - timedelta(days=number), topics, chance)
            await database.write(lambda c, rows=rows: c.execute(insert(daily), rows))
        result: dict[str, float] = {"counted": counted, "counted_per_s": round(counted / seconds)}
        result["rows"] = await database.read(_size)
        for days in (30, 365):
            work = partial(figures.of, first=last - timedelta(days=days - 1), last=last)
            times = []
            for _ in range(5):
                begun = time.perf_counter()
                await database.read(work)
                times.append(time.perf_counter() - begun)
            result[f"page_{days}_days_ms"] = round(statistics.median(times) * 1000, 1)
        return result
    finally:
        await database.close()


def _size(connection: Connection) -> int:
    return int(connection.execute(select(func.count()).select_from(daily)).scalar_one())


async def _all(databases: set[str]) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for name, place in (("sqlite", sqlite_url), ("postgres", postgres_url)):
        if name in databases:
            with place() as url:
                found[name] = await _measured(url)
    return found


def run(*, json: bool) -> None:
    """Measures and prints."""
    found = asyncio.run(_all(options.wanted("DATABASES", "sqlite,postgres")))
    typer.echo(js.dumps(found) if json else "\n".join(f"{name}: {row}" for name, row in found.items()))
