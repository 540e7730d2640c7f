"""`pandu bench desk`: 200 open conversations, 50 messages a second, 20 pages open; how long until a message is on the page.

Each page does what the desk's script does: it keeps the event stream, and after each event asks for the parts it shows. From
the platform's request to the words on the page. Then the same while the process that serves the pages is killed with -9 and
started again: nothing may be lost, and every page must show everything in the end. PANDU_BENCH_SECONDS (30), PANDU_BENCH_RATE (50),
PANDU_BENCH_DATABASES (sqlite,postgres).
"""

from __future__ import annotations

import asyncio
import contextlib
import json as js
import random
import re
import secrets
import signal
import time
from datetime import datetime
from functools import partial
from typing import Any

import aiohttp
import typer
import uvloop
from rich.console import Console
from rich.table import Table
from sqlalchemy import Connection, func, select

from benchmarks import options
from benchmarks.lean_api import TOKEN, serve
from benchmarks.pandu import SECRET, Pandu
from benchmarks.processes import postgres_url, sqlite_url
from storage import agents, cases, chats, desk_sessions, handoffs, inbox, migrate, ownership
from storage.database import Database, database_now
from storage.schema import chats as chat_rows
from storage.schema import conversations, messages

CHATS, PAGES, QUEUES = 200, 16, 4  # pages that show a conversation, and pages that show the queue
_FIRST = 1_000  # the people's Telegram numbers
_HISTORY = 20  # messages that each conversation has already
_PATIENCE = 60.0  # how long a page may take to show everything in the end
_WORD = re.compile(r"pesan-([a-j]+)-")
_LETTERS = str.maketrans(
    "0123456789", "abcdefghij"
)  # digits would be taken for parts of an identity number, and masked
_DIGITS = str.maketrans("abcdefghij", "0123456789")


def _named(number: int) -> str:
    """The words of a message by which it is found again."""
    return f"pesan-{str(number).translate(_LETTERS)}- halo"


def _found(text: str) -> list[int]:
    """The numbers of the messages whose words stand in a text."""
    return [int(found[1].translate(_DIGITS)) for found in _WORD.finditer(text)]


def _seed(connection: Connection, tokens: list[str]) -> None:
    """Agents with sessions, each with ten conversations."""
    now = database_now(connection)
    staff = []
    for number, token in enumerate(tokens):
        code = f"P-{number:04}"
        key = agents.add(
            connection, name=f"agent{number}", alias=f"A{number}", code=code, role="agent", now=now, cap=50
        )
        agents.switch(connection, key, agents.AVAILABLE, now)
        desk_sessions.open_session(connection, token, agent_id=key, now=now)
        staff.append(key)
    for number in range(CHATS):
        _conversation(connection, number, staff[number % len(staff)], now)


def _conversation(connection: Connection, number: int, agent: int, now: datetime) -> None:
    place = {"channel": "telegram", "account": TOKEN.partition(":")[0], "address": str(_FIRST + number)}
    row = {**place, "name": f"Orang {number}", "created_at": now, "seen_at": now}
    chat = connection.execute(chat_rows.insert().values(row).returning(chat_rows.c.id)).scalar_one()
    connection.execute(conversations.insert().values(chat_id=chat, updated_at=now))
    said = [{"chat_id": chat, "author": "person", "text": f"cerita {i}", "at": now} for i in range(_HISTORY)]
    chats.log(connection, said)
    about = {"number": f"L-{number:06}", "chat_id": chat, "topic": "uang", "priority": 2}
    case = cases.create(connection, **about, story="…", now=now, due_at=now)
    request = handoffs.join(connection, **about, case_id=case["id"], live=True, now=now)
    ownership.take(connection, request["id"], agent, now)


