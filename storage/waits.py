"""How long people wait: from measured handling times and from who is there, never from a promise."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from sqlalchemy import Connection, select

from storage import agents
from storage.handoffs import ENDED
from storage.schema import handoffs

_RECENT, _DAYS = 50, timedelta(days=14)
_ENOUGH = 5  # fewer conversations tell nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Staff:
    """Who is there now."""

    agents: int
    slots: int  # conversations at once
    free: int


def staff(connection: Connection, now: datetime, *, skill: str | None = None) -> Staff:
    """The agents who may be given conversations; of a skill, where somebody with it is there."""
    present = agents.present(connection, now)
    skilled = [one for one in present if skill is None or not one["skills"] or skill in one["skills"]] or present
    free = sum(max(0, one["cap"] - one["load"]) for one in skilled)
    return Staff(agents=len(skilled), slots=sum(one["cap"] for one in skilled), free=free)


def handling_time(connection: Connection, now: datetime) -> timedelta | None:
    """The median time from an agent's taking a conversation to its end, of the last 50 in 14 days; None for fewer than five."""
    rows = handoffs.c
    statement = select(rows.assigned_at, rows.ended_at).where(
        rows.state == ENDED, rows.ended_at > now - _DAYS, rows.assigned_at.is_not(None)
    )
    found = connection.execute(statement.order_by(rows.ended_at.desc()).limit(_RECENT)).all()
    if len(found) < _ENOUGH:
        return None
    return timedelta(seconds=median((row.ended_at - row.assigned_at).total_seconds() for row in found))


def expected(connection: Connection, position: int, now: datetime, *, skill: str | None = None) -> timedelta | None:
    """How long the person at a place in line will wait; nothing at all while somebody is free; None where it cannot be told."""
    there = staff(connection, now, skill=skill)
    if there.free >= position:
        return timedelta(0)
    handling = handling_time(connection, now)
    if handling is None or not there.slots:
        return None
    return handling * ((position - there.free) / there.slots)
