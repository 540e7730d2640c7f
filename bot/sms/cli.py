"""`pandu sms check` and `pandu sms setup`."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from bot import pack
from bot.channel import Accepted, Retry, Unknown
from bot.settings import Settings, SettingsError, load
from bot.sms import cost, limits
from bot.sms.android import AndroidGateway
from bot.sms.config import STALE
from bot.sms.gateway import Answer, Client, Request
from bot.sms.receive import CHANNEL, EVENTS, RECEIVED, number_of
from bot.sms.send import gateway_of, read_config
from bot.sms.spec import Config
from bot.sms.webhook import path_of
from handlers import gsm7, short
from handlers.messages import Reply
from storage import migrate
from storage.database import Database, database_now

app = typer.Typer(help="SMS: look whether the gateway works, tell a telephone where we are.", no_args_is_help=True)
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Report = dict[str, Any]


class ProblemError(Exception):
    """Something that the operator has to mend; its text is the one line that is printed."""


@app.command()
def check(
    to: Annotated[
        str, typer.Option("--to", help="Send one test message to this number; without it nothing is sent.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Reads the file, asks the gateway whether it is there, shows the month's cost; exit code 1 where something is wrong."""
    _run(partial(look, to=to), as_json)


@app.command()
def setup(as_json: AsJson = False) -> None:
    """Tells a telephone (or its server) where to deliver; of an HTTP gateway prints the addresses to enter there."""
    _run(set_up, as_json)


def _run(work: Callable[[Settings, Config, Client], Awaitable[Report]], as_json: bool) -> None:
    try:
        report = asyncio.run(_with_client(work))
        problem = report.get("problem")
    except (ProblemError, SettingsError) as error:
        report, problem = {"problem": str(error)}, str(error)
    if as_json:
        typer.echo(json.dumps({"ok": not problem, **report}, ensure_ascii=False))
    else:
        for key, value in report.items():
            if key != "problem":
                typer.echo(f"{key.replace('_', ' ')}: {value}")
    if problem:
        typer.echo(f"sms: {problem}", err=True)
        raise typer.Exit(1)


async def problems() -> list[str]:
    """What `check` finds wrong, for `pandu doctor`."""
    try:
        report = await _with_client(look)
    except (ProblemError, SettingsError) as error:
        return [str(error)]
    return [report["problem"]] if "problem" in report else []


async def _with_client(work: Callable[[Settings, Config, Client], Awaitable[Report]]) -> Report:
    settings = load()
    if not settings.sms_config:
        raise ProblemError("PANDU_SMS_CONFIG is not set; copy a file of docs/samples/sms/ and see docs/sms.md")
    config, client = read_config(settings), Client()
    try:
        return await work(settings, config, client)
    finally:
        await client.close()


async def look(settings: Settings, config: Config, client: Client, *, to: str = "") -> Report:
    """What is configured, what the gateway says, what the month has cost; `problem` where something is to be mended."""
    report: Report = {
        "gateway": f"{config.name} ({'telephone' if config.android else 'HTTP'}), compared on {config.as_of}",
        "number": config.number,
        "webhook": f"{settings.public_url.rstrip('/') or 'PANDU_PUBLIC_URL is not set'}{path_of(config)}",
        "sender_vouched_for": "yes: our own SIM" if config.android else config.vouched or "no",
        "this_month": await _spent(settings, config),
        "to": "nothing sent; --to +62… sends one message",
    }
    problems = list(warnings(settings, config, datetime.now(UTC)))
    gateway = gateway_of(config, key=settings.sms_key, user=settings.sms_user)
    if isinstance(gateway, AndroidGateway):
        problems += await _telephone(gateway, settings, config, client, report)
    if to and not problems:
        report["to"] = await _test(settings, config, client, to)
    return {**report, **({"problem": "; ".join(problems)} if problems else {})}


def warnings(settings: Settings, config: Config, now: datetime) -> list[str]:
    """What is wrong with a file that can be used, each with its mend; for `pandu doctor` too."""
    found = []
    if now.date() - config.as_of > STALE:
        found.append(
            f"PANDU_SMS_CONFIG: compared with the gateway's pages on {config.as_of}; compare again and set as_of"
        )
    if not settings.sms_key:
        found.append("PANDU_SMS_KEY is not set: the gateway will not take messages")
    if not settings.public_url:
        found.append("PANDU_PUBLIC_URL is not set: the gateway cannot reach us with what people write")
    elif urlsplit(settings.public_url).scheme != "https" and config.android:
        found.append("PANDU_PUBLIC_URL is no https address: the app delivers to https alone (or to 127.0.0.1)")
    return found


