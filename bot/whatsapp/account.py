"""What Meta tells about the account itself → template registry and notes for operators.

https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/overview lists the fields.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import Any, Final

import structlog
import yaml
from sqlalchemy import Connection

from bot import metrics
from bot.channel import Unavailable
from bot.receiver import Clock
from bot.whatsapp.content import part, words
from bot.whatsapp.receive import CHANNEL, Change
from storage import channel_notes, chats, subscriptions, templates
from storage.database import Database, database_now, is_outage

log = structlog.get_logger()

_TEXT_CHARACTERS: Final = 300
_QUALITY: Final = ("UNKNOWN", "RED", "YELLOW", "GREEN")  # from bad to good; unknown is told of no template in trouble
_GOOD_NEWS: Final = ("APPROVED", "REINSTATED", "UNARCHIVED")
_STATUS: Final = {"REINSTATED": "approved", "UNARCHIVED": "approved", "FLAGGED": "flagged"}

Note = tuple[str, str, dict[str, str]]  # kind, key of notes.yml, values
Read = Callable[[Connection, str, Mapping[str, Any], datetime], Note | None]


@cache
def _sentences() -> dict[str, str]:
    found: dict[str, str] = yaml.safe_load(Path(__file__).with_name("notes.yml").read_text(encoding="utf-8"))
    return found


def shown(value: Any, *keys: str) -> str:
    """A value of the event as a short text; "-" where there is none."""
    found = part(value, *keys) if keys else value
    if isinstance(found, Mapping | list):
        found = json.dumps(found, ensure_ascii=False)
    return "-" if found in (None, "") else words(str(found))[:_TEXT_CHARACTERS]


def _of_template(value: Mapping[str, Any]) -> dict[str, str]:
    return {"name": shown(value, "message_template_name"), "language": shown(value, "message_template_language")}


def _template_status(connection: Connection, account: str, value: Mapping[str, Any], now: datetime) -> Note | None:
    template, event = _of_template(value), shown(value, "event").upper()
    reason = shown(value, "reason").upper()
    told = " ".join(
        text
        for text in (
            "" if reason in ("-", "NONE") else reason,
            shown(value, "other_info", "description"),
            shown(value, "rejection_info", "reason"),
        )
        if text not in ("", "-")
    )[:200]
    status = _STATUS.get(event, event.lower())[:24]
    templates.change(
        connection, account, template["name"], template["language"], now=now, status=status, reason=told or None
    )
    return (
        None if event in _GOOD_NEWS else ("template", "template_status", {**template, "status": event, "reason": told})
    )


def _template_quality(connection: Connection, account: str, value: Mapping[str, Any], now: datetime) -> Note | None:
    template = _of_template(value)
    before, after = (shown(value, f"{which}_quality_score").upper() for which in ("previous", "new"))
    templates.change(connection, account, template["name"], template["language"], now=now, quality=after.lower()[:16])
    ranks = [_QUALITY.index(word) if word in _QUALITY else 0 for word in (before, after)]
    worse = after in ("RED", "YELLOW") and (before == "UNKNOWN" or ranks[1] < ranks[0])
    return ("template", "template_quality", {**template, "before": before, "after": after}) if worse else None


def _template_category(connection: Connection, account: str, value: Mapping[str, Any], now: datetime) -> Note | None:
    template = _of_template(value)
    coming, after = shown(value, "correct_category"), shown(value, "new_category")
    templates.change(connection, account, template["name"], template["language"], now=now, category=after.lower()[:24])
    if coming not in ("-", after):
        return "template", "template_category_soon", {**template, "after": coming}
    before = shown(value, "previous_category")
    return "template", "template_category", {**template, "before": before, "after": after}


def _number_quality(connection: Connection, account: str, value: Mapping[str, Any], now: datetime) -> Note | None:
    limit = shown(value, "max_daily_conversations_per_business")
    limit = shown(value, "current_limit") if limit == "-" else limit
    number = shown(value, "display_phone_number")
    return "quality", "number_quality", {"number": number, "event": shown(value, "event"), "limit": limit}


def _capability(connection: Connection, account: str, value: Mapping[str, Any], now: datetime) -> Note | None:
    limit = shown(value, "max_daily_conversations_per_business")
    limit = shown(value, "max_daily_conversation_per_phone") if limit == "-" else limit
    return None if limit == "-" else ("tier", "capability", {"limit": limit})


def _account(connection: Connection, account: str, value: Mapping[str, Any], now: datetime) -> Note | None:
    found = [shown(value, key) for key in ("violation_info", "ban_info", "restriction_info")]
    details = " ".join(text for text in found if text != "-")[:_TEXT_CHARACTERS]
    return "account", "account", {"event": shown(value, "event"), "details": details}


def _alert(connection: Connection, account: str, value: Mapping[str, Any], now: datetime) -> Note | None:
    told = value.get("alert_info") if isinstance(value.get("alert_info"), Mapping) else value
    values = {"severity": shown(told, "alert_severity"), "alert": shown(told, "alert_type")}
    return "account", "account_alert", {**values, "details": shown(told, "alert_description")}


def _told(kind: str, key: str, *names: tuple[str, str]) -> Read:
    """A note that takes its values as they stand in the event: (name in the sentence, name in the event)."""

    def read(connection: Connection, account: str, value: Mapping[str, Any], now: datetime) -> Note | None:
        return kind, key, {name: shown(value, theirs) for name, theirs in names}

    return read


def _error(connection: Connection, account: str, value: Mapping[str, Any], now: datetime) -> Note | None:
    details = shown(value, "error_data", "details")
    details = shown(value, "title") if details == "-" else details
    return "error", "error", {"code": shown(value, "code"), "details": details}


def _opt_out(connection: Connection, chat_id: int, change: Change, now: datetime) -> None:
    """Who stops marketing in WhatsApp's settings gets nothing unasked from us any more; since then, however late we hear of it."""
    subscriptions.stop(connection, chat_id, min(change.at, now))


