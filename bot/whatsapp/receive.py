"""A webhook's body → `Inbound` events, delivery reports and changes of the account. Nothing here ever raises.

One body may hold many entries, changes, messages and statuses (platform-rules 2.1, 2.2); each is read by itself, so a
bad one takes no other with it. Source of every field:
https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from bot.whatsapp import limits
from bot.whatsapp.content import CONTENT, NAME_CHARACTERS, Json, NotForUsError
from bot.whatsapp.people import own_ids
from bot.whatsapp.statuses import read_status
from handlers.messages import Inbound, Kind
from storage.deliveries import Report

CHANNEL: Final = "whatsapp"
OBJECT: Final = "whatsapp_business_account"

_OPENS_NO_WINDOW: Final = (Kind.EDITED, Kind.TAKEN_BACK, Kind.MOVED, Kind.REACTION)  # only a message or call does


@dataclass(frozen=True, slots=True)
class Change:
    """Something about the account itself: a template, the number's quality, a warning."""

    field: str  # as Meta names it: message_template_status_update …
    value: Json
    at: datetime


@dataclass(slots=True)
class Parsed:
    """What one body holds."""

    events: list[Inbound] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)  # reasons, a small fixed set of words


@dataclass(frozen=True, slots=True, kw_only=True)
class Ours:
    """What is ours in a body that may also speak of other numbers and accounts of the same app."""

    number_id: str
    account_id: str = ""  # unset: any


def parse(body: Json, ours: Ours, *, now: datetime | None = None) -> Parsed:
    """Reads one body. `now` stands for times that are missing or make no sense."""
    found = Parsed()
    present = now or datetime.now(UTC)
    if body.get("object") != OBJECT:
        found.ignored.append("another object")
        return found
    for entry in objects(body.get("entry")):
        for change in objects(entry.get("changes")):
            name, value = change.get("field"), change.get("value")
            if not isinstance(value, Mapping) or not isinstance(name, str):
                found.ignored.append("change without content")
            elif name == "messages":
                _messages(value, ours, present, found)
            elif name == "user_preferences":
                _preferences(value, ours, present, found)
            elif ours.account_id and entry.get("id") != ours.account_id:
                found.ignored.append("another account")
            else:
                found.changes.append(Change(name, value, time_of(entry.get("time"), present)))
    return found


def objects(value: Any) -> Iterator[Json]:
    """The objects of a list; what is none is passed over."""
    if isinstance(value, list):
        yield from (item for item in value if isinstance(item, Mapping))


def time_of(value: Any, otherwise: datetime) -> datetime:
    """A unix time in seconds, as text or number; `otherwise` where it makes no sense or lies ahead."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 12:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 10**11:
        return otherwise
    return min(datetime.fromtimestamp(value, UTC), otherwise)


def _messages(value: Json, ours: Ours, now: datetime, found: Parsed) -> None:
    if not _is_ours(value, ours):
        found.ignored.append("another number")
        return
    contacts = list(objects(value.get("contacts")))
    for message in objects(value.get("messages")):
        try:
            found.events.append(_message(message, contacts, ours, now))
        except NotForUsError as reason:
            found.ignored.append(str(reason))
    for status in objects(value.get("statuses")):
        report = read_status(status, lambda told: time_of(told, now))
        if isinstance(report, str):
            found.ignored.append(report)
        else:
            found.reports.append(report)
    found.changes += [Change("errors", error, now) for error in objects(value.get("errors"))]


def _is_ours(value: Json, ours: Ours) -> bool:
    metadata = value.get("metadata")
    return isinstance(metadata, Mapping) and metadata.get("phone_number_id") == ours.number_id


def _message(message: Json, contacts: Sequence[Json], ours: Ours, now: datetime) -> Inbound:
    event_id, name = message.get("id"), message.get("type")
    if not isinstance(event_id, str) or not event_id:
        raise NotForUsError("message without id")
    if "group_id" in message:
        raise NotForUsError("group")
    contact = _contact_of(message, contacts)
    read = _TYPES.get(name if isinstance(name, str) else "", CONTENT["unsupported"])
    values = {"forwarded": _forwarded(message), "ids": own_ids(message, contact), **read(message)}
    if not (ids := values["ids"]):
        raise NotForUsError("nobody sent it")
    return Inbound(
        channel=CHANNEL,
        account=ours.number_id,
        event_id=event_id,
        chat=ids[-1][1],
        sender=ids[0][1],
        sent_at=time_of(message.get("timestamp"), now),
        name=_name(contact),
        window=0 if values["kind"] in _OPENS_NO_WINDOW else limits.WINDOW_SECONDS,
        **values,
    )


def _contact_of(message: Json, contacts: Sequence[Json]) -> Json:
    """The sender's entry among the contacts: by number or id, else the only one there is."""
    for contact in contacts:
        for own, theirs in (("wa_id", "from"), ("user_id", "from_user_id"), ("user_id", "from")):
            if contact.get(own) is not None and contact.get(own) == message.get(theirs):
                return contact
    unnamed = not message.get("from") and not message.get("from_user_id")
    return contacts[0] if len(contacts) == 1 and unnamed and message.get("type") != "system" else {}


