"""The outgoing webhook: tells a system of the operator's that a registration was prepared, at least once.

Each delivery is a POST of JSON, signed with HMAC-SHA256 over the body. What is not answered with 2xx within ten seconds is tried again with growing
pauses, up to a day; a repeat carries the same id. The table `hook_deliveries` is the outbox: the row is written with the registration, the
data is read when it is sent, and what a person has erased meanwhile is not sent.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import random
import secrets
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import structlog
from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector
from sqlalchemy import Connection

from bot.exchange.exporter import registration_values
from bot.receiver import Clock
from storage import exports
from storage.database import Database, database_now, is_outage

log = structlog.get_logger()

EVENT = "registration.prepared"
GIVE_UP = timedelta(hours=24)
LEASE = timedelta(seconds=60)
TIMEOUT = 10.0
_AT_ONCE = 8
_FIRST_PAUSE, _LONGEST_PAUSE = 10.0, 3_600.0
_IDLE = 2.0
_GONE = 410  # the receiver wants no more of this


@dataclass(frozen=True, slots=True)
class Answer:
    """What the receiver said; status 0: nothing, for this reason."""

    status: int
    reason: str = ""
    retry_after: float = 0.0


Post = Callable[[str, bytes, Mapping[str, str]], Awaitable[Answer]]


def check_url(url: str) -> str:
    """The URL as it is; raises ValueError where it is no https address."""
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        raise ValueError("an address that begins with https:// is needed")
    return url


def sign(body: bytes, secret: str) -> str:
    """The value of `X-Pandu-Signature`."""
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


class HookSender:
    """Delivers what `storage.exports.enqueue_hook` has noted."""

    def __init__(
        self,
        database: Database,
        url: str,
        secret: str,
        *,
        clock: Clock = database_now,
        chance: random.Random | None = None,
        post: Post | None = None,
    ) -> None:
        """`post` sends one request (default: aiohttp); `chance` gives the jitter of the pauses."""
        self._database, self._url, self._secret = database, check_url(url), secret
        self._clock = clock
        self._chance = chance or random.Random()  # noqa: S311 - jitter, not secrecy
        self._post = post
        self._token = secrets.token_hex(16)
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """`run` returns when what is in flight has ended."""
        self._stopping.set()

    async def run(self) -> None:
        """Delivers until `stop`; outlives outages of the database and of the receiver."""
        async with Poster() as poster:
            self._post = self._post or poster.post
            while not self._stopping.is_set():
                try:
                    busy = await self.deliver()
                except Exception as error:
                    busy = 0
                    if is_outage(error):
                        log.error("database away", reason=type(error).__name__)
                    else:
                        log.exception("outgoing webhook failed")
                if not busy:
                    await self._pause(_IDLE)

    async def deliver(self) -> int:
        """Sends what is due, and waits for the answers; returns how many there were."""
        rows = await self._database.write(self._claim)
        for outcome in await asyncio.gather(*(self._send(row) for row in rows), return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome  # the lease runs out, and the delivery is sent again
        return len(rows)

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return

    async def _send(self, row: Mapping[str, Any]) -> None:
        assert self._post is not None  # noqa: S101 - set by `run` or given
        payload = body_of(row)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Pandu",
            "X-Pandu-Event": EVENT,
            "X-Pandu-Delivery": row["event_id"],
            "X-Pandu-Signature": sign(payload, self._secret),
        }
        answer = await self._post(self._url, payload, headers)
        await self._database.write(partial(self._mark, row, answer))

    # -- the transactions

    def _claim(self, connection: Connection) -> list[Mapping[str, Any]]:
        now = self._clock(connection)
        return [
            dict(row)
            for row in exports.claim_hooks(connection, token=self._token, now=now, lease=LEASE, limit=_AT_ONCE)
        ]

    def _mark(self, row: Mapping[str, Any], answer: Answer, connection: Connection) -> None:
        now = self._clock(connection)
        state, again = self._next(row, answer, now)
        reason = None if state == "delivered" else answer.reason or f"HTTP {answer.status}"
        if state == "failed":
            log.error("outgoing webhook given up", delivery=row["event_id"], reason=reason)
        exports.mark_hook(
            connection, row["id"], token=self._token, state=state, reason=reason, not_before=again, now=now
        )

    def _next(self, row: Mapping[str, Any], answer: Answer, now: datetime) -> tuple[str, datetime | None]:
        """Delivered, failed, or pending until a moment."""
        if 200 <= answer.status < 300:
            return "delivered", None
        pause = min(_FIRST_PAUSE * 2.0 ** min(row["attempts"] - 1, 16), _LONGEST_PAUSE) * self._chance.uniform(0.5, 1.0)
        again = now + timedelta(seconds=max(pause, min(answer.retry_after, _LONGEST_PAUSE)))
        if answer.status == _GONE or again > row["created_at"] + GIVE_UP:
            return "failed", None
        return "pending", again


def body_of(row: Mapping[str, Any]) -> bytes:
    """What is posted. The same number again means that the person has changed the preparation."""
    registration = {
        "number": row["number"],
        "channel": row["channel"],
        "prepared_at": row["registered_at"].isoformat(),
        "kept_until": row["kept_until"].isoformat(),
        "data": registration_values(row["data"]),
    }
    told = {"id": row["event_id"], "event": EVENT, "at": row["created_at"].isoformat(), "registration": registration}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()


class Poster:
    """Posts over https with aiohttp; follows no redirects and reads no answers."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self._context = context

    async def __aenter__(self) -> Poster:
        connector = TCPConnector(limit=_AT_ONCE, ssl=self._context or True)
        self._session = ClientSession(connector=connector, timeout=ClientTimeout(total=TIMEOUT))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """One request; whatever goes wrong on the way is an answer without status."""
        try:
            async with self._session.post(url, data=body, headers=headers, allow_redirects=False) as response:
                after = response.headers.get("Retry-After", "")
                return Answer(response.status, retry_after=float(after) if after.isdecimal() else 0.0)
        except (ClientError, OSError, TimeoutError) as error:
            return Answer(0, type(error).__name__)