def _opt_in(connection: Connection, chat_id: int, change: Change, now: datetime) -> None:
    """Taken back there: what ran before runs again, unless the person has said stop since."""
    ended = subscriptions.stopped_at(connection, chat_id)
    if ended is not None and ended <= change.at:
        subscriptions.resume(connection, chat_id, now)


_WISHES: Final[Mapping[str, Callable[[Connection, int, Change, datetime], None]]] = {
    "opt_out": _opt_out,
    "opt_in": _opt_in,
}
_FIELDS: Final[Mapping[str, Read]] = {
    "message_template_status_update": _template_status,
    "message_template_quality_update": _template_quality,
    "template_category_update": _template_category,
    "phone_number_quality_update": _number_quality,
    "business_capability_update": _capability,
    "account_update": _account,
    "account_alerts": _alert,
    "account_review_update": _told("account", "account_review", ("decision", "decision")),
    "phone_number_name_update": _told(
        "account",
        "number_name",
        ("name", "requested_verified_name"),
        ("decision", "decision"),
        ("reason", "rejection_reason"),
    ),
    "security": _told("account", "security", ("event", "event"), ("who", "requester")),
    "errors": _error,
}


class Account:
    """Writes changes of one account; raises `Unavailable` while the database cannot take them."""

    def __init__(self, database: Database, *, number_id: str, account_id: str, clock: Clock = database_now) -> None:
        """`account_id`: the business account that the templates belong to."""
        self._database = database
        self._source = f"{CHANNEL}:{number_id}"
        self._account_id = account_id
        self._clock = clock
        self._number_id = number_id

    async def take(self, changes: Sequence[Change]) -> None:
        """Returns when all are committed; one that breaks is logged and let go."""
        for change in changes:
            read, wish = _FIELDS.get(change.field), _WISHES.get(change.field)
            try:
                if wish is not None:
                    await self._database.write(partial(self._wish, wish, change))
                elif read is not None:
                    await self._database.write(partial(self._write, read, change))
                else:
                    metrics.ignored.add(1, CHANNEL, "field of no interest")
            except Exception as error:
                if is_outage(error):
                    raise Unavailable from error
                metrics.rejected.add(1)
                log.error("whatsapp account change rejected", field=change.field, reason=type(error).__name__)

    def _wish(
        self, wish: Callable[[Connection, int, Change, datetime], None], change: Change, connection: Connection
    ) -> None:
        """A person's wish about what comes unasked; whoever has no chat here gets nothing anyway."""
        for kind, value in change.value["ids"]:
            if (chat := chats.find_by_identity(connection, CHANNEL, self._number_id, kind, value)) is not None:
                wish(connection, chat["id"], change, self._clock(connection))
                return

    def _write(self, read: Read, change: Change, connection: Connection) -> None:
        found = read(connection, self._account_id, change.value, self._clock(connection))
        if found is None:
            return
        kind, key, values = found
        text = _sentences()[key].format_map(values).strip()
        channel_notes.add(connection, self._source, kind=kind, key=_key(change), text=text, at=change.at)


def _key(change: Change) -> str:
    """The same event, delivered again, is the same note; `errors` bear no time of their own and count once a day."""
    when = f"{change.at:%Y-%m-%d}" if change.field == "errors" else change.at.isoformat()
    raw = json.dumps([change.field, when, change.value], sort_keys=True, default=str)
    return f"{change.field}:{hashlib.sha256(raw.encode('utf-8', 'replace')).hexdigest()[:32]}"
