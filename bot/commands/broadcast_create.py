"""`pandu broadcast create`: a draft from files."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy import Connection

from bot import campaign_files, campaign_start
from bot.commands.campaigns import frame, loaded_settings
from bot.commands.content_acts import Desk
from bot.commands.running import me, run, stop
from handlers import announcement, templates
from handlers.subscription import TOPICS
from handlers.turn import ZONES
from storage import campaign_numbers, campaigns, segments
from storage.database import database_now

Name = Annotated[str, typer.Argument(help="The campaign's name.")]
By = Annotated[str, typer.Option("--by", help="Who does it; default: the user of this machine.")]


def create(
    name: Name,
    content: Annotated[Path, typer.Option("--content", help="YAML: text, words, link, template … (docs/broadcast.md)")],
    filter_file: Annotated[Path | None, typer.Option("--filter", help="YAML: who; without it everybody.")] = None,
    segment: Annotated[str, typer.Option("--segment", help="A saved filter instead.")] = "",
    numbers: Annotated[
        Path | None, typer.Option("--numbers", help="CSV: number,consent_source,consent_date,consent_wording")
    ] = None,
    numbers_by: Annotated[
        str, typer.Option("--numbers-by", help="whatsapp or sms: how numbers without a chat are written to.")
    ] = "",
    channels: Annotated[str, typer.Option("--channels", help="Which, the preferred first.")] = "telegram,whatsapp,sms",
    topic: Annotated[str, typer.Option("--topic", help="Only its subscribers: gelombang, insentif, pelatihan.")] = "",
    wave: Annotated[bool, typer.Option("--wave", help="The news that a wave has opened.")] = False,
    source: Annotated[str, typer.Option("--source", help="Its official page, https://….go.id/….")] = "",
    until: Annotated[str, typer.Option("--until", help="Nothing of it goes later: 2026-12-01T23:59 (WIB).")] = "",
    spread: Annotated[float, typer.Option("--spread", min=0, help="Hours over which it is spread at least.")] = 0,
    at: Annotated[str, typer.Option("--at", help="Start by itself then: 2026-12-01T09:00 (WIB).")] = "",
    repeat: Annotated[str, typer.Option("--repeat", help="daily, weekly or monthly, from --at on.")] = "",
    by: By = "",
) -> None:
    """Make a draft. Nothing is sent."""
    loaded = loaded_settings()
    accounts = campaign_files.sources(loaded, [part.strip() for part in channels.split(",") if part.strip()])
    if not accounts:
        raise stop(f"none of {channels} is configured; `pandu doctor`")
    if topic and topic not in TOPICS[:-1]:
        raise stop(f"--topic {topic}: one of {', '.join(TOPICS[:-1])}")
    if repeat and (repeat not in campaign_start.REPEATS or not at):
        raise stop(f"--repeat is one of {', '.join(campaign_start.REPEATS)} and needs --at")
    if wave and (not until or not source):
        raise stop("--wave needs --source (the official page) and --until (when the wave closes)")
    if numbers and (filter_file or segment):
        raise stop("--numbers is an audience of its own; leave --filter and --segment out")
    by_account = next((one for one in accounts if one.startswith(f"{numbers_by}:")), "") if numbers_by else ""
    if numbers_by and not by_account:
        raise stop(f"--numbers-by {numbers_by}: not among the channels that are configured")
    values: dict[str, Any] = {
        "name": _named(name),
        "kind": "wave" if wave else "news",
        "topic": topic or None,
        "sources": list(accounts),
        "official_source": source or None,
        "valid_until": _moment(until),
        "spread_hours": max(spread, loaded.broadcast_wave_hours) if wave else spread,
        "starts_at": _moment(at),
        "repeat": repeat or None,
    }

    def work(connection: Connection) -> int:
        now = database_now(connection)
        desk = Desk.open(connection)
        values["content"] = announcement.read(campaign_files.load(content))
        in_way = announcement.problems(
            values["content"],
            frame(values, desk.content),
            hosts=desk.hosts,
            wanted=templates.wanted(desk.content),
        )
        if in_way:
            raise ValueError(f"{content}: " + "; ".join(in_way))
        values["audience"] = {"filter": _tree(connection, filter_file, segment, now)}
        rows = campaign_files.read_numbers(numbers) if numbers else []
        key = campaigns.create(connection, values, actor=me(by), now=now)
        if numbers:
            campaign_numbers.add(connection, key, rows)
            chosen = {"filter": {}, "numbers_of": key, "numbers_by": by_account or None}
            campaigns.change(connection, key, audience=chosen)
            campaign_numbers.match(connection, key, values["sources"])
        return key

    run(work)
    typer.echo(f"{name} is a draft; look at it: pandu broadcast preview {name!r}")


def _named(name: str) -> str:
    if not 1 <= len(name.strip()) <= 60:
        raise stop("a name has 1 to 60 characters")
    return name.strip()


def _tree(connection: Connection, path: Path | None, segment: str, now: datetime) -> dict[str, Any]:
    if segment:
        saved = {row["name"]: row["filter"] for row in segments.saved(connection)}
        if segment not in saved:
            raise ValueError(f"no segment {segment!r}; `pandu broadcast segments list`")
        return dict(saved[segment])
    return campaign_files.read_filter(campaign_files.load(path), now) if path else {}


def _moment(text: str) -> datetime | None:
    """A time of WIB, or with a zone of its own."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise stop(f"{text}: no time, as in 2026-12-01T09:00") from None
    return found if found.tzinfo else found.replace(tzinfo=ZONES["WIB"])
