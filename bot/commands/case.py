"""`pandu case`: what people have reported, for operators without the desk. Each end is told to the person."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Annotated, Any

import typer
from sqlalchemy import Connection, RowMapping

from bot import pack
from bot.commands.running import me, run
from handlers import case_acts
from storage import cases, desk_texts
from storage.database import database_now

app = typer.Typer(no_args_is_help=True)

Number = Annotated[str, typer.Argument(help="As in L-7K2M9Q.")]
Told = Annotated[str, typer.Option("--tell", help="What the person reads, in Indonesian.")]
By = Annotated[str, typer.Option("--by", help="Who does it; default: the user of this machine.")]
Json = Annotated[bool, typer.Option("--json")]


@app.command(name="list")
def list_(
    state: Annotated[str, typer.Option("--state", help="open, waiting, closed, unsettled or all")] = "unsettled",
    topic: Annotated[str, typer.Option("--topic")] = "",
    due_in: Annotated[float, typer.Option("--due-in", help="Only what is due within so many hours.")] = 0,
    as_json: Json = False,
) -> None:
    """Cases by urgency, then by when they are due."""
    if state not in ("open", "waiting", "closed", "unsettled", "all"):
        raise typer.BadParameter("one of open, waiting, closed, unsettled, all", param_hint="--state")

    def work(connection: Connection) -> tuple[list[RowMapping], Any]:
        now = database_now(connection)
        wanted = None if state == "all" else state
        due = now + timedelta(hours=due_in) if due_in else None
        return cases.listed(connection, state=wanted, topic=topic or None, due_before=due), now

    rows, now = run(work)
    if as_json:
        typer.echo(json.dumps([_plain(row) for row in rows], ensure_ascii=False))
        return
    for row in rows:
        late = "LATE " if row["state"] != "closed" and row["due_at"] < now else ""
        typer.echo(
            f"{row['number']}  {row['topic']:<10} {row['state']:<8} priority {row['priority']}  due {row['due_at']:%Y-%m-%d %H:%M}Z {late}{row['channel']}"
        )
    if not rows:
        typer.echo("no such cases")


@app.command()
def show(number: Number) -> None:
    """One case with its (masked) story, history and notes."""

    def work(connection: Connection) -> tuple[RowMapping, list[RowMapping]]:
        row = _known(connection, number)
        return row, desk_texts.notes(connection, row["id"])

    row, notes = run(work)
    shown = {**_plain(row), "story": row["story"], "history": row["history"]}
    shown["notes"] = [{"at": note["at"].isoformat(), "author": note["author"], "text": note["text"]} for note in notes]
    typer.echo(json.dumps(shown, ensure_ascii=False, indent=2))


@app.command()
def close(
    number: Number,
    told: Told,
    resolution: Annotated[
        str, typer.Option("--as", help="answered (here), forwarded (stays open), yours (only the person can do it)")
    ] = "answered",
    by: By = "",
) -> None:
    """Answer a case, and tell the person by day (08–20 local)."""

    def work(connection: Connection) -> None:
        row, now = _known(connection, number), database_now(connection)
        case_acts.settle(connection, pack.content(), row, actor=me(by), resolution=resolution, told=told, now=now)

    run(work)
    typer.echo(f"{number.upper()} {resolution}; the person is told")


@app.command()
def correct(number: Number, told: Told, by: By = "") -> None:
    """What the person was told was wrong: tell them again, with what is right."""

    def work(connection: Connection) -> None:
        row, now = _known(connection, number), database_now(connection)
        case_acts.correct(connection, pack.content(), row, actor=me(by), told=told, now=now)

    run(work)
    typer.echo(f"{number.upper()} corrected; the person is told")


@app.command()
def note(number: Number, text: Annotated[str, typer.Argument(help="For colleagues only.")], by: By = "") -> None:
    """Add a note that the person does not see."""

    def work(connection: Connection) -> None:
        row = _known(connection, number)
        desk_texts.note(connection, row["id"], author=me(by), text=text, now=database_now(connection))

    run(work)
    typer.echo(f"noted on {number.upper()}")


def _known(connection: Connection, number: str) -> RowMapping:
    row = cases.by_number(connection, number.upper())
    if row is None:
        raise ValueError(f"no case {number}; `pandu case list` shows them")
    return row


def _plain(row: RowMapping) -> dict[str, Any]:
    keys = ("number", "topic", "state", "priority", "chat_id", "resolution", "told")
    times = ("created_at", "updated_at", "due_at", "closed_at")
    return {key: row[key] for key in keys} | {key: row[key].isoformat() if row[key] else None for key in times}
