"""`pandu broadcast create`: a draft from files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import Connection

from bot import campaign_draft, campaign_files
from bot.campaign_draft import Wish
from bot.commands.campaigns import room
from bot.commands.running import me, run
from handlers import announcement
from storage.database import database_now
from storage.refusal import NotReadyError

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

    def work(connection: Connection) -> None:
        wish = Wish(
            name=name,
            content=campaign_files.load(content),
            tree=campaign_files.load(filter_file) if filter_file else None,
            segment=segment,
            numbers=campaign_files.read_numbers(numbers) if numbers else None,
            numbers_by=numbers_by,
            channels=[part.strip() for part in channels.split(",") if part.strip()],
            topic=topic,
            wave=wave,
            source=source,
            until=until,
            spread=spread,
            at=at,
            repeat=repeat,
        )
        now = database_now(connection)
        try:
            campaign_draft.create(connection, wish, room(connection), actor=me(by), now=now)
        except NotReadyError as error:
            places = dict.fromkeys(announcement.KEYS, f"{content}: ") | {"filter": f"{filter_file}: "}
            raise ValueError("; ".join(f"{places.get(one.field, '')}{one}" for one in error.refusals)) from None

    run(work)
    typer.echo(f"{name} is a draft; look at it: pandu broadcast preview {name!r}")
