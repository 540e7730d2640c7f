"""`pandu queue`: what could not be processed, to look at, run again or throw away."""

from __future__ import annotations

import json
from functools import partial
from typing import Annotated

import typer

from bot.commands.running import look, run, stop
from storage import dead_letters
from storage.database import database_now

app = typer.Typer(no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json")]


@app.command(name="list")
def list_(as_json: Json = False) -> None:
    """Dead letters and rejected events, newest first."""
    rows = look(dead_letters.troubled)
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
    found = next((row for row in look(partial(dead_letters.troubled, limit=10_000)) if row["id"] == number), None)
    if found is None:
        raise stop(f"no dead letter {number}; `pandu queue list` shows them")
    typer.echo(json.dumps({**found, "received_at": found["received_at"].isoformat()}, ensure_ascii=False, indent=2))


@app.command()
def replay(number: int) -> None:
    """Put a dead letter back into its chat's queue."""
    _tell(run(lambda c: dead_letters.replay(c, event_id=number, now=database_now(c))), number, "is in the queue again")


@app.command()
def discard(number: int) -> None:
    """Delete a dead letter for good."""
    _tell(run(partial(dead_letters.discard, event_id=number)), number, "is deleted")


def _tell(done: bool, number: int, what: str) -> None:
    if not done:
        raise stop(f"no dead letter {number}; `pandu queue list` shows them")
    typer.echo(f"{number} {what}")
