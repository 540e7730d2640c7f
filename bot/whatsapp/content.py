"""What a message holds, by its type: one function each, from the message to the fields of `Inbound`.

Source of every field: https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from bot.whatsapp import limits
from bot.whatsapp.people import phone_of
from handlers.messages import Kind, Media, parse_option_reference

Json = Mapping[str, Any]

NAME_CHARACTERS: Final = 128
_ID_CHARACTERS: Final = 200
_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")  # in PostgreSQL, as text


class NotForUsError(Exception):
    """Leaves the reading of one message; its text is the reason."""


def part(value: Any, *keys: str) -> Any:
    """value[key][key]…, None where there is no such thing."""
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def words(value: Any) -> str:
    """A text that can be stored; cleaning and masking are the receiver's, for every channel alike. The cut is a guard."""
    return _UNSTORABLE.sub("", value[: limits.TEXT_CHARACTERS]) if isinstance(value, str) else ""


def _text(message: Json) -> dict[str, Any]:
    body = part(message, "text", "body")
    return {"kind": Kind.TEXT, "text": words(body)} if isinstance(body, str) else {"kind": Kind.UNSUPPORTED}


def _media(kind: Kind, name: str, message: Json) -> dict[str, Any]:
    """A file. Only its id is kept: an agent may open it, nobody else does."""
    found = message.get(name)
    mime = words(part(found, "mime_type"))
    if kind is Kind.DOCUMENT and mime.startswith("image/"):  # a picture "sent as file": a KTP photo is one either way
        kind = Kind.IMAGE
    known = "voice" if name == "audio" and part(found, "voice") is True else name
    media = None
    if isinstance(media_id := part(found, "id"), str) and 0 < len(media_id) <= _ID_CHARACTERS:
        shown = words(part(found, "filename"))[:NAME_CHARACTERS]
        media = Media(id=media_id, kind=known, mime=mime[:80], name=shown, sha256=words(part(found, "sha256"))[:64])
    return {"kind": kind, "text": words(part(found, "caption")), "media": media}


def _interactive(message: Json) -> dict[str, Any]:
    """A tap on one of our buttons or list rows. Flows are not used, so their answers are nothing that we can read."""
    reply = part(message, "interactive", "button_reply") or part(message, "interactive", "list_reply")
    choice = words(part(reply, "id"))
    if choice:
        return {"kind": Kind.CHOICE, "choice": choice[: limits.BUTTON_ID]}
    title = words(part(reply, "title"))
    return {"kind": Kind.TEXT, "text": title} if title else {"kind": Kind.UNSUPPORTED}


def _button(message: Json) -> dict[str, Any]:
    """A tap on a template's quick reply: one of our options, or else the words on it (they are always words: design, rule 6)."""
    payload, title = words(part(message, "button", "payload")), words(part(message, "button", "text"))
    if parse_option_reference(payload):
        return {"kind": Kind.CHOICE, "choice": payload}
    said = title or payload
    return {"kind": Kind.TEXT, "text": said} if said else {"kind": Kind.UNSUPPORTED}


def _contacts(message: Json) -> dict[str, Any]:
    """A card from the address book; never the sender's own proof: their number comes with every message."""
    cards = message.get("contacts")
    first = cards[0] if isinstance(cards, list) and cards else None
    phones = part(first, "phones")
    for phone in phones if isinstance(phones, list) else ():
        if found := phone_of(part(phone, "wa_id")) or _dialled(part(phone, "phone")):
            return {"kind": Kind.CONTACT, "contact_phone": found}
    return {"kind": Kind.CONTACT}


def _dialled(value: Any) -> str | None:
    """A number as people write it: blanks, dashes, 08…"""
    digits = "".join(char for char in words(value) if char in "0123456789")
    return phone_of(f"62{digits[1:]}" if digits.startswith("0") and not digits.startswith("00") else digits)


def _reaction(message: Json) -> dict[str, Any]:
    emoji = part(message, "reaction", "emoji")
    if not emoji:
        raise NotForUsError("reaction taken back")
    return {"kind": Kind.REACTION, "text": words(emoji)[:32]}


def _edit(message: Json) -> dict[str, Any]:
    """The new wording of an earlier message, or the new caption of a file."""
    now = part(message, "edit", "message")
    name = part(now, "type")
    wording = part(now, "text", "body") if name == "text" else part(now, name, "caption") if name else None
    if not isinstance(wording, str):
        raise NotForUsError("edit without text")
    refers = words(part(message, "edit", "original_message_id"))
    return {"kind": Kind.EDITED, "text": words(wording), "refers": refers}


def _revoke(message: Json) -> dict[str, Any]:
    refers = words(part(message, "revoke", "original_message_id"))
    if not refers:
        raise NotForUsError("revocation of nothing")
    return {"kind": Kind.TAKEN_BACK, "refers": refers}


def _order(message: Json) -> dict[str, Any]:
    return {"kind": Kind.UNSUPPORTED, "text": words(part(message, "order", "text"))}


def _unsupported(message: Json) -> dict[str, Any]:
    return {"kind": Kind.UNSUPPORTED}


CONTENT: Final[Mapping[str, Callable[[Json], dict[str, Any]]]] = {
    "text": _text,
    "interactive": _interactive,
    "button": _button,
    "image": partial(_media, Kind.IMAGE, "image"),
    "document": partial(_media, Kind.DOCUMENT, "document"),
    "video": partial(_media, Kind.UNSUPPORTED, "video"),
    "audio": partial(_media, Kind.VOICE, "audio"),
    "sticker": partial(_media, Kind.STICKER, "sticker"),
    "location": lambda message: {"kind": Kind.LOCATION},
    "contacts": _contacts,
    "reaction": _reaction,
    "edit": _edit,
    "revoke": _revoke,
    "order": _order,
    "unsupported": _unsupported,
}
