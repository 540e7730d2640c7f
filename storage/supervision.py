"""The supervisor's numbers: what is going on now, and how a span of time went, in all and by agent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import fmean, median

from sqlalchemy import Connection, RowMapping, func, select

from storage import calendar, waits
from storage.handoffs import ACTIVE, CLOSED_OUT, LEFT, WAITING
from storage.quality import QUESTIONS
from storage.schema import agents, handoffs, quality_reviews

_rows = handoffs.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """What is going on now."""

    waiting: int
    longest_wait: timedelta | None
    active: int
    agents: int
    slots: int
    free: int
    handling: timedelta | None  # median of recent conversations


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """How the conversations went that were asked for in a span; times are medians."""

    asked: int
    answered: int
    left: int
    closed_out: int
    first_response: timedelta | None  # from asking to the agent's first words
    first_response_slowest: timedelta | None  # nine of ten were quicker
    in_time: float | None  # share of first responses within the rule of their priority
    resolution: timedelta | None  # from asking to the end
    handling: timedelta | None  # from the first agent's taking it to the end
    rating: float | None
    ratings: int
    quality: float | None  # share of "yes" in the reviews' answers
    reviews: int


def present(connection: Connection, now: datetime) -> Present:
    """What is going on now."""
    counted = select(_rows.state, func.count(), func.min(_rows.asked_at)).where(_rows.state.in_((WAITING, ACTIVE)))
    found = {row[0]: row for row in connection.execute(counted.group_by(_rows.state))}
    there = waits.staff(connection, now)
    waiting = found.get(WAITING)
    return Present(
        waiting=waiting[1] if waiting else 0,
        longest_wait=now - waiting[2] if waiting else None,
        active=found[ACTIVE][1] if ACTIVE in found else 0,
        agents=there.agents,
        slots=there.slots,
        free=there.free,
        handling=waits.handling_time(connection, now),
    )


def figures(connection: Connection, since: datetime, until: datetime) -> Figures:
    """How the conversations went that were asked for from `since` to before `until`."""
    return _figures(connection, _asked(connection, since, until), _reviews(connection, since, until))


def by_agent(connection: Connection, since: datetime, until: datetime) -> list[tuple[int, str, Figures]]:
    """(agent, alias, figures) of everyone who had a conversation, by alias; one counts for the agent who had it last."""
    rows, read = _asked(connection, since, until), _reviews(connection, since, until)
    names = {row.id: row.alias for row in connection.execute(select(agents.c.id, agents.c.alias))}
    having = {row["agent_id"] for row in rows if row["agent_id"] is not None}
    found = [
        (
            agent,
            str(names[agent]),
            _figures(
                connection,
                [r for r in rows if r["agent_id"] == agent],
                [one for one in read if one["agent_id"] == agent],
            ),
        )
        for agent in having
    ]
    return sorted(found, key=lambda one: (one[1], one[0]))


def _asked(connection: Connection, since: datetime, until: datetime) -> Sequence[RowMapping]:
    statement = select(
        _rows.agent_id,
        _rows.state,
        _rows.topic,
        _rows.priority,
        _rows.asked_at,
        _rows.assigned_at,
        _rows.first_response_at,
        _rows.ended_at,
        _rows.rating,
    ).where(_rows.asked_at >= since, _rows.asked_at < until)
    return connection.execute(statement).mappings().all()


def _reviews(connection: Connection, since: datetime, until: datetime) -> Sequence[RowMapping]:
    statement = (
        select(_rows.agent_id, quality_reviews.c.answers)
        .join(handoffs, _rows.id == quality_reviews.c.handoff_id)
        .where(_rows.asked_at >= since, _rows.asked_at < until, quality_reviews.c.reviewed_at.is_not(None))
    )
    return connection.execute(statement).mappings().all()


def _figures(connection: Connection, rows: Sequence[RowMapping], read: Sequence[RowMapping]) -> Figures:
    first = [(row["first_response_at"] - row["asked_at"], row) for row in rows if row["first_response_at"]]
    spans = sorted(span for span, _ in first)
    assigned = [row for row in rows if row["assigned_at"]]
    ended = [row for row in assigned if row["ended_at"]]
    ratings = [row["rating"] for row in rows if row["rating"]]
    said = [row["answers"][name] for row in read for name in QUESTIONS if row["answers"].get(name) is not None]
    return Figures(
        asked=len(rows),
        answered=len(assigned),
        left=sum(row["state"] == LEFT for row in rows),
        closed_out=sum(row["state"] == CLOSED_OUT for row in rows),
        first_response=_median(spans),
        first_response_slowest=spans[int(len(spans) * 0.9)] if spans else None,
        in_time=_in_time(connection, first),
        resolution=_median(row["ended_at"] - row["asked_at"] for row in ended),
        handling=_median(row["ended_at"] - row["assigned_at"] for row in ended),
        rating=fmean(ratings) if ratings else None,
        ratings=len(ratings),
        quality=sum(said) / len(said) if said else None,
        reviews=len(read),
    )


def _in_time(connection: Connection, first: Sequence[tuple[timedelta, RowMapping]]) -> float | None:
    """Of the first responses for which there is a rule."""
    rules = {(row["topic"], row["priority"]): row["first_response_minutes"] for row in calendar.rules(connection)}
    kept = [
        span <= timedelta(minutes=minutes)
        for span, row in first
        if (minutes := rules.get((row["topic"], row["priority"]), rules.get(("", row["priority"])))) is not None
    ]
    return sum(kept) / len(kept) if kept else None


def _median(spans: Iterable[timedelta]) -> timedelta | None:
    seconds = [span.total_seconds() for span in spans]
    return timedelta(seconds=median(seconds)) if seconds else None
