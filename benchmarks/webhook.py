"""`pandu bench webhook`: how many updates a second are taken and committed, and how long a platform waits for its 200 at 200 a second.

PostgreSQL: the web role alone; SQLite: all of Pandu in its one process.

WhatsApp's has the open loop alone: its goal is p95 ≤ 50 ms at 200 events a second (platform-rules 2.1: a median of 250 ms, under 1 % above 1 s).

PANDU_BENCH_UPDATES (20000) in a closed loop of 64 connections, then PANDU_BENCH_OPEN (4000) in an open loop.
"""

from __future__ import annotations

import asyncio
import hmac
import json as js
import time
from typing import Any

import typer
import uvloop
from rich.console import Console
from rich.table import Table

from benchmarks import options
from benchmarks.lean_api import LeanApi, serve
from benchmarks.load import Target, closed, open_loop, whatsapp_body
from benchmarks.pandu import SECRET, Pandu, whatsapp
from benchmarks.processes import postgres_url, sqlite_url

WIDTH = 64
RATE = 200.0
CHATS = 2_000


async def taken(target: Target, chat: int, text: str) -> float | None:
    """Seconds until the 200, which follows the commit; None for any other answer."""
    start = time.perf_counter()
    status, _ = await target.post(target.request(chat, text))
    return time.perf_counter() - start if status == 200 else None


async def _answered(api: LeanApi) -> None:
    """Waits until nothing has been sent for two seconds: what came before must not weigh on the steady rate."""
    before = -1
    while before != len(api.sent):
        before = len(api.sent)
        await asyncio.sleep(2)


async def _measure(url: str, role: str, api: LeanApi) -> dict[str, Any]:
    service = Pandu(url, api.base, roles=(role,))
    await service.start()
    try:
        target = Target(service.hook, 0, service.headers)
        updates, steady = options.count("UPDATES", 20_000), options.count("OPEN", 4_000)
        await closed(target, range(500), chats=CHATS, width=WIDTH, turn=taken)
        full = await closed(target, range(500, 500 + updates), chats=CHATS, width=WIDTH, turn=taken)
        await _answered(api)
        numbers = range(500 + updates, 500 + updates + steady)
        calm = await open_loop(target, numbers, chats=CHATS, rate=RATE, turn=taken)
        target.close()
        return {
            "requests_per_s": round(full.per_second),
            "p95_ms_full": round(full.ms(0.95), 1),
            "p50_ms": round(calm.ms(0.50), 1),
            "p95_ms": round(calm.ms(0.95), 1),
            "refused": full.lost + calm.lost,
        }
    finally:
        await service.stop()


async def _whatsapp(url: str, role: str, api: LeanApi) -> dict[str, Any]:
    """WhatsApp's webhook: signature, people by number and id, window; the same steady rate."""
    service = Pandu(url, api.base, roles=(role,), extra=whatsapp(api.base))
    await service.start()
    try:
        target = Target(service.whatsapp_hook, make=whatsapp_body, sign=_signed)
        steady = options.count("OPEN", 4_000)
        await closed(target, range(200), chats=CHATS, width=8, turn=taken)
        calm = await open_loop(target, range(200, 200 + steady), chats=CHATS, rate=RATE, turn=taken)
        target.close()
        return {"p50_ms": round(calm.ms(0.50), 1), "p95_ms": round(calm.ms(0.95), 1), "refused": calm.lost}
    finally:
        await service.stop()


def _signed(body: bytes) -> str:
    return f"X-Hub-Signature-256: sha256={hmac.new(SECRET.encode(), body, 'sha256').hexdigest()}\r\n"


async def measure() -> dict[str, dict[str, Any]]:
    """The figures of both databases."""
    async with serve() as api:
        with sqlite_url() as url:
            result = {"sqlite": await _measure(url, "all", api)}
        with postgres_url() as url:
            result["postgres"] = await _measure(url, "web", api)
        with sqlite_url() as url:
            result["sqlite, WhatsApp"] = await _whatsapp(url, "all", api)
        with postgres_url() as url:
            result["postgres, WhatsApp"] = await _whatsapp(url, "web", api)
    return result


def run(*, json: bool = False) -> None:
    """Prints the table, or one JSON object."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        result = runner.run(measure())
    if json:
        typer.echo(js.dumps(result))
        return
    table = Table("", title=f"updates taken by the webhook; latency at {RATE:g} a second", title_justify="left")
    for name in result["sqlite"]:
        table.add_column(name.replace("_", " "), justify="right")
    for label, row in result.items():
        table.add_row(label, *(str(row.get(name, "")) for name in result["sqlite"]))
    Console().print(table)
