"""`pandu agent`: accounts of the desk. There is no default password: a one-time link lets its owner set one."""

from __future__ import annotations

import hashlib
import json
import secrets
from datetime import timedelta
from typing import Annotated

import typer
from sqlalchemy import Connection, RowMapping

from bot import pack, settings
from bot.commands.running import run, stop
from storage import agents
from storage.database import database_now

app = typer.Typer(no_args_is_help=True)

INVITED = timedelta(hours=48)
_PATH = "/desk/invite/"  # of the desk's page that takes the link

Name = Annotated[str, typer.Argument(help="For colleagues, and to log in.")]
Json = Annotated[bool, typer.Option("--json")]


@app.command()
def add(
    name: Name,
    alias: Annotated[str, typer.Option("--alias", help="For citizens; default: the first word of the name.")] = "",
    role: Annotated[str, typer.Option("--role", help=", ".join(agents.ROLES))] = "agent",
    skills: Annotated[str, typer.Option("--skills", help="Topics, comma separated; default: all.")] = "",
    cap: Annotated[int, typer.Option("--cap", min=1, max=20, help="Conversations at once.")] = agents.CAP,
) -> None:
    """Make an account and print the link by which its owner sets the password, good for 48 hours and once."""
    if not 2 <= len(name.strip()) <= 80:
        raise stop("a name has 2 to 80 characters")
    wanted = [topic.strip() for topic in skills.split(",") if topic.strip()]
    known = list(pack.content().files["reports"]["topics"])
    if unknown := [topic for topic in wanted if topic not in known]:
        raise stop(f"no topic {', '.join(unknown)}; topics: {', '.join(known)}")
    token = secrets.token_urlsafe(32)

    def work(connection: Connection) -> str:
        now, code = database_now(connection), _code(connection)
        shown = (alias or name.split()[0])[:40]
        values = {"name": name.strip(), "alias": shown, "code": code, "role": role}
        key = agents.add(connection, **values, skills=wanted, cap=cap, now=now)
        _invite(connection, key, token)
        return code

    code = run(work)
    typer.echo(f"{name.strip()} ({role}), code for citizens {code}")
    typer.echo(_address(token))


@app.command()
def link(name: Name) -> None:
    """Print a new one-time link: a forgotten password, or a link that ran out. The old password holds until the new one is set."""
    token = secrets.token_urlsafe(32)
    run(lambda connection: _invite(connection, _known(connection, name)["id"], token))
    typer.echo(_address(token))


@app.command()
def off(name: Name) -> None:
    """End an account's access at once. What they are answering goes back to the front of the queue."""
    run(lambda connection: agents.switch_off(connection, _known(connection, name)["id"], database_now(connection)))
    typer.echo(f"{name} is off")


@app.command(name="list")
def list_(as_json: Json = False) -> None:
    """All accounts."""
    rows = run(agents.listed)
    if as_json:
        keys = ("name", "alias", "code", "role", "active", "skills", "cap", "availability", "load")
        typer.echo(json.dumps([{key: row[key] for key in keys} for row in rows], ensure_ascii=False))
        return
    for row in rows:
        state = row["availability"] if row["active"] else "off"
        state = state if row["password_hash"] or not row["active"] else "invited"
        skills = ",".join(row["skills"]) or "all"
        typer.echo(
            f"{row['name']:<24} {row['alias']:<12} {row['code']:<8} {row['role']:<13} {state:<10} {row['load']}/{row['cap']}  {skills}"
        )
    if not rows:
        typer.echo("nobody yet; `pandu agent add NAME --role admin`")


def _known(connection: Connection, name: str) -> RowMapping:
    row = agents.by_name(connection, name.strip())
    if row is None or not row["active"]:
        raise ValueError(f"no agent {name}; `pandu agent list` shows them")
    return row


def _code(connection: Connection) -> str:
    from bot.ids import new_id

    while agents.has_code(connection, code := f"P-{new_id(4)}"):
        pass
    return code


def _invite(connection: Connection, key: int, token: str) -> None:
    hashed = hashlib.sha256(token.encode()).hexdigest()
    agents.invite(connection, key, invite_hash=hashed, until=database_now(connection) + INVITED)


def _address(token: str) -> str:
    loaded = settings.load()
    base = loaded.public_url.rstrip("/") or f"http://{loaded.bind}"
    return f"{base}{_PATH}{token}"
