"""`pandu export`: registrations, links and cases as CSV or XLSX."""

from __future__ import annotations

import asyncio
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from bot import settings
from bot.commands.running import stop
from bot.exchange.exporter import export as write_export
from bot.policy import policy
from handlers.secure import opener
from handlers.turn import ZONES, Policy
from storage import exports, identity
from storage.database import Database

WRONG = 2


class _WrongError(ValueError):
    """An option that cannot be; the message says how to mend it."""


def export(
    kind: Annotated[str, typer.Argument(help="registrations, links or cases")],
    since: Annotated[str, typer.Option("--since", help="Made on this day (WIB) or later: 2026-05-12.")] = "",
    region: Annotated[
        str, typer.Option("--region", help="Code of the kabupaten or kota (3273), or of the province (32).")
    ] = "",
    state: Annotated[str, typer.Option("--state", help="Links: active, ended. Cases: open, waiting, closed.")] = "",
    form: Annotated[str, typer.Option("--format", help="csv or xlsx")] = "csv",
    out: Annotated[
        Path | None, typer.Option("--out", help="File to write; without it CSV goes to standard output.")
    ] = None,
    with_identity: Annotated[
        bool,
        typer.Option("--with-identity", help="Registrations: open NIK and KK for the lawful transfer; each is logged."),
    ] = False,
) -> None:
    """Write what was noted with Pandu. Each record that is taken out is logged, and its person can ask who looked."""
    try:
        only = filter_of(kind, since, region, state)
        if form not in ("csv", "xlsx"):
            raise _WrongError(f"--format {form}: csv or xlsx")
        if form == "xlsx" and out is None:
            raise _WrongError("--format xlsx needs --out FILE")
        if with_identity and (kind != "registrations" or out is None):
            raise _WrongError("--with-identity is for registrations, and needs --out FILE")
        written = asyncio.run(_export(kind, only, out, xlsx=form == "xlsx", with_identity=with_identity))
    except _WrongError as error:
        raise stop(str(error), WRONG) from None
    typer.echo(f"{written:,} {kind}{f' in {out}' if out else ''}", err=True)


def filter_of(kind: str, since: str, region: str, state: str) -> exports.Filter:
    """The options as a filter."""
    if kind not in exports.KINDS:
        raise _WrongError(f"export {kind}: one of {', '.join(exports.KINDS)}")
    states = exports.STATES[kind]
    if state and state not in states:
        raise _WrongError(f"--state {state}: one of {', '.join(states)}" if states else f"{kind} have no --state")
    if region and not re.fullmatch(r"\d\d(?:\d\d)?", region):
        raise _WrongError(f"--region {region}: a code, as in 3273 or 32")
    return exports.Filter(since=_day(since) if since else None, region=region, state=state)


def _day(typed: str) -> datetime:
    try:
        return datetime.fromisoformat(typed).replace(tzinfo=ZONES["WIB"]).astimezone(UTC)
    except ValueError:
        raise _WrongError(f"--since {typed}: write 2026-05-12") from None


async def _export(kind: str, only: exports.Filter, out: Path | None, *, xlsx: bool, with_identity: bool) -> int:
    loaded = settings.load()
    database = Database(loaded.database_url)
    try:
        opening = await _opening(database, policy(loaded)) if with_identity else None
        return await write_export(database, kind, only, out=out, xlsx=xlsx, screen=sys.stdout, policy=opening)
    finally:
        await database.close()


async def _opening(database: Database, found: Policy) -> Policy:
    """The policy that opens NIK and KK; raises where there is no lawful transfer, or a key is missing."""
    if not found.asks_identity:
        raise _WrongError("--with-identity: no lawful transfer is configured; `pandu doctor` says what is missing")
    for name, count in (await database.read(identity.key_counts)).items():
        if opener(found, name) is None:
            raise _WrongError(
                f"--with-identity: {count} are sealed under the key {name}; set PANDU_SECRET_KEY_FORMER to it"
            )
    return found
