"""Live pages: an event whenever what a page shows has changed, across processes, cuts and restarts."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from bot.desk import live
from bot.desk.live import Hub
from bot.wake import DESK, Wake
from storage import agents
from storage.database import database_now
from storage.schema import desk_sessions as sessions
from tests.bot.desk.conftest import Browser, Office, said


class Stream:
    """One page's events, read as a browser does."""

    def __init__(self, office: Office, browser: Browser, path: str, **headers: str) -> None:
        self.events: asyncio.Queue[dict[str, str]] = asyncio.Queue()
        self.status = 0
        self._app, self._path = office.app, path
        cookie = "; ".join(f"{name}={value}" for name, value in browser.http.cookies.items())
        self._headers = {"cookie": cookie, "host": "desk", **headers}
        self._gone = asyncio.Event()

    async def __aenter__(self) -> Stream:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._gone.set()
        await asyncio.wait_for(self._task, 30)

    async def _run(self) -> None:
        path, _, query = self._path.partition("?")
        scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": query.encode(),
            "headers": [(k.encode(), v.encode()) for k, v in self._headers.items()],
            "client": ("10.0.0.1", 1),
            "server": ("desk", 80),
        }
        asked = False

        async def receive() -> dict[str, Any]:
            nonlocal asked
            if not asked:
                asked = True
                return {"type": "http.request", "body": b"", "more_body": False}
            await self._gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                self.status = message["status"]
            for block in message.get("body", b"").decode().split("\n\n"):
                fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line and line[0] != ":")
                if "event" in fields:
                    self.events.put_nowait(fields)

        await self._app(scope, receive, send)  # type: ignore[arg-type]

    async def next(self) -> dict[str, str]:
        """The next event; a page must have it within a second (here with room for a slow machine)."""
        return await asyncio.wait_for(self.events.get(), 60)


async def mark_of(office: Office, browser: Browser, chat: int | None) -> str:
    chats = frozenset() if chat is None else frozenset((chat,))
    seen = await office.database.read(lambda c: live.look(c, chats))
    return seen.mark(agent_id=browser.id, chat=chat, queue=chat is None)


@contextlib.asynccontextmanager
async def watching(office: Office, browser: Browser, chat: int | None = None) -> AsyncIterator[Stream]:
    """A page that shows the present state."""
    what = "queue=1" if chat is None else f"chat={chat}"
    since = await mark_of(office, browser, chat)
    async with Stream(office, browser, f"/desk/live?{what}&since={since}") as stream:
        yield stream


async def test_a_message_stirs_the_page_that_shows_its_chat(office: Office) -> None:
    ani = await office.at_desk("ani")
    chat = await office.asks("siti")
    async with watching(office, ani, chat) as stream:
        await office.do(lambda c: said(c, chat, "halo?", database_now(c)))
        office.wake.notify(DESK)
        event = await stream.next()
        assert event["event"] == "changed"
        assert event["id"] == await mark_of(office, ani, chat)
        assert event["data"] == "1"


async def test_another_process_changes_the_database_and_the_page_hears_of_it(office: Office) -> None:
    """Nobody notifies: the slow look is the net."""
    ani = await office.at_desk("ani")
    async with watching(office, ani) as stream:
        await office.asks("siti")
        assert (await stream.next())["data"] == "1"


async def test_a_page_that_was_cut_off_hears_what_it_missed_and_nothing_twice(office: Office) -> None:
    ani = await office.at_desk("ani")
    chat = await office.asks("siti")
    shown = await mark_of(office, ani, chat)
    await office.do(lambda c: said(c, chat, "sudah dibaca?", database_now(c)))
    other = Hub(office.database, Wake(office.database))  # another process
    assert other is not office.hub
    async with Stream(office, ani, f"/desk/live?chat={chat}&since={shown}") as stream:
        missed = await stream.next()
    last = {"last-event-id": missed["id"]}
    async with Stream(office, ani, f"/desk/live?chat={chat}&since={shown}", **last) as stream:
        await office.do(lambda c: said(c, chat, "halo lagi", database_now(c)))
        assert (await stream.next())["id"] not in (missed["id"], shown)
        assert stream.events.empty()


async def test_other_peoples_chats_do_not_stir_a_conversation(office: Office) -> None:
    ani, budi = await office.at_desk("ani"), await office.at_desk("budi")
    chat, other = await office.asks("siti"), await office.asks("tono")
    await office.given(chat, ani)
    await office.given(other, budi)
    before = await mark_of(office, ani, chat)
    await office.do(lambda c: said(c, other, "halo", database_now(c)))
    assert await mark_of(office, ani, chat) == before
    await office.do(lambda c: said(c, chat, "halo", database_now(c)))
    assert await mark_of(office, ani, chat) != before


async def test_an_open_page_is_the_agents_heartbeat(office: Office) -> None:
    ani = await office.at_desk("ani")
    long_ago = await office.database.now() - timedelta(hours=1)
    await office.set(ani.id, seen_at=long_ago)
    async with watching(office, ani) as stream:
        await office.asks("siti")
        await stream.next()
    row = await office.database.read(lambda c: agents.get(c, ani.id))
    assert row is not None
    assert row["seen_at"] > long_ago + timedelta(minutes=59)


async def test_watching_alone_does_not_keep_a_session_open(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "_ALIVE_SECONDS", 0.1)
    ani = await office.at_desk("ani")
    async with watching(office, ani) as stream:
        await office.asks("siti")
        await stream.next()  # the stream is open
        long_ago = await office.database.now() - timedelta(hours=2)
        await office.do(lambda c: c.execute(update(sessions).values(seen_at=long_ago)))
        assert (await stream.next())["event"] == "over"


async def test_on_a_database_slower_than_its_signs_of_life_a_page_hears_of_changes(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    ani = await office.at_desk("ani")
    loop, write, passed = asyncio.get_running_loop(), office.database.write, 0.0
    clock = loop.time

    async def slow(work: Any) -> Any:
        nonlocal passed
        passed += live._ALIVE_SECONDS + 5
        return await write(work)

    monkeypatch.setattr(loop, "time", lambda: clock() + passed)
    monkeypatch.setattr(office.database, "write", slow)
    async with watching(office, ani) as stream:
        for person in ("siti", "tono"):  # the second one asks while the page is being told of the first
            await office.asks(person)
            assert (await stream.next())["event"] == "changed"


async def test_a_stream_needs_a_session(office: Office) -> None:
    browser = office.browser()
    answer = await browser.get("/live?queue=1")
    assert answer.status_code == 303


async def test_stopping_ends_all_streams_and_takes_no_new_ones(office: Office) -> None:
    ani = await office.at_desk("ani")
    async with watching(office, ani) as stream:
        await office.asks("siti")
        await stream.next()
        office.hub.stop()
        await asyncio.wait_for(stream._task, 30)
    assert (await ani.get("/live?queue=1")).status_code == 503


async def test_an_outage_ends_no_page(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    ani = await office.at_desk("ani")
    async with watching(office, ani) as stream:
        await office.asks("siti")
        await stream.next()
        real, failures = office.database.read, 2

        async def failing(work: Any) -> Any:
            nonlocal failures
            if failures:
                failures -= 1
                raise ConnectionError
            return await real(work)

        monkeypatch.setattr(office.database, "read", failing)
        await office.asks("tono")
        assert (await stream.next())["data"] == "2"
