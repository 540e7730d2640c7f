"""Starting an announcement: what must hold before it may go, for the command, the desk and the schedule alike."""

from __future__ import annotations

import calendar
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from bot.campaign_means import Room
from bot.whatsapp import templates as held_templates
from handlers import announcement, templates
from handlers.turn import ZONES
from storage import audience, campaign_numbers, campaign_run, campaigns
from storage.refusal import NotReadyError, Refusal

REPEATS: Final = ("daily", "weekly", "monthly")
ACTOR: Final = "pandu"
_DATED: Final = re.compile(r" \d{4}-\d\d-\d\d$")


def size(connection: Connection, campaign: Mapping[Any, Any], now: datetime) -> int:
    """How many would be written to now."""
    chosen = campaigns.selection(campaign, announcement.needs(campaign["content"]))
    new = campaign_numbers.unknown(connection, campaign) if campaign["audience"].get("numbers_by") else 0
    return new + sum(count for *_, reason, count in audience.counts(connection, chosen, now) if reason is None)


def in_the_way(connection: Connection, room: Room, campaign: Mapping[Any, Any], size: int) -> list[Refusal]:
    """Why it may not start now; a template is looked up as Meta holds it."""
    wanted = templates.wanted(room.catalogue)
    around = announcement.framed(campaign, room.catalogue)
    found = announcement.problems(campaign["content"], around, hosts=room.hosts, wanted=wanted)
    template = campaign["content"].get("template")
    if template and any(one.startswith("whatsapp:") for one in campaign["sources"]):
        held = held_templates.problems(connection, room.ways.account_id, wanted, name=template["name"])
        found += [
            Refusal("template_held", problem.message, field="template", name=template["name"]) for problem in held
        ]
    if why := campaigns.obstacle(campaign, size, room.ways.approval_from):
        found.append(why)
    return found


def begin(
    connection: Connection, campaign: Mapping[Any, Any], room: Room, *, actor: str, now: datetime
) -> dict[str, Any]:
    """Lets a draft go, or puts it down for its time; returns what came of it. `NotReadyError` says why it may not."""
    if found := in_the_way(connection, room, campaign, size(connection, campaign, now)):
        raise NotReadyError(found)
    if campaign["starts_at"] and campaign["starts_at"] > now and campaign["state"] == "draft":
        campaigns.change(connection, campaign["id"], state="scheduled")
        campaigns.note(connection, campaign["id"], actor, "schedule", now)
        return {"state": "scheduled", "starts_at": campaign["starts_at"].isoformat()}
    rows = go(connection, campaign, approval_from=room.ways.approval_from, actor=actor, now=now)
    return {"state": "running", "rows": rows}


def go(connection: Connection, campaign: Mapping[Any, Any], *, approval_from: float, actor: str, now: datetime) -> int:
    """Freezes the audience and lets it go; returns the ledger's rows. ValueError says why it may not."""
    if campaign["valid_until"] and campaign["valid_until"] <= now:
        raise Refusal("until_past", "its time is over (--until)", field="until")
    needs = announcement.needs(campaign["content"])
    if why := campaigns.obstacle(campaign, size(connection, campaign, now), int(approval_from)):
        raise why
    if campaign["audience"].get("numbers_of") is not None:
        campaign_numbers.prepare(connection, campaign, now)
    return campaign_run.start(connection, campaign, needs, actor=actor, now=now)


def start_scheduled(
    connection: Connection, campaign: Mapping[Any, Any], *, approval_from: float, now: datetime
) -> None:
    """Starts one that is due, and puts a repeated one down for its next time. What may not start is a draft again, with the reason."""
    if campaign["repeat"]:
        _repeat(connection, campaign, now)
    try:
        go(connection, campaign, approval_from=approval_from, actor=ACTOR, now=now)
    except ValueError as error:
        campaigns.change(connection, campaign["id"], state="draft", starts_at=None, repeat=None)
        campaigns.note(connection, campaign["id"], ACTOR, "not started", now, str(error))


def _repeat(connection: Connection, campaign: Mapping[Any, Any], now: datetime) -> None:
    """The next one: the same audience by the same filter, counted anew, under the name with its date."""
    following = after(campaign["starts_at"], campaign["repeat"])
    while following <= now:
        following = after(following, campaign["repeat"])
    if campaign["valid_until"] and following >= campaign["valid_until"]:
        return
    kept = ("kind", "topic", "content", "audience", "sources", "official_source", "spread_hours", "valid_until")
    copied = {name: campaign[name] for name in (*kept, "repeat", "approved_by", "approved_size")}
    day = following.astimezone(ZONES["WIB"]).date()
    name = f"{_DATED.sub('', campaign['name'])} {day}"
    values = {**copied, "name": name[-80:], "state": "scheduled", "starts_at": following, "follows_id": campaign["id"]}
    key = campaigns.create(connection, values, actor=campaign["created_by"], now=now)
    campaigns.note(connection, key, ACTOR, "repeat", now, f"follows {campaign['name']}")


def after(moment: datetime, repeat: str) -> datetime:
    """The same time of day a day, a week or a month later; of a shorter month its last day."""
    if repeat != "monthly":
        return moment + timedelta(days=7 if repeat == "weekly" else 1)
    local = moment.astimezone(ZONES["WIB"])
    year, month = local.year + local.month // 12, local.month % 12 + 1
    day = min(local.day, calendar.monthrange(year, month)[1])
    return local.replace(year=year, month=month, day=day).astimezone(moment.tzinfo)
