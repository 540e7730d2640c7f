"""`pandu content`: the answer catalogue; the desk's twins for its editors. Whoever changes something is an account of the desk (`--by`)."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from sqlalchemy import Connection

from bot import pack
from bot.commands import content_program
from bot.commands.content_acts import Desk, editor, told
from bot.commands.running import run, stop
from bot.desk import roles
from bot.desk.answer_form import begins, ends
from handlers import content_check, content_export, content_now, editing_acts
from handlers.catalogue import load
from storage import editing, feedback
from storage.editing import RefusedError

app = typer.Typer(no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json")]
Intent = Annotated[str, typer.Argument(help="As in nlu/intents.yml, for example incentive_amount.")]
By = Annotated[str, typer.Option("--by", help="Name of the desk account that does it.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; stands in the public log of changes.")]
Folder = Annotated[
    Path | None,
    typer.Option("--folder", help="Another content folder; default: that of PANDU_CONTENT, else the shipped one."),
]


@app.callback()
def _room() -> None:
    """The answer catalogue."""


def problems_of_content() -> list[str]:
    """Problems of the content that is used, a line each."""
    return [str(problem) for problem in content_check.check(_used())]


def _used() -> Path:
    return pack.at(os.environ.get("PANDU_CONTENT", "")).content


@app.command()
def check(folder: Folder = None, as_json: Json = False) -> None:
    """Refuse what must not be published; a line a problem: file, line, column, reason."""
    folder = folder or _used()
    problems = content_check.check(folder)
    if as_json:
        _print([{"file": p.file, "line": p.line, "column": p.column, "message": p.message} for p in problems])
    else:
        for problem in problems:
            typer.echo(str(problem), err=True)
    if problems:
        raise typer.Exit(1)
    if not as_json:
        typer.echo(f"{len(load(folder).answers)} answers are in order")


@app.command(name="list")
def list_(
    late: Annotated[bool, typer.Option("--late", help="Only those past their review_by.")] = False,
    as_json: Json = False,
) -> None:
    """Every answer: version in force (none: the files'), review date, draft, end, people who called it wrong."""

    def work(connection: Connection) -> list[dict[str, Any]]:
        desk = Desk.open(connection)
        drafts, said = editing.open_versions(connection), feedback.open_counts(connection)
        ends_at = {row["id"]: row["valid_to"] for row in editing.published(connection)}
        content, today = desk.content, desk.now.date()
        return [
            {
                "intent": intent,
                "title": entry.title,
                "version": content.versions.get(intent),
                "review_by": entry.review_by.isoformat(),
                "late": entry.review_by < today,
                "draft": drafts[intent]["state"] if intent in drafts else None,
                "valid_to": _iso(ends_at.get(content.versions.get(intent, 0))),
                "feedback": said.get(intent, 0),
            }
            for intent, entry in content.answers.items()
            if not late or entry.review_by < today
        ]

    rows = run(work)
    if as_json:
        _print(rows)
        return
    for row in rows:
        marks = [f"version {row['version']}" if row["version"] else "files", f"review by {row['review_by']}"]
        marks += ["LATE"] if row["late"] else []
        marks += [str(row["draft"])] if row["draft"] else []
        marks += [f"until {row['valid_to']}"] if row["valid_to"] else []
        marks += [f"called wrong {row['feedback']}"] if row["feedback"] else []
        typer.echo(f"{row['intent']:<24} {row['title']:<22} {'  '.join(marks)}")
    if not rows:
        typer.echo("no such answers")


@app.command()
def versions(intent: Intent, as_json: Json = False) -> None:
    """The versions of an answer, newest first, with who wrote and read them."""

    def work(connection: Connection) -> list[dict[str, Any]]:
        desk = Desk.open(connection)
        desk.known(intent)
        active = desk.content.versions.get(intent)
        return [
            {
                "id": row["id"],
                "state": editing_acts.standing(row, active, desk.now),
                "published_at": _iso(row["published_at"]),
                "valid_from": _iso(row["valid_from"]),
                "valid_to": _iso(row["valid_to"]),
                "author": row["author"],
                "reader": row["reader"],
                "reason": row["reason"],
            }
            for row in editing.history(connection, intent)
        ]

    rows = run(work)
    if as_json:
        _print(rows)
        return
    for row in rows:
        typer.echo(f"{row['id']:>5}  {row['state']:<10} {row['published_at'] or '-':<25} {row['reason']}")
    if not rows:
        typer.echo("only the files' own")


@app.command()
def draft(
    intent: Intent,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The answer as in content/answers/*.yml.")],
    reason: Reason,
    by: By,
    begin: Annotated[str, typer.Option("--from", help="First day (WIB), 2026-12-01; default: at once.")] = "",
    end: Annotated[str, typer.Option("--to", help="Last day (WIB); default: for good.")] = "",
) -> None:
    """Write an answer from a file and give it to a second reader; what is wrong with it is named, and nothing is kept."""
    body = _body(file, intent)

    def work(connection: Connection) -> None:
        desk = Desk.open(connection)
        desk.known(intent)
        actor = editor(connection, by, roles.WRITES)
        open_ = editing.open_version(connection, intent)
        dates = {"valid_from": begins(begin), "valid_to": ends(end)}
        row = {"body": body, "reason": reason, **dates}
        if found := editing_acts.findings(desk.content, intent, row, desk.now, link_hosts=desk.hosts):
            raise ValueError("; ".join(map(str, found)))
        revision = open_["revision"] if open_ else 0
        editing.save(connection, intent, body, author=actor, reason=reason, **dates, revision=revision, now=desk.now)
        editing.submit(connection, intent, revision=revision + 1)

    _do(work)
    typer.echo(f"{intent} waits for a second reader: pandu content publish {intent} --by NAME")


@app.command()
def publish(intent: Intent, by: By) -> None:
    """Publish what waits for its second reader; not for whoever has written in it."""

    def work(connection: Connection) -> int:
        desk = Desk.open(connection)
        actor = editor(connection, by, roles.WRITES)
        row = editing.open_version(connection, intent)
        revision = row["revision"] if row else 0
        done: dict[str, Any] = {"revision": revision, "reader": actor, "now": desk.now, "link_hosts": desk.hosts}
        return editing_acts.publish(connection, desk.content, intent, **done)

    typer.echo(f"{intent} is published as version {_do(work)}")


@app.command()
def rollback(
    intent: Intent, version: Annotated[int, typer.Option("--version", help="See `versions`.")], reason: Reason, by: By
) -> None:
    """Publish an old version again, as a new one, at once."""

    def work(connection: Connection) -> int:
        desk = Desk.open(connection)
        actor = editor(connection, by, roles.WRITES)
        desk.version_of(connection, intent, version)
        done: dict[str, Any] = {"actor": actor, "reason": reason, "now": desk.now, "link_hosts": desk.hosts}
        return editing_acts.roll_back(connection, desk.content, version, **done)

    typer.echo(f"{intent} is published as version {_do(work)}, with the words of {version}")


@app.command()
def withdraw(
    intent: Intent, version: Annotated[int, typer.Option("--version", help="See `versions`.")], reason: Reason, by: By
) -> None:
    """Take a published version out; what held before it holds again."""

    def work(connection: Connection) -> None:
        desk = Desk.open(connection)
        actor = editor(connection, by, roles.WRITES)
        desk.version_of(connection, intent, version)
        editing_acts.withdraw(connection, version, actor=actor, reason=reason, now=desk.now)

    _do(work)
    typer.echo(f"version {version} of {intent} is withdrawn")


@app.command()
def export(folder: Folder = None, as_json: Json = False) -> None:
    """Write what is in force back into the files: answers, and facts without an end. A second run changes nothing."""

    def work(connection: Connection) -> tuple[dict[str, Any], dict[str, str]]:
        desk = Desk.open(connection)
        inside = set(desk.content.versions.values())
        bodies = {row["intent"]: row["body"] for row in editing.published(connection) if row["id"] in inside}
        return bodies, desk.lasting_facts(connection)

    bodies, facts = run(work)
    written = content_export.export(folder or _used(), bodies, facts)
    if as_json:
        _print(written)
        return
    for line in written:
        typer.echo(line)
    if not written:
        typer.echo("the files say the same already")


def _body(file: Path, intent: str) -> dict[str, Any]:
    try:
        read = yaml.safe_load(file.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise stop(f"{file} is no YAML: {error}") from None
    if isinstance(read, Mapping) and isinstance(read.get(intent), Mapping):
        read = read[intent]
    needed = ("title", "question", "text", "sms", "sources", "as_of", "review_by")
    if not isinstance(read, Mapping) or any(key not in read for key in needed):
        raise stop(f"{file} has no answer with {', '.join(needed)}")
    return content_now.as_json(read)


def _do(work: Any) -> Any:
    """Runs it; a refused step is told in words."""

    def worded(connection: Connection) -> Any:
        try:
            return work(connection)
        except RefusedError as error:
            raise ValueError(told(str(error))) from None

    return run(worded)


def _iso(moment: Any) -> str | None:
    return moment.isoformat() if moment else None


def _print(rows: Any) -> None:
    typer.echo(json.dumps(rows, ensure_ascii=False))


content_program.add_to(app)
