"""Starting an announcement: what must hold before it may go, for the command, the desk and the schedule alike."""

from __future__ import annotations

import calendar
import itertools
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from bot.campaign_means import Room
from bot.whatsapp import templates as held_templates
from handlers import announcement, announcement_check, templates
from handlers.catalogue import Catalogue
from handlers.templates import Wanted
from handlers.turn import ZONES
from storage import audience, campaign_numbers, campaign_run, campaigns, reached
from storage import templates as registry
from storage.refusal import NotReadyError, Refusal

REPEATS: Final = ("daily", "weekly", "monthly")
ACTOR: Final = "pandu"
WAITED: Final = "nobody new"  # an act
_MOST_APPROVED: Final = 99_999_999  # as the desk's field; more than there are people, and what a column can hold
_DATED: Final = re.compile(r" \d{4}-\d\d-\d\d( \d+)?$")


def size(connection: Connection, campaign: Mapping[Any, Any], now: datetime) -> int:
    """How many would be written to now."""
    needs = announcement.needs(campaign["content"])
    new, why = campaign_numbers.newcomers(connection, campaign, needs)
    found = audience.counts(connection, campaigns.selection(campaign, needs), now)
    return (0 if why else new) + sum(count for *_, reason, count in found if reason is None)


def in_the_way(connection: Connection, room: Room, campaign: Mapping[Any, Any], size: int) -> list[Refusal]:
    """Why it may not start now; a template is looked up as Meta holds it."""
    wanted = templates.wanted(room.catalogue)
    around = announcement.framed(campaign, room.catalogue)
    found = announcement_check.problems(campaign["content"], around, hosts=room.hosts, wanted=wanted)
    if held := template_obstacle(connection, campaign, wanted, room.ways.account_id):
        found.append(held)
    why = _obstacle(connection, campaign, size, room.ways.approval_from)
    if why and not (why.key == "nobody" and campaign["once"]):  # they come with the days
        found.append(why)
    return found


def _obstacle(connection: Connection, campaign: Mapping[Any, Any], size: int, approval_from: float) -> Refusal | None:
    """A series that each gets once grows by the day: nobody has approved it, so all that it has written to count."""
    counts = campaign["once"] and not campaign["approved_by"]
    before = campaign_run.written_to(connection, reached.root(campaign)) if counts else 0
    return campaigns.obstacle(campaign, size, int(approval_from), before=before)


def approve(
    connection: Connection,
    campaign: Mapping[Any, Any],
    size: int,
    *,
    actor: str,
    now: datetime,
    up_to: int = 0,
    seen: int | None = None,
) -> int:
    """The second person's word on so many recipients, or where more will come by the day, on up to so many a time; returns how many."""
    if up_to and not campaign["once"]:
        told = "--up-to is for a series that each gets once (--once): the others are approved as large as they are"
        raise Refusal("up_to", told, field="up_to")
    approved = max(size, min(up_to, _MOST_APPROVED))
    campaigns.approve(connection, campaign, approved, actor=actor, now=now, seen=seen)
    return approved


def template_obstacle(
    connection: Connection, campaign: Mapping[Any, Any], wanted: Mapping[str, Wanted], account_id: str
) -> Refusal | None:
    """Why its template may not be used now, as Meta holds it; None where it may, or where none is asked for."""
    template = campaign["content"].get("template")
    want = wanted.get(template["name"]) if template else None
    if want is None or not any(one.startswith("whatsapp:") for one in campaign["sources"]):
        return None
    told = held_templates.obstacle(registry.get(connection, account_id, want.name, want.language), want)
    return Refusal("template_held", told, field="template", name=want.name) if told else None


def begin(
    connection: Connection, campaign: Mapping[Any, Any], room: Room, *, actor: str, now: datetime
) -> dict[str, Any]:
    """Lets a draft go, or puts it down for its time; returns what came of it. `Refusal` and `NotReadyError` say why it may not."""
    campaign = campaigns.draft(connection, campaign["id"])
    if found := in_the_way(connection, room, campaign, size(connection, campaign, now)):
        raise NotReadyError(found)
    if campaign["starts_at"] and campaign["starts_at"] > now:
        campaigns.change(connection, campaign["id"], state="scheduled")
        campaigns.note(connection, campaign["id"], actor, "schedule", now)
        return {"state": "scheduled", "starts_at": campaign["starts_at"].isoformat()}
    try:
        rows = go(connection, campaign, approval_from=room.ways.approval_from, actor=actor, now=now)
    except Refusal as error:
        if error.key != "nobody" or not campaign["once"]:
            raise
        return _move_on(connection, campaign, actor=actor, now=now)
    _repeat(connection, campaign, now)
    return {"state": "running", "rows": rows}


def go(connection: Connection, campaign: Mapping[Any, Any], *, approval_from: float, actor: str, now: datetime) -> int:
    """Freezes the audience and lets it go; returns the ledger's rows. `Refusal` says why it may not."""
    if campaign["valid_until"] and campaign["valid_until"] <= now:
        raise Refusal("until_past", "its time is over (--until)", field="until")
    needs = announcement.needs(campaign["content"])
    if why := _obstacle(connection, campaign, size(connection, campaign, now), approval_from):
        raise why
    if campaign["audience"].get("numbers_of") is not None:
        campaign_numbers.prepare(connection, campaign, now)
    return campaign_run.start(connection, campaign, needs, actor=actor, now=now)


