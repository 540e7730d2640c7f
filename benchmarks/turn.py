"""`pandu bench turn`: webhook in → understanding → database → reply at the local Bot API server; Pandu and its peers in the same run.

All systems are started first; then they take turns, a share of the updates each time, so that a noisy moment of the machine meets all of them.
The load and the fake Bot API server are this process; each system is processes of its own, started as its users start it.
PANDU_BENCH_UPDATES (5000), PANDU_BENCH_OPEN (1500 updates of the open loop), PANDU_BENCH_SYSTEMS (names, comma separated) change the size.
"""

from __future__ import annotations

import asyncio
import contextlib
import json as js
import statistics
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import uvloop
from rich.console import Console
from rich.table import Table

from benchmarks import options
from benchmarks.databases import postgres_server
from benchmarks.lean_api import TOKEN, LeanApi, Sent, serve
from benchmarks.load import Result, Target, Turn, closed, open_loop, turn_by_send, turn_in_body
from benchmarks.pandu import Pandu
from benchmarks.processes import Process, free_port, sqlite_url
from benchmarks.rasa_peer import start_rasa

CHATS = 1_000
WIDTH = 32
RATE = 50.0
ROUNDS = 5
WARM_UP = CHATS  # the first answer of a chat is two messages: who is speaking comes before
PANDU = ("sqlite", "postgres_1", "postgres_2")
ALL = ",".join((*PANDU, "aiogram_echo", "aiogram_echo_frozen", "ptb_echo", "ptb_echo_concurrent", "rasa"))


@dataclass(eq=False)
class System:
    """A bot under test."""

    name: str
    target: Target
    rss_mb: Callable[[], float]
    stop: Callable[[], Awaitable[None]]
    turn: Turn = turn_by_send
    rounds: list[Result] = field(default_factory=list)
    steady: Result | None = None
    next_number: int = 0

    def numbers(self, count: int) -> range:
        """The next messages."""
        first, self.next_number = self.next_number, self.next_number + count
        return range(first, self.next_number)

    def figures(self) -> dict[str, Any]:
        """The issue's figures, and what was lost."""
        steady = self.steady
        lost = sum(result.lost for result in self.rounds) + (steady.lost if steady else 0)
        return {
            "turns_per_s": round(statistics.median(result.per_second for result in self.rounds), 1),
            "p50_ms": round(steady.ms(0.50), 1) if steady else None,
            "p95_ms": round(steady.ms(0.95), 1) if steady else None,
            "rss_mb": round(self.rss_mb(), 1),
            "lost": lost,
        }


async def _pandu(stack: contextlib.AsyncExitStack, name: str, base: int, api: LeanApi) -> System:
    if name == "sqlite":
        url = stack.enter_context(sqlite_url())
        roles: tuple[str, ...] = ("all",)
    else:
        url = await _postgres(stack, name)
        roles = ("web", *["worker"] * int(name[-1]), "sender")
    service = Pandu(url, api.base, roles=roles)
    await service.start()
    return System(name, Target(service.hook, base, service.headers), service.rss_mb, service.stop)


async def _postgres(stack: contextlib.AsyncExitStack, name: str) -> str:
    if not hasattr(stack, "postgres"):
        stack.postgres = stack.enter_context(postgres_server())  # type: ignore[attr-defined]
    url: str = stack.postgres.database(f"bench_{name}")  # type: ignore[attr-defined]
    return url


async def _echo(name: str, base: int, api: LeanApi) -> System:
    port = free_port()
    module, _, variant = name.partition("_echo")
    flags = {"": [], "_frozen": ["--freeze"], "_concurrent": ["--concurrent"]}[variant]
    command = [sys.executable, "-m", f"benchmarks.peers.{module}_echo", "--port", str(port), "--api", api.base]
    process = Process([*command, "--token", TOKEN, *flags], {}, ready_url=f"http://127.0.0.1:{port}/healthz")
    await process.start()
    return System(name, Target(f"http://127.0.0.1:{port}/hook", base), process.rss_mb, process.kill)


