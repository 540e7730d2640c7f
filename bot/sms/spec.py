"""A gateway as the operator's file describes it (`bot.sms.config` reads it)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An answer of the gateway that means something of its own."""

    status: int  # 0 = any
    pattern: str
    means: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """How a message is handed to an HTTP gateway, and how its answer is read."""

    method: str
    url: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    form: Mapping[str, str]
    json: Any
    body: str
    body_type: str
    unicode: Mapping[str, str]  # fields that are added where the text is no GSM-7
    to: str  # local 08…, plain 628…, plus +628…
    success_status: tuple[int, ...]
    success_pattern: str
    id_path: str
    id_pattern: str
    refusals: tuple[Refusal, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """How the gateway comes to us: what proves that it is the gateway, and where the values stand."""

    method: str = "POST"
    secret_in: str = ""  # query, header
    secret_name: str = ""
    signature_header: str = ""
    signature_timestamp: str = ""
    signature_algorithm: str = "sha256"
    signature_encoding: str = "hex"
    addresses: tuple[str, ...] = ()
    items: str = ""  # path of the list, where a body holds several
    fields: Mapping[str, str] = field(default_factory=dict)
    time: str = "iso"
    zone: str = "Asia/Jakarta"
    answer: str = "OK"
    states: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # of reports: ours → theirs


@dataclass(frozen=True, slots=True, kw_only=True)
class Android:
    """A telephone with the app SMS Gateway for Android."""

    url: str
    mode: str  # local, cloud
    sim: int  # 0 = the telephone's own choice
    ttl: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """One gateway."""

    as_of: date
    name: str
    number: str  # what people write to, and how the account is called
    price: Decimal  # rupiah a part
    rate: float
    vouched: str  # why the sender's number may be believed; empty: it may not
    sending: Sending | None
    android: Android | None
    inbound: Hook
    reports: Hook | None

    @property
    def vouches(self) -> bool:
        """Whether the sender's number counts as vouched for (proof level 1): through our own SIM, or for a stated reason."""
        return self.android is not None or bool(self.vouched)