class Page:
    """One open page, as the desk's script keeps it."""

    def __init__(self, http: aiohttp.ClientSession, base: str, token: str, chat: int | None) -> None:
        self._http, self._base, self._chat = http, base, chat
        self._headers = {"Cookie": f"pandu_desk={token}"}
        self._last = ""
        self._busy: asyncio.Task[None] | None = None
        self._again = False
        self.seen: dict[int, float] = {}  # number of the message → when its words stood on the page
        self.opened = 0

    async def run(self) -> None:
        """Until cancelled; comes back after a cut, as EventSource does."""
        what = f"chat={self._chat}" if self._chat is not None else "queue=1"
        while True:
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                headers = {**self._headers, **({"Last-Event-ID": self._last} if self._last else {})}
                async with self._http.get(
                    f"{self._base}/desk/live?{what}", headers=headers, timeout=_NO_LIMIT
                ) as lines:
                    self.opened += lines.status == 200
                    async for line in lines.content:
                        if line.startswith(b"id: "):
                            self._last = line[4:].strip().decode()
                        elif line.startswith(b"event: changed"):
                            self._changed()
            await asyncio.sleep(1.5)

    def _changed(self) -> None:
        if self._busy and not self._busy.done():
            self._again = True
            return
        self._busy = asyncio.create_task(self._refresh())

    async def _refresh(self) -> None:
        path = f"/desk/chat/{self._chat}" if self._chat is not None else "/desk/?show=all"
        while True:
            self._again = False
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                async with self._http.get(self._base + path, headers={**self._headers, "X-Part": "1"}) as answer:
                    text = await answer.text()
                now = time.perf_counter()
                for number in _found(text):
                    self.seen.setdefault(number, now)
            if not self._again:
                return


_NO_LIMIT = aiohttp.ClientTimeout(total=None)


