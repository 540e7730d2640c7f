"""`pandu broadcast segments`: filters kept under a name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
import yaml
from sqlalchemy import Connection

from bot import campaign_files
from bot.commands.running import me, run, stop
from storage import reached, segments
from storage.database import database_now

app = typer.Typer(no_args_is_help=True)


@app.command(name="list")
def list_(as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """All of them, with their filters."""
    rows = run(segments.saved)
    if as_json:
        typer.echo(json.dumps([{**row, "saved_at": row["saved_at"].isoformat()} for row in rows], ensure_ascii=False))
        return
    for row in rows:
        shown = yaml.safe_dump(row["filter"], allow_unicode=True, default_flow_style=True).strip()
        typer.echo(f"{row['name']:<24} {shown}  ({row['author']})")
    if not rows:
        typer.echo("no segments")


@app.command()
def save(name: str, path: Annotated[Path, typer.Argument(help="The filter as YAML.")]) -> None:
    """Keep a filter, over an older one of this name; campaigns that used it keep theirs."""
    if not 1 <= len(name) <= 64:
        raise stop("a name has 1 to 64 characters")

    def work(connection: Connection) -> None:
        now = database_now(connection)
        tree = campaign_files.read_filter(campaign_files.load(path), reached.names(connection), now)
        segments.save(connection, name, tree, author=me(), now=now)

    run(work)
    typer.echo(f"{name} is kept")


@app.command()
def delete(name: str) -> None:
    """Forget one."""
    if not run(lambda connection: segments.delete(connection, name)):
        raise stop(f"no segment {name!r}")
    typer.echo(f"{name} is forgotten")
