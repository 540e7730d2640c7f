"""One turn: everything a handler may look at, and what it gives back. Handlers do no input or output but through `connection`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, RowMapping

from handlers.catalogue import Catalogue
from handlers.messages import Inbound, Option, Reply, State
from nlu.understanding import Understanding

ZONES = {"WIB": ZoneInfo("Asia/Jakarta"), "WITA": ZoneInfo("Asia/Makassar"), "WIT": ZoneInfo("Asia/Jayapura")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """The keys that come from one secret."""

    lookup: bytes
    sealing: bytes
    signing: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the operator has decided, as far as a conversation must know it."""

    operator: str = "relawan Pandu"
    official: bool = False
    helplines: str = ""
    web_chat_url: str = ""  # "https://…/chat"; empty: not known
    secure_form_url: str = ""  # "https://…/f/"; empty: steps that need the secure form are not offered
    link_hosts: tuple[str, ...] = ()
    agents: bool = False  # somebody answers at the desk
    replies_a_day: int = (
        40  # by SMS, to one number: an answer costs money, and two programs would answer each other without end
    )
    similar: bool = True  # suggestions may rest on what groups of similar people finished
    hook: bool = False  # the operator's system is told of new preparations
    lookup_key: bytes = b""  # of the keyed hash by which an identity number is found
    sealing_key: bytes = b""  # of the values that come through the secure form
    signing_key: bytes = b""  # of the secure form's links
    formers: tuple[
        Keys, ...
    ] = ()  # of secrets before, newest first: what they sealed or hashed is still opened and found
    identity_transfer: str = ""  # who lawfully receives NIK and KK; empty: they are not asked
    identity_basis: str = ""  # the legal basis of that transfer

    def without_links(self) -> Policy:
        """The policy for a chat in which no link can be sent: neither the secure form nor the web chat is offered."""
        return replace(self, secure_form_url="", web_chat_url="")

    @property
    def lookup_keys(self) -> tuple[bytes, ...]:
        """The key of keyed hashes, and former ones that are still tried."""
        return (self.lookup_key, *(keys.lookup for keys in self.formers))

    @property
    def asks_identity(self) -> bool:
        """Whether NIK and KK may be asked, in the secure form alone."""
        return bool(self.identity_transfer and self.identity_basis and self.secure_form_url)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One message of one chat, understood, with the conversation as it stands."""

    connection: Connection
    now: datetime  # UTC
    chat: RowMapping  # of chats
    owner: str  # "bot" or "agent:<id>"
    inbound: Inbound
    understanding: Understanding
    state: State
    content: Catalogue
    policy: Policy
    new_id: Callable[
        [int], str
    ]  # a fresh random key of n characters (Crockford's alphabet), the same again on a rerun of tests

    @property
    def chat_id(self) -> int:
        """Key of the chat."""
        return int(self.chat["id"])

    @property
    def text(self) -> str:
        """What the person typed, masked."""
        return self.inbound.text

    @property
    def zone(self) -> str:
        """The person's zone; unknown = WIB."""
        return self.chat["zone"] or "WIB"

    @property
    def kiosk(self) -> bool:
        """Whether the chat is on a shared screen in an office."""
        return self.chat["kiosk_until"] is not None

    @property
    def by_sms(self) -> bool:
        """Whether the chat is by SMS: few letters, no links, and every message costs."""
        return self.inbound.channel == "sms"

    def words(self, key: str, **values: Any) -> str:
        """A sentence of the catalogue; on a shared screen and by SMS in its wording for there (`…_kiosk`, `…_sms`), where it has such."""
        own = f"{key}_kiosk" if self.kiosk else f"{key}_sms" if self.by_sms else key
        return self.content.text(own if own in self.content.texts else key, **values)

    def say(self, key: str, *, options: tuple[Option, ...] = (), **values: Any) -> Reply:
        """A reply with a sentence of the catalogue."""
        return Reply(text=self.words(key, **values), options=options)

    def local(self, moment: datetime) -> datetime:
        """A moment in the person's zone."""
        return moment.astimezone(ZONES[self.zone])


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a handler gives back: replies and the new state; the rest of its effects are already in the transaction."""

    replies: tuple[Reply, ...]
    state: State
    handler: str = ""


def answer(turn: Turn, *replies: Reply, state: State | None = None) -> Answer:
    """An answer; the misunderstanding counter starts anew."""
    return Answer(replies=replies, state=replace(state or turn.state, misses=0))


def options(*pairs: tuple[str, str]) -> tuple[Option, ...]:
    """(label, action) pairs as options."""
    return tuple(Option(label=label, action=action) for label, action in pairs)