class People:
    """Those who write, at a steady rate; what the platform had no 200 for is delivered again."""

    def __init__(self, http: aiohttp.ClientSession, hook: str) -> None:
        self._http, self._hook = http, hook
        self.began: dict[int, float] = {}
        self.of: dict[int, int] = {}  # number of the message → the person's place
        self._chance = random.Random(7)

    async def write(self, seconds: float, rate: float) -> None:
        """Opens the taps for so long, and waits for the last 200."""
        start, tasks = time.perf_counter(), []
        for step in range(int(seconds * rate)):
            if (wait := start + step / rate - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
            number = len(self.of) + 1
            self.of[number] = self._chance.randrange(CHATS)
            tasks.append(asyncio.create_task(self._one(number)))
        await asyncio.gather(*tasks)

    async def _one(self, number: int) -> None:
        person = _FIRST + self.of[number]
        chat = {"id": person, "type": "private", "first_name": "Orang"}
        message = {"message_id": number, "date": int(time.time()), "chat": chat, "text": _named(number)}
        message["from"] = {"id": person, "is_bot": False, "first_name": "Orang"}
        headers = {"X-Telegram-Bot-Api-Secret-Token": SECRET}
        self.began[number] = time.perf_counter()
        while True:
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                body = {"update_id": number, "message": message}
                async with self._http.post(self._hook, json=body, headers=headers) as answer:
                    if answer.status == 200:
                        return
            await asyncio.sleep(0.5)


async def measure(name: str) -> dict[str, Any]:
    """The figures of one kind of database."""
    seconds, rate = options.number("SECONDS", 30), options.number("RATE", 50)
    tokens = [secrets.token_urlsafe(32) for _ in range(PAGES + QUEUES)]
    with (sqlite_url if name == "sqlite" else postgres_url)() as url:
        database = Database(url)
        await database.write(migrate.upgrade)
        await database.write(partial(_seed, tokens=tokens))
        shown = await _shown(database)
        async with serve() as api:
            service = Pandu(url, api.base, roles=("all",) if name == "sqlite" else ("web", "worker", "sender"))
            await service.start()
            connector = aiohttp.TCPConnector(limit=0)
            async with aiohttp.ClientSession(connector=connector) as http:
                base = f"http://127.0.0.1:{service.port}"
                chats_of = [*shown[:PAGES], *[None] * QUEUES]
                pages = [Page(http, base, token, chat) for token, chat in zip(tokens, chats_of, strict=True)]
                running = [asyncio.create_task(page.run()) for page in pages]
                people = People(http, service.hook)
                try:
                    await people.write(3, rate)
                    await _answered(database)  # a worker loads the model for some seconds
                    first = len(people.of) + 1
                    await people.write(seconds, rate)
                    steady = range(first, len(people.of) + 1)
                    await asyncio.sleep(2)
                    times = _times(pages, people, steady)
                    opened = sum(page.opened for page in pages)
                    await _killed(service, people, rate)
                    missing = await _settled(database, pages, people)
                finally:
                    for task in running:
                        task.cancel()
                    await asyncio.gather(*running, return_exceptions=True)
            await service.stop()
        stored = await database.read(_stored)
        await database.close()
    again = sum(page.opened for page in pages) - opened
    return {
        "messages": len(people.of),
        "on_page": len(times),
        "p50_ms": _at(times, 0.5),
        "p95_ms": _at(times, 0.95),
        "max_ms": _at(times, 1.0),
        "pages_reconnected": f"{min(again, len(pages))}/{len(pages)}",
        "lost": len(set(people.of) - set(stored)),
        "doubled": len(stored) - len(set(stored)),
        "not_shown": missing,
    }


async def _killed(service: Pandu, people: People, rate: float) -> None:
    """Ten seconds of messages; after three the process that serves the pages dies, and is started again at once."""
    writing = asyncio.create_task(people.write(10, rate))
    await asyncio.sleep(3)
    web = service.processes[0]
    await web.kill(signal.SIGKILL)
    await web.start()
    await writing


async def _shown(database: Database) -> list[int]:
    """The keys of the chats, by the people's numbers."""
    order = select(chat_rows.c.id).order_by(func.length(chat_rows.c.address), chat_rows.c.address)
    return await database.read(lambda c: list(c.execute(order).scalars()))


async def _answered(database: Database) -> None:
    """Waits until no event waits for a worker."""
    deadline = time.perf_counter() + _PATIENCE
    while (await database.read(inbox.waiting))[0] and time.perf_counter() < deadline:
        await asyncio.sleep(0.5)


def _on(pages: list[Page], people: People) -> list[tuple[Page, int]]:
    """(page, message) of every message whose chat a page shows: the first pages show the first people, in their order."""
    return [(pages[place], number) for number, place in people.of.items() if place < PAGES]


def _times(pages: list[Page], people: People, steady: range) -> list[float]:
    """Milliseconds until each message of the steady span stood on its page; one that never did counts as endless."""
    found = [
        (page.seen.get(number, float("inf")) - people.began[number]) * 1000
        for page, number in _on(pages, people)
        if number in steady
    ]
    return sorted(found)


async def _settled(database: Database, pages: list[Page], people: People) -> int:
    """Messages that are on no page after a while, of those that a page should show now: the newest twenty of each chat.

    What a killed process had claimed waits for the end of its lease first.
    """
    deadline = time.perf_counter() + _PATIENCE
    await _answered(database)
    due: dict[Page, list[int]] = {}
    for page, number in _on(pages, people):
        due.setdefault(page, []).append(number)
    wanted = [(page, number) for page, numbers in due.items() for number in numbers[-20:]]
    deadline = time.perf_counter() + _PATIENCE
    while (missing := [one for one in wanted if one[1] not in one[0].seen]) and time.perf_counter() < deadline:
        await asyncio.sleep(0.2)
    return len(missing)


def _stored(connection: Connection) -> list[int]:
    """The numbers of all messages in the log (texts that came together are one row)."""
    rows = connection.execute(select(messages.c.text).where(messages.c.text.like("%pesan-%"))).scalars()
    return [number for text in rows for number in _found(text)]


def _at(times: list[float], share: float) -> float:
    return round(times[min(len(times) - 1, int(len(times) * share))], 1) if times else float("nan")


def run(*, json: bool = False) -> None:
    """Prints the table, or one JSON object by database."""
    result = {}
    for name in sorted(options.wanted("DATABASES", "sqlite,postgres"), reverse=True):
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            result[name] = runner.run(measure(name))
    if json:
        typer.echo(js.dumps(result))
        return
    title = f"{CHATS} open conversations, {PAGES + QUEUES} pages; from the platform's request to the page"
    table = Table("database", title=title, title_justify="left")
    for name in next(iter(result.values())):
        table.add_column(name.replace("_", " "), justify="right")
    for label, row in result.items():
        table.add_row(label, *map(str, row.values()))
    Console().print(table)
