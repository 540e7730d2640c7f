"""What both gateways share: a request to make, the client that makes it, and what an answer means."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from aiohttp import ClientConnectorError, ClientError, ClientSession, ClientTimeout, ConnectionTimeoutError
from yarl import URL

from bot.channel import Down, Failed, Outcome, Retry, Throttled, Unknown
from bot.sms import limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request. The address may hold the password, so it is never logged or shown."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None
    id: str  # our own number of the message, by which a gateway may know a repeat


@dataclass(frozen=True, slots=True)
class Answer:
    """What the gateway said."""

    status: int
    text: str
    retry_after: float = 0.0


class Gateway(Protocol):
    """How one kind of gateway is spoken to."""

    def request(self, to: str, text: str, key: int) -> Request:
        """The request that sends a text of at most two parts to a number ("+62…")."""

    def outcome(self, answer: Answer, request: Request) -> Outcome:
        """What an answer means; `Accepted` with the id by which reports will name the message."""


def message_id(key: int, to: str, text: str) -> str:
    """Our number of a message, the same on every attempt, and another one in another database: a gateway remembers for weeks."""
    return f"p{key}-{hashlib.sha256(f'{to} {text}'.encode()).hexdigest()[:14]}"


def by_status(answer: Answer) -> Outcome | None:
    """What a status alone says (platform-rules 4); None for one that needs a look at the body."""
    reason = f"HTTP {answer.status}"
    if answer.status == 429:
        return Throttled(answer.retry_after or limits.THROTTLED_SECONDS, "account")
    if answer.status in (401, 403):
        return Down(f"{reason}: user name, password or key are not taken")
    if answer.status >= 500:
        return Throttled(answer.retry_after, "account") if answer.retry_after else Retry(reason)
    return Failed(reason) if answer.status >= 400 else None


class Client:
    """Makes requests. Follows no redirects: a password goes to the configured host alone."""

    def __init__(self, seconds: float = limits.REQUEST_SECONDS) -> None:
        """`seconds`: longest wait for an answer."""
        self._limit = ClientTimeout(total=seconds, connect=limits.CONNECT_SECONDS)
        self._session: ClientSession | None = None

    async def ask(self, request: Request) -> Answer | Retry | Unknown:
        """The answer; `Retry` where nothing can have arrived, `Unknown` where it was cut afterwards."""
        if self._session is None or self._session.closed:
            self._session = ClientSession(timeout=self._limit)
        url = URL(request.url, encoded=True)
        try:
            async with self._session.request(
                request.method, url, data=request.body, headers=request.headers, allow_redirects=False
            ) as response:
                body = await response.content.read(limits.ANSWER_BYTES)
                after = response.headers.get("Retry-After", "")
                seconds = min(float(after), limits.LONGEST_THROTTLE) if after.isdecimal() else 0.0
                return Answer(response.status, body.decode("utf-8", "replace"), seconds)
        except (ClientConnectorError, ConnectionTimeoutError) as error:
            return Retry(f"no connection ({type(error).__name__})")
        except (ClientError, OSError, TimeoutError) as error:
            return Unknown(f"cut ({type(error).__name__})")

    async def close(self) -> None:
        """Closes the connections."""
        if self._session is not None:
            await self._session.close()
