"""Who an announcement is for: a small tree of conditions as SQL, and why somebody that it finds is left out.

A tree is `{"and": [tree, …]}`, `{"or": […]}`, `{"not": tree}`, or conditions that must all hold: `{"wave": [70, 71], "zone": "WITA"}`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    String,
    Subquery,
    and_,
    case,
    cast,
    exists,
    false,
    func,
    literal,
    not_,
    or_,
    select,
    true,
)

from storage import restrictions
from storage.refusal import Refusal
from storage.schema import (
    campaign_numbers,
    chat_tags,
    chats,
    courses,
    enrolments,
    identities,
    incentives,
    links,
    participants,
    subscriptions,
)
from storage.subscriptions import EVERYTHING

DEPTH: Final = 8
_BEYOND: Final = 2**63  # of keys and numbers in the database
_SHOWN: Final = 60  # letters of what was written, in a refusal
WINDOWED: Final = ("whatsapp",)  # outside the person's 24 hours only an approved template may go
ASKED_FIRST: Final = ("whatsapp", "sms")  # who is written to there first must have agreed (platform-rules 0.11)
PROVEN: Final = ("2", "3")  # proof levels that may see their record (design: People and proof)
RECORD: Final[Mapping[str, ColumnElement[Any]]] = {
    "gelombang": participants.c.wave,
    "batas_beli": participants.c.buy_by,
    "saldo": participants.c.balance,
}
"""Variables of a text that come from the record, by name."""

# Provinces by the first two digits of the region's code (Kepmendagri 100.1.1-6117/2022); the rest is WIB.
_WITA: Final = ("51", "52", "53", "63", "64", "65", "71", "72", "73", "74", "75", "76")
_WIT: Final = ("81", "82", "91", "92", "93", "94", "95", "96", "97")


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Everything that decides on an audience."""

    tree: Mapping[str, Any]
    sources: Sequence[str]  # channel accounts, the preferred first
    topic: str | None = None
    numbers_of: int | None = None  # only numbers of this campaign's file
    template: bool = False  # the content has one for closed windows
    needs: Sequence[str] = field(default_factory=tuple)  # names of RECORD that the text uses


# -- conditions ---------------------------------------------------------------------------------------------------


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
    if not isinstance(value, Mapping) or set(value) - {"within_days", "before_days"} or not value:
        raise Refusal("seen_wanted", "within_days or before_days, as in {within_days: 30}")
    parts = []
    for key, days in value.items():
        if not isinstance(days, int) or not 0 < days < 10_000:
            raise Refusal("days_wanted", f"{key} is a number of days", value=key)
        moment = now - timedelta(days=days)
        parts.append(chats.c.seen_at >= moment if key == "within_days" else chats.c.seen_at < moment)
    return and_(*parts)


def _linked(value: Any, _now: datetime) -> ColumnElement[bool]:
    if not isinstance(value, bool):
        raise Refusal("yes_or_no", "true or false")
    return links.c.id.is_not(None) if value else links.c.id.is_(None)


def _topic(value: Any, _now: datetime) -> ColumnElement[bool]:
    return _running([str(one) for one in _list(value)] + [EVERYTHING])


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


# -- who is left out, and why -------------------------------------------------------------------------------------


def _running(topics: Sequence[str] | None = None) -> ColumnElement[bool]:
    found = select(subscriptions.c.id).where(subscriptions.c.chat_id == chats.c.id, subscriptions.c.ended_at.is_(None))
    return exists(found.where(subscriptions.c.topic.in_(topics)) if topics is not None else found)


def _ended(topic: str) -> ColumnElement[bool]:
    return exists(
        select(subscriptions.c.id).where(
            subscriptions.c.chat_id == chats.c.id,
            subscriptions.c.topic == topic,
            subscriptions.c.ended_at.is_not(None),
        )
    )


def opted_out(topic: str | None) -> ColumnElement[bool]:
    """Whether the person has said stop to everything, or to this topic, and nothing since."""
    everything = and_(_ended(EVERYTHING), not_(_running()))
    return or_(everything, and_(_ended(topic), not_(_running([topic, EVERYTHING])))) if topic else everything


