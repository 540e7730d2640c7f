"""`pandu bench crash`: a steady load while worker, sender and web (on SQLite the one process) are killed with -9 at random moments, then a drain.

Every event carries a number; the fake Bot API server delivers it as Telegram does (again until 200) and logs every answer. So it can be said of
each event whether it was lost (never answered), doubled (its effects are in the database twice), out of order within its chat, or sent again.
"""

from __future__ import annotations

import asyncio
import json as js
import random
import re
import signal
import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import typer
from sqlalchemy import func, select

from benchmarks.processes import Process, free_port, postgres_url, service, sqlite_url
from storage import migrate, schema
from storage.database import Database
from tests.fakes.telegram import FakeTelegram, serve

CHATS = 40
EVENTS_PER_SECOND = 40.0
_ECHO = re.compile(r"echo (\d+) count=(\d+)")
_DRAIN_SECONDS = 60.0


def environment(url: str, api: str, port: int) -> dict[str, str]:
    """Settings of the services under test."""
    return {
        "PANDU_DATABASE_URL": url,
        "PANDU_SECRET_KEY": "benchmark" * 5,
        "PANDU_BIND": f"127.0.0.1:{port}",
        "PANDU_TELEGRAM_TOKEN": FakeTelegram().token,
        "PANDU_TELEGRAM_API": api,
        "PANDU_TELEGRAM_MODE": "webhook",
        "PANDU_TELEGRAM_SECRET": "bench",
        "PANDU_TELEGRAM_RATE": "0",
    }


class Load:
    """People who write numbered messages at a steady pace."""

    def __init__(self, fake: FakeTelegram, seed: int) -> None:
        self.fake = fake
        self.chance = random.Random(seed)
        self.sent: dict[int, list[int]] = defaultdict(list)  # chat → numbers in order
        self.running = True

    async def run(self) -> None:
        """Writes until stopped."""
        number = 0
        while self.running:
            number += 1
            chat = self.chance.randrange(1, CHATS + 1)
            self.sent[chat].append(number)
            self.fake.person(chat).says(f"/n {number}")
            await asyncio.sleep(1 / EVENTS_PER_SECOND)

    @property
    def events(self) -> int:
        """How many were written."""
        return sum(map(len, self.sent.values()))

    def answered(self) -> set[int]:
        """Numbers that were answered at least once."""
        return {int(found[1]) for sent in self.fake.sent if (found := _ECHO.search(sent.text))}


async def killing(processes: list[Process], kills: int, chance: random.Random) -> None:
    """Kills a random process at a random moment and starts it again, so many times."""
    for _ in range(kills):
        await asyncio.sleep(chance.uniform(0.1, 1.2))
        victim = chance.choice(processes)
        await victim.kill(signal.SIGKILL)
        await victim.start()


async def measure(url: str, roles: tuple[str, ...], kills: int, seed: int = 7) -> dict[str, Any]:
    """One database under kills; returns the counts."""
    port = free_port()
    database = Database(url)
    await database.write(migrate.upgrade)
    async with serve(scale=0.05) as fake:
        processes = [service(role, environment(url, fake.base, port)) for role in roles]
        for process in processes:
            await process.start()
        fake.queue.webhook = {"url": f"http://127.0.0.1:{port}/telegram/{fake.me['id']}", "secret_token": "bench"}
        load = Load(fake, seed)
        writing = asyncio.create_task(load.run())
        await killing(processes, kills, random.Random(seed))
        load.running = False
        await writing
        drained_in = await _drain(load)
        result = await _verdict(load, database)
        for process in processes:
            await process.kill(signal.SIGTERM)
    await database.close()
    return {**result, "kills": kills, "drain_s": round(drained_in, 1)}


async def _drain(load: Load) -> float:
    start = time.monotonic()
    while len(load.answered()) < load.events and time.monotonic() - start < _DRAIN_SECONDS:
        await asyncio.sleep(0.5)
    return time.monotonic() - start


async def _verdict(load: Load, database: Database) -> dict[str, Any]:
    answers: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for sent in load.fake.sent:
        if found := _ECHO.search(sent.text):
            answers[sent.chat].append((int(found[1]), int(found[2])))
    order_errors = 0
    for given in answers.values():
        counts = [count for _, count in dict.fromkeys(given)]
        order_errors += sum(a >= b for a, b in pairwise(counts))
    times = Counter(number for given in answers.values() for number, _ in given)
    return {
        "events": load.events,
        "lost": load.events - len(times),
        "doubled": await database.read(_doubled),
        "order_errors": order_errors,
        "resent": sum(times.values()) - len(times),
    }


def _doubled(connection: Any) -> int:
    """Events with more than one answer in the log, or chats whose counter is not the number of their events."""
    per_event = (
        select(schema.messages.c.inbox_id, func.count().label("n"))
        .where(schema.messages.c.author == "bot")
        .group_by(schema.messages.c.inbox_id)
        .having(func.count() > 1)
        .subquery()
    )
    twice = connection.execute(select(func.count()).select_from(per_event)).scalar_one()
    done = dict(
        connection.execute(
            select(schema.inbox.c.chat_id, func.count())
            .where(schema.inbox.c.state == "done")
            .group_by(schema.inbox.c.chat_id)
        ).all()
    )
    states = connection.execute(select(schema.conversations.c.chat_id, schema.conversations.c.state)).all()
    wrong = sum(1 for chat, state in states if state and state["data"].get("count") != done.get(chat))
    return int(twice) + wrong


def run(*, json: bool = False, kills: int = 100) -> None:
    """Prints the table, or one JSON object."""
    with sqlite_url() as url:
        result: dict[str, Mapping[str, Any]] = {"sqlite": asyncio.run(measure(url, ("all",), kills))}
    with postgres_url() as url:
        result["postgres"] = asyncio.run(measure(url, ("web", "worker", "worker", "sender", "sender"), kills))
    if json:
        typer.echo(js.dumps(result))
        return
    for name, row in result.items():
        typer.echo(f"{name:<9} " + "  ".join(f"{key} {value}" for key, value in row.items()))
