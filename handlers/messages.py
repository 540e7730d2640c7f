"""The canonical messages: what comes in, what goes out. Vendor JSON never gets this far.

Everything is a frozen value. `Inbound` and `Reply` travel through the database as JSON (`to_json`, `*_from_json`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Any


def _plain(value: Any) -> dict[str, Any]:
    """The fields of a flat value; `dataclasses.asdict` costs ten times as much, once for every message."""
    return {name: getattr(value, name) for name in value.__slots__}


class Kind(StrEnum):
    """What an inbound event is."""

    TEXT = "text"
    CHOICE = "choice"  # a tap on one of our options
    CONTACT = "contact"  # a shared telephone number
    FORM = "form"  # the secure form was sent (its values are stored encrypted, never here)
    VOICE = "voice"
    IMAGE = "image"
    DOCUMENT = "document"
    STICKER = "sticker"
    LOCATION = "location"
    REACTION = "reaction"
    EDITED = "edited"  # an earlier message was changed; `text` is the new wording
    TAKEN_BACK = "taken_back"  # an earlier message was deleted by its writer
    MOVED = "moved"  # the person has another number or id on this channel, or the account may have changed hands
    STOPPED = "stopped"  # the person blocked us on this channel
    RESUMED = "resumed"  # … and came back
    UNSUPPORTED = "unsupported"  # known to be something we cannot read


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """A file that came with a message. It stays with the platform until an agent opens it."""

    id: str  # the platform's
    kind: str  # image, video, audio, voice, document, sticker
    mime: str = ""
    name: str = ""  # of a document, masked
    sha256: str = ""

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        return _plain(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbound:
    """One event of one chat, cleaned and masked; the unit that is stored and answered."""

    channel: str  # terminal, telegram, whatsapp, web, sms
    account: str  # our bot or number on that channel
    event_id: str  # unique within the account; a repeat is the same event
    chat: str  # the platform's address of the chat
    sender: str  # the platform's id of the person
    kind: Kind
    sent_at: datetime  # by the platform's clock, UTC
    text: str = ""  # masked; never holds a full identity number
    choice: str | None = None  # option reference as sent by `option_reference`
    contact_phone: str | None = None  # "+62…"
    contact_own: bool = False  # the platform vouches that the number is the sender's
    form: str | None = None  # key of the secure form that was sent
    forwarded: bool = False
    masked: tuple[str, ...] = ()  # kinds of numbers that were masked: nik, kk, card, account, otp
    name: str = ""  # display name, for the agents' eyes only
    media: Media | None = None
    ids: tuple[
        tuple[str, str], ...
    ] = ()  # what the platform vouches for of the sender: ("phone", "+62…"), ("bsuid", …)
    moved: tuple[tuple[str, str], ...] = ()  # of MOVED: what holds from now on; none: the account may be another's
    refers: str = ""  # event id of the earlier message that this one changes or takes back
    window: int = 0  # seconds from `sent_at` in which the channel lets us answer freely; 0: it has no such window

    def to_json(self) -> dict[str, Any]:
        """A JSON object; the time as ISO 8601."""
        media = self.media.to_json() if self.media else None
        lists = {"masked": list(self.masked), "ids": list(self.ids), "moved": list(self.moved)}
        return {**_plain(self), "sent_at": self.sent_at.isoformat(), "media": media, **lists}


_INBOUND = frozenset(f.name for f in fields(Inbound))


def inbound_from_json(data: Mapping[str, Any]) -> Inbound:
    """The inverse of `Inbound.to_json`; unknown keys (of a newer version) are ignored."""
    values = {key: value for key, value in data.items() if key in _INBOUND}
    values["kind"] = Kind(values["kind"])
    values["sent_at"] = datetime.fromisoformat(values["sent_at"])
    values["masked"] = tuple(values.get("masked", ()))
    for name in ("ids", "moved"):
        values[name] = tuple((kind, value) for kind, value in values.get(name, ()))
    media = values.get("media")
    values["media"] = Media(**{key: media[key] for key in Media.__slots__ if key in media}) if media else None
    return Inbound(**values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One thing the person may choose: a button, a list row or a numbered line, as the channel can."""

    label: str  # ≤ 20 characters, so that it fits a WhatsApp button (platform-rules 2.7)
    action: str  # what choosing means to the dialogue: "intent:course_buy", "answer:ya", "more:incentive_amount" …
    description: str = ""  # ≤ 72 characters, shown where the channel has room


