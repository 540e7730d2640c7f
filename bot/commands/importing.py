"""`pandu import`: the operator's records from CSV and XLSX files."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn

from bot import keys, settings
from bot.exchange.columns import KINDS, UnusableError
from bot.exchange.importer import Outcome, dry_run, run
from bot.exchange.staging import Source, open_source
from handlers.turn import ZONES
from storage import migrate
from storage.database import Database, is_outage

Work = Callable[..., Awaitable[Outcome]]

SOME_REFUSED, UNUSABLE, STOPPED = 1, 2, 130


def import_file(
    kind: Annotated[str, typer.Argument(help="participants, courses, enrolments, incentives, providers or offices")],
    file: Annotated[Path, typer.Argument(help="CSV or XLSX; columns, headings and allowed values: docs/data.md")],
    only_look: Annotated[bool, typer.Option("--dry-run", help="Say what would happen and write nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The outcome as one JSON object.")] = False,
    as_of: Annotated[
        str,
        typer.Option(
            "--as-of",
            help="The moment of which the data speaks, as in 2026-05-12T06:00 (WIB); default: the file's own time.",
        ),
    ] = "",
    report: Annotated[
        Path | None,
        typer.Option("--report", help="Where refused rows are listed; default: beside the file, as NAME.report.csv."),
    ] = None,
) -> None:
    """Take records from a file. Exit code: 0 all rows taken, 1 some refused (see the report), 2 the file is unusable."""
    try:
        outcome = asyncio.run(_import(kind, file, as_of, report, only_look=only_look))
    except (UnusableError, settings.SettingsError) as error:
        typer.echo(f"pandu: {file}: {error}" if isinstance(error, UnusableError) else f"pandu: {error}", err=True)
        raise typer.Exit(UNUSABLE) from None
    except KeyboardInterrupt:
        typer.echo("pandu: stopped; give the same file again to go on", err=True)
        raise typer.Exit(STOPPED) from None
    except Exception as error:
        if not is_outage(error):
            raise
        typer.echo("pandu: the database was lost; give the same file again to go on", err=True)
        raise typer.Exit(UNUSABLE) from None
    typer.echo(json.dumps(outcome.to_json(), ensure_ascii=False) if as_json else "\n".join(summary(outcome)))
    if outcome.refused and not as_json:
        for line in refusals(outcome):
            typer.echo(line, err=True)
    raise typer.Exit(SOME_REFUSED if outcome.refused else 0)


async def _import(kind: str, file: Path, as_of: str, report: Path | None, *, only_look: bool) -> Outcome:
    if kind not in KINDS:
        raise settings.SettingsError(f"import {kind}: one of {', '.join(KINDS)}")
    loaded = settings.load()
    now = datetime.now(UTC)
    moment = moment_of(file, as_of, now)
    source = open_source(file, kind, today=now.astimezone(ZONES["WIB"]).date(), lookup_key=keys.present(loaded).lookup)
    database = Database(loaded.database_url)
    try:
        await _check_schema(database)
        return await _with_bar(dry_run if only_look else run, database, source, moment, report)
    finally:
        await database.close()


async def _check_schema(database: Database) -> None:
    if database.backend == "sqlite" and await database.write(migrate.current) is None:
        await database.write(migrate.upgrade)  # a first import before the first start
    if await database.read(migrate.current) != migrate.head():
        raise settings.SettingsError("the database is not at this version's schema: run `pandu db upgrade`")


async def _with_bar(work: Work, database: Database, source: Source, moment: datetime, report: Path | None) -> Outcome:
    """Runs with a progress bar on standard error, where that is a terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description:<10}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        tasks: dict[str, TaskID] = {}

        def tell(phase: str, done: float) -> None:
            if phase not in tasks:
                tasks[phase] = bars.add_task(phase, total=1.0)
            bars.update(tasks[phase], completed=done)

        return await work(database, source, as_of=moment, report_to=report, tell=tell)


def moment_of(file: Path, typed: str, now: datetime) -> datetime:
    """The moment of which the data speaks: as typed (WIB unless it names a zone), or the file's own time."""
    if not typed:
        try:
            return min(now, datetime.fromtimestamp(file.stat().st_mtime, UTC))
        except OSError as error:
            raise UnusableError(f"cannot be read: {error.strerror}") from None
    try:
        found = datetime.fromisoformat(typed.strip())
    except ValueError:
        raise settings.SettingsError(f"--as-of {typed}: write 2026-05-12T06:00 (WIB) or 2026-05-11T23:00Z") from None
    found = (found if found.tzinfo else found.replace(tzinfo=ZONES["WIB"])).astimezone(UTC)
    if found > now + timedelta(minutes=5):
        raise settings.SettingsError(f"--as-of {typed}: lies in the future")
    return found


def summary(outcome: Outcome) -> list[str]:
    """What happened, for people."""
    counts = outcome.counts
    taken = outcome.rows - outcome.refused
    shown = outcome.as_of.astimezone(ZONES["WIB"])
    begin = "would take" if outcome.dry_run else "took"
    parts = [
        f"{counts[name]:,} {word}"
        for name, word in (("inserted", "new"), ("changed", "changed"), ("same", "the same"))
        if counts[name]
    ]
    lines = [
        f"{outcome.kind}: {begin} {taken:,} of {outcome.rows:,} rows ({', '.join(parts) or 'none'}), data of {shown:%Y-%m-%d %H.%M} WIB"
    ]
    if outcome.resumed:
        lines.append("  went on with an import that had been stopped, with its data's moment")
    if counts["newer"]:
        lines.append(
            f"  {counts['newer']:,} left alone: the record speaks of a later moment (--as-of tells this file's)"
        )
    if counts["links_ended"]:
        lines.append(f"  {counts['links_ended']:,} chats unlinked: their number is no longer the record's")
    if counts["changes"]:
        lines.append(f"  {counts['changes']:,} changes noted for people who asked to be told")
    if outcome.unknown_columns:
        lines.append(f"  columns not read: {', '.join(outcome.unknown_columns)}")
    return lines


def refusals(outcome: Outcome) -> list[str]:
    """The first refused rows, and where the others stand."""
    lines = [
        f"  line {line}{f', {column}' if column else ''}{f' ({value})' if value else ''}: {reason}; {mend}"
        for line, column, value, reason, mend in outcome.first_refused
    ]
    where = f"all are in {outcome.report}" if outcome.report else "--report FILE lists them all"
    return [f"pandu: {outcome.refused:,} rows refused; {where}", *lines]
