"""An announcement's filter: a small tree of conditions as SQL over chats and their linked record.

A tree is `{"and": [tree, …]}`, `{"or": […]}`, `{"not": tree}`, or conditions that must all hold: `{"wave": [70, 71], "zone": "WITA"}`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, case, exists, false, func, not_, or_, select, true

from storage import reached
from storage.refusal import Refusal
from storage.schema import chat_tags, chats, courses, enrolments, incentives, links, participants
from storage.subscriptions import EVERYTHING, receives

DEPTH: Final = 8
_DAYS: Final = ("within_days", "before_days")
_BEYOND: Final = 2**63  # of keys and numbers in the database
_SHOWN: Final = 60  # letters of what was written, in a refusal
# Provinces by the first two digits of the region's code (Kepmendagri 100.1.1-6117/2022); the rest is WIB.
_WITA: Final = ("51", "52", "53", "63", "64", "65", "71", "72", "73", "74", "75", "76")
_WIT: Final = ("81", "82", "91", "92", "93", "94", "95", "96", "97")


def _list(value: Any) -> list[Any]:
    found = list(value) if isinstance(value, list | tuple) else [value]
    if not found or any(isinstance(one, Mapping | list) or one is None for one in found):
        raise Refusal("value_wanted", "a value or a list of values is wanted")
    return found


def _in(column: ColumnElement[Any], kind: type = str) -> Callable[[Any, datetime], ColumnElement[bool]]:
    def made(value: Any, _now: datetime) -> ColumnElement[bool]:
        listed = _list(value)
        try:
            return column.in_([_key(one) if kind is int else str(one) for one in listed])
        except (TypeError, ValueError):
            shown = ", ".join(map(str, listed))[:_SHOWN]
            raise Refusal("numbers_wanted", f"{shown!r} is no list of numbers", value=shown) from None

    return made


def _key(value: Any) -> int:
    if abs(found := int(value)) >= _BEYOND:
        raise ValueError
    return found


def _some(value: Any, columns: Mapping[str, ColumnElement[Any]], plain: str) -> list[ColumnElement[bool]]:
    """`value` is one or more of the plain column's, or {column: value}."""
    asked = value if isinstance(value, Mapping) else {plain: value}
    if unknown := [key for key in asked if key not in columns]:
        known = ", ".join(columns)
        shown = str(unknown[0])[:_SHOWN]
        raise Refusal("part_unknown", f"unknown {shown!r}: one of {known}", value=shown, known=known)
    return [columns[key].in_([str(one) for one in _list(wanted)]) for key, wanted in asked.items()]


def _course(value: Any, _now: datetime) -> ColumnElement[bool]:
    columns = {"key": courses.c.course_key, "topic": courses.c.topic, "state": enrolments.c.state}
    joined = select(enrolments.c.id).join(courses, courses.c.id == enrolments.c.course_id)
    return exists(joined.where(enrolments.c.participant_id == participants.c.id, *_some(value, columns, "key")))


def _incentive(value: Any, _now: datetime) -> ColumnElement[bool]:
    columns = {"state": incentives.c.state, "kind": incentives.c.kind, "reason": incentives.c.reason}
    found = select(incentives.c.id).where(incentives.c.participant_id == participants.c.id)
    return exists(found.where(*_some(value, columns, "state")))


def _province(value: Any, _now: datetime) -> ColumnElement[bool]:
    return func.substr(participants.c.region, 1, 2).in_([str(one) for one in _list(value)])


def _seen(value: Any, now: datetime) -> ColumnElement[bool]:
    if not isinstance(value, Mapping) or set(value) - set(_DAYS) or not value:
        raise Refusal("seen_wanted", "within_days or before_days, as in {within_days: 30}")
    parts = []
    for key, moment in _moments(value, now).items():
        parts.append(chats.c.seen_at >= moment if key == "within_days" else chats.c.seen_at < moment)
    return and_(*parts)


def _moments(value: Mapping[str, Any], now: datetime) -> dict[str, datetime]:
    """From its numbers of days."""
    found = {key: value[key] for key in _DAYS if key in value}
    for key, days in found.items():
        if not isinstance(days, int) or not 0 < days < 10_000:
            raise Refusal("days_wanted", f"{key} is a number of days", value=key)
    return {key: now - timedelta(days=days) for key, days in found.items()}


