"""`pandu whatsapp setup|check|templates`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Annotated, Any

import typer

from bot import pack, settings
from bot.settings import Settings, SettingsError
from bot.whatsapp import cost
from bot.whatsapp.client import Graph, GraphError
from bot.whatsapp.receive import CHANNEL
from bot.whatsapp.steps import Setup, walk
from bot.whatsapp.templates import fetched, problems, submit
from handlers import templates
from storage import templates as registry
from storage.database import Database

app = typer.Typer(help="The WhatsApp number: set it up, look whether it works, its templates.", no_args_is_help=True)
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@dataclass
class Report:
    """What a command found: lines for people, an object for machines, and what is in the way."""

    lines: list[str] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


@app.command()
def setup(
    region: Annotated[
        str, typer.Option("--region", help="Where messages are kept: ID (Indonesia), another country's code, or none.")
    ] = "",
    pin: Annotated[
        str, typer.Option("--pin", envvar="PANDU_WHATSAPP_PIN", help="Six digits that protect the registration.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Leads from a fresh app to a working webhook: does what the API can do, says what to click. May be repeated."""
    _run(partial(_walked, changes=True, region=region if region == "none" else region.upper(), pin=pin), as_json)


@app.command()
def check(as_json: AsJson = False) -> None:
    """Looks at every step of the set-up and changes nothing; exit code 1 where something is wrong."""
    _run(partial(_walked, changes=False), as_json)


@app.command(name="templates")
def templates_(
    sync: Annotated[bool, typer.Option("--sync", help="Ask Meta how they stand.")] = False,
    submit_new: Annotated[bool, typer.Option("--submit", help="Hand in those that Meta does not have.")] = False,
    as_json: AsJson = False,
) -> None:
    """How the templates of handlers/content/whatsapp_templates.yml stand at Meta; exit code 1 where one cannot be used."""
    _run(partial(_templates, sync=sync or submit_new, submit_new=submit_new), as_json)


def _run(work: Callable[[Settings, Graph], Awaitable[Report]], as_json: bool) -> None:
    try:
        report = asyncio.run(_with_graph(work))
    except (SettingsError, GraphError) as error:
        report = Report(problems=[str(error)])
    if as_json:
        whole = {"ok": not report.problems, **report.values, "problems": report.problems}
        typer.echo(json.dumps(whole, ensure_ascii=False))
    else:
        for line in report.lines:
            typer.echo(line)
    for problem in report.problems:
        typer.echo(f"whatsapp: {problem}", err=True)
    if report.problems:
        raise typer.Exit(1)


async def problems_found() -> list[str]:
    """What `check` finds wrong, for `pandu doctor`."""
    try:
        return (await _with_graph(partial(_walked, changes=False))).problems
    except (SettingsError, GraphError) as error:
        return [str(error)]


async def _with_graph(work: Callable[[Settings, Graph], Awaitable[Report]]) -> Report:
    loaded = settings.load()
    if not loaded.whatsapp_token:
        raise SettingsError(
            "PANDU_WHATSAPP_TOKEN is not set. In developers.facebook.com: Create app > Business > add WhatsApp; then in "
            "business.facebook.com: System users > Generate token (docs/whatsapp.md, Set-up)"
        )
    graph = Graph(loaded.whatsapp_token, api=loaded.whatsapp_api, version=loaded.whatsapp_version)
    try:
        return await work(loaded, graph)
    finally:
        await graph.close()


async def _walked(loaded: Settings, graph: Graph, *, changes: bool, region: str = "", pin: str = "") -> Report:
    report = Report(values={"steps": []})
    async for step in walk(Setup(loaded, graph, changes=changes, region=region, pin=pin)):
        report.lines.append(f"{'!' if step.mend else '✓'} {step.name}: {step.told}")
        report.values["steps"].append(asdict(step))
        if step.mend:
            report.problems.append(f"{step.name}: {step.mend}")
    if not changes:
        report.lines.append(await _cost(loaded))
    elif not report.problems:
        report.lines.append("next: `pandu whatsapp templates --submit`, then write to the number from a phone")
    return report


async def _cost(loaded: Settings) -> str:
    database = Database(loaded.database_url)
    try:
        source, now = f"{CHANNEL}:{loaded.whatsapp_number_id}", await database.now()
        asked = partial(cost.standing, source=source, cap=loaded.whatsapp_monthly_cap, now=now)
        return f"cost: {(await database.read(asked)).shown}"
    except Exception as error:
        return f"cost: the database does not answer ({type(error).__name__}); `pandu doctor` says more"
    finally:
        await database.close()


async def _templates(loaded: Settings, graph: Graph, *, sync: bool, submit_new: bool) -> Report:
    wanted = templates.wanted(pack.content())
    account = loaded.whatsapp_account_id
    report = Report()
    if not account:
        raise SettingsError("PANDU_WHATSAPP_ACCOUNT_ID is unset: in the app, WhatsApp > API setup")
    database = Database(loaded.database_url)
    try:
        if sync:
            held = {(one.name, one.language) for one in await fetched(graph, account)}
            for want in wanted.values() if submit_new else ():
                if (want.name, want.language) not in held:
                    report.lines.append(f"submitted {want.name}: {await submit(graph, account, want)}")
            found = await fetched(graph, account)
            now = await database.now()
            await database.write(partial(registry.replace_all, account=account, found=found, now=now))
        rows = await database.read(partial(registry.listed, account=account))
        in_way = await database.read(partial(problems, account=account, wanted=wanted))
    finally:
        await database.close()
    for row in rows:
        quality = f", quality {row['quality']}" if row["quality"] else ""
        report.lines.append(f"{row['name']} ({row['language']}): {row['status']}, {row['category']}{quality}")
    keys = ("name", "language", "status", "category", "quality", "reason")
    report.values["templates"] = [{key: row[key] for key in keys} for row in rows]
    report.problems = [str(problem) for problem in in_way]
    return report
