"""`pandu broadcast tags`: words on chats, to reach the same people again."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy import Connection, Select

from bot import campaign_files
from bot.commands.running import look, me, run, stop
from storage import reached, tags
from storage.database import database_now

app = typer.Typer(no_args_is_help=True)

Filter = Annotated[Path | None, typer.Option("--filter", help="YAML: who (docs/broadcast.md).")]
Numbers = Annotated[Path | None, typer.Option("--numbers", help="CSV with a column `number`.")]


@app.command()
def add(tag: str, filter_file: Filter = None, numbers: Numbers = None) -> None:
    """Put a tag on the chats of a filter or of a file of numbers."""
    if filter_file is None and numbers is None:
        raise stop("--filter or --numbers: on whom")

    def work(connection: Connection) -> int:
        now = database_now(connection)
        put: Callable[[Select[Any]], int] = lambda of: tags.add(connection, tag, of, author=me(), now=now)  # noqa: E731
        return sum(put(of) for of in _chosen(connection, filter_file, numbers, now))

    typer.echo(f"{tag}: on {run(work)} more chats")


@app.command()
def remove(tag: str, filter_file: Filter = None, numbers: Numbers = None) -> None:
    """Take a tag off these chats; without --filter and --numbers off all."""

    def work(connection: Connection) -> int:
        if filter_file is None and numbers is None:
            return tags.remove(connection, tag, None)
        chosen = _chosen(connection, filter_file, numbers, database_now(connection))
        return sum(tags.remove(connection, tag, of) for of in chosen)

    if not (count := run(work)):
        raise stop(f"{tag!r} is on none of these chats")
    typer.echo(f"{tag}: off {count} chats")


@app.command(name="list")
def list_(as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """All tags, each with its number of chats."""
    found = look(tags.counts)
    lines = [f"{tag:<40} {count:>9}" for tag, count in found.items()]
    typer.echo(json.dumps(found) if as_json else "\n".join(lines) or "no tags")


def _chosen(connection: Connection, filter_file: Path | None, numbers: Path | None, now: datetime) -> list[Select[Any]]:
    if filter_file and numbers:
        raise ValueError("--filter or --numbers, not both")
    if numbers:
        return [tags.with_number(part) for part in tags.in_parts(campaign_files.read_phones(numbers))]
    if not filter_file:
        return []
    tree = campaign_files.read_filter(campaign_files.load(filter_file), reached.names(connection), now)
    return [tags.chosen(tree, now)]
