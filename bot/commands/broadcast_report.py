"""`pandu broadcast report`: how an announcement goes, or went; and the bar that shows it going."""

from __future__ import annotations

import asyncio
import json
import math
import time
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from sqlalchemy import Connection, RowMapping

from bot import campaign_ledger, campaign_report
from bot.commands.campaigns import known, loaded_settings
from bot.commands.running import look, stop
from handlers.turn import ZONES
from storage import campaigns, ledger
from storage.database import Database, database_now

Json = Annotated[bool, typer.Option("--json")]
_LOOK_SECONDS = 2.0


def report(
    name: Annotated[str, typer.Argument(help="The campaign's name; without it all of them.")] = "",
    watch: Annotated[bool, typer.Option("--watch", help="Stay and show how it goes.")] = False,
    out: Annotated[Path | None, typer.Option("--out", help="The ledger as .csv or .xlsx.")] = None,
    as_json: Json = False,
) -> None:
    """How it goes, or went: states and reasons, pace, answers, who did what."""
    if not name:
        rows = look(campaigns.all_of)
        shown = [{"name": row["name"], "state": row["state"], "size": row["frozen_size"]} for row in rows]
        typer.echo(json.dumps(shown) if as_json else "\n".join(_line(row) for row in shown) or "no campaigns")
        return
    if watch:
        follow(name)
    found = _report(name)
    if out:
        typer.echo(f"{_written(name, out)} rows in {out}", err=as_json)
    typer.echo(json.dumps(found, ensure_ascii=False, default=str) if as_json else _told(found))


def _line(row: dict[str, Any]) -> str:
    return f"{row['name']:<40} {row['state']:<10} {row['size'] or '':>9}"


def _told(found: dict[str, Any]) -> str:
    lines = [f"{found['name']}: {found['state']}" + (f" ({found['why']})" if found["why"] else "")]
    lines.append(f"audience {found['audience']}: " + ", ".join(f"{k} {v}" for k, v in found["states"].items()))
    lines += [f"  {r['state']:<10} {r['reason']:<50} {r['source']:<24} {r['count']:>8}" for r in found["reasons"]]
    if found["states"].get("unknown"):
        lines.append(
            f"  nobody knows whether `unknown` got it: pandu broadcast settle {found['name']!r} --as accepted|failed, or send "
            f"again: pandu broadcast retry {found['name']!r} --state unknown"
        )
    lines += [f"waits: {why}" for why in found["waits"]]
    if found["starts_at"]:
        lines.append(f"begins by itself: {clock(found['starts_at'])}")
    if found["next"]:
        lines.append(f"the next one: {found['next']['name']}, {clock(found['next']['starts_at'])}")
    end = f", end about {clock(found['estimated_end'])}" if found["estimated_end"] else ""
    if found["state"] in ("running", "paused"):
        lines.append(f"{found['per_second']} a second, {found['to_come']} to come{end}")
    elif found["seconds"] is not None:
        lines.append(f"took {lasting(found['seconds'] / 3600).removeprefix('about ')}")
    lines.append(
        f"reached {found['reached']}, delivered {found['delivered']}, read {found['read']}, "
        f"replied {found['replied']}, stopped since {found['opted_out_after']}"
    )
    lines += [f"  asked next: {intent} {count}" for intent, count in found["asked"].items()]
    lines += [f"  {clock(a['at'])}  {a['actor']:<20} {a['what']} {a['note'] or ''}".rstrip() for a in found["acts"]]
    return "\n".join(lines)


def lasting(hours: float) -> str:
    """As people say it."""
    minutes = math.ceil(hours * 60)
    return f"about {minutes} minutes" if minutes < 120 else f"about {hours:.1f} hours"


def clock(moment: str) -> str:
    """Pandu's moments in WIB."""
    return datetime.fromisoformat(moment).astimezone(ZONES["WIB"]).strftime("%Y-%m-%d %H:%M:%S WIB")


def follow(name: str) -> None:
    """A progress bar until it stands still; Ctrl-C leaves it going."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())

    def work(connection: Connection) -> tuple[RowMapping, dict[str, int], list[str]]:
        campaign = known(connection, name)
        states = ledger.counts(connection, campaign["id"])
        return campaign, states, campaign_report.waits(connection, campaign, states, database_now(connection))

    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(name, total=None)
        while True:
            campaign, states, waits = look(work)
            whole = sum(states.values())
            done = whole - sum(states.get(state, 0) for state in campaign_report.TO_COME)
            bar.update(
                task, total=whole, completed=done, description="; ".join([f"{name} {campaign['state']}", *waits])
            )
            if campaign["state"] != "running":
                return
            time.sleep(_LOOK_SECONDS)


def _report(name: str) -> dict[str, Any]:
    return look(  # type: ignore[no-any-return]
        lambda connection: campaign_report.report(connection, known(connection, name), database_now(connection))
    )


def _written(name: str, out: Path) -> int:
    async def go() -> int:
        database = Database(loaded_settings().database_url)
        try:
            campaign = await database.read(lambda connection: known(connection, name))
            await campaign_ledger.write(database, campaign["id"], out)
            return campaign["frozen_size"] or 0
        finally:
            await database.close()

    if out.suffix.lower() not in (".csv", ".xlsx"):
        raise stop("--out: a name that ends in .csv or .xlsx")
    try:
        return asyncio.run(go())
    except OSError as error:
        if not error.filename:
            raise
        raise stop(f"{out}: {error.strerror}") from None
