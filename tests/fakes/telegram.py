"""A small Bot API server of our own: behaves as https://core.telegram.org/bots/api and the published server say.

`async with serve() as fake:` in tests, or `make fake-telegram` beside a running bot, with phones at /_/phone.
tests/fakes/test_telegram_fake.py proves it with aiogram and python-telegram-bot, unpatched.
"""

from __future__ import annotations

import asyncio
import re
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from tests.fakes import telegram_rules as rules
from tests.fakes.phone import Phones
from tests.fakes.pictures import Stored
from tests.fakes.telegram_methods import Call, Fault, Methods, Sent
from tests.fakes.telegram_people import Person, Queue
from tests.fakes.telegram_phone import TelegramCarrier
from tests.fakes.telegram_rules import ApiError

TOKEN = "123456789:AAFakeFakeFakeFakeFakeFakeFakeFakeFake"


class FakeTelegram(Methods):
    """The server: an ASGI application with everything it knows as attributes."""

    def __init__(self, *, token: str = TOKEN, scale: float = 0.0, clock: Callable[[], float] = time.time) -> None:
        self.token, self.clock = token, clock
        number = int(token.partition(":")[0])
        self.me = {
            "id": number,
            "is_bot": True,
            "first_name": "Pandu",
            "username": "pandu_test_bot",
            "can_join_groups": False,
        }
        self.me |= {"can_read_all_group_messages": False, "supports_inline_queries": False, "has_main_web_app": False}
        self.queue = Queue(clock, scale, answered=self._answered_in_body, noticed=self._notice)
        self.flood = rules.Flood()
        self.faults: list[Fault] = []
        self.calls: list[Call] = []
        self.sent: list[Sent] = []
        self.people: dict[int, Person] = {}
        self.messages: dict[tuple[int, int], dict[str, Any]] = {}
        self.taps: dict[str, float] = {}  # unanswered → time
        self.profile: dict[str, Any] = {"commands": [], "description": "", "short_description": ""}
        self.migrated: dict[int, int] = {}
        self.files: dict[str, Stored] = {}
        self.uploads: list[Stored] = []
        self.base = ""
        self.phones = Phones(TelegramCarrier(self))
        self._released, self._changed, self._last = asyncio.Event(), asyncio.Event(), 0

    # -- for tests -------------------------------------------------------------------------------------------------

    def person(self, id: int, first_name: str = "Siti") -> Person:  # noqa: A002
        """Somebody who has started the bot."""
        return self.people.setdefault(id, Person(self, id, first_name))

    def fail(self, times: int = 1, **fault: Any) -> None:
        """The next requests go wrong: `fail(kind="cut_after")`, `fail(2, status=403, description="Forbidden: …")`."""
        self.faults += [Fault(**fault)] * times

    def release(self) -> None:
        """Lets slow answers go."""
        self._released.set()

    def called(self, method: str) -> list[Call]:
        """The requests of one method."""
        return [call for call in self.calls if call.method.lower() == method.lower()]

    async def until(self, condition: Callable[[], Any], timeout: float = 5) -> None:  # noqa: ASYNC109
        """Waits, without sleeping, until something that was received makes the condition true."""
        async with asyncio.timeout(timeout):
            while not condition():
                await self._changed.wait()

    async def wait_for_reply(self, person: Person, n: int = 1) -> Sent:
        """The n-th message (from 1) that the person got."""
        await self.until(lambda: len(person.inbox) >= n)
        return person.inbox[n - 1]

    def next_id(self) -> int:
        """A new number for a message."""
        self._last += 1
        return self._last

    # -- HTTP ------------------------------------------------------------------------------------------------------

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return None
        if scope["path"].startswith("/_/phone"):
            return await self.phones(scope, receive, send)
        request = Request(scope, receive)
        body = await request.body()
        path = re.fullmatch(r"/bot([^/]+)/(?:test/)?(\w+)", scope["path"])
        method = path[2] if path else ""
        fault = next((fault for fault in self.faults if fault.method.lower() in (method.lower(), "*")), None)
        if fault:
            self.faults.remove(fault)
        given: dict[str, Any] = {}
        try:
            if path is None or not re.fullmatch(r"\d+:[\w-]+", path[1]):
                raise ApiError(404, "Not Found")
            if path[1] != self.token:
                raise ApiError(401, "Unauthorized")
            given = rules.arguments(scope["query_string"], request.headers.get("content-type", ""), body)
            if fault and fault.kind == "error":
                raise ApiError(fault.status, fault.description, **fault.parameters)
            handled = None if fault and fault.kind in ("cut_before", "html") else await self.handle(method, given)
            answer, status = {"ok": True, "result": handled}, 200
        except ApiError as error:
            answer, status = {"ok": False, "error_code": error.status, "description": error.description}, error.status
            answer |= {"parameters": error.parameters} if error.parameters else {}
        if fault and fault.kind == "slow":
            await self._released.wait()
        cut = bool(fault and fault.kind.startswith("cut"))
        self._log(Call(method, given, self.clock(), 0 if cut else status, answer.get("result")))
        if cut:
            return await sever(receive)
        if fault and fault.kind == "html":
            return await Response("<html>Bad Gateway</html>", fault.status, media_type="text/html")(
                scope, receive, send
            )
        return await JSONResponse(answer, status)(scope, receive, send)

    def _log(self, call: Call) -> None:
        self.calls.append(call)
        self._notice()

    def _notice(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
        self.phones.changed()

    def _answered_in_body(self, content_type: str, body: bytes) -> None:
        """A webhook may answer with one method call; its result is told to nobody."""
        try:
            given = rules.arguments(b"", content_type, body) if content_type else {}
        except ApiError:
            return
        if method := given.pop("method", None):
            task = asyncio.ensure_future(self.handle(str(method), given))
            task.add_done_callback(
                lambda done: self._log(Call(str(method), given, self.clock(), 200, done.exception()))
            )


_STAYS_OPEN = 3600  # seconds; a client lets go of an idle connection long before


async def sever(receive: Receive) -> None:
    """Closes the connection under the client's hands (uvicorn's own `receive` knows its transport)."""
    receive.__self__.transport.abort()  # type: ignore[attr-defined]
    while (await receive())["type"] != "http.disconnect":
        pass


@asynccontextmanager
async def serve(fake: FakeTelegram | None = None, **options: Any) -> AsyncIterator[FakeTelegram]:
    """The fake on a free loopback port; `fake.base` is its address."""
    fake = fake or FakeTelegram(**options)
    async with on_loopback(fake) as fake.base:
        try:
            yield fake
        finally:
            fake.release()
            await fake.queue.close()


@asynccontextmanager
async def on_loopback(app: Any) -> AsyncIterator[str]:
    """`run_app` on a free port of the loopback; gives the address."""
    listener = socket.create_server(("127.0.0.1", 0))
    async with run_app(app, listener):
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@asynccontextmanager
async def run_app(app: Any, listener: socket.socket) -> AsyncIterator[None]:
    """Any ASGI application on uvicorn's protocol, without its once-a-tenth-second loop: tests end at once.

    Idle connections stay open: uvicorn's five seconds are over between two examples of a property on a busy machine, and closing under
    the client's next request would be a cut that no test has asked for. Answers leave at once: asyncio turns Nagle's algorithm off only
    for sockets that name their protocol, and without that a body waits 40 ms behind its headers for the other side's acknowledgement.
    """
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    config = uvicorn.Config(
        app, lifespan="off", log_config=None, ws="none", access_log=False, timeout_keep_alive=_STAYS_OPEN
    )
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup(sockets=[listener])
    try:
        yield
    finally:
        for listening in server.servers:
            listening.close()
        for connection in list(server.server_state.connections):
            connection.transport.abort()
        await asyncio.gather(*server.server_state.tasks, return_exceptions=True)
