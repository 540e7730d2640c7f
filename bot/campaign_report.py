"""The report of an announcement, while it goes out and afterwards; and its ledger as a file."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, RowMapping

from bot import proactive
from bot.broadcast import LEASE
from bot.exchange.report import defused
from bot.exchange.xlsx_write import XlsxWriter
from bot.files import keep_private
from handlers.turn import ZONES
from storage import campaign_report, campaigns, leases, ledger
from storage.database import Database

HEADINGS: Final = ("n", "chat_id", "source", "zone", "state", "reason", "at")
TO_COME: Final = ("pending", "sending", "held")
_LOOK_BACK: Final = 5  # minutes that the throughput is taken over


def report(connection: Connection, campaign: RowMapping, now: datetime) -> dict[str, Any]:
    """All that is known of a campaign, as JSON; sums of `states` equal `audience`."""
    key = campaign["id"]
    states = ledger.counts(connection, key)
    minutes = campaign_report.minutes(connection, key)
    reached = sum(states.get(name, 0) for name in campaign_report.REACHED)
    found: dict[str, Any] = {
        "name": campaign["name"],
        "state": campaign["state"],
        "why": campaign["paused_why"] if campaign["state"] == "paused" else None,
        "audience": sum(states.values()),
        "states": states,
        "reasons": [row for row in ledger.reasons(connection, key) if row["reason"]],
        "reached": reached,
        "delivered": states.get("delivered", 0) + states.get("read", 0),
        "read": states.get("read", 0),
        **campaign_report.answers(connection, key),
        "opted_out_after": 0,
        **_pace(campaign, states, minutes, now),
        "waits": waits(connection, campaign, states, now),
        "minutes": [{**row, "minute": row["minute"].isoformat()} for row in minutes],
        "acts": [{**row, "at": row["at"].isoformat()} for row in campaigns.acts(connection, key)],
    }
    if campaign["frozen_at"]:
        found["opted_out_after"] = campaign_report.stopped_since(connection, key, campaign["frozen_at"])
    return found


def _pace(
    campaign: Mapping[Any, Any], states: Mapping[str, int], minutes: list[RowMapping], now: datetime
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


def waits(connection: Connection, campaign: Mapping[Any, Any], states: Mapping[str, int], now: datetime) -> list[str]:
    """Why a running one may stand still: nobody sends, or it is night for those who are left."""
    if campaign["state"] != "running" or not any(states.get(name) for name in TO_COME):
        return []
    found = []
    if not leases.is_held(connection, LEASE):
        found.append("no sender is at work: start pandu run (role all or sender)")
    left = {lane["zone"] for lane in ledger.lanes(connection, campaign["id"], ZONES)}
    if night := left.difference(proactive.daytime_zones(now)):
        found.append(f"night in {', '.join(sorted(night))}: goes on there at {proactive.HOURS.start:02}.00")
    return found


async def write_ledger(database: Database, campaign_id: int, out: Path) -> int:
    """The ledger as CSV or XLSX (by the name's ending), a page at a time; returns the rows."""
    xlsx = out.suffix.lower() == ".xlsx"
    written = 0
    keep_private(out)
    with XlsxWriter(out) if xlsx else out.open("w", encoding="utf-8-sig", newline="") as file:
        writer: Any = file if isinstance(file, XlsxWriter) else csv.writer(file)
        safe = str if xlsx else defused
        writer.writerow(HEADINGS)
        after = 0
        while rows := await database.read(partial(campaign_report.page, campaign_id=campaign_id, after=after)):
            for row in rows:
                writer.writerow([safe(_cell(row[name])) for name in HEADINGS])
            written += len(rows)
            after = rows[-1]["n"]
    return written


def _cell(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(ZONES["WIB"]).isoformat(timespec="seconds")
    return "" if value is None else str(value)
