"""`pandu content state|notice|fact|approve|refuse|end`: the programme's dated rows, each with two people."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any

import typer
from sqlalchemy import Connection

from bot.commands.content_acts import Desk, editor, told
from bot.commands.running import run
from bot.desk import roles
from bot.desk.answer_form import moment
from handlers import editing_acts
from handlers.content_now import STATES
from storage import program
from storage.editing import RefusedError

By = Annotated[str, typer.Option("--by", help="Name of the desk account that does it.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; stands in the public log of changes.")]
From = Annotated[str, typer.Option("--from", help="Beginning in WIB, 2026-12-01T09:00; default: when approved.")]
Until = Annotated[str, typer.Option("--until", help="End in WIB, 2026-12-01T17:00.")]
Row = Annotated[int, typer.Argument(help="Number of the row; see `state`.")]


def add_to(app: typer.Typer) -> None:
    """Hangs the commands on `pandu content`."""
    for command in (state, notice, fact, approve, refuse, end):
        app.command()(command)


def state(
    value: Annotated[str, typer.Argument(help=f"{', '.join(STATES)}; none: show what holds and what waits.")] = "",
    until: Until = "",
    reason: Reason = "",
    by: By = "",
    begin: From = "",
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Show the programme's state, incidents and facts, or ask for another state."""
    if value:
        _ask(program.STATE, "", value, reason, by, begin, until)
        return
    desk, rows = run(lambda connection: (Desk.open(connection), program.listed(connection)))
    if as_json:
        plain = [{key: _plain(row[key]) for key in row} for row in rows]
        now = {"state": desk.content.state, "as_of": desk.content.state_as_of.isoformat()}
        typer.echo(json.dumps({**now, "notices": dict(desk.content.notices), "rows": plain}, ensure_ascii=False))
        return
    typer.echo(f"{desk.content.state} (as of {desk.content.state_as_of})")
    for row in rows:
        typer.echo(
            f"{row['id']:>5}  {row['state']:<9} {row['kind']:<7} {row['key']:<20} {row['value']}"
            f"  until {_plain(row['valid_to']) or '-'}"
        )


def notice(
    text: Annotated[str, typer.Argument(help="One sentence, in Indonesian.")],
    until: Until,
    reason: Reason,
    by: By,
    topic: Annotated[str, typer.Option("--topic", help="A group of answers; default: all.")] = "",
    begin: From = "",
) -> None:
    """Ask for an incident line that precedes the answers it concerns."""
    _ask(program.NOTICE, topic, text, reason, by, begin, until)


def fact(
    key: Annotated[str, typer.Argument(help="As texts name it: situs, telepon …")],
    value: str,
    reason: Reason,
    by: By,
    begin: From = "",
    until: Until = "",
) -> None:
    """Ask for a fact: what a placeholder of the texts stands for, or the operator, helplines, link_hosts."""
    _ask(program.FACT, key, value, reason, by, begin, until)


def approve(row: Row, by: By) -> None:
    """The second person's yes."""

    def work(connection: Connection, actor: str, desk: Desk) -> None:
        editing_acts.approve(connection, desk.content, row, by=actor, now=desk.now, link_hosts=desk.hosts)

    _decide(row, by, work)
    typer.echo(f"{row} is approved")


def refuse(row: Row, by: By) -> None:
    """A no to what waits."""
    _decide(row, by, lambda c, actor, desk: program.refuse(c, row, by=actor, now=desk.now))
    typer.echo(f"{row} is refused")


def end(row: Row, reason: Reason, by: By) -> None:
    """End what holds before its time; what held before it holds again."""
    _decide(row, by, lambda c, actor, desk: editing_acts.end(c, row, by=actor, reason=reason, now=desk.now))
    typer.echo(f"{row} is ended")


def _ask(kind: str, key: str, value: str, reason: str, by: str, begin: str, until: str) -> None:
    def work(connection: Connection) -> int:
        desk = Desk.open(connection)
        actor = editor(connection, by, roles.DIRECTS)
        asked: dict[str, Any] = {"kind": kind, "key": key, "value": value.strip(), "reason": reason}
        asked |= {"valid_from": moment(begin), "valid_to": moment(until)}
        if found := editing_acts.row_findings(desk.content, asked, desk.now, link_hosts=desk.hosts):
            raise ValueError("; ".join(map(str, found)))
        return program.ask(connection, **asked, asked_by=actor, now=desk.now)

    row = run(work)
    typer.echo(f"{row} waits for a second person: pandu content approve {row} --by NAME")


def _decide(row: int, by: str, work: Any) -> None:
    def decided(connection: Connection) -> None:
        actor = editor(connection, by, roles.DIRECTS)
        try:
            work(connection, actor, Desk.open(connection))
        except RefusedError as error:
            raise ValueError(f"{row}: {told(str(error))}") from None

    run(decided)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
