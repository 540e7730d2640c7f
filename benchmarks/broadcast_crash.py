"""kill -9 of everything in the middle of an announcement, for `pandu bench broadcast --kills N` and tests/bot/test_broadcast_crash.py.

Real services (web, worker and sender as processes of their own on PostgreSQL, one with all on SQLite) send to the fake Bot API server. At random
rows all of them die at the same moment and are started again. In the end the fake's log is compared with the ledger, row by row; then
an operator decides that what nobody knows is to be sent again, and it is counted once more.
"""

from __future__ import annotations

import asyncio
import random
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from benchmarks.broadcast_audience import frozen, known, ledger_of, prepared, state
from benchmarks.broadcast_engine import at_noon
from benchmarks.crash import POSTGRES_ROLES, environment
from benchmarks.nursery import Forked, nursery
from benchmarks.processes import free_port
from storage import campaign_run
from storage.database import Database, database_now
from storage.outbox import BROADCASTS
from storage.schema import outbox
from tests.fakes.telegram import FakeTelegram, serve

LEASE_SECONDS = 6  # of sends, a third of it for the feeding loop: nobody waits a minute for what a dead process held
_DONE_SECONDS = 120.0


async def killed(url: str, recipients: int, kills: int, *, seed: int = 7) -> dict[str, Any]:
    """One database; what became of everybody."""
    chance = random.Random(seed)
    database = await prepared(url, recipients)
    roles = ("all",) if database.backend == "sqlite" else POSTGRES_ROLES
    in_flight: set[int] = set()
    with tempfile.TemporaryDirectory(prefix="pandu-bench-") as folder:
        async with serve() as fake, nursery() as forks:
            known(fake, recipients)
            key, _ = await frozen(database, "killed", {})
            env = await _settings(database, fake, Path(folder) / "clock")
            services = [forks.service(role, env) for role in roles]
            try:
                await _all_start(services)
                for turn in range(kills):
                    left = recipients - len(fake.sent)
                    await _sent(
                        database, key, fake, len(fake.sent) + chance.randrange(1, max(2, left // (kills - turn + 1)))
                    )
                    await _all_die(services)
                    in_flight |= await database.read(_in_flight)
                    await _all_start(services)
                await _done(database, key)
                first = Counter(sent.chat for sent in fake.sent)
                rows = await database.read(partial(ledger_of, key=key))
                while await database.write(partial(_sent_again, key=key)):  # a connection may be cut once more
                    await _done(database, key)
                last = Counter(sent.chat for sent in fake.sent)
            finally:
                await asyncio.gather(*(service.kill() for service in services))
                await database.close()
    return {
        "recipients": recipients,
        "kills": kills,
        "in_flight": len(in_flight),
        **compared(rows, first, last),
    }


def compared(rows: dict[int, str], first: Counter[int], last: Counter[int]) -> dict[str, int]:
    """The ledger beside what people got: until everything had its end (`first`), and after `unknown` was sent again (`last`)."""
    unknown = {chat for chat, state_ in rows.items() if state_ == "unknown"}
    return {
        "unknown": len(unknown),
        "unknown_but_sent": sum(bool(first[chat]) for chat in unknown),
        "lost": sum(not last[chat] for chat in rows)
        + sum(rows[chat] == "accepted" and not first[chat] for chat in rows),
        "repeated": sum(count - 1 for count in last.values()),
        "repeated_unlisted": sum(count - 1 for chat, count in last.items() if chat not in unknown)
        + sum(count - 1 for count in first.values()),
        "unexplained": sum(state_ not in ("accepted", "unknown") for state_ in rows.values())
        + len(first.keys() - rows),
    }


async def _settings(database: Database, fake: FakeTelegram, clock: Path) -> dict[str, str]:
    """The services' environment: noon, whenever it is run; no ramp, and no pausing by itself for the sends that were cut."""
    noon, now = await database.read(at_noon()), await database.read(database_now)
    await asyncio.to_thread(clock.write_text, str((noon - now).total_seconds()))
    return {
        **environment(database.url, fake.base, free_port()),
        "PANDU_BROADCAST_RAMP_MINUTES": "0",
        "PANDU_BROADCAST_FAILURE_RATE": "1",
        "PANDU_BROADCAST_BLOCK_RATE": "1",
        "PANDU_BENCH_LEASE": str(LEASE_SECONDS),
        "PANDU_BENCH_CLOCK": str(clock),
    }


async def _all_start(services: Sequence[Forked]) -> None:
    await asyncio.gather(*(service.start() for service in services))


async def _all_die(services: Sequence[Forked]) -> None:
    for service in services:
        service.tell(signal.SIGKILL)
    await asyncio.gather(*(service.kill() for service in services))


async def _sent(database: Database, key: int, fake: FakeTelegram, count: int) -> None:
    """Until so many have arrived; where a slow machine has already sent all, until that is known."""
    async with asyncio.timeout(_DONE_SECONDS):
        while len(fake.sent) < count and await state(database, key) == "running":
            await asyncio.sleep(0.005)


async def _done(database: Database, key: int) -> None:
    deadline = time.monotonic() + _DONE_SECONDS
    while (now := await state(database, key)) != "done":
        if time.monotonic() > deadline:
            raise TimeoutError(
                f"the announcement is still {now}: {Counter((await database.read(partial(ledger_of, key=key))).values())}"
            )
        await asyncio.sleep(0.2)


def _in_flight(connection: Connection) -> set[int]:
    """What was claimed when everything died: those are the messages that may have left or not."""
    claimed = select(outbox.c.id).where(outbox.c.state == "sending", outbox.c.lane == BROADCASTS)
    return set(connection.execute(claimed).scalars())


def _sent_again(connection: Connection, key: int) -> int:
    now = at_noon()(connection)
    return campaign_run.retry(connection, key, "unknown", None, actor="operator:bench", now=now)
