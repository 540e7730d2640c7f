"""`pandu link`: what an operator does by hand about links, after a person was checked: a changed number, a lost phone."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any

import typer
from sqlalchemy import Connection, RowMapping

from bot import pack
from bot.commands.running import me, run
from handlers import linking_agent
from handlers.linking_agent import Checked, RefusedError
from nlu.entities.identity import parse_phone
from storage import cases, chats, people

app = typer.Typer(no_args_is_help=True)

SHORTEST_REASON = 8  # "sudah" tells nobody anything a year later
LONGEST_REASON = 200
LOOKED = "cari sambungan"  # what the person reads in the list of who looked

Chat = Annotated[str, typer.Argument(help="Number of the chat (see `pandu link find`), or a case: L-7K2M9Q.")]
Record = Annotated[str, typer.Argument(help="The operator's own key of the record.")]
Reason = Annotated[str, typer.Option("--reason", help="What was checked and why; the person can read it.")]
By = Annotated[str, typer.Option("--by", help="Who checked; default: the user of this machine.")]
Json = Annotated[bool, typer.Option("--json")]


@app.command()
def find(
    who: Annotated[str, typer.Argument(help="A record's key, or a telephone number (+62…).")], as_json: Json = False
) -> None:
    """The records of a key or number, with the chats that are linked to them. The look is logged."""
    rows = run(partial(_found, who=who, now=datetime.now(UTC)))
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False))
    else:
        for row in rows:
            linked = ", ".join(f"chat {chat['chat']} ({chat['channel']})" for chat in row["chats"]) or "no chat"
            typer.echo(f"{row['record']}  wave {row['wave'] or '–'}  {row['membership']}  {linked}")
    if not rows:
        typer.echo(f"pandu: no record for {who}", err=True)
        raise typer.Exit(1)


def _found(connection: Connection, who: str, now: datetime) -> list[dict[str, Any]]:
    record = people.by_record_key(connection, who)
    records = [record] if record else people.by_phone(connection, parse_phone(who) or who)
    found = []
    for row in records:
        people.log_access(connection, actor=me(), participant_id=row["id"], what=LOOKED, now=now)
        linked = [
            {"chat": chat["id"], "channel": chat["channel"]} for chat in people.linked_chats(connection, row["id"])
        ]
        found.append(
            {"record": row["record_key"], "wave": row["wave"], "membership": row["membership"], "chats": linked}
        )
    return found


@app.command()
def make(
    chat: Chat,
    record: Record,
    reason: Reason,
    by: By = "",
    alone: Annotated[
        bool, typer.Option("--end-others", help="End the links of the record's other chats (a lost phone).")
    ] = False,
) -> None:
    """Join a chat to a record after a person was checked. It is logged, and the chats concerned are told."""

    def work(connection: Connection) -> int:
        where, case = _chat(connection, chat)
        row = people.by_record_key(connection, record)
        if row is None:
            raise RefusedError(f"no record {record}; `pandu link find` shows them by number")
        return linking_agent.connect(connection, pack.content(), where, row, _checked(by, reason, case), alone=alone)

    others = run(work)
    rest = f"; {others} other chat(s) {'ended' if alone else 'told'}" if others else ""
    typer.echo(f"{chat} is linked to {record}{rest}")


@app.command()
def end(chat: Chat, reason: Reason, by: By = "") -> None:
    """End a chat's link. It is logged, and the chat is told."""

    def work(connection: Connection) -> None:
        where, case = _chat(connection, chat)
        linking_agent.disconnect(connection, pack.content(), where, _checked(by, reason, case))

    run(work)
    typer.echo(f"{chat} is not linked any more")


@app.command()
def log(record: Record, as_json: Json = False) -> None:
    """Who has seen or changed a record through Pandu, newest first, with the reasons."""

    def work(connection: Connection) -> list[RowMapping]:
        row = people.by_record_key(connection, record)
        if row is None:
            raise RefusedError(f"no record {record}")
        return people.accesses(connection, row["id"], 100)

    rows = [{**row, "at": row["at"].isoformat()} for row in run(work)]
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False))
        return
    for row in rows:
        typer.echo(
            f"{row['at'][:16]}  {row['actor']:<24} {row['what']}  ×{row['times']}  {row['reason'] or ''}".rstrip()
        )


def _chat(connection: Connection, named: str) -> tuple[RowMapping, RowMapping | None]:
    """The chat by its number or by a case of it, and the case."""
    case = None
    if named.isdigit():
        chat = chats.get(connection, int(named))
    else:
        case = cases.by_number(connection, named.upper())
        chat = chats.get(connection, case["chat_id"]) if case else None
    if chat is None:
        raise RefusedError(f"no chat or case {named}")
    return chat, case


def _checked(by: str, reason: str, case: RowMapping | None) -> Checked:
    told = " ".join(reason.split())
    if not SHORTEST_REASON <= len(told) <= LONGEST_REASON:
        raise RefusedError(f"--reason: {SHORTEST_REASON} to {LONGEST_REASON} characters that say what was checked")
    return Checked(by=me(by).removeprefix("operator:"), reason=told, now=datetime.now(UTC), case=case)