async def _spent(settings: Settings, config: Config) -> str:
    database = Database(settings.database_url)
    try:
        if await database.read(migrate.current) != migrate.head():
            return "unknown: run `pandu db upgrade`"
        source = f"{CHANNEL}:{config.number}"
        so_far = await database.read(lambda c: cost.spent(c, source, config.price, database_now(c)))
    except Exception as error:
        return f"unknown: the database does not answer ({type(error).__name__})"
    finally:
        await database.close()
    cap = Decimal(str(settings.sms_monthly_cap))
    return f"Rp{so_far:,.0f}" + (f" of Rp{cap:,.0f}" if cap else ", no cap")


async def _telephone(
    gateway: AndroidGateway, settings: Settings, config: Config, client: Client, report: Report
) -> list[str]:
    """Whether the telephone answers, takes our credentials, and knows where we are."""
    health = _answered(await client.ask(gateway.health()))
    report["health"] = _word(health, "status")
    listed = _answered(await client.ask(gateway.webhooks()))
    try:
        hooks = json.loads(listed.text)
        known = {hook["event"] for hook in hooks if hook["url"] == _address(settings, config)}
    except (ValueError, TypeError, KeyError):
        return ["the telephone's answer about webhooks cannot be read: is android.url right?"]
    missing = [event for event in (RECEIVED, *EVENTS) if event not in known]
    report["webhooks"] = ", ".join(sorted(known)) or "none"
    return [f"the telephone does not tell us of {', '.join(missing)}: run `pandu sms setup`"] if missing else []


async def set_up(settings: Settings, config: Config, client: Client) -> Report:
    """Makes the gateway's side agree with ours; returns what was done."""
    if not settings.public_url:
        raise ProblemError("PANDU_PUBLIC_URL is not set; the gateway needs an https address that it can reach")
    address = _address(settings, config)
    gateway = gateway_of(config, key=settings.sms_key, user=settings.sms_user)
    if isinstance(gateway, AndroidGateway):
        for event in (RECEIVED, *EVENTS):
            _answered(await client.ask(gateway.register(event, address)))
        return {"webhook": address, "events": ", ".join((RECEIVED, *EVENTS))}
    report = {"enter_at_the_gateway": f"{config.inbound.method} {address}/in"}
    if config.reports:
        report["for_reports"] = f"{config.reports.method} {address}/report"
    if config.inbound.secret_in:
        report["with"] = f"{config.inbound.secret_in} {config.inbound.secret_name} = PANDU_SMS_WEBHOOK_SECRET"
    return report


def _address(settings: Settings, config: Config) -> str:
    return f"{settings.public_url.rstrip('/')}{path_of(config)}"


def _answered(answer: Answer | Retry | Unknown) -> Answer:
    if isinstance(answer, Retry | Unknown):
        raise ProblemError(f"no connection to the gateway: {answer.reason}")
    if answer.status in (401, 403):
        raise ProblemError("the gateway does not take PANDU_SMS_USER and PANDU_SMS_KEY")
    if answer.status >= 400:
        raise ProblemError(f"the gateway refused: HTTP {answer.status}")
    return answer


def _word(answer: Answer, name: str) -> str:
    try:
        found = json.loads(answer.text)
    except ValueError:
        return "cannot be read"
    return str(found.get(name, "unknown")) if isinstance(found, dict) else "cannot be read"


async def _test(settings: Settings, config: Config, client: Client, to: str) -> str:
    """Sends the first message that everybody gets."""
    number = number_of(to)
    if number is None:
        raise ProblemError(f"--to {to}: a mobile number of Indonesia, as +6281234567890")
    content = pack.content()
    key = "intro_official_sms" if settings.official else "intro_unofficial_sms"
    text, _ = short.shaped(Reply(text=content.text(key, operator=settings.operator)), short.words(content))
    gateway = gateway_of(config, key=settings.sms_key, user=settings.sms_user)
    request: Request = gateway.request(number, text, int(time.time()))  # each test is a message of its own
    outcome = gateway.outcome(_answered(await client.ask(request)), request)
    if not isinstance(outcome, Accepted):
        raise ProblemError(f"the gateway did not take it: {outcome}")
    parts = gsm7.parts(text)
    return f"{number}: taken as {outcome.platform_id}, {parts} of at most {limits.PARTS} parts, Rp{parts * config.price:,.0f}"