async def _rasa(base: int) -> System | None:
    found = await start_rasa()
    if found is None:
        return None
    target = Target(found.url, base, make=found.message)
    return System("rasa", target, found.rss_mb, found.stop, turn=turn_in_body)


async def measure(updates: int, open_updates: int, names: Sequence[str]) -> dict[str, dict[str, Any] | None]:
    """The figures of each system by its name."""
    results: dict[str, dict[str, Any] | None] = {}
    async with serve() as api, contextlib.AsyncExitStack() as stack:
        systems = []
        for place, name in enumerate(names, 1):
            base = place * 1_000_000
            system = (
                await _pandu(stack, name, base, api)
                if name in PANDU
                else await _rasa(base)
                if name == "rasa"
                else await _echo(name, base, api)
            )
            if system:
                stack.push_async_callback(system.stop)
                systems.append(system)
            else:
                results[name] = None
        by_place = {system.target.base: system.target for system in systems}

        def heard(sent: Sent) -> None:
            if target := by_place.get(sent.chat // 1_000_000 * 1_000_000):
                target.heard(sent.chat, sent.at)

        api.on_sent = heard
        for system in systems:
            await closed(system.target, system.numbers(WARM_UP), chats=CHATS, width=WIDTH, turn=system.turn)
        for _ in range(ROUNDS):
            for system in systems:
                numbers = system.numbers(updates // ROUNDS)
                system.rounds.append(await closed(system.target, numbers, chats=CHATS, width=WIDTH, turn=system.turn))
        for system in systems:
            numbers = system.numbers(open_updates)
            system.steady = await open_loop(system.target, numbers, chats=CHATS, rate=RATE, turn=system.turn)
            results[system.name] = system.figures()
            system.target.close()
    return results


def shaped(results: dict[str, dict[str, Any] | None]) -> dict[str, Any]:
    """The issue's object, with the goals' ratios."""
    pandu = {name: results[name] for name in PANDU if name in results}
    peers = {name: row for name, row in results.items() if name not in PANDU}
    own = (results.get("sqlite") or {}).get("turns_per_s")
    ratios = {
        f"sqlite_to_{name}": round(own / row["turns_per_s"], 2)
        for name, row in peers.items()
        if own and row and row["turns_per_s"]
    }
    return {"pandu": pandu, "peers": peers, "ratios": ratios}


def show(result: dict[str, Any]) -> None:
    """A table for people."""
    table = Table(title="webhook in → reply at the Bot API; closed loop of 32, open loop of 50/s", title_justify="left")
    table.add_column("system")
    for heading in ("turns/s", "p50 ms", "p95 ms", "memory MiB", "lost"):
        table.add_column(heading, justify="right")
    for group in ("pandu", "peers"):
        for name, row in result[group].items():
            cells = (
                [str(row[key]) for key in ("turns_per_s", "p50_ms", "p95_ms", "rss_mb", "lost")] if row else ["–"] * 5
            )
            table.add_row(f"pandu {name}" if group == "pandu" else name, *cells)
    console = Console()
    console.print(table)
    for name, ratio in result["ratios"].items():
        console.print(f"{name.replace('_to_', ' / ')}: {ratio}")


def run(*, json: bool = False, updates: int = 0, open_updates: int = 0, systems: str = "") -> None:
    """Prints the table, or one JSON object."""
    updates = updates or options.count("UPDATES", 5_000)
    open_updates = open_updates or options.count("OPEN", 1_500 if updates >= 5_000 else updates // 3)
    chosen = options.wanted("SYSTEMS", systems or ALL)
    names = [name for name in ALL.split(",") if name in chosen]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        result = shaped(runner.run(measure(updates, open_updates, names)))
    result |= {"updates": updates, "open_updates": open_updates, "machine": options.machine()}
    if json:
        print(js.dumps(result))
    else:
        show(result)
