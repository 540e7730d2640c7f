"""Telegram's updates → `Inbound`. Parsed straight from the JSON object: quick, and an unknown update cannot break it.

Source of every field: https://core.telegram.org/bots/api#available-types
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from bot.telegram import limits
from bot.texts import clean
from handlers.messages import Inbound, Kind

Json = Mapping[str, Any]

CHANNEL: Final = "telegram"
NAME_CHARACTERS: Final = 128
HIDDEN_LINKS: Final = 5

_CONTENT: Final[tuple[tuple[str, Kind], ...]] = (  # the first field present decides; a GIF carries `document` too
    ("text", Kind.TEXT),
    ("contact", Kind.CONTACT),
    ("voice", Kind.VOICE),
    ("video_note", Kind.VOICE),
    ("audio", Kind.VOICE),
    ("photo", Kind.IMAGE),
    ("animation", Kind.STICKER),
    ("document", Kind.DOCUMENT),
    ("sticker", Kind.STICKER),
    ("dice", Kind.STICKER),
    ("location", Kind.LOCATION),
)
_SERVICE: Final = re.compile(  # messages that the apps make by themselves; nobody waits for an answer
    r"(?:new_chat_|left_chat_|delete_chat_|group_chat_|supergroup_chat_|channel_chat_|message_auto_delete_|migrate_|pinned_message$"
    r"|successful_payment$|refunded_payment$|users_shared$|user_shared$|chat_shared$|connected_website$|write_access_allowed$"
    r"|passport_data$|proximity_alert_|boost_added$|chat_background_set$|checklist_tasks_|forum_topic_|general_forum_topic_"
    r"|giveaway_|video_chat_|voice_chat_|web_app_data$|gift$|unique_gift$|direct_message_price_|paid_message_price_|suggested_post_)"
)
_ENVELOPE: Final = frozenset(
    """
    message_id message_thread_id from sender_chat sender_boost_count sender_business_bot date business_connection_id
    chat forward_origin is_topic_message is_automatic_forward reply_to_message external_reply quote reply_to_story
    via_bot edit_date has_protected_content is_from_offline media_group_id author_signature entities caption_entities
    link_preview_options effect_id reply_markup caption show_caption_above_media has_media_spoiler forward_from
    forward_date forward_sender_name forward_from_chat paid_star_count
    """.split()  # noqa: SIM905
)
_KNOWN_UPDATES: Final = frozenset(
    """
    channel_post edited_channel_post business_connection business_message edited_business_message
    deleted_business_messages message_reaction_count inline_query chosen_inline_result shipping_query
    pre_checkout_query purchased_paid_media poll poll_answer chat_member chat_join_request chat_boost
    removed_chat_boost
    """.split()  # noqa: SIM905
)


@dataclass(frozen=True, slots=True)
class Ignored:
    """A well-formed update that is not for us; answered 200 and counted by its reason (a small fixed set of words)."""

    reason: str


class _NotForUsError(Exception):
    """Leaves the parsing; its text is the reason."""


def parse(update: Json, account: str, *, now: datetime | None = None) -> Inbound | Ignored:
    """One update of the bot `account`. Taps carry no time of their own and live 150 s: they get `now`. Never raises."""
    try:
        for kind, read in _UPDATES.items():
            if kind in update:
                values = read(_object(update[kind], f"{kind} without content"), now or datetime.now(UTC))
                return Inbound(channel=CHANNEL, account=account, event_id=str(_update_id(update)), **values)
        known = sorted(_KNOWN_UPDATES & set(update))
        return Ignored(known[0] if known else "unknown update")
    except _NotForUsError as reason:
        return Ignored(str(reason))


def callback_id(update: Json) -> str | None:
    """Id of the tap that must be answered so that its button stops spinning."""
    query = update.get("callback_query")
    found = query.get("id") if isinstance(query, Mapping) else None
    return found if isinstance(found, str) and found else None


def update_id(update: Any) -> int | None:
    """The update's number, or None where there is none that can be confirmed."""
    found = update.get("update_id") if isinstance(update, Mapping) else None
    return found if isinstance(found, int) and not isinstance(found, bool) and 0 <= found < 2**63 else None


