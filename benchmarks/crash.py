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
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy import func, select

from benchmarks.nursery import Forked, nursery
from benchmarks.processes import free_port, postgres_url, sqlite_url
from storage import migrate, schema
from storage.database import Database
from tests.fakes.telegram import FakeTelegram, serve

CHATS = 200
EVENTS_PER_SECOND = 40.0
_ECHO = re.compile(r"echo ([a-z]+) count=(\d+)")
_DRAIN_SECONDS = 150.0  # longer than the longest lease


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


def code(number: int) -> str:
    """A number in letters, for digits over several messages are masked as an identity number."""
    return "".join(chr(ord("a") + int(digit)) for digit in str(number))


def number_of(letters: str) -> int:
    """The inverse of `code`."""
    return int("".join(str(ord(letter) - ord("a")) for letter in letters))


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
            self.fake.person(chat).says(f"/n {code(number)}")
            await asyncio.sleep(1 / EVENTS_PER_SECOND)

    @property
    def events(self) -> int:
        """How many were written."""
        return sum(map(len, self.sent.values()))

    def answered(self) -> set[int]:
        """Numbers that were answered at least once."""
        return {number_of(found[1]) for sent in self.fake.sent if (found := _ECHO.search(sent.text))}


@dataclass(eq=False)
class Trial:
    """A service under load, for whoever disturbs it."""

    processes: list[Forked]
    fake: FakeTelegram
    chance: random.Random
    notes: dict[str, Any] = field(default_factory=dict)  # what the disturber wants to stand in the result


Disturb = Callable[[Trial], Awaitable[None]]
Settings = Callable[[FakeTelegram], Awaitable[Mapping[str, str]]]


def killing(kills: int) -> Disturb:
    """Kills a random process at a random moment and starts it again, so many times."""

    async def disturb(trial: Trial) -> None:
        for _ in range(kills):
            await asyncio.sleep(trial.chance.uniform(0.1, 1.2))
            victim = trial.chance.choice(trial.processes)
            await victim.kill(signal.SIGKILL)
            await victim.start()
        trial.notes["kills"] = kills

    return disturb


async def no_more(_fake: FakeTelegram) -> Mapping[str, str]:
    """No further settings."""
    return {}


async def measure(
    url: str, roles: Sequence[str], disturb: Disturb, *, seed: int = 7, extra: Settings = no_more
) -> dict[str, Any]:
    """One database under load and disturbance, then a drain; returns the counts. `extra`: more settings."""
    port = free_port()
    await _with_database(url, lambda database: database.write(migrate.upgrade))
    async with serve(scale=0.05) as fake, nursery() as forks:
        env = {**environment(url, fake.base, port), **await extra(fake)}
        trial = Trial([forks.service(role, env) for role in roles], fake, random.Random(seed))
        try:
            for process in trial.processes:
                await process.start()
            fake.queue.webhook = {"url": f"http://127.0.0.1:{port}/telegram/{fake.me['id']}", "secret_token": "bench"}
            load = Load(fake, seed)
            writing = asyncio.create_task(load.run())
            await disturb(trial)
            load.running = False
            await writing
            drained_in = await _drain(load)
            result = await _with_database(url, lambda database: verdict(load, database))
        finally:
            await asyncio.gather(*(process.kill() for process in trial.processes))
    return {**result, **trial.notes, "drain_s": round(drained_in, 1)}


async def _with_database(url: str, use: Callable[[Database], Awaitable[Any]]) -> Any:
    """On connections of its own: older ones may not have lived through what happened."""
    database = Database(url)
    try:
        return await use(database)
    finally:
        await database.close()


async def _drain(load: Load) -> float:
    start = time.monotonic()
    while len(load.answered()) < load.events and time.monotonic() - start < _DRAIN_SECONDS:
        await asyncio.sleep(0.5)
    return time.monotonic() - start


async def verdict(load: Load, database: Database) -> dict[str, Any]:
    """What became of the events."""
    answers: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for sent in load.fake.sent:
        if found := _ECHO.search(sent.text):
            answers[sent.chat].append((number_of(found[1]), int(found[2])))
    order_errors = 0
    for given in answers.values():
        once = list(dict.fromkeys(given))  # repeats of a send are counted by themselves
        order_errors += sum(a >= b for values in zip(*once, strict=True) for a, b in pairwise(values))
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


POSTGRES_ROLES = ("web", "worker", "worker", "sender", "sender")


def run(*, json: bool = False, kills: int = 100) -> None:
    """Prints the table, or one JSON object. `kills`: for each database."""
    with sqlite_url() as url:
        result: dict[str, Mapping[str, Any]] = {"sqlite": asyncio.run(measure(url, ("all",), killing(kills)))}
    with postgres_url() as url:
        result["postgres"] = asyncio.run(measure(url, POSTGRES_ROLES, killing(kills)))
    report(result, json=json, title=f"{kills} times kill -9 under {EVENTS_PER_SECOND:g} events a second")


def report(result: Mapping[str, Mapping[str, Any]], *, json: bool, title: str) -> None:
    """One JSON object, or a table with a column for each figure."""
    if json:
        typer.echo(js.dumps(result))
        return
    table = Table("", title=title, title_justify="left")
    names = list(dict.fromkeys(name for row in result.values() for name in row))
    for name in names:
        table.add_column(name.replace("_", " "), justify="right")
    for label, row in result.items():
        table.add_row(label, *(str(row.get(name, "–")) for name in names))
    Console().print(table)
