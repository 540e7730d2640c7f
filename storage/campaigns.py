"""Campaigns: what is announced to whom, who made, approved, started and stopped it, and the freezing of its audience."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, func, literal, select, update
from sqlalchemy import case as sql_case

from storage import audience, campaign_numbers, ledger, staff
from storage.audience import Selection
from storage.refusal import Refusal
from storage.schema import (
    campaign_acts,
    campaign_lanes,
    campaign_recipients,
    campaigns,
)

_WRITES: Final = ("create", "edit")  # acts that make what a second person approves
GROWN: Final = 1.1  # an audience that has grown by more since the approval needs another one
LEFT_OUT: Final = (
    *("no_channel", "left", "opted_out", "restricted", "not_subscribed", "no_consent", "closed_window", "no_value"),
    *("other_chat", "bad_number", "duplicate"),
)
"""Beginnings of the reasons that `storage.audience` and a file of numbers give at the start."""
_ZONES_FROM_THE_EAST: Final = ("WIT", "WITA", "WIB")


def create(connection: Connection, values: Mapping[str, Any], *, actor: str, now: datetime) -> int:
    """A draft; `values` as the columns of the table. `Refusal` for a name that exists."""
    _free(connection, values["name"])
    made = campaigns.insert().values(**{"state": "draft", "kind": "news", **values}, created_by=actor, created_at=now)
    key = int(connection.execute(made.returning(campaigns.c.id)).scalar_one())
    note(connection, key, actor, "create", now)
    return key


def _free(connection: Connection, name: str, *, but: int | None = None) -> None:
    found = by_name(connection, name)
    if found is not None and found["id"] != but:
        raise Refusal("name_taken", f"there is a campaign {name!r} already", field="name", name=name)


def by_name(connection: Connection, name: str) -> RowMapping | None:
    """The campaign, or None."""
    return connection.execute(select(campaigns).where(campaigns.c.name == name)).mappings().first()


def get(connection: Connection, campaign_id: int, *, lock: bool = False) -> RowMapping | None:
    """The campaign, or None; `lock`: nobody changes it until the transaction ends."""
    statement = select(campaigns).where(campaigns.c.id == campaign_id)
    return connection.execute(statement.with_for_update() if lock else statement).mappings().first()


def all_of(
    connection: Connection, states: Sequence[str] | None = None, *, limit: int | None = None
) -> list[RowMapping]:
    """Campaigns, the newest first."""
    statement = select(campaigns).order_by(campaigns.c.id.desc()).limit(limit)
    return list(connection.execute(statement.where(campaigns.c.state.in_(states)) if states else statement).mappings())


def note(connection: Connection, campaign_id: int, actor: str, what: str, now: datetime, text: str = "") -> None:
    """Writes down who did what."""
    row = {"campaign_id": campaign_id, "at": now, "actor": actor, "what": what, "note": text[:300] or None}
    connection.execute(campaign_acts.insert().values(**row))


def acts(connection: Connection, campaign_id: int) -> list[dict[str, Any]]:
    """Who did what, in order."""
    statement = select(campaign_acts).where(campaign_acts.c.campaign_id == campaign_id).order_by(campaign_acts.c.id)
    return [dict(row) for row in connection.execute(statement).mappings()]


def change(connection: Connection, campaign_id: int, **values: Any) -> None:
    """Writes columns."""
    connection.execute(update(campaigns).where(campaigns.c.id == campaign_id).values(**values))


# -- the second person, and going --------------------------------------------------------------------------------------


def revision(connection: Connection, campaign_id: int) -> int:
    """Which version of a draft it is: the number of the act that wrote it last."""
    row = campaign_acts.c
    written = select(func.max(row.id)).where(row.campaign_id == campaign_id, row.what.in_(_WRITES))
    return int(connection.execute(written).scalar() or 0)


def writers(connection: Connection, campaign_id: int) -> list[str]:
    """Everybody who has written on it."""
    row = campaign_acts.c
    found = select(row.actor).where(row.campaign_id == campaign_id, row.what.in_(_WRITES)).distinct()
    return sorted(connection.execute(found).scalars())


def draft(connection: Connection, campaign_id: int, seen: int | None = None) -> RowMapping:
    """A draft, held until the transaction ends; `Refusal` where it is none any more, or no longer of the revision `seen`."""
    campaign = get(connection, campaign_id, lock=True)
    if campaign is None or campaign["state"] != "draft":
        state = campaign["state"] if campaign else "gone"
        raise Refusal("no_draft", f"it is {state}: only a draft is changed, approved and started", state=state)
    if seen is not None and revision(connection, campaign_id) != seen:
        raise Refusal("stale", "somebody else has just changed it; look at it again")
    return campaign


def edit(
    connection: Connection, campaign_id: int, values: Mapping[str, Any], *, seen: int, actor: str, now: datetime
) -> None:
    """Writes a draft anew, over the revision that was `seen`; an approval ends with it."""
    draft(connection, campaign_id, seen)
    _free(connection, values["name"], but=campaign_id)
    change(connection, campaign_id, **{**values, "approved_by": None, "approved_size": None})
    note(connection, campaign_id, actor, "edit", now)


def approve(
    connection: Connection,
    campaign: Mapping[Any, Any],
    size: int,
    *,
    actor: str,
    now: datetime,
    seen: int | None = None,
) -> None:
    """A second person has looked at it (at the revision `seen`); `Refusal` where it is none, or too late."""
    key = campaign["id"]
    draft(connection, key, seen)
    for writer in writers(connection, key):
        staff.second(connection, writer, actor)
    change(connection, key, approved_by=actor, approved_size=size)
    note(connection, key, actor, "approve", now, f"{size} recipients")


def obstacle(campaign: Mapping[Any, Any], size: int, approval_from: int) -> Refusal | None:
    """Why it may not start; None where it may."""
    if size == 0:
        return Refusal("nobody", "nobody would get it")
    wave = campaign["kind"] == "wave"
    if not campaign["approved_by"]:
        if wave:
            return Refusal("wave_unapproved", "that a wave has opened needs a second person: pandu broadcast approve")
        if size >= approval_from:
            told = (
                f"{size} recipients: from {approval_from} on a second person has to approve it: pandu broadcast approve"
            )
            return Refusal("unapproved", told, size=size, most=approval_from)
    elif size > campaign["approved_size"] * GROWN and (wave or size >= approval_from):
        before = campaign["approved_size"]
        told = f"the audience has grown from {before} to {size} since it was approved: approve it again"
        return Refusal("grown", told, size=size, before=before)
    return None


def selection(campaign: Mapping[Any, Any], needs: Sequence[str]) -> Selection:
    """What decides on its audience."""
    wanted = campaign["audience"]
    return Selection(
        tree=wanted.get("filter") or {},
        sources=campaign["sources"],
        topic=campaign["topic"],
        numbers_of=wanted.get("numbers_of"),
        template=bool(campaign["content"].get("template")),
        needs=needs,
    )


def freeze(connection: Connection, campaign: Mapping[Any, Any], needs: Sequence[str], now: datetime) -> int:
    """Writes the audience into the ledger, each with a reason where it is left out; returns how many rows. Once only."""
    key = campaign["id"]
    wanted = selection(campaign, needs)
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
    )
    names = ["campaign_id", "n", "chat_id", "source", "zone", "state", "reason", "at"]
    size = connection.execute(campaign_recipients.insert().from_select(names, rows)).rowcount
    size += campaign_numbers.add_left_out(connection, campaign, size, now)
    _make_lanes(connection, key)
    change(connection, key, frozen_at=now, frozen_size=size)
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


# -- going, stopping ----------------------------------------------------------------------------------------------


def start(
    connection: Connection, campaign: Mapping[Any, Any], needs: Sequence[str], *, actor: str, now: datetime
) -> int:
    """Freezes a draft (or one that was scheduled) and lets it go; returns the rows of its ledger."""
    held = get(connection, campaign["id"], lock=True)
    if held is None or held["state"] not in ("draft", "scheduled"):
        raise ValueError(f"it is {held['state'] if held else 'gone'}: only a draft starts")
    size = freeze(connection, held, needs, now)
    _go(connection, held["id"], now)
    note(connection, held["id"], actor, "start", now, f"{size} rows")
    return size


def _go(connection: Connection, key: int, now: datetime) -> None:
    fresh = {"ramp_from": now, "paced_at": now, "credit": 0.0, "tried": 0.0, "failed": 0.0, "gone": 0.0}
    change(connection, key, state="running", paused_why=None, ended_at=None, **fresh)


def unschedule(connection: Connection, campaign_id: int, *, actor: str, now: datetime) -> None:
    """What waits for its time is a draft again."""
    campaign = _in_state(connection, campaign_id, ("scheduled",), "taken back")
    change(connection, campaign["id"], state="draft")
    note(connection, campaign["id"], actor, "unschedule", now)


def pause(connection: Connection, campaign_id: int, *, actor: str, now: datetime, why: str = "") -> int:
    """Stops it at the row where it is: what has not left is pending again; returns how many were taken back."""
    campaign = _in_state(connection, campaign_id, ("running",), "paused")
    change(connection, campaign["id"], state="paused", paused_why=why[:200] or None)
    taken = ledger.retract(connection, campaign["id"], now)
    note(connection, campaign["id"], actor, "pause", now, why)
    return taken


def resume(connection: Connection, campaign_id: int, *, actor: str, now: datetime) -> None:
    """Goes on where it stood."""
    campaign = _in_state(connection, campaign_id, ("paused",), "resumed")
    _go(connection, campaign["id"], now)
    note(connection, campaign["id"], actor, "resume", now)


def cancel(connection: Connection, campaign_id: int, *, actor: str, now: datetime) -> int:
    """Ends it: whoever was not written to is `cancelled`; returns how many."""
    campaign = _in_state(connection, campaign_id, ("draft", "scheduled", "running", "paused"), "cancelled")
    change(connection, campaign["id"], state="cancelled", ended_at=now)
    ledger.retract(connection, campaign["id"], now)
    closed = ledger.close_rest(connection, campaign["id"], "cancelled", "cancelled by the operator", now)
    note(connection, campaign["id"], actor, "cancel", now, f"{closed} not written to")
    return closed


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
    count = ledger.again(connection, campaign["id"], state, reason, now, whole=whole, never=never)
    if count and campaign["state"] == "done":
        _go(connection, campaign["id"], now)
    note(connection, campaign["id"], actor, "retry", now, f"{count} {state}" + (f": {reason}" if reason else ""))
    return count


def settle_unknown(connection: Connection, campaign_id: int, state: str, *, actor: str, now: datetime) -> int:
    """A human has said what became of sends that were cut (accepted or failed), without sending again; returns how many."""
    campaign = _in_state(connection, campaign_id, ("running", "paused", "done", "cancelled"), "settled")
    count = ledger.decide_unknown(connection, campaign["id"], state, f"decided by {actor}", now)
    note(connection, campaign["id"], actor, "settle", now, f"{count} unknown as {state}")
    return count


def finish(connection: Connection, campaign: Mapping[Any, Any], now: datetime) -> None:
    """Every row has its end."""
    change(connection, campaign["id"], state="done", ended_at=now)
    note(connection, campaign["id"], "pandu", "done", now)


def expire(connection: Connection, campaign: Mapping[Any, Any], now: datetime) -> None:
    """Its time is over: whoever was not written to is skipped with that reason."""
    ledger.retract(connection, campaign["id"], now)
    closed = ledger.close_rest(connection, campaign["id"], "skipped", ledger.EXPIRED, now)
    lane = campaign_lanes.c
    connection.execute(update(campaign_lanes).where(lane.campaign_id == campaign["id"]).values(fed=lane.last))
    note(connection, campaign["id"], "pandu", "expire", now, f"{closed} not written to")


def _in_state(connection: Connection, campaign_id: int, states: Sequence[str], what: str) -> RowMapping:
    campaign = get(connection, campaign_id, lock=True)
    if campaign is None or campaign["state"] not in states:
        state = campaign["state"] if campaign else "gone"
        raise Refusal("state", f"it is {state}: only {' or '.join(states)} is {what}", state=state)
    return campaign
