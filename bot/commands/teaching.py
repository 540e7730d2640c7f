"""`pandu nlu retrain|models|taught`: what editors do on the desk, from the command line."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy import Connection, RowMapping

from bot import pack, settings, teaching
from bot.commands.running import me, run, stop
from bot.files import keep_private
from nlu.cli import app
from storage import models, taught, training_jobs
from storage.database import Database, database_now

models_app = typer.Typer(no_args_is_help=True, help="Versions of the model: list, publish, roll back.")
taught_app = typer.Typer(no_args_is_help=True, help="Training messages that editors have added.")
app.add_typer(models_app, name="models")
app.add_typer(taught_app, name="taught")

_WRONG = {
    "short": "it is too short",
    "long": "it is too long",
    "secret": "it holds a number or a secret",
    "duplicate": "it is there already, or nearly",
    "conflict": "it is taught for another intent already",
    "leak": "it stands in the evaluation file, so it must not be learnt",
    "intent": "there is no such intent",
}

Json = Annotated[bool, typer.Option("--json")]
By = Annotated[str, typer.Option("--by", help="Who does this; default: the account of this machine.")]


@app.command()
def retrain(
    here: Annotated[
        bool, typer.Option("--here", help="Train in this process's time instead of leaving it to a running worker.")
    ] = False,
    cancel: Annotated[
        bool, typer.Option("--cancel", help="Take back what waits for a worker; one that runs goes on.")
    ] = False,
    by: By = "",
) -> None:
    """Ask for a model from the training files and the taught messages, measured against the published one."""
    if cancel:
        ended = run(lambda c: training_jobs.cancel(c, by=me(by), now=database_now(c)))
        if ended is None:
            raise stop("no job waits for a worker")
        typer.echo(f"job {ended} is cancelled")
        return
    before, number = run(lambda c: (training_jobs.waiting(c), training_jobs.ask(c, by=me(by), now=database_now(c))))
    if not here:
        typer.echo(_waits(number, before))
        return
    job = asyncio.run(_train())
    if job is None:
        raise stop("another job is running; `pandu nlu models list` shows what comes of it")
    if job["state"] != "done":
        raise stop(f"job {job['id']} failed: {job['error']}")
    row = run(lambda c: models.get(c, job["model_id"]))
    typer.echo(_line(row))
    typer.echo(_figures(row["report"]))


def _waits(number: int, before: RowMapping | None) -> str:
    asked = f" already (asked by {before['asked_by']}, {before['asked_at']:%d %b %H:%M}Z)" if before else ""
    return (
        f"job {number} waits for a worker{asked}; `pandu nlu models list` shows what came of it, "
        "`pandu nlu retrain --cancel` takes it back"
    )


async def _train() -> RowMapping | None:
    from bot.training import Trainer

    loaded = settings.load()
    database = Database(loaded.database_url)
    try:
        trainer = Trainer(database, pack.of(loaded))
        if not await trainer.run_once():
            return None
        return (await database.read(partial(training_jobs.latest, limit=1)))[0]
    finally:
        await database.close()


# -- versions -----------------------------------------------------------------------------------------------------


@models_app.command(name="list")
def list_(as_json: Json = False) -> None:
    """All versions with what was gained and lost, and the latest jobs."""
    rows, jobs = run(lambda c: (models.listed(c), training_jobs.latest(c)))
    if as_json:
        typer.echo(json.dumps({"models": _plain(rows), "jobs": _plain(jobs)}, ensure_ascii=False))
        return
    for row in rows:
        typer.echo(_line(row))
    if not any(row["state"] == "published" for row in rows):
        typer.echo("the shipped model is in use")
    for job in jobs:
        typer.echo(f"job {job['id']}: {job['state']} {job['error'] or job['progress']}".rstrip())


@models_app.command()
def show(model: Annotated[str, typer.Argument(help="Its number.", metavar="NUMBER")], as_json: Json = False) -> None:
    """One version's report: totals, and the intents that changed."""
    model_id = _number(model)
    if model_id is None:
        raise stop("the shipped model has no report here: docs/understanding.md; `pandu nlu eval` measures it")
    row = run(lambda c: models.get(c, model_id))
    if row is None:
        raise stop(f"there is no model {model}")
    typer.echo(
        json.dumps(_plain([row])[0], ensure_ascii=False) if as_json else f"{_line(row)}\n{_figures(row['report'])}"
    )


