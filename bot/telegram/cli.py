"""`pandu telegram setup` and `pandu telegram check`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer
import yaml
from aiogram import Bot
from aiogram.exceptions import AiogramError, TelegramNetworkError, TelegramNotFound, TelegramUnauthorizedError
from aiogram.types import BotCommand
from aiogram.utils.token import TokenValidationError

from bot.settings import Settings, SettingsError, load
from bot.telegram import limits
from bot.telegram.client import make_bot

app = typer.Typer(help="The Telegram bot: set it up, look whether it works.", no_args_is_help=True)
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]

PROFILE = Path(__file__).with_name("profile.yml")


class ProblemError(Exception):
    """Something that the operator has to mend; its text is the one line that is printed."""


@app.command()
def setup(as_json: AsJson = False) -> None:
    """Sends commands and descriptions, and sets or removes the webhook as PANDU_TELEGRAM_MODE says. May be repeated."""
    _run(set_up, as_json)


@app.command()
def check(as_json: AsJson = False) -> None:
    """Asks Telegram who the bot is and how its updates are doing; exit code 1 where something is wrong."""
    _run(look, as_json)


Report = dict[str, Any]


def _run(work: Callable[[Settings, Bot], Awaitable[Report]], as_json: bool) -> None:
    try:
        report = asyncio.run(_with_bot(work))
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
        typer.echo(f"telegram: {problem}", err=True)
        raise typer.Exit(1)


async def problems() -> list[str]:
    """What `check` finds wrong, for `pandu doctor`."""
    try:
        report = await _with_bot(look)
    except (ProblemError, SettingsError) as error:
        return [str(error)]
    return [report["problem"]] if "problem" in report else []


async def _with_bot(work: Callable[[Settings, Bot], Awaitable[Report]]) -> Report:
    settings = load()
    if not settings.telegram_token:
        raise ProblemError("PANDU_TELEGRAM_TOKEN is not set; @BotFather gives one (docs/telegram.md)")
    try:
        bot = make_bot(settings.telegram_token, settings.telegram_api)
    except TokenValidationError:
        raise ProblemError("PANDU_TELEGRAM_TOKEN is not a token; @BotFather gives one like 123456789:AA…") from None
    try:
        return await work(settings, bot)
    except (TelegramUnauthorizedError, TelegramNotFound):
        raise ProblemError("Telegram does not know this token; take it again from @BotFather (/token)") from None
    except TelegramNetworkError as error:
        raise ProblemError(f"no connection to {settings.telegram_api} ({type(error.__cause__).__name__})") from None
    except AiogramError as error:
        raise ProblemError(f"Telegram refused: {getattr(error, 'message', type(error).__name__)}") from None
    finally:
        await bot.session.close()


async def set_up(settings: Settings, bot: Bot) -> Report:
    """Makes Telegram's side agree with the settings; returns what was done."""
    address = webhook_address(settings, bot.id) if settings.telegram_mode == "webhook" else None
    me = await bot.get_me()
    commands, description, short = profile(settings)
    await bot.set_my_commands(commands)
    await bot.set_my_description(description)
    await bot.set_my_short_description(short)
    if address:
        await bot.set_webhook(
            address,
            secret_token=settings.telegram_secret,
            allowed_updates=list(limits.ALLOWED_UPDATES),
            max_connections=limits.WEBHOOK_CONNECTIONS,
        )
    else:
        await bot.delete_webhook()
    return {
        "bot": f"@{me.username}",
        "mode": settings.telegram_mode,
        "commands": " ".join(f"/{command.command}" for command in commands),
        "descriptions": "set",
        "webhook": address or "removed",
        **({"hint": "switch groups off: @BotFather, /setjoingroups, Disable"} if me.can_join_groups else {}),
    }


async def look(settings: Settings, bot: Bot) -> Report:
    """What Telegram says about the bot; `problem` where its side does not agree with the settings."""
    me = await bot.get_me()
    info = await bot.get_webhook_info()
    report: Report = {
        "bot": f"@{me.username}",
        "mode": settings.telegram_mode,
        "webhook": info.url or "none",
        "pending": info.pending_update_count,
    }
    if info.last_error_message:
        report["last_error"] = info.last_error_message
        report["last_error_at"] = _time(info.last_error_date)
    expected = webhook_address(settings, bot.id) if settings.telegram_mode == "webhook" else ""
    if info.url != expected:
        report["problem"] = f"the webhook is {info.url or 'not set'}, it should be {expected or 'not set'}: run setup"
    elif info.last_error_message and info.pending_update_count:
        report["problem"] = f"{info.pending_update_count} updates wait, last error: {info.last_error_message}"
    return report


def webhook_address(settings: Settings, account: int) -> str:
    """Where Telegram delivers: https on one of four ports (https://core.telegram.org/bots/webhooks).

    Another Bot API server than Telegram's own may deliver to any address and decides for itself.
    """
    base = settings.public_url.rstrip("/")
    parts = urlsplit(base)
    if not base:
        raise ProblemError("PANDU_PUBLIC_URL is not set; a webhook needs an https address that Telegram can reach")
    if settings.telegram_api == "https://api.telegram.org":
        if parts.scheme != "https":
            raise ProblemError(f"PANDU_PUBLIC_URL: {base} is not https; Telegram delivers to https alone")
        if (parts.port or 443) not in limits.WEBHOOK_PORTS:
            raise ProblemError(f"PANDU_PUBLIC_URL: port {parts.port} is none of 443, 80, 88, 8443")
    return f"{base}/telegram/{account}"


def profile(settings: Settings) -> tuple[list[BotCommand], str, str]:
    """Commands, description and short description from profile.yml, filled in and cut to Telegram's limits."""
    data = yaml.safe_load(PROFILE.read_text(encoding="utf-8"))
    values = {
        "operator": settings.operator,
        "status": data["status"]["official" if settings.official else "unofficial"],
    }
    commands = [BotCommand(command=name, description=text) for name, text in data["commands"].items()]
    description = str(data["description"]).format(**values)[: limits.DESCRIPTION]
    return commands, description, str(data["short_description"]).format(**values)[: limits.SHORT_DESCRIPTION]


def _time(value: datetime | int | None) -> str:
    when = datetime.fromtimestamp(value, UTC) if isinstance(value, int) else value
    return when.isoformat(timespec="seconds") if when else "unknown"
