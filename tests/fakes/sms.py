"""Two small SMS gateways of our own, which check every request: a telephone with the app SMS Gateway for Android, and the
HTTP gateway of docs/samples/sms/json.yml. They send inbound messages and reports by signed webhook, and fail on purpose.

The telephone: https://docs.sms-gate.app (docs/features/{webhooks,sending-messages,health}.md of android-sms-gateway/docs-web).
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import itertools
import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from aiohttp import ClientSession
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from tests.fakes.sms_rules import android_problem, counted, is_plain, text_problem
from tests.fakes.telegram import on_loopback, sever

Fake = TypeVar("Fake", bound="FakeSms")
USER, KEY, SECRET = "sms", "kunci-sms-contoh", "rahasia-webhook-contoh"


@dataclass(frozen=True)
class Sent:
    """One message on the air."""

    id: str
    to: str
    text: str

    @property
    def parts(self) -> int:
        """How many messages it costs."""
        return counted(self.text)


class FakeSms:
    """What both have: messages, faults, a webhook. A subclass reads requests and words its webhooks."""

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self.user, self.key, self.secret = USER, KEY, SECRET
        self.sent: list[Sent] = []
        self.problems: list[str] = []  # requests that no gateway of this kind would take, or texts that must not leave
        self.faults: list[
            str
        ] = []  # "429", "503", "500", "401", "html", "slow", "cut_before", "cut_after" for the next requests
        self.hook = ""  # where our webhook is
        self.base = ""
        self._numbers = itertools.count(1)
        self._released, self._changed = asyncio.Event(), asyncio.Event()

    def release(self) -> None:
        """Lets slow answers go."""
        self._released.set()

    async def until(self, condition: Callable[[], Any], timeout: float = 10) -> None:  # noqa: ASYNC109
        """Waits, without sleeping, until something that was received makes the condition true."""
        async with asyncio.timeout(timeout):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        body = await request.body()
        fault = self.faults.pop(0) if self.faults and self.is_send(request) else ""
        if fault == "cut_before":
            await sever(receive)
            return
        if fault == "slow":
            await self._released.wait()
        answer = self._failed(fault) or self.handle(request, body)
        self._changed.set()
        if fault == "cut_after":
            await sever(receive)
            return
        await answer(scope, receive, send)

    def _failed(self, fault: str) -> Response | None:
        if fault == "html":
            return Response("<html>Bad gateway</html>", 502)
        if fault.isdigit():
            return JSONResponse({"message": "on purpose"}, int(fault), {"Retry-After": "7"} if fault == "429" else None)
        return None

    def is_send(self, request: Request) -> bool:
        """Whether a request is one that sends a message."""
        raise NotImplementedError

    def handle(self, request: Request, body: bytes) -> Response:
        """The answer to a request."""
        raise NotImplementedError

    def take(self, id_: str, to: str, text: str) -> None:
        """Puts a message on the air, noting what must not leave."""
        if problem := text_problem(text):
            self.problems.append(problem)
        self.sent.append(Sent(id_, to, text))

    def refuse(self, problem: str) -> Response:
        """400 with the reason, which is noted."""
        self.problems.append(problem)
        return JSONResponse({"message": problem}, 400)

    async def post(self, body: bytes, headers: dict[str, str], path: str = "") -> int:
        """Delivers a webhook; returns the status."""
        async with ClientSession() as session, session.post(self.hook + path, data=body, headers=headers) as response:
            await response.read()
            return response.status


class FakeAndroid(FakeSms):
    """A telephone in local mode, or its server in cloud mode: they differ in one path."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.webhooks: dict[str, dict[str, Any]] = {}

    def is_send(self, request: Request) -> bool:
        return request.method == "POST" and request.url.path in ("/message", "/messages")

    def handle(self, request: Request, body: bytes) -> Response:
        if request.url.path == "/health":
            return JSONResponse({"status": "pass", "version": "1.50.0", "releaseId": 1, "checks": {}})
        expected = "Basic " + base64.b64encode(f"{self.user}:{self.key}".encode()).decode()
        if request.headers.get("authorization") != expected:
            return JSONResponse({"message": "Unauthorized"}, 401)
        if request.url.path == "/webhooks":
            return self._webhooks(request, body)
        if not self.is_send(request):
            return JSONResponse({"message": "Not found"}, 404)
        given = json.loads(body)
        if problem := android_problem(given):
            return self.refuse(problem)
        own = given.get("id") or f"auto-{next(self._numbers)}"
        if any(one.id == own for one in self.sent):
            return JSONResponse({"message": "Message with the same ID already exists"}, 409)
        for number in given["phoneNumbers"]:
            self.take(own, number, given["textMessage"]["text"])
        recipients = [{"phoneNumber": number, "state": "Pending"} for number in given["phoneNumbers"]]
        state = {"id": own, "deviceId": "hp", "state": "Pending", "isHashed": False, "isEncrypted": False}
        return JSONResponse({**state, "recipients": recipients, "states": {}}, 202)

    def _webhooks(self, request: Request, body: bytes) -> Response:
        if request.method == "GET":
            return JSONResponse(list(self.webhooks.values()))
        given = json.loads(body)
        if not given["url"].startswith(("https://", "http://127.0.0.1")) or len(given.get("id", "")) > 36:
            return self.refuse("webhook")
        self.webhooks[given["id"]] = given
        return JSONResponse(given, 201)

    async def text(self, sender: str, text: str, *, event_id: str = "", at: datetime | None = None, **more: Any) -> int:
        """Somebody has written to the SIM."""
        moment = at or datetime.fromtimestamp(self.clock(), UTC)
        payload = {"messageId": "abc", "message": text, "sender": sender, "recipient": None, "phoneNumber": sender,
                   "simNumber": 1, "receivedAt": moment.isoformat(timespec="milliseconds"), **more}  # fmt: skip
        return await self.event("sms:received", payload, event_id=event_id)

    async def report(self, sent: Sent, state: str, reason: str = "") -> int:
        """What became of a message: sent, delivered, failed."""
        at = datetime.fromtimestamp(self.clock(), UTC).isoformat(timespec="milliseconds")
        payload = {"messageId": sent.id, "recipient": sent.to, "phoneNumber": sent.to, "simNumber": 1, f"{state}At": at}
        return await self.event(f"sms:{state}", {**payload, **({"reason": reason} if reason else {})})

    async def event(self, event: str, payload: dict[str, Any], *, event_id: str = "", signature: str = "") -> int:
        """One webhook, signed over body and timestamp."""
        named = event_id or f"hook-{next(self._numbers)}"
        told = {"deviceId": "hp", "event": event, "id": named, "payload": payload, "webhookId": "w"}
        body, stamp = json.dumps(told).encode(), str(int(self.clock()))
        made = hmac.new(self.secret.encode(), body + stamp.encode(), hashlib.sha256).hexdigest()
        headers = {"Content-Type": "application/json", "X-Signature": signature or made, "X-Timestamp": stamp}
        return await self.post(body, headers)


