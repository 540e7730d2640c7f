"""How a command does its work on the database: one transaction, and what is wrong as one line with an exit code."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import Callable
from typing import Any

import typer
from sqlalchemy import Connection

from bot import settings
from bot.commands.trouble import trouble
from storage.database import Database


def run(work: Callable[[Connection], Any]) -> Any:
    """Runs in one transaction and returns what `work` returns; a ValueError becomes its message and exit code 1, settings or an outage 2."""
    return _run(work, write=True)


def look(work: Callable[[Connection], Any]) -> Any:
    """The same in a transaction that cannot write, so that a long look holds nobody up."""
    return _run(work, write=False)


def _run(work: Callable[[Connection], Any], *, write: bool) -> Any:
    async def go() -> Any:
        database = Database(settings.load().database_url)
        try:
            return await (database.write(work) if write else database.read(work))
        finally:
            await database.close()

    try:
        return asyncio.run(go())
    except Exception as error:
        if told := trouble(error):
            raise stop(*told) from None
        if isinstance(error, ValueError):
            raise stop(str(error)) from None
        raise


def stop(message: str, code: int = 1) -> typer.Exit:
    """One clear line on standard error; raise what it returns."""
    typer.echo(f"pandu: {message}", err=True)
    return typer.Exit(code)


def me(named: str = "") -> str:
    """Who does this by hand, as logs and histories name them."""
    return f"operator:{(named or getpass.getuser())[:40]}"
