"""What a channel is: the one page a new messenger has to satisfy. See docs/new-channel.md.

A channel's folder holds `receive.py` (vendor events → `Inbound`), `send.py` (`Reply` → vendor requests → an outcome) and `limits.py` (numbers with
their source). Vendor JSON and vendor types never leave the folder.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from sqlalchemy import Connection
from starlette.routing import BaseRoute

from handlers.messages import Inbound, Reply

Receive = Callable[[Sequence[Inbound]], Awaitable[None]]
"""Stores events; returns once they are committed. Raises `Unavailable` while the database cannot take them."""


class Unavailable(Exception):  # noqa: N818 - a state, not a fault
    """The events could not be stored now; the platform must deliver them again (answer 503)."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The platform took it."""

    platform_id: str | None = None


@dataclass(frozen=True, slots=True)
class Throttled:
    """Wait; not an attempt. The scope is what must wait: this chat, the broadcast lane, or the whole account."""

    seconds: float
    scope: Literal["chat", "lane", "account"] = "chat"
    note: str = ""  # what the operator must know of it


@dataclass(frozen=True, slots=True)
class Retry:
    """A passing fault before the platform can have taken it: try again with back-off."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """Cut after the request left: replies are tried again, broadcasts are not."""

    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """Permanent for this message."""

    reason: str
    note: str = ""  # what the operator has to mend, where the fault is ours or theirs


@dataclass(frozen=True, slots=True)
class Gone:
    """Permanent for this person on this channel: blocked, deactivated, not on the platform."""

    reason: str
    opted_out: bool = False  # the person wants nothing that they did not ask for
    note: str = ""  # what the operator must know of it


@dataclass(frozen=True, slots=True)
class Shut:
    """The time in which free text may go to this person is over; the channel's gate decides what becomes of the message."""

    reason: str


@dataclass(frozen=True, slots=True)
class Down:
    """The channel account itself does not work (token revoked …): stop it and tell the operator."""

    reason: str


Outcome = Accepted | Throttled | Retry | Unknown | Failed | Gone | Shut | Down


@dataclass(frozen=True, slots=True)
class Go:
    """The message may leave now; `payload` where it leaves in another form than it was written in."""

    payload: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Hold:
    """It waits until the person writes, or until its time is over."""

    reason: str
    expires_at: datetime | None = None  # when that is, where not as before


@dataclass(frozen=True, slots=True)
class Later:
    """It waits for a moment; not an attempt."""

    reason: str
    until: datetime


Ruling = Go | Hold | Later


class Gate(Protocol):
    """What a channel has to say before anything leaves, where it has rules of its own (a window, a price)."""

    def rule(self, connection: Connection, rows: Sequence[Mapping[str, Any]], now: datetime) -> Mapping[int, Ruling]:
        """Decides on claimed rows of the outbox, by id, in the claim's own transaction; a row left out may go as it is."""


class Channel(Protocol):
    """One account on one messenger."""

    name: str  # telegram, whatsapp, web, sms, terminal
    account: str  # our bot or number there
    rate: float  # messages a second the platform allows the account; 0 = no limit
    # gate: Gate  only where the channel has rules of its own about what may leave when
    # paid_rate: float  only where announcements can be paid for: of all messages together, above `rate`; 0 = they are not

    def routes(self, receive: Receive) -> Sequence[BaseRoute]:
        """Web routes that take events (webhooks, sockets); [] where there are none."""

    async def poll(self, receive: Receive) -> None:
        """Fetches events until cancelled; returns at once where the platform pushes."""

    async def send(self, address: str, reply: Reply, *, lane: int, key: int) -> Outcome:
        """Sends one reply to a chat. `key` is our number of the message, the same on every attempt. Never raises for anything the platform does."""

    def stop(self) -> None:
        """The service is stopping: ends requests that are waiting, so that nothing holds it up."""

    async def close(self) -> None:
        """Frees connections."""


def paid_rate(channel: Channel) -> float:
    """Messages a second of all together where announcements are paid for; 0 where they are not."""
    return float(getattr(channel, "paid_rate", 0.0))


def announcing_rate(rate: float, paid: float) -> float:
    """Messages a second for announcements; 0 = no limit. What they pay for is theirs alone: replies keep the free rate."""
    return paid - rate if paid else rate