@dataclass(frozen=True, slots=True, kw_only=True)
class SecureForm:
    """An offer of the secure form: the channel shows the link, the terminal asks for the fields."""

    key: str
    fields: tuple[str, ...]  # "nik", "birth_date", …
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """The wording that a platform has approved for where free text may not go (content/whatsapp_templates.yml)."""

    name: str
    values: Mapping[str, str] = field(default_factory=dict)  # of its variables, by name
    language: str = ""  # set by the channel, when the message is to leave in this form


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What to say. How it looks is the channel's matter."""

    text: str
    options: tuple[Option, ...] = ()
    version: int = 0  # version of the dialogue the options belong to; set by the dialogue
    first: int = 1  # place of the first option to be shown, where the channel shows them page by page
    sms: str | None = None  # own wording for SMS
    form: SecureForm | None = None
    ask_contact: bool = False  # offer the channel's own "share my number"
    cancellable: bool = False  # a prompt that is dropped unsent when a later message has made it pointless
    alone: bool = False  # a text to be copied elsewhere: a message of its own also where each is billed
    passes_agent: bool = False  # queue notices and the rating may pass while an agent owns the chat
    template: Template | None = None  # the same in an approved wording
    image: str = ""  # sha256 of a picture (storage.pictures) that goes with it where the channel can; the text says all

    @property
    def short(self) -> str:
        """The wording for SMS: its own, else the text."""
        return self.text if self.sms is None else self.sms

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        form = {**_plain(self.form), "fields": list(self.form.fields)} if self.form else None
        template = {**_plain(self.template), "values": dict(self.template.values)} if self.template else None
        options = [_plain(option) for option in self.options]
        return {**_plain(self), "options": options, "form": form, "template": template}


_REPLY = frozenset(f.name for f in fields(Reply))


def reply_from_json(data: Mapping[str, Any]) -> Reply:
    """The inverse of `Reply.to_json`."""
    values = {key: value for key, value in data.items() if key in _REPLY}
    values["options"] = tuple(Option(**option) for option in values.get("options", ()))
    form = values.get("form")
    values["form"] = SecureForm(**{**form, "fields": tuple(form["fields"])}) if form else None
    template = values.get("template")
    values["template"] = Template(**template) if template else None
    return Reply(**values)


def option_reference(version: int, index: int) -> str:
    """What a button carries: the dialogue's version and the option's place (from 1); at most 64 bytes."""
    return f"o:{version}:{index}"


def parse_option_reference(reference: str) -> tuple[int, int] | None:
    """(version, index) of a reference, or None where it is none of ours."""
    match reference.split(":"):
        case ["o", version, index] if reference.isascii() and version.isdigit() and index.isdigit():
            return int(version), int(index)
    return None


PAGE = 9  # options of a page where a channel has ten rows, one of which leads on (platform-rules 2.7)


def page_reference(version: int, first: int) -> str:
    """What "more options" carries: the dialogue's version and the place of the first option of the page."""
    return f"p:{version}:{first}"


def parse_page_reference(reference: str) -> tuple[int, int] | None:
    """(version, first place) of such a reference, or None where it is none."""
    match reference.split(":"):
        case ["p", version, first] if reference.isascii() and version.isdigit() and first.isdigit():
            return int(version), int(first)
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Where the conversation stands: what the database keeps between two messages."""

    form: str | None = None  # name of the open form
    step: str | None = None  # its present step
    version: int = 0  # grows with every turn that shows options
    data: Mapping[str, Any] = field(default_factory=dict)  # answers so far, and what a form wants to remember
    options: tuple[Option, ...] = ()  # options shown last; a typed number means one of these
    first: int = 1  # where the page of them began that was shown last
    last_intent: str | None = None  # last question answered ("terus?")
    misses: int = 0  # misunderstandings in a row
    asked: str = ""  # words that were asked back about, or that a report may begin with; only until the next answer
    greeted: bool = False  # the first message (who is speaking) was said
    last_choice: str | None = None  # the tap handled last: a second tap on the same button says nothing new

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        return {**_plain(self), "data": dict(self.data), "options": [_plain(option) for option in self.options]}


_STATE = frozenset(f.name for f in fields(State))


def state_from_json(data: Mapping[str, Any] | None) -> State:
    """The inverse of `State.to_json`; None or {} is a fresh conversation."""
    if not data:
        return State()
    values = {key: value for key, value in data.items() if key in _STATE}
    values["options"] = tuple(Option(**option) for option in values.get("options", ()))
    return State(**values)
