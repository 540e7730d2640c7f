"""A small WhatsApp Cloud API of our own: checks every request against Meta's documentation and answers as Meta does.

`async with serve() as fake:` in tests, or `make fake-whatsapp` beside a running bot, with phones at /_/phone.
Pages: https://developers.facebook.com/documentation/business-messaging/whatsapp/. What is checked: whatsapp_rules.py,
whatsapp_templates.py; limits: whatsapp_limits.py; webhooks: whatsapp_webhook.py; people: whatsapp_people.py.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from tests.fakes.phone import Phones
from tests.fakes.telegram import on_loopback, sever
from tests.fakes.whatsapp_limits import Limits
from tests.fakes.whatsapp_nodes import Nodes
from tests.fakes.whatsapp_people import Person, Sent
from tests.fakes.whatsapp_phone import WhatsAppCarrier
from tests.fakes.whatsapp_rules import GraphError
from tests.fakes.whatsapp_webhook import Webhook

TOKEN, SECRET, VERIFY = "EAAfakefakefakefakefakefake", "0123456789abcdef0123456789abcdef", "pandu-verifikasi"
NUMBER_ID, ACCOUNT_ID, APP_ID, DISPLAY = "106540352242922", "102290129340398", "670843887433847", "6281100000000"
LATE = frozenset({131026, 131047, 131049, 131050, 130472})  # told by a status, after a 200; others at once


@dataclass(frozen=True)
class Call:
    """One request that was received."""

    method: str
    path: str  # without the version
    given: Any
    at: float
    status: int  # 0 = cut


@dataclass(frozen=True)
class Fault:
    """What happens to a request instead of, or after, its handling."""

    kind: str = "error"  # error, html (an error page), cut_before, cut_after, slow (answered after `fake.release`)
    path: str = "messages"  # how the path ends; "" = any
    code: int = 131000
    details: str = ""
    status: int | None = None


class FakeWhatsApp(Nodes):
    """The server: an ASGI application with everything it knows as attributes."""

    def __init__(self, *, clock: Callable[[], float] = time.time, scale: float = 0.0) -> None:
        super().__init__()
        self.clock = clock
        self.token, self.secret, self.verify = TOKEN, SECRET, VERIFY
        self.number_id, self.account_id, self.app_id, self.display = NUMBER_ID, ACCOUNT_ID, APP_ID, DISPLAY
        self.limits = Limits()
        self.webhook = Webhook(ACCOUNT_ID, SECRET, scale, self._notice)
        self.late: frozenset[int] = LATE
        self.faults: list[Fault] = []
        self.next_failures: list[GraphError] = []  # `failed` statuses for the next accepted messages
        self.calls: list[Call] = []
        self.sent: list[Sent] = []
        self.people: dict[str, Person] = {}
        self.received_ids: dict[str, Person] = {}
        self.base = ""
        self.phones = Phones(WhatsAppCarrier(self))
        self._released, self._changed, self._last = asyncio.Event(), asyncio.Event(), 0

    # -- for tests -------------------------------------------------------------------------------------------------

    def person(self, number: str = "6281200000007", name: str = "Siti") -> Person:
        """Somebody with this number on WhatsApp."""
        return self.people.setdefault(number, Person(self, number, name))

    def hook(self, url: str, *, fields: str = "messages") -> None:
        """Delivers to this address from now on, without the steps of a set-up."""
        self.webhook.url, self.webhook.fields, self.subscribed = url, set(fields.split()), True
        self.webhook.flush()

    def fail(self, times: int = 1, **fault: Any) -> None:
        """The next requests go wrong: `fail(kind="cut_after")`, `fail(5, code=130429)`."""
        self.faults += [Fault(**fault)] * times

    def fail_later(self, code: int, details: str = "") -> None:
        """The next accepted message gets a `failed` status."""
        self.next_failures.append(GraphError(code, details))

    def release(self) -> None:
        """Lets slow answers go."""
        self._released.set()

    def called(self, path: str, method: str = "POST") -> list[Call]:
        """The requests whose path ends so."""
        return [call for call in self.calls if call.method == method and call.path.endswith(path)]

    async def until(self, condition: Callable[[], Any], timeout: float = 5) -> None:  # noqa: ASYNC109
        """Waits, without sleeping, until something that was received makes the condition true."""
        async with asyncio.timeout(timeout):
            while not condition():
                await self._changed.wait()

    async def wait_for_reply(self, person: Person, n: int = 1) -> Sent:
        """The n-th message (from 1) that the person got."""
        await self.until(lambda: len(person.inbox) >= n)
        return person.inbox[n - 1]

    def next_id(self) -> str:
        """A new id for a message."""
        self._last += 1
        return "wamid." + base64.b64encode(f"fake{self._last:012d}".encode()).decode()

    # -- HTTP ------------------------------------------------------------------------------------------------------

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return None
        if scope["path"].startswith("/_/phone"):
            return await self.phones(scope, receive, send)
        request = Request(scope, receive)
        body = await request.body()
        path = re.sub(r"^/v\d+\.\d+/", "", scope["path"])
        fault = next((fault for fault in self.faults if path.endswith(fault.path)), None)
        if fault:
            self.faults.remove(fault)
        given: Any = dict(request.query_params)
        try:
            if path == scope["path"] and not path.startswith("/_media/"):
                raise GraphError(2500, "The version is missing from the address.")
            self._authorised(request, given)
            given |= self._parsed(request, body)
            if fault and fault.kind == "error":
                raise GraphError(fault.code, fault.details, status=fault.status)
            before = fault and fault.kind in ("cut_before", "html")
            answer: Any = {} if before else await self.handle(request.method, path, given)
            status = 200
        except GraphError as error:
            self._last += 1
            answer, status = error.body(f"A{self._last:08d}fake"), error.status
        if fault and fault.kind == "slow":
            self._notice()
            await self._released.wait()
        lost = bool(fault and fault.kind.startswith("cut"))
        self.calls.append(Call(request.method, path, given, self.clock(), 0 if lost else status))
        self._notice()
        if lost:
            return await sever(receive)
        if fault and fault.kind == "html":
            page = Response("<html>Sorry, something went wrong</html>", fault.status or 502, media_type="text/html")
            return await page(scope, receive, send)
        made = answer if isinstance(answer, Response) else JSONResponse(answer, status)
        return await made(scope, receive, send)

    def _authorised(self, request: Request, given: dict[str, Any]) -> None:
        token = given.pop("access_token", "") or request.headers.get("authorization", "").removeprefix("Bearer ")
        if not token:
            raise GraphError(190, "An access token is required to request this resource.", status=401)
        if token not in (self.token, f"{self.app_id}|{self.secret}"):
            raise GraphError(190, "Invalid OAuth access token - Cannot parse access token.")
        self.as_app = token != self.token

    def _parsed(self, request: Request, body: bytes) -> dict[str, Any]:
        if not body:
            return {}
        try:
            kind = request.headers.get("content-type", "")
            if kind.startswith("multipart/form-data"):
                return form(kind, body)
            if kind.startswith("application/x-www-form-urlencoded"):
                return dict(part.split("=", 1) for part in body.decode().split("&"))
            found = json.loads(body)
        except ValueError:
            raise GraphError(100, "The parameters are not valid JSON.") from None
        if not isinstance(found, dict):
            raise GraphError(100, "The parameters must be a JSON object.")
        return found

    def _notice(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
        self.phones.changed()


def form(content_type: str, body: bytes) -> dict[str, Any]:
    """The fields of a form; of a file its bytes, and beside it its kind as `<name>_type`."""
    whole = BytesParser(policy=HTTP).parsebytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body)
    found: dict[str, Any] = {}
    for part in whole.iter_parts():
        name, data = str(part.get_param("name", header="content-disposition")), part.get_payload(decode=True)
        assert isinstance(data, bytes)
        found |= {name: data, f"{name}_type": part.get_content_type()} if part.get_filename() else {name: data.decode()}
    return found


@asynccontextmanager
async def serve(fake: FakeWhatsApp | None = None, **options: Any) -> AsyncIterator[FakeWhatsApp]:
    """The fake on a free loopback port; `fake.base` is its address (without a version)."""
    fake = fake or FakeWhatsApp(**options)
    async with on_loopback(fake) as fake.base:
        try:
            yield fake
        finally:
            fake.release()
            await fake.webhook.close()
