"""`pandu bench memory`: resident memory of `pandu run` on SQLite after 10,000 and after 100,000 turns (PANDU_BENCH_UPDATES)."""

from __future__ import annotations

import asyncio
import json as js
from typing import Any

import typer
import uvloop

from benchmarks import options
from benchmarks.lean_api import serve
from benchmarks.load import Target, closed
from benchmarks.pandu import Pandu
from benchmarks.processes import sqlite_url

CHATS = 5_000


async def measure(turns: int) -> dict[str, Any]:
    """Memory in MiB after a tenth of the turns and after all of them."""
    async with serve() as api:
        with sqlite_url() as url:
            service = Pandu(url, api.base)
            await service.start()
            try:
                target = Target(service.hook, 0, service.headers)
                api.on_sent = lambda sent: (target.heard(sent.chat, sent.at), api.sent.clear())[0]
                await closed(target, range(turns // 10), chats=CHATS)
                early = service.rss_mb()
                rest = await closed(target, range(turns // 10, turns), chats=CHATS)
                late = service.rss_mb()
                target.close()
            finally:
                await service.stop()
    grown = round(100 * (late / early - 1), 1)
    return {
        "turns": turns,
        "rss_mb_early": round(early),
        "rss_mb": round(late),
        "grown_percent": grown,
        "lost": rest.lost,
    }


def run(*, json: bool = False) -> None:
    """Prints the figures, or one JSON object."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        result = runner.run(measure(options.count("UPDATES", 100_000)))
    if json:
        typer.echo(js.dumps(result))
    else:
        for name, value in result.items():
            typer.echo(f"{name.replace('_', ' '):<16} {value}")