def _got(value: Any, now: datetime) -> ColumnElement[bool]:
    """Its announcement is named by the series here: a name may change (bot/campaign_files.py reads names)."""
    if not isinstance(value, Mapping) or set(value) - {"series", *_DAYS} or not _is_key(value.get("series")):
        raise Refusal("got_wanted", "an announcement, as in {campaign: NAME, before_days: 3}")
    _moments(value, now)  # refuses what is no number of days
    days = {key: value[key] for key in _DAYS if key in value}
    return reached.got(chats.c.id, value["series"], now, **days)


def _is_key(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < _BEYOND


def _linked(value: Any, _now: datetime) -> ColumnElement[bool]:
    if not isinstance(value, bool):
        raise Refusal("yes_or_no", "true or false")
    return links.c.id.is_not(None) if value else links.c.id.is_(None)


def _topic(value: Any, _now: datetime) -> ColumnElement[bool]:
    return receives([str(one) for one in _list(value)] + [EVERYTHING])


def _tag(value: Any, _now: datetime) -> ColumnElement[bool]:
    return exists(
        select(chat_tags.c.tag).where(
            chat_tags.c.chat_id == chats.c.id, chat_tags.c.tag.in_([str(one) for one in _list(value)])
        )
    )


def zone_of() -> ColumnElement[str]:
    """The chat's zone, else that of the record's region, else WIB."""
    province = func.substr(participants.c.region, 1, 2)
    return func.coalesce(chats.c.zone, case((province.in_(_WITA), "WITA"), (province.in_(_WIT), "WIT"), else_="WIB"))


CONDITIONS: Final[Mapping[str, Callable[[Any, datetime], ColumnElement[bool]]]] = {
    "wave": _in(participants.c.wave, int),
    "membership": _in(participants.c.membership),
    "course": _course,
    "incentive": _incentive,
    "region": _in(participants.c.region),
    "province": _province,
    "zone": _in(zone_of()),
    "channel": _in(chats.c.channel),
    "seen": _seen,
    "got": _got,
    "level": _in(links.c.level),
    "linked": _linked,
    "topic": _topic,
    "tag": _tag,
    "record": _in(participants.c.record_key),
    "chat": _in(chats.c.id, int),
}


def condition(tree: Any, now: datetime, depth: int = 0) -> ColumnElement[bool]:
    """The tree as SQL over chats and their linked record; `Refusal` says what is wrong with it, and where."""
    if depth > DEPTH:
        raise Refusal("filter_deep", "the filter is too deep", most=DEPTH)
    if not isinstance(tree, Mapping):
        raise Refusal("filter_wanted", "a filter is made of conditions, and, or, not")
    parts = [_branch(key, value, now, depth) for key, value in tree.items()]
    return and_(true(), *parts)


def _branch(key: str, value: Any, now: datetime, depth: int) -> ColumnElement[bool]:
    try:
        if key in ("and", "or"):
            return _joined(key, value, now, depth)
        if key == "not":
            return not_(func.coalesce(condition(value, now, depth + 1), false()))
        if key not in CONDITIONS:
            known, shown = ", ".join(CONDITIONS), str(key)[:_SHOWN]
            told = f"unknown condition {shown!r}: one of {known}, and, or, not"
            raise Refusal("condition_unknown", told, value=shown, known=known)
        return CONDITIONS[key](value, now)
    except Refusal as error:
        if not error.path and key in CONDITIONS:
            error.args = (f"{key}: {error}",)
        raise error.within(key) from None


def _joined(key: str, value: Any, now: datetime, depth: int) -> ColumnElement[bool]:
    if not isinstance(value, list) or not value:
        raise Refusal("list_wanted", f"{key}: a list of filters", value=key)
    parts = []
    for place, one in enumerate(value):
        try:
            parts.append(condition(one, now, depth + 1))
        except Refusal as error:
            raise error.within(place) from None
    return and_(true(), *parts) if key == "and" else or_(false(), *parts)
