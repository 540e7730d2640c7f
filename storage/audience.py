"""Who an announcement is for: whom its filter finds, one chat a person, and why somebody is left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
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
    false,
    func,
    literal,
    not_,
    or_,
    select,
)

from storage import reached, restrictions
from storage.audience_filter import condition, zone_of
from storage.schema import campaign_numbers, chats, identities, links, participants
from storage.subscriptions import EVERYTHING, opted_out, receives

WINDOWED: Final = ("whatsapp",)  # outside the person's 24 hours only an approved template may go
ASKED_FIRST: Final = ("whatsapp", "sms")  # who is written to there first must have agreed (platform-rules 0.11)
PROVEN: Final = ("2", "3")  # proof levels that may see their record (design: People and proof)
RECORD: Final[Mapping[str, ColumnElement[Any]]] = {
    "gelombang": participants.c.wave,
    "batas_beli": participants.c.buy_by,
    "saldo": participants.c.balance,
}
"""Variables of a text that come from the record, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Everything that decides on an audience."""

    tree: Mapping[str, Any]
    sources: Sequence[str]  # channel accounts, the preferred first
    topic: str | None = None
    numbers_of: int | None = None  # only numbers of this campaign's file
    template: bool = False  # the content has one for closed windows
    needs: Sequence[str] = field(default_factory=tuple)  # names of RECORD that the text uses
    once: tuple[int, int] | None = None  # (series, campaign): nobody who has had another one of the series


def _why(selection: Selection, now: datetime) -> ColumnElement[Any]:
    """The first reason that applies, NULL where the chat may be written to."""
    closed = or_(chats.c.window_until.is_(None), chats.c.window_until <= now)
    agreed = receives()
    source = chats.c.channel + ":" + chats.c.account
    reasons: list[tuple[ColumnElement[bool], Any]] = [
        (source.not_in(list(selection.sources)), literal("no_channel")),
        (chats.c.stopped_at.is_not(None), literal("left")),
        (opted_out(selection.topic), literal("opted_out")),
        (restrictions.holds(chats.c.id), literal("restricted")),
    ]
    if selection.topic:
        reasons.append((not_(receives([selection.topic, EVERYTHING])), literal("not_subscribed")))
    if selection.numbers_of is None:
        reasons.append((and_(chats.c.channel.in_(ASKED_FIRST), closed, not_(agreed)), literal("no_consent")))
    if not selection.template:
        reasons.append((and_(chats.c.channel.in_(WINDOWED), closed), literal("closed_window")))
    for name in selection.needs:
        told = and_(RECORD[name].is_not(None), links.c.level.in_(PROVEN))
        reasons.append((not_(func.coalesce(told, false())), literal(f"no_value: {name}")))
    return case(*reasons, else_=None)


def _person(selection: Selection) -> ColumnElement[str]:
    """What two chats of one person have in common: the record, also that of another chat with the same vouched number, else that number."""
    keys: list[ColumnElement[Any]] = [literal("p") + cast(links.c.participant_id, String)]
    if len(selection.sources) > 1:
        phone = (
            select(func.max(identities.c.value))
            .where(identities.c.chat_id == chats.c.id, identities.c.kind == "phone", identities.c.vouched)
            .correlate(chats)
            .scalar_subquery()
        )
        other, theirs = identities.alias("other"), links.alias("theirs")
        owner = (
            select(func.min(theirs.c.participant_id))
            .join(other, other.c.chat_id == theirs.c.chat_id)
            .where(theirs.c.ended_at.is_(None), other.c.kind == "phone", other.c.vouched, other.c.value == phone)
            .correlate(chats)
        )
        keys += [literal("p") + cast(owner.scalar_subquery(), String), literal("n") + phone]
    return func.coalesce(*keys, literal("c") + cast(chats.c.id, String))


def _had(selection: Selection) -> ColumnElement[int]:
    if selection.once is None:
        return literal(0)
    return case((reached.had(chats.c.id, *selection.once), 1), else_=0)


def _found(selection: Selection, now: datetime) -> Subquery:
    source = chats.c.channel + ":" + chats.c.account
    wanted = {name: place for place, name in enumerate(selection.sources)}
    place = case(wanted, value=source, else_=len(wanted)).label("place") if wanted else literal(0).label("place")
    base = (
        select(
            chats.c.id.label("chat_id"),
            source.label("source"),
            zone_of().label("zone"),
            chats.c.seen_at,
            place,
            _why(selection, now).label("why"),
            _person(selection).label("person"),
            _had(selection).label("had"),
            case((opted_out(selection.topic), 1), else_=0).label(
                "stop"
            ),  # also of a chat that is left out for another reason
            case((receives(), 1), else_=0).label("asked"),
        )
        .select_from(chats)
        .outerjoin(links, and_(links.c.chat_id == chats.c.id, links.c.ended_at.is_(None)))
        .outerjoin(participants, participants.c.id == links.c.participant_id)
        .where(condition(selection.tree, now))
    )
    if selection.numbers_of is not None:
        listed = campaign_numbers.alias()
        theirs = (
            select(identities.c.chat_id)
            .join(listed, listed.c.phone == identities.c.value)
            .where(
                identities.c.kind == "phone",
                identities.c.vouched,
                listed.c.campaign_id == selection.numbers_of,
                listed.c.problem.is_(None),
            )
        )
        base = base.where(chats.c.id.in_(theirs), source.in_(list(selection.sources)))
    return base.subquery("found")


def people(selection: Selection, now: datetime) -> Subquery:
    """Every chat that the filter finds: chat_id, source, zone, reason (NULL: is written to). One chat a person is written to."""
    found = _found(selection, now)
    rank = func.row_number().over(
        partition_by=found.c.person,
        order_by=(case((found.c.why.is_(None), 0), else_=1), found.c.place, found.c.seen_at.desc(), found.c.chat_id),
    )
    had = func.max(found.c.had).over(partition_by=found.c.person)
    stopped = func.max(found.c.stop).over(partition_by=found.c.person)
    told = (rank.label("rank"), had.label("person_had"), stopped.label("person_stopped"))
    ranked = select(found, *told).subquery("ranked")
    before = case((ranked.c.person_had == 1, reached.HAD_IT), else_=None)
    # a stop in one chat is no invitation into another, unless news were asked for there
    stop = case((and_(ranked.c.person_stopped == 1, ranked.c.asked == 0), "opted_out"), else_=None)
    other = case((ranked.c.rank > 1, "other_chat"), else_=None)
    reason = func.coalesce(before, ranked.c.why, stop, other).label("reason")
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