class FakeHttp(FakeSms):
    """The invented gateway of docs/samples/sms/json.yml."""

    def is_send(self, request: Request) -> bool:
        return request.url.path == "/v2/messages"

    def handle(self, request: Request, body: bytes) -> Response:
        if request.headers.get("authorization") != f"Bearer {self.key}":
            return JSONResponse({"error": "unauthorized"}, 401)
        given = json.loads(body)
        if unknown := set(given) - {"to", "from", "text", "client_id", "report", "coding"}:
            return self.refuse(f"unknown field {sorted(unknown)[0]}")
        if is_plain(given["text"]) == ("coding" in given):
            return self.refuse("coding: ucs2 for what is no GSM-7, and for nothing else")
        if given["to"].endswith("000"):
            return JSONResponse({"error": "invalid_recipient"}, 400)
        if any(one.id == given["client_id"] for one in self.sent):
            return JSONResponse({"error": "duplicate", "messages": [{"id": given["client_id"]}]}, 409)
        self.take(given["client_id"], given["to"], given["text"])
        return JSONResponse({"status": "queued", "messages": [{"id": f"gw-{given['client_id']}"}]}, 202)

    async def deliver(self, items: Sequence[dict[str, Any]], *, signature: str = "") -> int:
        """Messages of people, in the gateway's words."""
        return await self._signed("/in", {"messages": list(items)}, signature)

    async def report(self, sent: Sent, state: str, error: str = "") -> int:
        """What became of a message."""
        return await self._signed("/report", {"reports": [{"id": f"gw-{sent.id}", "state": state, "error": error}]}, "")

    async def _signed(self, path: str, told: dict[str, Any], signature: str) -> int:
        body = json.dumps(told).encode()
        made = hmac.new(self.secret.encode(), body, hashlib.sha256).hexdigest()
        headers = {"Content-Type": "application/json", "X-Contoh-Signature": signature or f"sha256={made}"}
        return await self.post(body, headers, path)


@asynccontextmanager
async def serve(fake: Fake) -> AsyncIterator[Fake]:
    """The fake on a free loopback port; `fake.base` is its address."""
    async with on_loopback(fake) as fake.base:
        try:
            yield fake
        finally:
            fake.release()
