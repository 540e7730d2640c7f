"""`pandu db`: schema, check, backup and restore."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress

from bot import settings
from bot.commands import privacy
from bot.commands.running import stop
from storage import backup as storage_backup
from storage import check as soundness
from storage import migrate
from storage.backup_file import BackupError, Manifest, Tell
from storage.database import Database

app = typer.Typer(no_args_is_help=True)


@app.command()
def upgrade() -> None:
    """Bring the database to this version's schema; old workers may go on running meanwhile."""

    async def work() -> tuple[str | None, str | None]:
        database = Database(settings.load().database_url)
        try:
            before = await database.write(migrate.current)  # a first start has no file yet that could be read
            await database.write(migrate.upgrade)
            return before, await database.read(migrate.current)
        finally:
            await database.close()

    before, after = asyncio.run(work())
    typer.echo(f"schema {before or 'none'} → {after}")


@app.command()
def check(as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """Say whether the database answers, has this version's schema, and is sound: pages, references, schema, queues."""

    async def work() -> tuple[str | None, list[str]]:
        database = Database(settings.load().database_url)
        try:
            found = await database.read(migrate.current)
            return found, await database.read(soundness.findings) if found == migrate.head() else []
        finally:
            await database.close()

    found, wrong = asyncio.run(work())
    current = found == migrate.head()
    told = {"schema": found, "wanted": migrate.head(), "ok": current and not wrong, "findings": wrong}
    typer.echo(
        json.dumps(told)
        if as_json
        else f"schema {found or 'none'}, wanted {migrate.head()}{', sound' if told['ok'] else ''}"
    )
    for finding in [] if as_json else wrong:
        typer.echo(f"pandu: {finding}", err=True)
    if not current:
        typer.echo("pandu: run `pandu db upgrade`", err=True)
    if not told["ok"]:
        raise typer.Exit(1)


@app.command()
def backup(file: Annotated[Path, typer.Argument(help="The new file; written as a whole or not at all.")]) -> None:
    """Back the database up into FILE while Pandu goes on. Secrets (PANDU_SECRET_KEY, tokens) are not in it: keep them elsewhere."""
    manifest = _told("saving", lambda url, tell: storage_backup.make(url, file, tell=tell))
    size = file.stat().st_size
    typer.echo(f"{file}: schema {manifest.schema}, {sum(manifest.rows.values()):,} rows, {size:,} bytes")
    typer.echo(
        "it holds personal data; the keys are not in it: without PANDU_SECRET_KEY sealed numbers stay closed", err=True
    )


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="A file of `pandu db backup`.")],
    force: Annotated[bool, typer.Option("--force", help="Replace what the database holds.")] = False,
) -> None:
    """Restore FILE into an empty database (stop Pandu first), bring it to this version's schema, and erase again who was erased since."""
    manifest = _told("restoring", lambda url, tell: storage_backup.restore(url, file, force=force, tell=tell))
    typer.echo(
        f"restored {sum(manifest.rows.values()):,} rows of {manifest.made_at}, schema {manifest.schema} → {migrate.head()}"
    )
    privacy.reapply()


def _told(what: str, work: Callable[[str, Tell], Coroutine[Any, Any, Manifest]]) -> Manifest:
    """Runs with a line of progress on a terminal; what is wrong becomes one line and an exit code."""
    console = Console(stderr=True)
    try:
        url = settings.load().database_url
        with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
            task = bar.add_task(what, total=None)
            return asyncio.run(
                work(url, lambda table, count: bar.update(task, description=f"{what} {table} ({count:,})"))
            )
    except BackupError as error:
        raise stop(str(error)) from None
    except sqlite3.Error as error:  # SQLite is asked without SQLAlchemy here
        raise stop(f"{what} failed: {error}") from None
