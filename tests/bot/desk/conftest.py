"""The desk on a fresh database, asked over HTTP as a browser would: cookies are kept, forms carry the page's token."""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from functools import cache
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher
from sqlalchemy import Connection, update
from starlette.applications import Starlette

from bot.desk import passwords
from bot.desk.live import Hub
from bot.desk.routes import desk_routes
from bot.desk.visit import Desk
from bot.effects import Parts
from bot.sender import Sender
from bot.wake import Wake
from bot.webchat.channel import WebChat
from handlers import catalogue
from handlers.turn import Policy
from storage import agents, chats, handoffs, ownership
from storage.database import Database, T, database_now
from storage.schema import agents as agent_rows
from tests.bot.engines import StubEngine
from tests.storage import desk as rows

PASSWORD = "kuda biru makan awan"
_QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture(autouse=True)
def _quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Argon2 is slow on purpose; tests that are about it use the real one."""
    monkeypatch.setattr(passwords, "_hasher", _QUICK)


@cache
def stored_password() -> str:
    return _QUICK.hash(PASSWORD)


class Browser:
    """One person at the desk."""

    def __init__(self, app: Starlette, address: str = "10.0.0.1") -> None:
        transport = httpx.ASGITransport(app=app, client=(address, 1))
        self.http = httpx.AsyncClient(transport=transport, base_url="http://desk")
        self.page = ""
        self.id = 0

    async def get(self, path: str, **headers: str) -> httpx.Response:
        answer = await self.http.get(f"/desk{path}", headers=headers)
        self._keep(answer)
        return answer

    async def post(self, path: str, headers: dict[str, str] | None = None, **fields: str) -> httpx.Response:
        """Sends a form with the token of the page that was seen last."""
        answer = await self.http.post(f"/desk{path}", data={"csrf": self.csrf, **fields}, headers=headers)
        self._keep(answer)
        return answer

    async def send(self, path: str, body: bytes, kind: str = "image/png", csrf: str | None = None) -> httpx.Response:
        """Sends a file as the pages' script does, with the token of the page that was seen last."""
        headers = {"Content-Type": kind, "X-CSRF": self.csrf if csrf is None else csrf, "X-Part": "1"}
        return await self.http.post(f"/desk{path}", content=body, headers=headers)

    async def follow(self, answer: httpx.Response) -> httpx.Response:
        """Where a form has led."""
        assert answer.status_code == 303, answer.text
        return await self.get(answer.headers["location"].removeprefix("/desk"))

    @property
    def csrf(self) -> str:
        found = re.search(r'data-csrf="([0-9a-f]{64})"', self.page)
        return found[1] if found else ""

    def _keep(self, answer: httpx.Response) -> None:
        if answer.headers.get("content-type", "").startswith("text/html") and "data-csrf" in answer.text:
            self.page = answer.text


class Office:
    """Database, desk and the web chat's sender."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.wake = Wake(database)
        self.parts = Parts(
            engine=StubEngine(),
            catalogue=catalogue.load(),
            policy=Policy(secure_form_url="https://pandu.example/f/", signing_key=bytes(32), agents=True),
            new_id=lambda n: "0123456789ABCDEFGHJKMNPQRSTVWXYZ"[:n],
        )
        self.desk = Desk(database=database, wake=self.wake, parts=lambda: self.parts, own_host="pandu.example")
        self.hub = Hub(database, self.wake)
        self.app = Starlette(routes=desk_routes(self.desk, self.hub))
        self.channel = WebChat(database, self.wake)
        self.sender = Sender(database, self.channel, self.wake, link_hosts=("pandu.example",))
        self.browsers: list[Browser] = []

    async def do(self, work: Callable[[Connection], T]) -> T:
        return await self.database.write(work)

    def browser(self, address: str = "10.0.0.1") -> Browser:
        made = Browser(self.app, address)
        self.browsers.append(made)
        return made

    async def agent(self, name: str, role: str = "agent", **more: Any) -> int:
        """An account with the tests' password, available."""

        def work(connection: Connection) -> int:
            code = f"P-{hashlib.sha256(name.encode()).hexdigest()[:5].upper()}"
            key = rows.add_agent(connection, name, database_now(connection), role=role, **{"code": code, **more})
            agents.change(connection, key, password_hash=stored_password())
            return key

        return await self.do(work)

    async def at_desk(self, name: str, role: str = "agent", **more: Any) -> Browser:
        """An agent who has logged in."""
        key = await self.agent(name, role, **more)
        browser = self.browser()
        await browser.get("/login")
        assert (await browser.post("/login", name=name, password=PASSWORD)).status_code == 303
        browser.id = key
        await browser.get("/" if role in agents.ANSWERING else "/hours" if role == "operator" else "/canned")
        return browser

    async def asks(self, address: str, text: str = "incentive_when: kapan cair?", **more: Any) -> int:
        """Somebody in the web chat waits for an agent; returns the chat's key."""

        def work(connection: Connection) -> int:
            now = database_now(connection)
            row = handoffs.get(connection, rows.ask(connection, address, now, **more))
            assert row is not None
            chats.change(connection, row["chat_id"], name=address.title())
            said(connection, row["chat_id"], text, now)
            return int(row["chat_id"])

        return await self.do(work)

    async def given(self, chat: int, browser: Browser) -> None:
        """The conversation is this agent's."""

        def work(connection: Connection) -> None:
            row = handoffs.going_on(connection, chat)
            assert row is not None
            ownership.take(connection, row["id"], browser.id, database_now(connection))

        await self.do(work)

    async def hears(self, chat: int) -> list[str]:
        """What has been sent to a chat, sent or not, in order."""
        from storage.schema import outbox

        def work(connection: Connection) -> list[str]:
            found = connection.execute(outbox.select().where(outbox.c.chat_id == chat).order_by(outbox.c.id))
            return [row["payload"]["text"] for row in found.mappings()]

        return await self.database.read(work)

    async def set(self, agent: int, **values: Any) -> None:
        await self.do(lambda c: c.execute(update(agent_rows).where(agent_rows.c.id == agent).values(**values)))

    async def close(self) -> None:
        self.hub.stop()
        await self.channel.close()
        for browser in self.browsers:
            await browser.http.aclose()


def said(connection: Connection, chat: int, text: str, now: datetime, author: str = "person") -> None:
    """A line of the log."""
    intent = text.partition(":")[0] if ":" in text else None
    row = {"chat_id": chat, "author": author, "text": text, "at": now}
    chats.log(connection, [{**row, "intent": intent, "confidence": 0.9 if intent else None}])


@pytest.fixture
async def office(database: Database) -> AsyncIterator[Office]:
    made = Office(database)
    yield made
    await made.close()
