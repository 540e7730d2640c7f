"""`pandu broadcast create`: a draft from files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy import Connection

from bot import campaign_draft, campaign_files, picture_files
from bot.campaign_draft import Wish
from bot.commands.campaigns import room
from bot.commands.running import me, run, stop
from handlers import announcement
from storage import pictures
from storage.database import database_now
from storage.pictures import Picture
from storage.refusal import NotReadyError, Refusal

Name = Annotated[str, typer.Argument(help="The campaign's name.")]
By = Annotated[str, typer.Option("--by", help="Who does it; default: the user of this machine.")]


def create(
    name: Name,
    content: Annotated[
        Path, typer.Option("--content", help="YAML: text, words, link, image, template … (docs/broadcast.md)")
    ],
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
    once: Annotated[bool, typer.Option("--once", help="Of all that are repeated each person gets one.")] = False,
    by: By = "",
) -> None:
    """Make a draft. Nothing is sent."""

    wanted, picture = _content(content)

    def work(connection: Connection) -> None:
        now = database_now(connection)
        if picture:
            pictures.add(connection, picture, author=me(by), now=now)
        wish = Wish(
            name=name,
            content=wanted,
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
            once=once,
        )
        try:
            campaign_draft.create(connection, wish, room(connection), actor=me(by), now=now)
        except NotReadyError as error:
            places = dict.fromkeys(announcement.KEYS, f"{content}: ") | {"filter": f"{filter_file}: "}
            raise ValueError("; ".join(f"{places.get(one.field, '')}{one}" for one in error.refusals)) from None

    run(work)
    typer.echo(f"{name} is a draft; look at it: pandu broadcast preview {name!r}")


def _content(path: Path) -> tuple[Any, Picture | None]:
    """The content, with its picture's file read and made small: that takes a second, and nobody shall wait for it in a transaction."""
    try:
        found = campaign_files.load(path)
        if not isinstance(found, Mapping) or not found.get("image"):
            return found, None
        if not isinstance(found["image"], str):
            raise ValueError(f"{path}: image: the name of a picture's file is wanted")
        picture = _picture(path, found["image"])
    except ValueError as error:
        raise stop(str(error)) from None
    return {**found, "image": picture.sha256}, picture


def _picture(path: Path, name: str) -> Picture:
    """The file stands relative to the content's own."""
    try:
        return picture_files.load(path.parent / name)
    except Refusal as error:
        raise ValueError(f"{path}: image {name}: {error}") from None
