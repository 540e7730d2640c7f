"""`pandu bench growth`: turns a second on an empty database and on one that has served for a long time, in alternating runs.

The old one has PANDU_BENCH_OLD_CHATS (1000000) chats and PANDU_BENCH_OLD_LOG (10000000) log rows (benchmarks/seed.py). PANDU_BENCH_UPDATES (2000) a run,
PANDU_BENCH_RUNS (5) runs each, PANDU_BENCH_DATABASES (sqlite,postgres).
"""

from __future__ import annotations

import asyncio
import contextlib
import json as js
import statistics
from typing import Any

import typer
import uvloop

from benchmarks import options
from benchmarks.databases import postgres_server
from benchmarks.lean_api import LeanApi, serve
from benchmarks.load import Target, closed
from benchmarks.pandu import Pandu
from benchmarks.processes import sqlite_url
from benchmarks.seed import seed
from storage import migrate
from storage.database import Database

CHATS = 1_000


async def _old(url: str) -> None:
    database = Database(url)
    try:
        await database.write(migrate.upgrade)
        chats, log = options.count("OLD_CHATS", 1_000_000), options.count("OLD_LOG", 10_000_000)
        await seed(database, chats=chats, log=log, progress=lambda line: typer.echo(line, err=True))
    finally:
        await database.close()


async def _alternate(urls: dict[str, str], roles: tuple[str, ...], api: LeanApi) -> dict[str, Any]:
    updates, runs = options.count("UPDATES", 2_000), options.count("RUNS", 5)
    speeds: dict[str, list[float]] = {name: [] for name in urls}
    for turn in range(runs):
        for place, (name, url) in enumerate(urls.items(), 1):
            service = Pandu(url, api.base, roles=roles)
            await service.start()
            try:
                target = Target(service.hook, place * 1_000_000, service.headers)
                api.on_sent = lambda sent, target=target: target.heard(sent.chat, sent.at)  # type: ignore[misc]
                first = turn * (updates + 200)
                target._number = first
                await closed(target, range(first, first + 200), chats=CHATS)
                done = await closed(target, range(first + 200, first + 200 + updates), chats=CHATS)
                speeds[name].append(done.per_second)
                target.close()
            finally:
                await service.stop()
    empty, old = (statistics.median(speeds[name]) for name in ("empty", "old"))
    return {
        "empty_turns_per_s": round(empty, 1),
        "old_turns_per_s": round(old, 1),
        "old_to_empty": round(old / empty, 2),
    }


async def measure() -> dict[str, dict[str, Any]]:
    """The figures of each database."""
    wanted = options.wanted("DATABASES", "sqlite,postgres")
    result = {}
    async with serve() as api:
        if "sqlite" in wanted:
            with sqlite_url() as empty, sqlite_url() as old:
                await _old(old)
                result["sqlite"] = await _alternate({"empty": empty, "old": old}, ("all",), api)
        if "postgres" in wanted:
            with contextlib.ExitStack() as stack:
                server = stack.enter_context(postgres_server())
                urls = {"empty": server.database("empty"), "old": server.database("old")}
                await _old(urls["old"])
                result["postgres"] = await _alternate(urls, ("web", "worker", "sender"), api)
    return result


def run(*, json: bool = False) -> None:
    """Prints the figures, or one JSON object."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        result = runner.run(measure())
    if json:
        typer.echo(js.dumps(result))
        return
    for name, row in result.items():
        typer.echo(f"{name:<9} " + ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in row.items()))