# -- one function a kind of update -----------------------------------------------------------------------------------


def _message(message: Json, _now: datetime) -> dict[str, Any]:
    """A new message of a person in a private chat."""
    kind = _kind(message)
    values = _who(message, _object(message.get("chat"), "message without chat"))
    values |= {"kind": kind, "sent_at": _time(message.get("date"), "message without date")}
    wording, marks = ("text", "entities") if kind is Kind.TEXT else ("caption", "caption_entities")
    values |= _text(message.get(wording), hidden=_hidden_links(message.get(marks)))
    values["forwarded"] = _forwarded(message)
    if kind is Kind.CONTACT:
        values |= _contact(_object(message["contact"], "contact without content"), values)
    return values


def _edited(message: Json, _now: datetime) -> dict[str, Any]:
    """The new wording of an earlier message; live locations "edit" themselves every few seconds and are dropped."""
    wording = message.get("text", message.get("caption"))
    if not isinstance(wording, str):
        raise _NotForUsError("edit without text")
    values = _who(message, _object(message.get("chat"), "message without chat"))
    sent_at = _time(message.get("edit_date", message.get("date")), "message without date")
    return {**values, "kind": Kind.EDITED, "sent_at": sent_at, "forwarded": _forwarded(message), **_text(wording)}


def _callback(query: Json, now: datetime) -> dict[str, Any]:
    """A tap. Its message may be one that the bot can no longer read: then only its chat is told."""
    message = _object(query.get("message"), "tap without message")
    data = query.get("data")
    if not isinstance(data, str) or not clean(data):
        raise _NotForUsError("tap without data")
    values = _who(query, _object(message.get("chat"), "tap without chat"))
    return {**values, "kind": Kind.CHOICE, "sent_at": now, "choice": clean(data)[: limits.CALLBACK_DATA_BYTES]}


def _membership(change: Json, _now: datetime) -> dict[str, Any]:
    """Blocked or back, reported as it happens: https://core.telegram.org/bots/api#chatmemberupdated."""
    values = _who(change, _object(change.get("chat"), "membership without chat"))
    status = _object(change.get("new_chat_member"), "membership without status").get("status")
    if status not in ("kicked", "left", "member"):
        raise _NotForUsError("membership of no interest")
    kind = Kind.RESUMED if status == "member" else Kind.STOPPED
    return {**values, "kind": kind, "sent_at": _time(change.get("date"), "membership without date")}


def _reaction(change: Json, _now: datetime) -> dict[str, Any]:
    """A thumb on one of our messages, if `message_reaction` is ever asked for in `limits.ALLOWED_UPDATES`."""
    values = _who({"from": change.get("user")}, _object(change.get("chat"), "reaction without chat"))
    reactions = change.get("new_reaction")
    first = reactions[0] if isinstance(reactions, list) and reactions else None
    if not isinstance(first, Mapping):
        raise _NotForUsError("reaction taken back")
    return {
        **values,
        "kind": Kind.REACTION,
        "sent_at": _time(change.get("date"), "reaction without date"),
        **_text(first.get("emoji")),
    }


_UPDATES: Final[dict[str, Callable[[Json, datetime], dict[str, Any]]]] = {
    "message": _message,
    "edited_message": _edited,
    "callback_query": _callback,
    "my_chat_member": _membership,
    "message_reaction": _reaction,
}


# -- pieces ----------------------------------------------------------------------------------------------------------


def _update_id(update: Json) -> int:
    if (found := update_id(update)) is None:
        raise _NotForUsError("update without id")
    return found


def _object(value: Any, reason: str) -> Json:
    if not isinstance(value, Mapping):
        raise _NotForUsError(reason)
    return value


