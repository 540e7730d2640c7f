"""`pandu dialogue test|map`: runs conversations written in YAML, draws the journeys out of them."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Annotated

import typer

from bot.commands.running import stop
from bot.settings import Settings, load

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _room() -> None:
    """Conversations in YAML."""


def _settings() -> Settings:
    """None of the operator's own, but for the content pack."""
    return load({"PANDU_SECRET_KEY": "dialogue test", "PANDU_CONTENT": os.environ.get("PANDU_CONTENT", "")})


def _paths(files: list[Path]) -> list[Path]:
    return [path for given in files for path in (sorted(given.rglob("*.yml")) if given.is_dir() else [given])]


@app.command(name="test")
def run_dialogues(
    files: Annotated[list[Path], typer.Argument(help="YAML files or folders")],
    channel: Annotated[str | None, typer.Option("--channel", help="only this channel")] = None,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Run conversations through the whole path; say where one goes another way than written."""
    from bot import app as program
    from bot import dialogues, logs

    logs.configure(level=50)
    paths, parts = _paths(files), program.parts(_settings())
    outcomes = []
    for path in paths:
        try:
            outcomes += asyncio.run(dialogues.run_file(path, parts, only_channel=channel))
        except ValueError as error:
            raise stop(str(error), 2) from None
    if not outcomes:
        raise stop(f"no dialogue in {', '.join(map(str, files))}{f' is for --channel {channel}' if channel else ''}", 2)
    failed = [outcome for outcome in outcomes if outcome.problem]
    if as_json:
        typer.echo(
            json.dumps(
                {
                    "run": len(outcomes),
                    "failed": [
                        {"file": o.file, "name": o.name, "channel": o.channel, "problem": o.problem} for o in failed
                    ],
                },
                ensure_ascii=False,
            )
        )
    else:
        for outcome in failed:
            typer.echo(f"{outcome.file}: {outcome.name} [{outcome.channel}]\n   {outcome.problem}", err=True)
        typer.echo(f"{len(outcomes) - len(failed)} passed, {len(failed)} failed")
    raise typer.Exit(1 if failed else 0)


@app.command(name="map")
def draw(
    files: Annotated[list[Path], typer.Argument(help="YAML files or folders")],
    out: Annotated[Path, typer.Option("--out", help="folder for the pages")] = Path("docs/journeys"),
    states: Annotated[Path | None, typer.Option("--states", help="folder for a saved state of every step")] = None,
) -> None:
    """Draw the journeys from the forms and the ways that the dialogues take."""
    from bot import app as program
    from bot import journey_map, logs

    logs.configure(level=50)
    paths, parts = _paths(files), program.parts(_settings())
    try:
        seen = asyncio.run(journey_map.collect(paths, parts))
    except ValueError as error:
        raise stop(str(error), 2) from None
    for path in journey_map.write(seen, docs=out, states=states):
        typer.echo(str(path))
