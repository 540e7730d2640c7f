"""`pandu privacy`: what the data officer does from the command line (docs/privacy.md)."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy import Connection

from bot import settings
from bot.commands import privacy_requests
from bot.commands.privacy_requests import By, Chat, Json, Record
from bot.commands.running import me, run, stop
from bot.policy import policy
from bot.privacy import breach as breach_pack
from bot.privacy import erase as erasing
from bot.privacy import export as exporting
from bot.privacy import keeping, ledger, whose
from handlers import catalogue, register
from storage import retention
from storage.database import Database, database_now

app = typer.Typer(no_args_is_help=True)
privacy_requests.add_to(app)

Phone = Annotated[str, typer.Option("--phone", help="All chats of a telephone number (+62…).")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Count what would be done, and do nothing.")]


@app.command()
def erase(
    chat: Chat = "",
    phone: Phone = "",
    record: Record = "",
    dry_run: DryRun = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    by: By = "",
    as_json: Json = False,
) -> None:
    """Erase a person's data over every table, with a receipt; the ledger erases it again after a restore."""
    loaded = _settings()

    def dry(connection: Connection) -> tuple[list[erasing.Receipt], whose.Whose]:
        found = whose.find(connection, chat=chat, phone=phone, record=record)
        return erasing.would_erase(connection, found, database_now(connection)), found

    def work(connection: Connection) -> list[erasing.Receipt]:
        found = whose.find(connection, chat=chat, phone=phone, record=record)
        return erasing.erase(connection, policy(loaded), found, by=me(by), now=database_now(connection))

    done, found = run(dry)
    if not dry_run:
        if not yes:
            _tell(done, found, as_json=False, dry_run=True)
            typer.confirm("Erase this for good?", abort=True, err=True)
        done = run(work)
        asyncio.run(_file(loaded))
    _tell(done, found, as_json=as_json, dry_run=dry_run)


def _tell(done: list[erasing.Receipt], found: whose.Whose, *, as_json: bool, dry_run: bool) -> None:
    if as_json:
        told = {"dry_run": dry_run, "receipts": [one.to_json() for one in done], "records_on_number": list(found.also)}
        typer.echo(json.dumps(told, ensure_ascii=False))
        return
    for one in done:
        typer.echo(
            f"{one.what}: {'would erase' if dry_run else f'erased, receipt {one.number}, proof {one.proof[:16]}'}"
        )
        for name, count in one.counts.items():
            typer.echo(f"  {name:<20} {count:>8,}")
        for name, why in one.stays.items():
            typer.echo(f"  {name:<20}    stays: {why}")
    for key in found.also:
        typer.echo(f"record {key} has the same number; families share one: erase it with --record {key} if it is meant")


@app.command()
def reapply(dry_run: DryRun = False, as_json: Json = False) -> None:
    """After a restore: erase again what the ledger file (PANDU_ERASURES_FILE) names. Can be repeated."""
    loaded = _settings()
    path = Path(loaded.erasures_file)

    def work(connection: Connection) -> erasing.Reapplied:
        return erasing.reapply(connection, ledger.read(path), policy(loaded), database_now(connection), dry_run=dry_run)

    found = run(work)
    if as_json:
        typer.echo(json.dumps({**asdict(found), "counts": dict(found.counts)}))
    else:
        typer.echo(
            f"{path}: {found.erased} {'to erase' if dry_run else 'erased'} again, {found.absent} not in this database, {found.known} known"
        )
    if found.keyless:
        raise stop(
            f"{found.keyless} made with another key, not erased: give the key of that time (PANDU_SECRET_KEY_FILE, or "
            "PANDU_SECRET_KEY_FORMER beside the present one), then run `pandu privacy reapply`"
        )