def _id(value: Any, reason: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) >> limits.ID_BITS:
        raise _NotForUsError(reason)
    return value


def _time(value: Any, reason: str) -> datetime:
    try:
        return datetime.fromtimestamp(_id(value, reason), UTC)
    except (ValueError, OverflowError, OSError):
        raise _NotForUsError(reason) from None


def _who(event: Json, chat: Json) -> dict[str, Any]:
    """Chat, sender, name. Only people in private chats are answered: two bots would answer each other without end."""
    if chat.get("type") != "private":
        raise _NotForUsError("not a private chat")
    sender = _object(event.get("from"), "nobody sent it")
    if sender.get("is_bot") is True:
        raise _NotForUsError("sent by a bot")
    parts = [part.strip() for key in ("first_name", "last_name") if isinstance(part := sender.get(key), str)]
    name = clean(" ".join(part for part in parts if part))[:NAME_CHARACTERS]
    chat_id, sender_id = _id(chat.get("id"), "chat without id"), _id(sender.get("id"), "sender without id")
    return {"chat": str(chat_id), "sender": str(sender_id), "name": name}


def _kind(message: Json) -> Kind:
    for key, kind in _CONTENT:
        if key in message:
            picture = kind is Kind.DOCUMENT and _is_picture(message[key])
            if kind is Kind.TEXT and not isinstance(message[key], str):
                raise _NotForUsError("text is no text")
            return Kind.IMAGE if picture else kind
    content = set(message) - _ENVELOPE
    if not content:
        raise _NotForUsError("message without content")
    if any(_SERVICE.match(key) for key in content):
        raise _NotForUsError("service message")
    return Kind.UNSUPPORTED


def _is_picture(document: Any) -> bool:
    """A picture "sent as file" is a picture: a KTP photo is one either way."""
    kind = document.get("mime_type") if isinstance(document, Mapping) else None
    return isinstance(kind, str) and kind.startswith("image/")


def _text(text: Any, *, hidden: Sequence[str] = ()) -> dict[str, Any]:
    """Cleaned and cut text; masking is the receiver's, for every channel alike. The cut is a guard: Telegram sends no more than that."""
    if not isinstance(text, str):
        return {}
    shown = clean(text)
    more = [address for link in hidden if (address := clean(link)) and address not in shown]
    return {"text": "\n".join((shown, *more))[: limits.TEXT_CHARACTERS]}


def _hidden_links(entities: Any) -> list[str]:
    """Addresses that lie under other words ("klik di sini"): a message is judged by where it leads."""
    marks = entities if isinstance(entities, list) else ()
    found = [mark.get("url") for mark in marks if isinstance(mark, Mapping) and mark.get("type") == "text_link"]
    return list(dict.fromkeys(url for url in found if isinstance(url, str)))[:HIDDEN_LINKS]


def _forwarded(message: Json) -> bool:
    """`forward_origin` since Bot API 7.0; the older marks may still come from a local server."""
    return "forward_origin" in message or "forward_date" in message or message.get("is_automatic_forward") is True


def _contact(contact: Json, values: Json) -> dict[str, Any]:
    """A number counts as the sender's only when Telegram says so: same user id, not forwarded (platform-rules 1.5)."""
    own = str(contact.get("user_id")) == values["sender"] and not values["forwarded"]
    phone = _phone(contact.get("phone_number"))
    return {"contact_phone": phone, "contact_own": own and phone is not None}


def _phone(number: Any) -> str | None:
    """With "+" whether it comes so, without, or as 08…; None where it is no number (E.164: at most 15 digits)."""
    if not isinstance(number, str):
        return None
    digits = "".join(char for char in number if char in "0123456789")
    if digits.startswith("00"):
        digits = digits[2:]
    elif digits.startswith("0"):
        digits = "62" + digits[1:]
    return f"+{digits}" if 8 <= len(digits) <= 15 else None
