"""The command `pandu`. Each command imports what it needs when it runs, so that `--help` is quick."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from bot import ports
from bot.alone import alone
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
from bot.commands.running import stop
from bot.commands.trouble import trouble


class _Commands(TyperGroup):
    """Whatever command stumbles over settings, a file or the database, says so in one line."""

    def invoke(self, ctx: Any) -> Any:
        """Runs the command."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            if told := trouble(error):
                raise stop(*told) from None
            raise


_WORKER_NICE = (
    5  # in a burst on one machine the web role stays fast: what waits is safe, what is refused comes again and again
)

app = typer.Typer(
    cls=_Commands,
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
        raise stop(f"--channel {channel}: one of telegram, whatsapp, web, sms")
    if db and (phone or channel != "terminal") and not db.endswith("/demo.db"):
        raise stop("--phone and --channel pretend; they work only on a temporary or demo database (leave --db out)")
    asyncio.run(terminal.run(jsonl=jsonl, url=db, phone=phone, channel=channel, samples=samples))


@app.command()
def demo(bind: Annotated[str, typer.Option("--bind", help="host:port")] = "127.0.0.1:8080") -> None:
    """Everything on one machine with sample data; prints the addresses; needs no token."""
    from bot.demo import run_demo

    asyncio.run(run_demo(bind))


@app.command()
def run(role: Annotated[str, typer.Option("--role", help="all, web, worker or sender")] = "all") -> None:
    """Serve: web, worker and sender together, or one of them (several processes need PostgreSQL)."""
    from bot import app as program
    from bot import logs, settings

    if role not in program.ROLES:
        raise stop(f"--role {role}: one of {', '.join(program.ROLES)}")
    loaded = settings.load()
    if role != "all" and loaded.database_url.startswith("sqlite"):
        raise stop("on SQLite one process runs all roles: leave --role out, or set PANDU_DATABASE_URL to PostgreSQL", 2)
    logs.configure(as_json=loaded.log_format == "json")
    addresses = ports.of(loaded, web=role in ("all", "web"))
    for name, address in addresses.items():
        if taken := ports.trouble(name, address):
            raise stop(taken, 2)

    async def tell() -> None:
        for address in addresses.values():
            await ports.answering(address)
        where = " and ".join(f"http://{address}" for address in addresses.values())
        typer.echo(f"Pandu ({role}) {f'on {where}' if where else 'is at work'}", err=True)

    async def serve() -> None:
        if role == "worker" and hasattr(os, "nice"):
            os.nice(_WORKER_NICE)
        await program.prepare_database(loaded)
        service = program.Service(loaded, program.parts(loaded), role=role)
        told: list[asyncio.Task[None]] = []
        await service.run(ready=lambda: told.append(asyncio.create_task(tell())))

    try:
        with alone(loaded):
            _loop_runner(serve)
    except RuntimeError as error:
        raise stop(str(error)) from None


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
    kills: Annotated[
        int,
        typer.Option(
            min=0,
            help="crash: how often a process is killed (100); broadcast: how often all of them (0); on each database",
        ),
    ] = 0,
    recipients: Annotated[int, typer.Option(min=1, help="broadcast: how many people, on each database")] = 20_000,
) -> None:
    """Measurements (benchmarks/); goals and results in docs/performance.md."""
    import importlib

    sys.path.insert(0, str(Path(__file__).parent.parent))
    try:
        module = importlib.import_module(f"benchmarks.{what}")
    except ModuleNotFoundError:
        raise stop(f"there is no benchmark {what!r}") from None
    own = {"crash": {"kills": kills or 100}, "broadcast": {"recipients": recipients, "kills": kills}}
    module.run(json=as_json, **own.get(what, {}))


def main() -> None:
    """Entry point of the command."""
    _lazy("nlu", "bot.commands.teaching", "The understanding layer: train, parse, evaluate.")
    _lazy("sms", "bot.sms.cli", "SMS: set up and check.")
    _lazy("telegram", "bot.telegram.cli", "Telegram: set up and check.")
    _lazy("whatsapp", "bot.whatsapp.cli", "WhatsApp: set up and check, templates.")
    app()
