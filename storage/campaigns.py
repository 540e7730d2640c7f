"""Campaigns: what is announced to whom, who wrote and approved it, and every act on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, func, select, update

from storage import reached, staff
from storage.audience import Selection
from storage.refusal import Refusal
from storage.schema import campaign_acts, campaigns

_WRITES: Final = ("create", "edit")  # acts that make what a second person approves

GROWN: Final = 1.1  # an audience that has grown by more since the approval needs another one


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


def series(connection: Connection, key: int) -> list[RowMapping]:
    """A repeated one and all that follow it, by the key of the first, the oldest first."""
    row = campaigns.c
    found = select(campaigns).where((row.id == key) | (row.series_id == key)).order_by(row.id)
    return list(connection.execute(found).mappings())


def next_of(connection: Connection, campaign_id: int) -> RowMapping | None:
    """The one that is put down to follow it: the next of a repeated one, or None."""
    row = campaigns.c
    following = select(campaigns).where(row.follows_id == campaign_id, row.state == "scheduled")
    return connection.execute(following).mappings().first()


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


def obstacle(campaign: Mapping[Any, Any], size: int, approval_from: int, *, before: int = 0) -> Refusal | None:
    """Why it may not start; None where it may. `before`: how many its series has written to, who count until somebody has approved it."""
    if size == 0:
        return Refusal("nobody", "nobody would get it")
    wave = campaign["kind"] == "wave"
    if not campaign["approved_by"]:
        if wave:
            return Refusal("wave_unapproved", "that a wave has opened needs a second person: pandu broadcast approve")
        if (whole := size + before) >= approval_from:
            told = f"{whole} recipients: from {approval_from} on a second person has to approve it: pandu broadcast approve"
            return Refusal("unapproved", told, size=whole, most=approval_from)
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
        once=(reached.root(campaign), campaign["id"]) if campaign["once"] else None,
    )
