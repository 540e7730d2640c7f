"""The command `pandu`. Each command imports what it needs when it runs, so that `--help` is quick."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from bot.commands import (
    agent,
    broadcast,
    case,
    content,
    database,
    dialogue,
    exporting,
    figures,
    hours,
    importing,
    keyring,
    link,
    privacy,
    queue,
)

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Pandu: the assistant for Kartu Prakerja.",
)
app.add_typer(agent.app, name="agent", help="Accounts of the desk.")
app.add_typer(broadcast.app, name="broadcast", help="Announcements to exactly the right people, once.")
app.add_typer(case.app, name="case", help="What people have reported.")
app.add_typer(dialogue.app, name="dialogue", help="Conversations in YAML.")
app.add_typer(content.app, name="content", help="The answer catalogue.")
app.add_typer(database.app, name="db", help="The database.")
app.add_typer(hours.app, name="hours", help="When agents are there; holidays.")
app.add_typer(keyring.app, name="keys", help="The keys that seal NIK and KK.")
app.add_typer(link.app, name="link", help="Links between chats and records, made or ended by hand.")
app.add_typer(privacy.app, name="privacy", help="Requests, export, erasure, retention, breach: for the data officer.")
app.add_typer(queue.app, name="queue", help="Dead letters: events given up after three attempts.")

app.command(name="import")(importing.import_file)
app.command(name="export")(exporting.export)
app.command(name="figures")(figures.show)


def _lazy(name: str, module: str, help_text: str) -> None:
    """Mounts a room's own commands only when they are asked for."""
    if name in sys.argv[1:2] or "--help" in sys.argv[1:2] or len(sys.argv) == 1:
        import importlib

        app.add_typer(importlib.import_module(module).app, name=name, help=help_text)


def fail(message: str, code: int = 1) -> typer.Exit:
    """One clear line on standard error; raise what it returns."""
    typer.echo(f"pandu: {message}", err=True)
    return typer.Exit(code)


@app.command()
def chat(
    jsonl: Annotated[bool, typer.Option("--jsonl", help="One JSON object a line in, one out.")] = False,
    db: Annotated[str, typer.Option("--db", help="Database URL; default a temporary one.")] = "",
    phone: Annotated[
        str, typer.Option("--phone", help="Pretend that the platform vouches for this number (+62…).")
    ] = "",
    channel: Annotated[
        str, typer.Option("--channel", help="Pretend to be telegram, whatsapp, web or sms.")
    ] = "terminal",
    samples: Annotated[
        bool, typer.Option("--samples", help="Fill a temporary database with the demo's invented records.")
    ] = False,
) -> None:
    """Talk to Pandu in the terminal, through inbox, worker and outbox like any other channel."""
    from bot.terminal import chat as terminal

    if channel not in ("terminal", "telegram", "whatsapp", "web", "sms"):
        raise fail(f"--channel {channel}: one of telegram, whatsapp, web, sms")
    if db and (phone or channel != "terminal") and not db.endswith("/demo.db"):
        raise fail("--phone and --channel pretend; they work only on a temporary or demo database (leave --db out)")
    asyncio.run(terminal.run(jsonl=jsonl, url=db, phone=phone, channel=channel, samples=samples))


@app.command()
def demo(bind: Annotated[str, typer.Option("--bind", help="host:port")] = "127.0.0.1:8080") -> None:
    """Everything on one machine with sample data; prints the addresses; needs no token."""
    from bot.demo import run_demo

    try:
        asyncio.run(run_demo(bind))
    except OSError as error:
        raise fail(f"{bind}: {error.strerror}; choose another with --bind 127.0.0.1:8081") from None


@app.command()
def run(role: Annotated[str, typer.Option("--role", help="all, web, worker or sender")] = "all") -> None:
    """Serve: web, worker and sender together, or one of them (several processes need PostgreSQL)."""
    from bot import app as program
    from bot import logs, settings

    if role not in program.ROLES:
        raise fail(f"--role {role}: one of {', '.join(program.ROLES)}")
    try:
        loaded = settings.load()
    except settings.SettingsError as error:
        raise fail(str(error), 2) from None
    if role != "all" and loaded.database_url.startswith("sqlite"):
        raise fail("on SQLite one process runs all roles: leave --role out, or set PANDU_DATABASE_URL to PostgreSQL", 2)
    logs.configure(as_json=loaded.log_format == "json")

    async def serve() -> None:
        await program.prepare_database(loaded)
        service = program.Service(loaded, program.parts(loaded), role=role)
        await service.run(ready=lambda: typer.echo(f"Pandu ({role}) on http://{loaded.bind}", err=True))

    try:
        _loop_runner(serve)
    except (RuntimeError, OSError, settings.SettingsError) as error:
        raise fail(str(error)) from None


def _loop_runner(main) -> None:  # type: ignore[no-untyped-def]
    if sys.platform == "win32":
        asyncio.run(main())
        return
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json")] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Ask neither platforms nor the public address.")] = False,
) -> None:
    """Settings without secrets, what is wrong, and how to mend it."""
    from bot.commands.doctor import examine

    findings = asyncio.run(examine(ask=not offline))
    if as_json:
        typer.echo(json.dumps(findings, ensure_ascii=False))
    else:
        for row in findings["settings"]:
            typer.echo(f"{row['name']:<30} {row['value']}")
        for problem in findings["problems"]:
            typer.echo(f"! {problem}", err=True)
    raise typer.Exit(1 if findings["problems"] else 0)


@app.command()
def bench(
    what: Annotated[
        str,
        typer.Argument(
            help="nlu, turn, webhook, crash, outages, peak, growth, memory, imports, desk, figures, broadcast"
        ),
    ],
    as_json: Annotated[bool, typer.Option("--json")] = False,
    kills: Annotated[int, typer.Option(min=1, help="crash: how often a process is killed, for each database")] = 100,
    recipients: Annotated[int, typer.Option(min=1, help="broadcast: how many people, on each database")] = 20_000,
) -> None:
    """Measurements (benchmarks/); goals and results in docs/performance.md."""
    import importlib

    sys.path.insert(0, str(Path(__file__).parent.parent))
    try:
        module = importlib.import_module(f"benchmarks.{what}")
    except ModuleNotFoundError:
        raise fail(f"there is no benchmark {what!r}") from None
    own = {"crash": {"kills": kills}, "broadcast": {"recipients": recipients}}
    module.run(json=as_json, **own.get(what, {}))


def main() -> None:
    """Entry point of the command."""
    _lazy("nlu", "bot.commands.teaching", "The understanding layer: train, parse, evaluate.")
    _lazy("sms", "bot.sms.cli", "SMS: set up and check.")
    _lazy("telegram", "bot.telegram.cli", "Telegram: set up and check.")
    _lazy("whatsapp", "bot.whatsapp.cli", "WhatsApp: set up and check, templates.")
    app()
