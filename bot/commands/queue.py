"""`pandu queue`: what could not be processed, to look at, run again or throw away."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any

import typer
from sqlalchemy import Connection

from bot import settings
from storage import dead_letters
from storage.database import Database

app = typer.Typer(no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json")]


def _run(work: Callable[[Connection], Any], *, write: bool = False) -> Any:
    async def go() -> Any:
        database = Database(settings.load().database_url)
        try:
            return await (database.write(work) if write else database.read(work))
        finally:
            await database.close()

    try:
        return asyncio.run(go())
    except settings.SettingsError as error:
        typer.echo(f"pandu: {error}", err=True)
        raise typer.Exit(2) from None


@app.command(name="list")
def list_(as_json: Json = False) -> None:
    """Dead letters and rejected events, newest first."""
    rows = _run(dead_letters.troubled)
    if as_json:
        shown = [
            {
                "id": r["id"],
                "chat": r["chat_id"],
                "source": r["source"],
                "state": r["state"],
                "error": r["error"],
                "received_at": r["received_at"].isoformat(),
            }
            for r in rows
        ]
        typer.echo(json.dumps(shown, ensure_ascii=False))
        return
    for row in rows:
        reason = (row["error"] or "").partition("\n")[0][:80]
        typer.echo(
            f"{row['id']:>8}  {row['state']:<9} {row['source']:<24} {row['received_at']:%Y-%m-%d %H:%M:%S}Z  {reason}"
        )
    if not rows:
        typer.echo("nothing is stuck")


@app.command()
def show(number: int) -> None:
    """One dead letter with its (masked) content."""
    found = next((row for row in _run(partial(dead_letters.troubled, limit=10_000)) if row["id"] == number), None)
    if found is None:
        typer.echo(f"pandu: no dead letter {number}; `pandu queue list` shows them", err=True)
        raise typer.Exit(1)
    typer.echo(json.dumps({**found, "received_at": found["received_at"].isoformat()}, ensure_ascii=False, indent=2))


@app.command()
def replay(number: int) -> None:
    """Put a dead letter back into its chat's queue."""
    _tell(
        _run(partial(dead_letters.replay, event_id=number, now=datetime.now(UTC)), write=True),
        number,
        "is in the queue again",
    )


@app.command()
def discard(number: int) -> None:
    """Delete a dead letter for good."""
    _tell(_run(partial(dead_letters.discard, event_id=number), write=True), number, "is deleted")


def _tell(done: bool, number: int, what: str) -> None:
    if not done:
        typer.echo(f"pandu: no dead letter {number}; `pandu queue list` shows them", err=True)
        raise typer.Exit(1)
    typer.echo(f"{number} {what}")