@app.command()
def export(
    reason: Annotated[str, typer.Option("--reason", help="For whom and why; the access log keeps it.")],
    chat: Chat = "",
    phone: Phone = "",
    record: Record = "",
    json_file: Annotated[Path | None, typer.Option("--json", help="Write JSON there.")] = None,
    html_file: Annotated[
        Path | None, typer.Option("--html", help="Write a page there that needs nothing else.")
    ] = None,
    by: By = "",
) -> None:
    """The copy of a person's data; other people in it are masked, and the look is logged."""
    loaded = _settings()
    if not json_file and not html_file:
        raise stop("say where to: --json FILE, --html FILE, or both")

    def work(connection: Connection) -> dict[str, Any]:
        found = whose.find(connection, chat=chat, phone=phone, record=record)
        return exporting.export(connection, found, by=me(by), reason=reason, now=database_now(connection))

    for file in (json_file, html_file):
        if file and file.exists():
            raise stop(f"{file} is there already; choose another name")
    copy = run(work)
    content = catalogue.load()
    try:
        if json_file:
            exporting.write(json_file, exporting.as_json(copy))
        if html_file:
            page = exporting.page(copy, register.tables(content), register.columns(content), loaded.operator)
            exporting.write(html_file, page)
    except OSError as error:
        raise stop(f"{error.filename}: {error.strerror}") from None
    typer.echo(
        f"written for {', '.join(part['what'] for part in copy['parts'])}; delete it when it has been handed over"
    )


@app.command(name="retention")
def keep(dry_run: DryRun = False, as_json: Json = False) -> None:
    """How long what is kept; delete what is over now (the service does it every hour)."""
    loaded = _settings()

    async def work() -> dict[str, int]:
        database = Database(loaded.database_url)
        try:
            if dry_run:
                now = await database.now()
                return await database.read(lambda c: retention.due(c, now))
            return await keeping.enforce(database)
        finally:
            await database.close()

    gone = asyncio.run(work())
    if as_json:
        typer.echo(json.dumps({"dry_run": dry_run, "rows": gone}))
        return
    for name in retention.names():
        typer.echo(f"{name:<20} {gone.get(name, 0):>8,} {'over' if dry_run else 'deleted'}")


@app.command()
def breach(
    since: Annotated[datetime, typer.Option("--from", help="UTC, as in 2026-11-24T03:00:00.")],
    until: Annotated[datetime, typer.Option("--to", help="UTC.")],
    noticed: Annotated[datetime | None, typer.Option("--noticed", help="UTC; default now.")] = None,
    letters: Annotated[Path | None, typer.Option("--letters", help="Write the two letters into this folder.")] = None,
    as_json: Json = False,
) -> None:
    """What an incident touched: tables, people, kinds of data, timeline; and the letters due within 3 × 24 hours."""
    loaded, content = _settings(), catalogue.load()
    span = _span(since, until, noticed)
    pack = run(lambda c: breach_pack.collect(c, content, span))
    if letters:
        letters.mkdir(parents=True, exist_ok=True)
        for name, text in breach_pack.letters(content, pack, loaded.operator).items():
            try:
                exporting.write(letters / f"{name}.txt", text)
            except FileExistsError:
                raise stop(f"{letters / name}.txt is there already; choose another folder") from None
    if as_json:
        typer.echo(json.dumps(pack, ensure_ascii=False))
        return
    typer.echo(f"letters due {span.due:%Y-%m-%d %H:%M}Z (3 × 24 hours after it was noticed)")
    typer.echo("  ".join(f"{name} {count:,}" for name, count in pack["people"].items()))
    for row in pack["tables"]:
        typer.echo(f"{row['table']:<20} {row['rows']:>10,} rows, {row['written']:,} written meanwhile")


def _span(since: datetime, until: datetime, noticed: datetime | None) -> breach_pack.Span:
    if until <= since:
        raise stop("--to comes after --from")
    first, last = since.replace(tzinfo=UTC), until.replace(tzinfo=UTC)
    return breach_pack.Span(
        since=first, until=last, noticed=(noticed.replace(tzinfo=UTC) if noticed else datetime.now(UTC))
    )


@app.command(name="register")
def register_page() -> None:
    """Print the register of processing (docs/processing.md)."""
    typer.echo(register.page(catalogue.load()), nl=False)


def _settings() -> settings.Settings:
    try:
        return settings.load()
    except settings.SettingsError as error:
        raise stop(str(error), 2) from None


async def _file(loaded: settings.Settings) -> None:
    database = Database(loaded.database_url)
    try:
        await ledger.file_new(database, Path(loaded.erasures_file))
    except OSError as error:
        raise stop(
            f"PANDU_ERASURES_FILE: {loaded.erasures_file} cannot be written ({error.strerror}); the service tries again"
        ) from None
    finally:
        await database.close()
