"""`pandu privacy requests|done|refuse|lift`: what people have asked for about their data (docs/privacy.md)."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any

import typer
from sqlalchemy import Connection

from bot.commands.running import me, run
from bot.privacy import requests as closing
from bot.privacy import whose
from handlers import catalogue
from storage import data_requests, restrictions
from storage.database import database_now

Chat = Annotated[str, typer.Option("--chat", help="Number of the chat, or a case of it: L-7K2M9Q.")]
Record = Annotated[str, typer.Option("--record", help="The operator's own key of an imported record.")]
Json = Annotated[bool, typer.Option("--json")]
By = Annotated[str, typer.Option("--by", help="Who does it; default: the user of this machine.")]
Number = Annotated[str, typer.Argument(help="As in D-7K2M9Q.")]


def add_to(app: typer.Typer) -> None:
    """Hangs the commands on `pandu privacy`."""
    for command in (requests, done, refuse, lift):
        app.command()(command)


def requests(
    state: Annotated[str, typer.Option("--state", help="open, done, refused or all")] = "open", as_json: Json = False
) -> None:
    """What people have asked for about their data; open ones by deadline, the overdue first."""
    if state not in ("open", "done", "refused", "all"):
        raise typer.BadParameter("one of open, done, refused, all", param_hint="--state")

    def work(connection: Connection) -> tuple[list[Any], datetime]:
        wanted = "" if state == "all" else state
        return data_requests.listed(connection, state=wanted), database_now(connection)

    rows, now = run(work)
    if as_json:
        typer.echo(json.dumps([_plain(row) for row in rows], ensure_ascii=False))
        return
    for row in rows:
        late = "LATE" if row["state"] == "open" and row["due_at"] < now else ""
        whom = f"chat {row['chat_id']}" if row["chat_id"] else row["record_key"] or "–"
        typer.echo(
            f"{row['number']}  {row['kind']:<12} {row['state']:<8} due {row['due_at']:%Y-%m-%d %H:%M}Z {late:<5}{whom}"
        )
    if not rows:
        typer.echo("no such requests")


def _plain(row: Any) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, datetime) else value for name, value in row.items() if name != "id"
    }


def done(
    number: Number,
    told: Annotated[str, typer.Option("--tell", help="What was done, in Indonesian; no personal data.")],
    by: By = "",
) -> None:
    """Close a request as done; a restriction begins with it. The person is told, with the proof."""
    run(lambda c: _close(c, number, by=me(by), told=told, refused=False))
    typer.echo(f"{number.upper()} done; the person is told")


def refuse(
    number: Number,
    reason: Annotated[str, typer.Option("--reason", help="The legal reason, in Indonesian.")],
    by: By = "",
) -> None:
    """Close a request that the law does not let you grant; the person is told why."""
    run(lambda c: _close(c, number, by=me(by), told=reason, refused=True))
    typer.echo(f"{number.upper()} refused; the person is told why")


def _close(connection: Connection, number: str, *, by: str, told: str, refused: bool) -> None:
    row = data_requests.by_number(connection, number)
    if row is None:
        raise ValueError(f"no request {number}; `pandu privacy requests` shows them")
    now, content = database_now(connection), catalogue.load()
    closing.close(connection, content, row, by=by, told=told, refused=refused, now=now)


def lift(chat: Chat = "", record: Record = "") -> None:
    """End a restriction of a chat or record."""

    def work(connection: Connection) -> int:
        found = whose.find(connection, chat=chat, record=record)
        now = database_now(connection)
        ended = sum(restrictions.end(connection, chat_id=key, now=now) for key in found.chat_ids)
        if found.record is not None:
            ended += restrictions.end(connection, participant_id=found.record["id"], now=now)
        return ended

    typer.echo(f"{run(work)} restriction(s) ended")
