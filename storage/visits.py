"""From the log to counts by day: each message is counted once, in the order of the log, in batches that disturb nobody.

A visit is what a person writes without a pause of `PAUSE`. It was solved where their last word was thanks, or where they do not come back within
`RETURN`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Connection, DateTime, and_, bindparam, func, select, type_coerce

from storage import progress
from storage.inbox import insert_for
from storage.schema import (
    answer_feedback,
    changes,
    chats,
    daily,
    handoffs,
    links,
    messages,
    participants,
    reminders,
    visits,
)

PAUSE = timedelta(hours=6)
RETURN = timedelta(days=7)
REMINDED = timedelta(days=8)  # the first reminder of a deadline goes out seven days before it
_NAME = "figures"  # of the job's progress: {"message", "handoff", "change", "wrong"}: what was counted last
_WIB = timedelta(hours=7)  # figures are by WIB's days
_THANKS = "thanks"
_WORDLESS = frozenset(("greet", "goodbye", _THANKS, "affirm", "deny", "cancel", "out_of_scope"))  # no topic of a visit

NOTHING = {"message": 0, "handoff": 0, "change": 0, "wrong": 0}  # before the first message is counted
OUTCOMES = {"clarify": "asked_back", "refuse": "refused", "offer_person": "refused"}  # by the handler that answered


class Cell(NamedTuple):
    """What is counted together."""

    day: date
    measure: str
    key: str
    channel: str
    region: str = ""


@dataclass(slots=True, kw_only=True)
class Batch:
    """Some of the log, counted: what to write, and how far it goes."""

    since: Mapping[str, int]
    until: dict[str, int]
    counts: Counter[Cell] = field(default_factory=Counter)
    visits: dict[int, dict[str, Any]] = field(default_factory=dict)
    read: int = 0


def day_of(moment: datetime) -> date:
    """The day in WIB."""
    return (moment + _WIB).date()


_region = func.coalesce(func.substr(participants.c.region, 1, 2), "").label("region")
_linked = links.join(participants, participants.c.id == links.c.participant_id)
_log = (
    select(
        messages.c.id,
        messages.c.chat_id,
        messages.c.at,
        messages.c.intent,
        messages.c.second,
        messages.c.handler,
        messages.c.step,
    )
    .where(messages.c.id > bindparam("after"), messages.c.author == "person", messages.c.handler.is_not(None))
    .order_by(messages.c.id)
    .limit(bindparam("size"))
)


def count(connection: Connection, *, before: datetime, size: int) -> Batch:
    """Reads at most `size` messages that were logged before a moment and have not been counted, and counts them; changes nothing."""
    done = progress.get(connection, _NAME)
    batch = Batch(since=done, until={**NOTHING, **done})
    rows = [dict(row) for row in connection.execute(_log, {"after": batch.until["message"], "size": size}).mappings()]
    rows = rows[: next((number for number, row in enumerate(rows) if row["at"] >= before), len(rows))]
    places = _places(connection, {row["chat_id"] for row in rows})
    batch.visits = _present(connection, {row["chat_id"] for row in rows})
    for row in rows:
        if row["chat_id"] in places:  # else erased meanwhile
            _count_message(batch, row, places[row["chat_id"]])
    if rows:
        batch.until["message"] = rows[-1]["id"]
    batch.read = len(rows)
    _count_handoffs(connection, batch, before, size)
    _count_purchases(connection, batch, before, size)
    _count_wrong(connection, batch, before, size)
    return batch


def _places(connection: Connection, chat_ids: set[int]) -> dict[int, Mapping[str, Any]]:
    statement = (
        select(chats.c.id, chats.c.channel, chats.c.created_at, _region)
        .select_from(
            chats.outerjoin(links, and_(links.c.chat_id == chats.c.id, links.c.ended_at.is_(None))).outerjoin(
                participants, participants.c.id == links.c.participant_id
            )
        )
        .where(chats.c.id.in_(chat_ids))
    )
    return {row["id"]: dict(row) for row in connection.execute(statement).mappings()}


def _present(connection: Connection, chat_ids: set[int]) -> dict[int, dict[str, Any]]:
    found = connection.execute(select(visits).where(visits.c.chat_id.in_(chat_ids))).mappings()
    return {row["chat_id"]: {**row, "steps": list(row["steps"])} for row in found}


def _count_message(batch: Batch, row: Mapping[str, Any], place: Mapping[str, Any]) -> None:
    channel, region, day = place["channel"], place["region"], day_of(row["at"])
    visit = batch.visits.get(row["chat_id"])
    if visit is None or row["at"] - visit["last_at"] >= PAUSE:
        visit = _begin(batch, visit, row, place)
    elif day_of(visit["last_at"]) != day:
        batch.counts[Cell(day, "people", "", channel, region)] += 1
    outcome = OUTCOMES.get(row["handler"] or "", "understood")
    batch.counts[Cell(day, "turns", outcome, channel, region)] += 1
    for topic in (row["intent"], row["second"]):
        if topic:
            batch.counts[Cell(day, "topic" if outcome == "understood" else "unclear", topic, channel)] += 1
    if row["intent"] and row["intent"] not in _WORDLESS and outcome == "understood":
        visit["topic"] = row["intent"]
    visit["confirmed"] = row["intent"] == _THANKS
    visit["last_at"] = row["at"]
    if row["step"] and row["step"] not in visit["steps"]:
        visit["steps"].append(row["step"])
        batch.counts[Cell(day_of(visit["began_at"]), "step", row["step"], channel)] += 1


def _begin(
    batch: Batch, former: dict[str, Any] | None, row: Mapping[str, Any], place: Mapping[str, Any]
) -> dict[str, Any]:
    """A new visit; what the return says of the former one is counted."""
    channel, region, day = place["channel"], place["region"], day_of(row["at"])
    if former:
        batch.counts[_settled(former, returned=row["at"] - former["last_at"] < RETURN)] += 1
    if former is None or day_of(former["last_at"]) != day:
        batch.counts[Cell(day, "people", "", channel, region)] += 1
    if former is None and day_of(place["created_at"]) == day:
        batch.counts[Cell(day, "people", "new", channel, region)] += 1
    batch.counts[Cell(day, "visits", "", channel, region)] += 1
    batch.visits[row["chat_id"]] = visit = {
        "chat_id": row["chat_id"],
        "began_at": row["at"],
        "last_at": row["at"],
        "channel": channel,
        "region": region,
        "topic": "",
        "confirmed": False,
        "steps": [],
    }
    return visit


def _settled(visit: Mapping[str, Any], *, returned: bool) -> Cell:
    solved = visit["confirmed"] or not returned
    measure = "solved" if solved else "returned"
    return Cell(day_of(visit["began_at"]), measure, visit["topic"], visit["channel"], visit["region"])


def _count_handoffs(connection: Connection, batch: Batch, before: datetime, size: int) -> None:
    """Conversations that a person was asked for."""
    statement = (
        select(handoffs.c.id, handoffs.c.asked_at, handoffs.c.topic, chats.c.channel, _region)
        .select_from(
            handoffs.join(chats, chats.c.id == handoffs.c.chat_id)
            .outerjoin(links, and_(links.c.chat_id == chats.c.id, links.c.ended_at.is_(None)))
            .outerjoin(participants, participants.c.id == links.c.participant_id)
        )
        .where(handoffs.c.id > batch.until["handoff"], handoffs.c.asked_at < before)
        .order_by(handoffs.c.id)
        .limit(size)
    )
    for row in connection.execute(statement):
        batch.counts[Cell(day_of(row.asked_at), "handoff", row.topic, row.channel, row.region)] += 1
        batch.until["handoff"] = row.id


def _count_purchases(connection: Connection, batch: Batch, before: datetime, size: int) -> None:
    """First purchases that an import has told of after we had reminded of the deadline."""
    reminded = (
        select(reminders.c.id)
        .where(
            reminders.c.chat_id == chats.c.id,
            reminders.c.key.like("buy_by:%"),
            reminders.c.at.between(_days_before(connection, changes.c.at), changes.c.at),
        )
        .exists()
    )
    former = changes.alias()
    bought_before = (
        select(former.c.id)
        .where(
            former.c.participant_id == changes.c.participant_id,
            former.c.id < changes.c.id,
            former.c.what.like("enrolment:%"),
        )
        .exists()
    )
    statement = (
        select(changes.c.id, changes.c.at, changes.c.participant_id, chats.c.channel)
        .select_from(
            changes.join(
                links, and_(links.c.participant_id == changes.c.participant_id, links.c.ended_at.is_(None))
            ).join(chats, chats.c.id == links.c.chat_id)
        )
        .where(
            changes.c.id > batch.until["change"],
            changes.c.at < before,
            changes.c.what.like("enrolment:%"),
            changes.c.before.is_(None),
            reminded,
            ~bought_before,
        )
        .order_by(changes.c.id, chats.c.id)
        .limit(size)
    )
    last = connection.execute(select(func.max(changes.c.id)).where(changes.c.at < before)).scalar()
    counted: set[int] = set()
    found = connection.execute(statement).all()
    for row in found:
        if row.participant_id not in counted:
            batch.counts[Cell(day_of(row.at), "saved", "", row.channel)] += 1
            counted.add(row.participant_id)
    batch.until["change"] = found[-1].id if len(found) == size else max(last or 0, batch.until["change"])


def _count_wrong(connection: Connection, batch: Batch, before: datetime, size: int) -> None:
    """Answers of which people said that they are wrong."""
    table = answer_feedback.c
    statement = select(table.id, table.at, table.intent, table.channel).where(
        table.id > batch.until["wrong"], table.at < before
    )
    for row in connection.execute(statement.order_by(table.id).limit(size)):
        batch.counts[Cell(day_of(row.at), "wrong", row.intent, row.channel)] += 1
        batch.until["wrong"] = row.id


def _days_before(connection: Connection, moment: Any) -> Any:
    if connection.dialect.name == "sqlite":  # moments are whole microseconds there
        return type_coerce(moment, BigInteger) - int(REMINDED.total_seconds() * 1_000_000)
    return type_coerce(moment, DateTime(timezone=True)) - REMINDED


def keep(connection: Connection, batch: Batch, now: datetime) -> bool:
    """Writes a batch; False, and nothing, if somebody else has counted meanwhile."""
    if progress.get(connection, _NAME) != batch.since:
        return False
    _add(connection, batch.counts)
    there = set(connection.execute(select(chats.c.id).where(chats.c.id.in_(batch.visits))).scalars())
    if rows := [visit for key, visit in sorted(batch.visits.items()) if key in there]:
        statement = insert_for(connection)(visits)
        new = {column.name: statement.excluded[column.name] for column in visits.columns if column.name != "chat_id"}
        connection.execute(statement.on_conflict_do_update(index_elements=["chat_id"], set_=new), rows)
    progress.keep(connection, _NAME, batch.until, now)
    return True


def settle(connection: Connection, now: datetime, limit: int) -> int:
    """Visits whose person has not come back are solved; returns how many."""
    due = select(visits).where(visits.c.last_at < now - RETURN).order_by(visits.c.last_at).limit(limit)
    rows: Sequence[Mapping[str, Any]] = [dict(row) for row in connection.execute(due).mappings()]
    _add(connection, Counter(_settled(row, returned=False) for row in rows))
    connection.execute(visits.delete().where(visits.c.chat_id.in_([row["chat_id"] for row in rows])))
    return len(rows)


def _add(connection: Connection, counts: Mapping[Cell, int]) -> None:
    rows = [{**cell._asdict(), "count": number} for cell, number in sorted(counts.items())]
    if rows:
        statement = insert_for(connection)(daily)
        more = {"count": daily.c.count + statement.excluded.count}
        connection.execute(
            statement.on_conflict_do_update(index_elements=list(daily.primary_key.columns.keys()), set_=more), rows
        )