def start_scheduled(
    connection: Connection,
    campaign: Mapping[Any, Any],
    catalogue: Catalogue,
    *,
    approval_from: float,
    account_id: str,
    now: datetime,
) -> None:
    """Starts one that is due, and puts a repeated one down for its next time. What may not start is a draft again, with the reason.

    Where a human has to mend something first, its repetition waits for them; a day without anybody to write to is only a day.
    """
    try:
        if held := template_obstacle(connection, campaign, templates.wanted(catalogue), account_id):
            raise held
        go(connection, campaign, approval_from=approval_from, actor=ACTOR, now=now)
    except Refusal as error:
        if error.key == "nobody" and campaign["once"]:
            _move_on(connection, campaign, actor=ACTOR, now=now)
            return
        goes_on = error.key == "nobody" and bool(campaign["repeat"])
        kept = {"repeat": None} if goes_on else {}
        campaigns.change(connection, campaign["id"], state="draft", **kept)
        campaigns.note(connection, campaign["id"], ACTOR, "not started", now, str(error))
        if not goes_on:
            return
    _repeat(connection, campaign, now)


def _repeat(connection: Connection, campaign: Mapping[Any, Any], now: datetime) -> None:
    """The next one of a repeated one: the same audience by the same filter, counted anew, under the name with its date."""
    if not campaign["repeat"] or not (following := _following(connection, campaign, now)):
        return
    kept = ("kind", "topic", "content", "audience", "sources", "official_source", "spread_hours", "valid_until")
    copied = {name: campaign[name] for name in (*kept, "repeat", "once", "approved_by", "approved_size")}
    name = _name(connection, campaign["name"], following)
    chain = {"follows_id": campaign["id"], "series_id": reached.root(campaign)}
    values = {**copied, "name": name, "state": "scheduled", "starts_at": following, **chain}
    key = campaigns.create(connection, values, actor=campaign["created_by"], now=now)
    campaigns.note(connection, key, ACTOR, "repeat", now, f"follows {campaign['name']}")


def _move_on(connection: Connection, campaign: Mapping[Any, Any], *, actor: str, now: datetime) -> dict[str, Any]:
    """Nobody is new, so it waits for its next time as it is: a year of such days leaves nothing behind. Its last time over, it is done."""
    key, following = campaign["id"], _following(connection, campaign, now)
    if following is None:
        campaigns.change(connection, key, state="done", frozen_at=now, frozen_size=0, ended_at=now)
        campaigns.note(connection, key, actor, "done", now)
        return {"state": "done", "rows": 0}
    dated = _DATED.search(campaign["name"]) and campaign["follows_id"]
    name = _name(connection, campaign["name"], following) if dated else campaign["name"]
    campaigns.change(connection, key, state="scheduled", starts_at=following, name=name)
    if (last := campaigns.acts(connection, key)[-1:]) and last[0]["what"] != WAITED:
        campaigns.note(connection, key, actor, WAITED, now)
    return {"state": "scheduled", "starts_at": following.isoformat()}


def _following(connection: Connection, campaign: Mapping[Any, Any], now: datetime) -> datetime | None:
    """The next time of a repeated one; None where that is too late for it."""
    day = _day(connection, campaign)
    following = after(campaign["starts_at"], campaign["repeat"], day)
    while following <= now:
        following = after(following, campaign["repeat"], day)
    return None if campaign["valid_until"] and following >= campaign["valid_until"] else following


def _name(connection: Connection, before: str, moment: datetime) -> str:
    """The name with its date; where that is taken, with a number behind it."""
    dated = f"{_DATED.sub('', before)} {moment.astimezone(ZONES['WIB']).date()}"
    tries = (dated if count == 1 else f"{dated} {count}" for count in itertools.count(1))
    return next(name for name in tries if campaigns.by_name(connection, name) is None)


def _day(connection: Connection, campaign: Mapping[Any, Any]) -> int:
    """The day of the month that a monthly one keeps to: a short month's last day stands for the later one of the times before."""
    one: Mapping[Any, Any] | None = campaign
    day = 0
    while one and one["starts_at"]:
        local = one["starts_at"].astimezone(ZONES["WIB"])
        day = max(day, local.day)
        if local.day < calendar.monthrange(local.year, local.month)[1] or not one["follows_id"]:
            break
        one = campaigns.get(connection, one["follows_id"])
    return day


def after(moment: datetime, repeat: str, day: int = 0) -> datetime:
    """The same time of day a day, a week or a month later; monthly on this `day`, of a shorter month on its last one."""
    if repeat != "monthly":
        return moment + timedelta(days=7 if repeat == "weekly" else 1)
    local = moment.astimezone(ZONES["WIB"])
    year, month = local.year + local.month // 12, local.month % 12 + 1
    day = min(day or local.day, calendar.monthrange(year, month)[1])
    return local.replace(year=year, month=month, day=day).astimezone(moment.tzinfo)
