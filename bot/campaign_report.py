"""The report of an announcement, while it goes out and afterwards: for the command line and for the desk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, RowMapping

from bot import proactive
from bot.broadcast import LEASE
from handlers.turn import ZONES
from storage import campaign_report, campaigns, leases, ledger

TO_COME: Final = ("pending", "sending", "held")
_LOOK_BACK: Final = 5  # minutes that the throughput is taken over


def report(connection: Connection, campaign: RowMapping, now: datetime) -> dict[str, Any]:
    """All that is known of a campaign, as JSON; sums of `states` equal `audience`."""
    key = campaign["id"]
    minutes = campaign_report.minutes(connection, key)
    where = progress(campaign, ledger.reasons(connection, key), minutes, now)
    following = campaigns.next_of(connection, key)
    return {
        **where,
        **aftermath(connection, campaign),
        "starts_at": campaign["starts_at"].isoformat() if campaign["state"] == "scheduled" else None,
        "next": following and {"name": following["name"], "starts_at": following["starts_at"].isoformat()},
        "waits": waits(connection, campaign, where["states"], now),
        "minutes": [{**row, "minute": row["minute"].isoformat()} for row in minutes],
        "acts": [{**row, "at": row["at"].isoformat()} for row in campaigns.acts(connection, key)],
    }


def progress(
    campaign: Mapping[Any, Any], tally: Sequence[Mapping[str, Any]], minutes: Sequence[Mapping[Any, Any]], now: datetime
) -> dict[str, Any]:
    """Where it stands, from what `ledger.reasons` has counted and the settled rows by minute."""
    states = _sums(tally, "state")
    channels: dict[str, dict[str, int]] = {}
    for source in sorted({row["source"] for row in tally}):
        channels[source] = _sums([row for row in tally if row["source"] == source], "state")
    return {
        "name": campaign["name"],
        "state": campaign["state"],
        "why": campaign["paused_why"] if campaign["state"] == "paused" else None,
        "audience": sum(states.values()),
        "states": {state: states[state] for state in ledger.STATES if state in states},
        "channels": channels,
        "reasons": [dict(row) for row in tally if row["reason"]],
        "reached": reached(states),
        "delivered": states.get("delivered", 0) + states.get("read", 0),
        "read": states.get("read", 0),
        **_pace(campaign, states, minutes, now),
        "seconds": _seconds(campaign, minutes, now),
    }


def reached(states: Mapping[str, int]) -> int:
    """Of counts by state: how many the platform has taken."""
    return sum(states.get(name, 0) for name in campaign_report.REACHED)


def aftermath(connection: Connection, campaign: Mapping[Any, Any]) -> dict[str, Any]:
    """What people did afterwards: replied, asked (intents of their first messages), opted_out_after."""
    if not campaign["frozen_at"]:
        return {"replied": 0, "asked": {}, "opted_out_after": 0}
    key, since = campaign["id"], campaign["frozen_at"]
    return {
        **campaign_report.answers(connection, key, since),
        "opted_out_after": campaign_report.stopped_since(connection, key, since),
    }


def _sums(tally: Sequence[Mapping[str, Any]], name: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for row in tally:
        found[row[name]] = found.get(row[name], 0) + row["count"]
    return found


def _pace(
    campaign: Mapping[Any, Any], states: Mapping[str, int], minutes: Sequence[Mapping[Any, Any]], now: datetime
) -> dict[str, Any]:
    """Throughput of the last minutes and the end that it points to, nights left out of account."""
    since = now - timedelta(minutes=_LOOK_BACK)
    recent = sum(row["accepted"] + row["other"] for row in minutes if row["minute"] >= since)
    begun = max(since, campaign["ramp_from"]) if campaign["ramp_from"] else since
    per_second = recent / max(1.0, (now - begun).total_seconds())
    left = sum(states.get(name, 0) for name in TO_COME)
    moving = campaign["state"] == "running" and left and per_second
    end = (now + timedelta(seconds=left / per_second)).isoformat(timespec="seconds") if moving else None
    return {"to_come": left, "per_second": round(per_second, 2), "estimated_end": end}


def _seconds(campaign: Mapping[Any, Any], minutes: Sequence[Mapping[Any, Any]], now: datetime) -> int | None:
    """From the start to the end, or until now; None of one that has not begun."""
    if not campaign["frozen_at"]:
        return None
    end = campaign["ended_at"] or (now if campaign["state"] == "running" else None)
    end = end or (minutes[-1]["minute"] + timedelta(minutes=1) if minutes else campaign["frozen_at"])
    return max(0, int((end - campaign["frozen_at"]).total_seconds()))


@dataclass(frozen=True, slots=True)
class Standstill:
    """Why a running announcement may stand still."""

    nobody_sends: bool = False
    night: tuple[str, ...] = ()  # zones of those who are left where it is night


def standstill(
    connection: Connection, campaign: Mapping[Any, Any], states: Mapping[str, int], now: datetime
) -> Standstill:
    """What a running one waits for; empty where it moves, or does not run."""
    if campaign["state"] != "running" or not any(states.get(name) for name in TO_COME):
        return Standstill()
    left = {lane["zone"] for lane in ledger.lanes(connection, campaign["id"], ZONES)}
    night = left.difference(proactive.daytime_zones(now))
    return Standstill(not leases.is_held(connection, LEASE), tuple(sorted(night)))


def waits(connection: Connection, campaign: Mapping[Any, Any], states: Mapping[str, int], now: datetime) -> list[str]:
    """The same in the command line's words."""
    still = standstill(connection, campaign, states, now)
    found = ["no sender is at work: start pandu run (role all or sender)"] if still.nobody_sends else []
    if still.night:
        found.append(f"night in {', '.join(still.night)}: goes on there at {proactive.HOURS.start:02}.00")
    return found
