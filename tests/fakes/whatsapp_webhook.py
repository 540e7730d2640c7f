"""How Meta delivers: signed bodies, many updates in one, again until 200, twice, and in any order.

…/whatsapp/webhooks/overview and …/webhooks/create-webhook-endpoint: HMAC-SHA256 of the raw body with the app secret,
up to 1,000 updates and 3 MB a body, repeats with growing gaps for up to 7 days.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import aiohttp

BATCH, KEPT = 1_000, 7 * 86_400.0
Join = Literal["values", "changes", "entries"]


def signature(secret: str, body: bytes) -> str:
    """The header X-Hub-Signature-256."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


@dataclass
class Webhook:
    """Updates on their way to the app. `hold` gathers them until `flush`; `twice` delivers every body twice."""

    account: str
    secret: str
    scale: float  # 1 = real seconds between attempts, 0 = none
    noticed: Callable[[], None]
    url: str | None = None
    fields: set[str] = field(default_factory=lambda: {"messages"})
    hold: bool = False
    twice: bool = False
    join: Join = "values"  # how updates of one body are joined
    waiting: list[tuple[str, dict[str, Any]]] = field(default_factory=list)  # (field, value)
    attempts: list[int] = field(default_factory=list)  # status of each POST, 0 = no answer
    delays: list[float] = field(default_factory=list)  # between attempts, before scaling
    dropped: list[bytes] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)  # what was delivered, in order of the first attempt
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _client: aiohttp.ClientSession | None = None

    def push(self, name: str, value: dict[str, Any]) -> dict[str, Any]:
        """Takes an update in, unless the app did not subscribe to its field."""
        if name in self.fields:
            self.waiting.append((name, value))
            if not self.hold:
                self.flush()
        return value

    def flush(self, order: Callable[[Sequence[Any]], Sequence[Any]] = list) -> None:
        """Delivers what waits in bodies of up to 1,000; `order=reversed` mixes what came later before."""
        if self.url is None:
            return
        while self.waiting:
            taken, self.waiting = list(order(self.waiting[:BATCH])), self.waiting[BATCH:]
            self.deliver(json.dumps(self.body(taken), ensure_ascii=False).encode())

    def deliver(self, body: bytes, head: dict[str, str] | None = None) -> None:
        """POSTs any body (signed unless `head` says otherwise) until the app answers 200."""
        self.bodies.append(body)
        head = {"X-Hub-Signature-256": signature(self.secret, body)} if head is None else head
        for _ in range(1 + self.twice):
            task = asyncio.ensure_future(self._repeat(body, {"Content-Type": "application/json", **head}))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def body(self, updates: Sequence[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
        """One body with these updates, joined as `join` says."""
        changes: list[dict[str, Any]] = []
        for name, value in updates:
            last = changes[-1] if changes and self.join == "values" else None
            if last and last["field"] == name and last["value"].get("metadata") == value.get("metadata", 0):
                for key in value.keys() - {"messaging_product", "metadata"}:
                    last["value"][key] = last["value"].get(key, []) + value[key]
            else:
                changes.append({"value": dict(value), "field": name})
        if self.join == "entries":
            return self._object([{"id": self.account, "changes": [change]} for change in changes])
        return self._object([{"id": self.account, "changes": changes}])

    def _object(self, entries: list[dict[str, Any]]) -> dict[str, Any]:
        return {"object": "whatsapp_business_account", "entry": entries}

    async def _repeat(self, body: bytes, head: dict[str, str]) -> None:
        wait, age = 1.0, 0.0
        while self.url:
            status = await self._post(self.url, body, head)
            if status == 200:
                return
            self.delays.append(wait)
            age += wait
            if age > KEPT:
                self.dropped.append(body)
                self.noticed()
                return
            await asyncio.sleep(wait * self.scale)
            wait *= 2

    async def _post(self, url: str, body: bytes, head: dict[str, str]) -> int:
        self._client = self._client or aiohttp.ClientSession()
        try:
            async with self._client.post(url, data=body, headers=head, allow_redirects=False) as answer:
                await answer.read()
                status = answer.status
        except aiohttp.ClientError:
            status = 0
        self.attempts.append(status)
        self.noticed()
        return status

    async def settled(self) -> None:
        """Waits until everything that was pushed has its 200 or was dropped."""
        while self._tasks:
            await asyncio.gather(*list(self._tasks))

    async def challenge(self, url: str, token: str) -> bool:
        """The GET that proves that the address is the app's."""
        self._client = self._client or aiohttp.ClientSession()
        asked = {"hub.mode": "subscribe", "hub.challenge": "1158201444", "hub.verify_token": token}
        try:
            async with self._client.get(url, params=asked, allow_redirects=False) as answer:
                return answer.status == 200 and (await answer.read()).strip() == b"1158201444"
        except aiohttp.ClientError:
            return False

    async def close(self) -> None:
        """Stops delivering."""
        self.url = None
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*list(self._tasks), return_exceptions=True)
        if self._client:
            await self._client.close()
