"""`pandu bench peak`: 80,000 messages in a minute while no more than 30 (80) replies a second may leave.

The programme has seen that many in a minute (program-facts). Each person writes four messages within a few seconds. PANDU_BENCH_INBOUND (80000),
PANDU_BENCH_RATES ("30,80"), PANDU_BENCH_DATABASE (sqlite or postgres).
"""

from __future__ import annotations

import asyncio
import json as js
import random
import time
from collections import Counter
from typing import Any

import typer
import uvloop
from rich.console import Console
from rich.table import Table

from benchmarks import options
from benchmarks.lean_api import LeanApi, serve
from benchmarks.load import Result, Target, question
from benchmarks.pandu import Pandu
from benchmarks.processes import postgres_url, sqlite_url
from benchmarks.webhook import taken

SECONDS = 60.0
EACH = 4  # messages a person
_QUIET_SECONDS = 15.0  # nothing was sent for so long: drained


def plan(inbound: int, seed: int = 7) -> list[tuple[float, int]]:
    """(moment, chat) of each message, in the order of time: a person's messages come within six seconds."""
    chance = random.Random(seed)
    moments = []
    for chat in range(1, inbound // EACH + 1):
        start = chance.uniform(0, SECONDS - 6)
        moments += [(start + chance.uniform(0, 6), chat) for _ in range(EACH)]
    return sorted(moments)


async def _pour(target: Target, moments: list[tuple[float, int]]) -> Result:
    start = time.perf_counter()
    tasks = []
    for number, (moment, chat) in enumerate(moments):
        if (wait := start + moment - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        tasks.append(asyncio.create_task(taken(target, chat, question(number))))
    found = await asyncio.gather(*tasks)
    times = [value for value in found if value is not None]
    return Result(time.perf_counter() - start, times, len(found) - len(times))


async def _drained(api: LeanApi) -> float:
    """The moment of the last reply, once nothing has left for a while."""
    while True:
        await asyncio.sleep(1)
        last = api.sent[-1].at if api.sent else time.perf_counter()
        if time.perf_counter() - last > _QUIET_SECONDS:
            return last


async def measure(rate: float, inbound: int, database: str) -> dict[str, Any]:
    """The figures of one cap."""
    moments = plan(inbound)
    with (sqlite_url if database == "sqlite" else postgres_url)() as url:
        async with serve() as api:
            roles = ("all",) if database == "sqlite" else ("web", "worker", "sender")
            service = Pandu(url, api.base, roles=roles, rate=rate)
            await service.start()
            try:
                target = Target(service.hook, 0, service.headers)
                start = time.perf_counter()
                poured = await _pour(target, moments)
                typer.echo(
                    f"cap {rate:g}: poured in {poured.seconds:.0f} s, p95 {poured.ms(0.95):.0f} ms, {poured.lost} refused",
                    err=True,
                )
                last = await _drained(api)
                rss = service.rss_mb()
                target.close()
            finally:
                await service.stop()
    replies = Counter(sent.chat for sent in api.sent)
    people = {chat for _, chat in moments}
    return {
        "inbound": inbound,
        "in_s": round(poured.seconds, 1),
        "refused": poured.lost,
        "webhook_p95_ms": round(poured.ms(0.95), 1),
        "people": len(people),
        "unanswered": len(people - set(replies)),
        "replies_per_person": round(sum(replies.values()) / len(people), 2),
        "drained_min": round((last - start) / 60, 1),
        "rss_mb": round(rss),
    }


def run(*, json: bool = False) -> None:
    """Prints the table, or one JSON object by cap."""
    inbound, database = options.count("INBOUND", 80_000), min(options.wanted("DATABASE", "postgres"))
    result = {}
    for rate in sorted(options.wanted("RATES", "30,80"), key=float):
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            result[rate] = runner.run(measure(float(rate), inbound, database))
    if json:
        typer.echo(js.dumps(result))
        return
    table = Table("cap /s", title=f"{inbound} messages in a minute ({database})", title_justify="left")
    for name in next(iter(result.values())):
        table.add_column(name.replace("_", " "), justify="right")
    for label, row in result.items():
        table.add_row(label, *map(str, row.values()))
    Console().print(table)
