"""`pandu keys`: which keys seal what is kept, and the move to a new PANDU_SECRET_KEY."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from bot import rotation, settings
from bot.policy import policy
from storage.database import Database

app = typer.Typer(no_args_is_help=True)


@app.command(name="list")
def show(as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """The ids of the keys under which NIK and KK are sealed, and how many; never a key itself."""
    found = asyncio.run(_held())
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found]))
    else:
        for one in found:
            typer.echo(f"{one.key}  {one.state:<8} {one.count:,}")
    _missing(found)


@app.command()
def rotate() -> None:
    """Seal everything anew under PANDU_SECRET_KEY; what was sealed before opens by PANDU_SECRET_KEY_FORMER."""
    moved, left = asyncio.run(_rotate())
    typer.echo(f"{moved:,} sealed anew under the present key")
    _missing(left)
    typer.echo(
        "PANDU_SECRET_KEY_FORMER: keep the key in it; records are found by it until they are imported once more (docs/identity.md)"
    )


def _missing(found: list[rotation.Held]) -> None:
    for one in found:
        if one.state == "missing":
            typer.echo(f"pandu: {one.count:,} under the key {one.key}: set PANDU_SECRET_KEY_FORMER to it", err=True)
            raise typer.Exit(1)


async def _held() -> list[rotation.Held]:
    loaded = settings.load()
    database = Database(loaded.database_url)
    try:
        return await rotation.held(database, policy(loaded))
    finally:
        await database.close()


async def _rotate() -> tuple[int, list[rotation.Held]]:
    loaded = settings.load()
    database, found = Database(loaded.database_url), policy(loaded)
    console = Console(stderr=True)
    try:
        total = sum(one.count for one in await rotation.held(database, found) if one.state == "former")
        with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
            task = bar.add_task("sealing", total=total)
            moved = await rotation.rotate(database, found, tell=lambda done: bar.advance(task, done))
        return moved, await rotation.held(database, found)
    finally:
        await database.close()
