"""What a gateway tells us → messages of people, parts of messages, and reports about ours.

The telephone: docs/features/webhooks.md of android-sms-gateway/docs-web. An HTTP gateway: the fields of the operator's file.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from bot.sms import limits
from bot.sms.http import at_path
from bot.sms.spec import Config, Hook
from handlers.messages import Inbound, Kind
from storage.deliveries import Report

CHANNEL: Final = "sms"
EVENTS: Final = {"sms:sent": "sent", "sms:delivered": "delivered", "sms:failed": "failed"}
RECEIVED: Final = "sms:received"
_OWN_ID = re.compile(r"p(\d{1,18})-[0-9a-f]{14}")
_NUMBER = re.compile(limits.NUMBER_PATTERN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One part of a long message that the gateway did not join."""

    event: Inbound
    reference: str
    number: int
    total: int


@dataclass(frozen=True, slots=True)
class Ignored:
    """Well-formed but not for us; counted by its reason (a small fixed set of words)."""

    reason: str


Found = Inbound | Piece | Report | Ignored


def number_of(written: Any) -> str | None:
    """A mobile number of Indonesia as "+62…"; None for what nobody may be answered at: short codes, names, other countries."""
    if not isinstance(written, str | int):
        return None
    digits = re.sub(r"[\s().-]", "", str(written)).removeprefix("+").removeprefix("00")
    if digits.startswith("0"):
        digits = "62" + digits[1:]
    elif digits.startswith("8") and len(digits) >= 9:
        digits = "62" + digits
    found = f"+{digits}"
    return found if _NUMBER.fullmatch(found) else None


def from_android(body: Mapping[str, Any], config: Config, now: datetime) -> Found:
    """One webhook of the app. `phoneNumber` is the older name of the sender and, in reports, of the recipient."""
    event, payload = body.get("event"), body.get("payload")
    if not isinstance(payload, Mapping) or not isinstance(event, str):
        return Ignored("no event")
    if event in EVENTS:
        at = _iso(payload.get(f"{EVENTS[event]}At"), ZoneInfo("Asia/Jakarta"))
        return _report(payload.get("messageId"), EVENTS[event], payload.get("reason"), at or now)
    if event != RECEIVED:
        return Ignored("another event")
    text, sent = payload.get("message"), _iso(payload.get("receivedAt"), ZoneInfo("Asia/Jakarta"))
    return _message(
        config, payload.get("sender") or payload.get("phoneNumber"), text, event_id=body.get("id"), sent=sent, now=now
    )


def from_http(item: Mapping[str, Any], hook: Hook, config: Config, now: datetime) -> Found:
    """One message by the fields of the file."""
    value = {name: at_path(item, path) for name, path in hook.fields.items()}
    sent = _moment(value.get("at"), hook)
    found = _message(config, value["from"], value["text"], event_id=value.get("id"), sent=sent, now=now)
    if isinstance(found, Inbound) and (place := _place(value)):
        reference, total, number = place
        return Piece(event=found, reference=reference, number=number, total=total)
    return found


def report_from_http(item: Mapping[str, Any], hook: Hook, now: datetime) -> Found:
    """One delivery report by the fields of the file."""
    value = {name: at_path(item, path) for name, path in hook.fields.items()}
    told = str(value["status"]).strip().lower()
    state = next((ours for ours, theirs in hook.states.items() if told in (one.lower() for one in theirs)), "")
    if not state:
        return Ignored("unknown state")
    return _report(value["id"], state, value.get("reason"), _moment(value.get("at"), hook) or now)


def _message(
    config: Config, sender: Any, text: Any, *, event_id: Any, sent: datetime | None, now: datetime
) -> Inbound | Ignored:
    number = number_of(sender)
    if number is None:
        return Ignored("sender is no person's number")  # a bank, an operator's notice: nobody to answer
    if not isinstance(text, str):
        return Ignored("no text")
    moment = min(sent, now) if sent else now
    named = str(event_id) if isinstance(event_id, str | int) and str(event_id) else ""
    if not named:  # the same words at the same second are the same message
        named = hashlib.sha256(f"{number} {moment:%Y%m%d%H%M%S} {text}".encode("utf-8", "replace")).hexdigest()
    return Inbound(
        channel=CHANNEL,
        account=config.number,
        event_id=named[: limits.EVENT_ID_CHARACTERS],
        chat=number,
        sender=number,
        kind=Kind.TEXT,
        sent_at=moment,
        text=text,
        ids=(("phone", number),) if config.vouches else (),
    )


def _report(named: Any, state: str, reason: Any, at: datetime) -> Report | Ignored:
    if not isinstance(named, str | int) or not str(named):
        return Ignored("report without id")
    own = _OWN_ID.fullmatch(str(named))
    why = str(reason)[:200] if state == "failed" and reason else None
    return Report(platform_id=str(named)[:160], delivery=state, at=at, key=int(own[1]) if own else None, reason=why)


# -- parts of a long message --------------------------------------------------------------------------------------


def _place(value: Mapping[str, Any]) -> tuple[str, int, int] | None:
    """(reference, total, number) of a part; None for a message that is whole, or whose marks make no sense."""
    if value.get("udh"):
        reference, total, number = _from_udh(str(value["udh"]))
    else:
        reference = str(value.get("reference") or "")
        total, number = _count(value.get("total")), _count(value.get("number"))
    if not reference or not 1 < total <= limits.PIECES or not 1 <= number <= total:
        return None
    return reference[:64], total, number


def _from_udh(written: str) -> tuple[str, int, int]:
    """The concatenation element of a user data header: 8-bit (00 03) or 16-bit (08 04) reference (3GPP TS 23.040, 9.2.3.24)."""
    try:
        header = bytes.fromhex(written.replace(" ", ""))
    except ValueError:
        return "", 0, 0
    place = 1
    while place + 1 < len(header):
        kind, size = header[place], header[place + 1]
        content = header[place + 2 : place + 2 + size]
        if (kind, size) in ((0, 3), (8, 4)) and len(content) == size:
            return content[:-2].hex(), content[-2], content[-1]
        place += 2 + size
    return "", 0, 0


def _count(value: Any) -> int:
    return int(value) if isinstance(value, str | int) and re.fullmatch(r"\d{1,3}", str(value)) else 0


# -- times --------------------------------------------------------------------------------------------------------


def _moment(value: Any, hook: Hook) -> datetime | None:
    """A time as the file says it is written; None where it cannot be read (then the present counts)."""
    zone = ZoneInfo(hook.zone)
    try:
        match hook.time:
            case "iso":
                return _iso(value, zone)
            case "unix":
                return datetime.fromtimestamp(float(value), UTC)
            case "unix_ms":
                return datetime.fromtimestamp(float(value) / 1000, UTC)
        return datetime.strptime(str(value), hook.time).replace(tzinfo=zone).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, OSError):
        return None


def _iso(value: Any, zone: ZoneInfo) -> datetime | None:
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
        return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC) if found else None
    except (ValueError, OverflowError):
        return None
