"""Campaigns on their way: the audience frozen into the ledger, started, paused, resumed, tried again, ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, func, literal, select, update
from sqlalchemy import case as sql_case

from storage import audience, campaign_numbers, campaigns, ledger, reached
from storage.refusal import Refusal
from storage.schema import campaign_lanes, campaign_recipients

LEFT_OUT: Final = (
    *("no_channel", "left", "opted_out", "restricted", "not_subscribed", "no_consent", "closed_window", "no_value"),
    *("other_chat", "bad_number", "duplicate", reached.HAD_IT),
)
"""Beginnings of the reasons that `storage.audience` and a file of numbers give at the start."""
_LIVE: Final = ("draft", "scheduled", "running", "paused")
_ZONES_FROM_THE_EAST: Final = ("WIT", "WITA", "WIB")


def freeze(connection: Connection, campaign: Mapping[Any, Any], needs: Sequence[str], now: datetime) -> int:
    """Writes the audience into the ledger, each with a reason where it is left out; returns how many rows. Once only.

    Who has had one of its series stands in that one's ledger: a year of days would write everybody down every day.
    """
    key = campaign["id"]
    wanted = campaigns.selection(campaign, needs)
    found = audience.people(wanted, now)
    zone = sql_case({name: place for place, name in enumerate(_ZONES_FROM_THE_EAST)}, value=found.c.zone, else_=9)
    rows = select(
        literal(key),
        func.row_number().over(order_by=(found.c.source, zone, found.c.chat_id)),
        found.c.chat_id,
        found.c.source,
        found.c.zone,
        sql_case((found.c.reason.is_(None), "pending"), else_="skipped"),
        found.c.reason,
        literal(now, campaign_recipients.c.at.type),
    ).where(func.coalesce(found.c.reason, "") != reached.HAD_IT)
    names = ["campaign_id", "n", "chat_id", "source", "zone", "state", "reason", "at"]
    size = connection.execute(campaign_recipients.insert().from_select(names, rows)).rowcount
    size += campaign_numbers.add_left_out(connection, campaign, size, now)
    _make_lanes(connection, key)
    campaigns.change(connection, key, frozen_at=now, frozen_size=size)
    return size


def _make_lanes(connection: Connection, key: int) -> None:
    row = campaign_recipients.c
    first, last = func.min(row.n), func.max(row.n)
    made = (
        select(literal(key), row.source, row.zone, first, last, first - 1)
        .where(row.campaign_id == key, row.state == "pending")
        .group_by(row.source, row.zone)
    )
    names = ["campaign_id", "source", "zone", "first", "last", "fed"]
    connection.execute(campaign_lanes.insert().from_select(names, made))


def start(
    connection: Connection, campaign: Mapping[Any, Any], needs: Sequence[str], *, actor: str, now: datetime
) -> int:
    """Freezes a draft (or one that was scheduled) and lets it go; returns the rows of its ledger."""
    if campaign["once"]:
        hold_series(connection, campaign)
    held = campaigns.get(connection, campaign["id"], lock=True)
    if held is None or held["state"] not in ("draft", "scheduled"):
        raise ValueError(f"it is {held['state'] if held else 'gone'}: only a draft starts")
    size = freeze(connection, held, needs, now)
    _go(connection, held["id"], now)
    campaigns.note(connection, held["id"], actor, "start", now, f"{size} rows")
    return size


def hold_series(connection: Connection, campaign: Mapping[Any, Any]) -> None:
    """Until the transaction ends nobody else says who is still to get one of this series: each person stands in one ledger of it at most."""
    campaigns.get(connection, reached.root(campaign), lock=True)


def written_to(connection: Connection, series: int) -> int:
    """How many a series has written to, or still will."""
    row = campaign_recipients.c
    of_series = [one["id"] for one in campaigns.series(connection, series) if one["frozen_at"]]
    statement = select(func.count()).where(row.campaign_id.in_(of_series), row.state.not_in(reached.NOT_HAD))
    return int(connection.execute(statement).scalar_one())


def _go(connection: Connection, key: int, now: datetime) -> None:
    fresh = {"ramp_from": now, "paced_at": now, "credit": 0.0, "tried": 0.0, "failed": 0.0, "gone": 0.0}
    campaigns.change(connection, key, state="running", paused_why=None, ended_at=None, **fresh)


def unschedule(connection: Connection, campaign_id: int, *, actor: str, now: datetime) -> None:
    """What waits for its time is a draft again."""
    campaign = _in_state(connection, campaign_id, ("scheduled",), "taken back")
    campaigns.change(connection, campaign["id"], state="draft")
    campaigns.note(connection, campaign["id"], actor, "unschedule", now)


def pause(connection: Connection, campaign_id: int, *, actor: str, now: datetime, why: str = "") -> int:
    """Stops it at the row where it is: what has not left is pending again; returns how many were taken back."""
    campaign = _in_state(connection, campaign_id, ("running",), "paused")
    campaigns.change(connection, campaign["id"], state="paused", paused_why=why[:200] or None)
    taken = ledger.retract(connection, campaign["id"], now)
    campaigns.note(connection, campaign["id"], actor, "pause", now, why)
    return taken


def resume(connection: Connection, campaign_id: int, *, actor: str, now: datetime) -> None:
    """Goes on where it stood."""
    campaign = _in_state(connection, campaign_id, ("paused",), "resumed")
    _go(connection, campaign["id"], now)
    campaigns.note(connection, campaign["id"], actor, "resume", now)


def cancel(connection: Connection, campaign_id: int, *, actor: str, now: datetime) -> int:
    """Ends it: whoever was not written to is `cancelled`; returns how many."""
    campaign = _in_state(connection, campaign_id, _LIVE, "cancelled")
    campaigns.change(connection, campaign["id"], state="cancelled", ended_at=now)
    ledger.retract(connection, campaign["id"], now)
    closed = ledger.close_rest(connection, campaign["id"], "cancelled", "cancelled by the operator", now)
    campaigns.note(connection, campaign["id"], actor, "cancel", now, f"{closed} not written to")
    return closed


def cancel_series(
    connection: Connection, campaign: Mapping[Any, Any], *, actor: str, now: datetime
) -> tuple[list[str], int]:
    """Ends all of a repeated one that have not ended, so that none follows; returns their names and how many were not written to."""
    hold_series(connection, campaign)
    names: list[str] = []
    closed = 0
    while live := [one for one in campaigns.series(connection, reached.root(campaign)) if one["state"] in _LIVE]:
        for one in live:  # the loop may be starting one of them: the next one that it makes is seen once that is ours
            names.append(one["name"])
            closed += cancel(connection, one["id"], actor=actor, now=now)
    if not names:
        raise Refusal("state", "all of the series have ended", state=campaign["state"])
    return names, closed


def retry(
    connection: Connection,
    campaign_id: int,
    state: str,
    reason: str | None,
    *,
    actor: str,
    now: datetime,
    whole: bool = False,
) -> int:
    """Tries recipients of a state (failed, unknown, skipped) and of a reason's beginning (`whole`: of just that reason) again; returns how many.

    Who was left out when it began stays so: nothing asks later whether they have agreed, and they stand in no lane.
    """
    campaign = _in_state(connection, campaign_id, ("running", "paused", "done"), "retried")
    never = LEFT_OUT if state == "skipped" else ()
    had = None
    if campaign["once"]:
        hold_series(connection, campaign)
        had = reached.had(campaign_recipients.c.chat_id, reached.root(campaign), campaign["id"])
    count = ledger.again(connection, campaign["id"], state, reason, now, whole=whole, never=never, but=had)
    if count and campaign["state"] == "done":
        _go(connection, campaign["id"], now)
    campaigns.note(
        connection, campaign["id"], actor, "retry", now, f"{count} {state}" + (f": {reason}" if reason else "")
    )
    return count


def settle_unknown(connection: Connection, campaign_id: int, state: str, *, actor: str, now: datetime) -> int:
    """A human has said what became of sends that were cut (accepted or failed), without sending again; returns how many."""
    campaign = _in_state(connection, campaign_id, ("running", "paused", "done", "cancelled"), "settled")
    count = ledger.decide_unknown(connection, campaign["id"], state, f"{ledger.DECIDED}{actor}", now)
    campaigns.note(connection, campaign["id"], actor, "settle", now, f"{count} unknown as {state}")
    return count


def finish(connection: Connection, campaign: Mapping[Any, Any], now: datetime) -> None:
    """Every row has its end."""
    campaigns.change(connection, campaign["id"], state="done", ended_at=now)
    campaigns.note(connection, campaign["id"], "pandu", "done", now)


def expire(connection: Connection, campaign: Mapping[Any, Any], now: datetime) -> int:
    """Its time is over: whoever was not written to is skipped with that reason; returns how many."""
    lane, key = campaign_lanes.c, campaign["id"]
    to_come = (lane.campaign_id == key, lane.fed < lane.last)
    if not ledger.retract(connection, key, now) and not connection.execute(select(lane.zone).where(*to_come)).first():
        return 0
    closed = ledger.close_rest(connection, key, "skipped", ledger.EXPIRED, now)
    connection.execute(update(campaign_lanes).where(*to_come).values(fed=lane.last))
    campaigns.note(connection, key, "pandu", "expire", now, f"{closed} not written to")
    return closed


def _in_state(connection: Connection, campaign_id: int, states: Sequence[str], what: str) -> RowMapping:
    campaign = campaigns.get(connection, campaign_id, lock=True)
    if campaign is None or campaign["state"] not in states:
        state = campaign["state"] if campaign else "gone"
        raise Refusal("state", f"it is {state}: only {' or '.join(states)} is {what}", state=state)
    return campaign
