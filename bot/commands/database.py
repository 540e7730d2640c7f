"""`pandu db`: schema, check."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from bot import settings
from storage import migrate
from storage.database import Database

app = typer.Typer(no_args_is_help=True)


def _database() -> Database:
    try:
        return Database(settings.load().database_url)
    except (settings.SettingsError, ValueError) as error:
        typer.echo(f"pandu: {error}", err=True)
        raise typer.Exit(2) from None


@app.command()
def upgrade() -> None:
    """Bring the database to this version's schema; old workers may go on running meanwhile."""

    async def work() -> tuple[str | None, str | None]:
        database = _database()
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
    """Say whether the database answers and has this version's schema."""
    import json

    async def work() -> str | None:
        database = _database()
        try:
            return await database.read(migrate.current)
        finally:
            await database.close()

    try:
        found = asyncio.run(work())
    except Exception as error:
        typer.echo(f"pandu: the database does not answer ({type(error).__name__}); check PANDU_DATABASE_URL", err=True)
        raise typer.Exit(1) from None
    good = found == migrate.head()
    typer.echo(
        json.dumps({"schema": found, "wanted": migrate.head(), "ok": good})
        if as_json
        else f"schema {found}, wanted {migrate.head()}"
    )
    if not good:
        typer.echo("pandu: run `pandu db upgrade`", err=True)
        raise typer.Exit(1)