@models_app.command()
def publish(model: Annotated[str, typer.Argument(help="Its number.", metavar="NUMBER")], by: By = "") -> None:
    """Publish a candidate that is not worse; running workers use it within half a minute."""
    model_id = _number(model)
    if model_id is None:
        raise stop("the shipped model is no candidate; `pandu nlu models rollback shipped` goes back to it")
    run(lambda c: models.publish(c, model_id, by=me(by), now=database_now(c)))
    typer.echo(f"model {model} is published")


@models_app.command()
def rollback(
    model: Annotated[str, typer.Argument(help="A number that was published before, or: shipped")], by: By = ""
) -> None:
    """Go back to a version that was published before, or to the shipped one."""
    key = _number(model)
    run(lambda c: models.roll_back(c, key, by=me(by), now=database_now(c)))
    typer.echo(f"{'the shipped model' if key is None else f'model {key}'} is in use")


def _number(model: str) -> int | None:
    """The model's number; None for the shipped one."""
    if model == "shipped":
        return None
    if not (model.isascii() and model.isdecimal() and len(model) < 10):
        raise stop(f"{model}: a number of `pandu nlu models list`, or shipped", 2)
    return int(model)


def _line(row: RowMapping) -> str:
    report = row["report"]
    told = (
        f"{row['id']:>4}  {row['state']:<10} {row['name']:<28} +{report['gained']} −{report['lost']} of {report['n']}"
    )
    return f"{told}  {row['taught']} taught" + (f"  WORSE: {row['worse']}" if row["worse"] else "")


def _figures(report: dict[str, Any]) -> str:
    lines = [f"  {name:<20} {value:.4f} → {report['after'][name]:.4f}" for name, value in report["before"].items()]
    lines += [f"  {row['intent']:<28} {row['before']} → {row['after']} of {row['n']}" for row in report["intents"]]
    if report["p50_ms"]:
        lines.append(f"  p50 {report['p50_ms'][0]} → {report['p50_ms'][1]} ms")
    return "\n".join(lines)


def _plain(rows: list[RowMapping]) -> list[dict[str, Any]]:
    return [
        {name: value.isoformat() if isinstance(value, datetime) else value for name, value in row.items()}
        for row in rows
    ]


# -- taught messages ------------------------------------------------------------------------------------------------


@taught_app.command(name="list")
def taught_list(as_json: Json = False) -> None:
    """What the next model learns beside the files."""
    rows = run(taught.active)
    if as_json:
        typer.echo(json.dumps(_plain(rows), ensure_ascii=False))
        return
    for row in rows:
        typer.echo(f"{row['id']:>5}  {row['intent']:<28} {row['text']}")


@taught_app.command()
def add(
    intent: Annotated[str, typer.Argument(help="What it means; out_of_scope too.")],
    text: Annotated[str, typer.Argument(help="The message as people write it.")],
    by: By = "",
) -> None:
    """Teach one message, by the rules of `pandu nlu check-data`."""
    found = pack.of(settings.load())

    def work(connection: Connection) -> int:
        rows = taught.active(connection)
        if wrong := teaching.problems([text], intent, found.catalogue(), found, rows):
            raise ValueError("; ".join(_WRONG[why] for _, why in wrong))
        return taught.add(connection, text=text, intent=intent, author=me(by), now=database_now(connection))

    typer.echo(f"taught message {run(work)}; `pandu nlu retrain` learns it")


@taught_app.command()
def withdraw(number: int) -> None:
    """Take one back; the next model does not learn it."""
    if not run(lambda c: taught.withdraw(c, number)):
        raise stop(f"there is no taught message {number}")
    typer.echo(f"taught message {number} is withdrawn")


@taught_app.command()
def export(
    out: Annotated[Path | None, typer.Option("--out", dir_okay=False, help="A file; default: standard output.")] = None,
) -> None:
    """Write the taught messages as a file of nlu/data, to be moved into the project's own training data."""
    told = teaching.as_yaml(run(taught.active))
    if out is None:
        typer.echo(told, nl=False)
        return
    try:
        keep_private(out)  # people's own words
        out.write_text(told, encoding="utf-8")
    except OSError as error:
        raise stop(f"{out}: {error.strerror}") from None
    typer.echo(str(out), err=True)