def _name(contact: Json) -> str:
    profile = contact.get("profile")
    shown = (profile.get("name") or profile.get("username")) if isinstance(profile, Mapping) else None
    return shown[:NAME_CHARACTERS] if isinstance(shown, str) else ""


def _forwarded(message: Json) -> bool:
    context = message.get("context")
    marks = ("forwarded", "frequently_forwarded")
    return isinstance(context, Mapping) and any(context.get(mark) is True for mark in marks)


# -- what needs more than the message's own content -------------------------------------------------------------------


def _system(message: Json) -> dict[str, Any]:
    """The person has another number or id, or the account may have changed hands; `ids` are the former ones.

    https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages/system
    """
    told = message.get("system")
    told = told if isinstance(told, Mapping) else {}
    match told.get("type"):
        case "user_changed_number" | "user_changed_user_id" | "customer_changed_number":
            changed = {"from": told.get("wa_id") or told.get("new_wa_id"), "from_user_id": told.get("user_id")}
            former = {"from": message.get("from"), "from_user_id": _former_id(message, told)}
            moved, ids = own_ids(changed, {}), own_ids(former, {})
            if not moved or not ids:
                raise NotForUsError("system message")
            return {"kind": Kind.MOVED, "moved": moved, "ids": ids}
        case "user_identity_changed" | "customer_identity_changed":
            return {"kind": Kind.MOVED}
    raise NotForUsError("system message")


def _former_id(message: Json, told: Json) -> Any:
    return told.get("previous_user_id") or (
        message.get("from_user_id") if message.get("from_user_id") != told.get("user_id") else None
    )


def _preferences(value: Json, ours: Ours, now: datetime, found: Parsed) -> None:
    """Somebody has stopped marketing in WhatsApp's own settings, or taken that back: it counts by whatever way it comes (platform-rules 2.4).

    https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/user_preferences
    """
    if not _is_ours(value, ours):
        found.ignored.append("another number")
        return
    contacts = list(objects(value.get("contacts")))
    for told in objects(value.get("user_preferences")):
        who = {"from": told.get("wa_id"), "from_user_id": told.get("user_id")}
        ids = own_ids(who, _contact_of({**who, "type": "preference"}, contacts))
        wish = _WISHES.get(told["value"]) if isinstance(told.get("value"), str) else None
        if not ids or wish is None:
            found.ignored.append("preference of no interest")
        else:
            found.changes.append(Change(wish, {"ids": ids}, time_of(told.get("timestamp"), now)))


_WISHES: Final = {"stop": "opt_out", "resume": "opt_in"}
_TYPES: Final[Mapping[str, Callable[[Json], dict[str, Any]]]] = {**CONTENT, "system": _system}