def _why(selection: Selection, now: datetime) -> ColumnElement[Any]:
    """The first reason that applies, NULL where the chat may be written to."""
    closed = or_(chats.c.window_until.is_(None), chats.c.window_until <= now)
    agreed = _running()
    source = chats.c.channel + ":" + chats.c.account
    reasons: list[tuple[ColumnElement[bool], Any]] = [
        (source.not_in(list(selection.sources)), literal("no_channel")),
        (chats.c.stopped_at.is_not(None), literal("left")),
        (opted_out(selection.topic), literal("opted_out")),
        (restrictions.holds(chats.c.id), literal("restricted")),
    ]
    if selection.topic:
        reasons.append((not_(_running([selection.topic, EVERYTHING])), literal("not_subscribed")))
    if selection.numbers_of is None:
        reasons.append((and_(chats.c.channel.in_(ASKED_FIRST), closed, not_(agreed)), literal("no_consent")))
    if not selection.template:
        reasons.append((and_(chats.c.channel.in_(WINDOWED), closed), literal("closed_window")))
    for name in selection.needs:
        told = and_(RECORD[name].is_not(None), links.c.level.in_(PROVEN))
        reasons.append((not_(func.coalesce(told, false())), literal(f"no_value: {name}")))
    return case(*reasons, else_=None)


def _person(selection: Selection) -> ColumnElement[str]:
    """What two chats of one person have in common: the record, else the vouched number."""
    keys: list[ColumnElement[Any]] = [literal("p") + cast(links.c.participant_id, String)]
    if len(selection.sources) > 1:
        phone = select(func.max(identities.c.value)).where(
            identities.c.chat_id == chats.c.id, identities.c.kind == "phone", identities.c.vouched
        )
        keys.append(literal("n") + phone.scalar_subquery())
    return func.coalesce(*keys, literal("c") + cast(chats.c.id, String))


def _found(selection: Selection, now: datetime) -> Subquery:
    source = (chats.c.channel + ":" + chats.c.account).label("source")
    wanted = {name: place for place, name in enumerate(selection.sources)}
    place = case(wanted, value=source, else_=len(wanted)).label("place") if wanted else literal(0).label("place")
    base = (
        select(
            chats.c.id.label("chat_id"),
            source,
            zone_of().label("zone"),
            chats.c.seen_at,
            place,
            _why(selection, now).label("why"),
            _person(selection).label("person"),
        )
        .select_from(chats)
        .outerjoin(links, and_(links.c.chat_id == chats.c.id, links.c.ended_at.is_(None)))
        .outerjoin(participants, participants.c.id == links.c.participant_id)
        .where(condition(selection.tree, now))
    )
    if selection.numbers_of is not None:
        listed = campaign_numbers.alias()
        base = base.where(
            exists(
                select(listed.c.line).where(
                    listed.c.campaign_id == selection.numbers_of,
                    listed.c.chat_id == chats.c.id,
                    listed.c.problem.is_(None),
                )
            )
        )
    return base.subquery("found")


def people(selection: Selection, now: datetime) -> Subquery:
    """Every chat that the filter finds: chat_id, source, zone, reason (NULL: is written to). One chat a person is written to."""
    found = _found(selection, now)
    rank = func.row_number().over(
        partition_by=found.c.person,
        order_by=(case((found.c.why.is_(None), 0), else_=1), found.c.place, found.c.seen_at.desc(), found.c.chat_id),
    )
    ranked = select(found, rank.label("rank")).subquery("ranked")
    reason = func.coalesce(ranked.c.why, case((ranked.c.rank > 1, "other_chat"), else_=None)).label("reason")
    return select(ranked.c.chat_id, ranked.c.source, ranked.c.zone, reason).subquery("people")


def counts(connection: Connection, selection: Selection, now: datetime) -> list[tuple[str, str, str | None, int]]:
    """(source, zone, reason or None, how many)."""
    found = people(selection, now)
    grouped = (found.c.source, found.c.zone, found.c.reason)
    statement = select(*grouped, func.count()).group_by(*grouped).order_by(*grouped)
    return [(row[0], row[1], row[2], row[3]) for row in connection.execute(statement)]


def sample(connection: Connection, selection: Selection, now: datetime, *, size: int = 10) -> list[int]:
    """Some of the chats that would be written to, at random."""
    found = people(selection, now)
    statement: Select[Any] = select(found.c.chat_id).where(found.c.reason.is_(None)).order_by(func.random()).limit(size)
    return list(connection.execute(statement).scalars())


def left_out_numbers(connection: Connection, campaign_id: int) -> dict[str, int]:
    """Lines of a campaign's file that may not be written to, by reason."""
    rows = campaign_numbers.c
    statement = select(rows.problem, func.count()).where(rows.campaign_id == campaign_id, rows.problem.is_not(None))
    return {row[0]: row[1] for row in connection.execute(statement.group_by(rows.problem))}
