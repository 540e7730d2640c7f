"""`pandu broadcast`: announcements to exactly the right people, once (docs/broadcast.md)."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from sqlalchemy import Connection, RowMapping

from bot import campaign_start, campaign_test
from bot.commands.broadcast_create import By, Name, create
from bot.commands.broadcast_report import Json, clock, follow, lasting, report
from bot.commands.campaigns import known, room
from bot.commands.running import look, me, run, stop
from bot.commands.segments import app as segments_app
from bot.commands.tags import app as tags_app
from nlu.entities.numbers import find_phones
from storage import campaign_people, campaign_run, campaigns, ledger
from storage.database import database_now

app = typer.Typer(no_args_is_help=True)
app.command()(create)
app.add_typer(segments_app, name="segments", help="Saved filters.")
app.add_typer(tags_app, name="tags", help="Words on chats, to reach the same people again.")


@app.command()
def preview(name: Name, as_json: Json = False) -> None:
    """Who would get it, who not and why, ten examples, how each channel shows it, how long it takes, what it costs."""
    from bot import campaign_preview

    def work(connection: Connection) -> dict[str, Any]:
        now = database_now(connection)
        campaign, around = known(connection, name), room(connection)
        means = around.ways.means(around.catalogue)
        found = campaign_preview.look(connection, campaign, means, around.catalogue, now)
        in_way = campaign_start.in_the_way(connection, around, campaign, found["recipients"])
        return {**found, "in_the_way": [str(one) for one in in_way]}

    found = look(work)
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    typer.echo(f"{found['recipients']} recipients, {lasting(found['duration_hours'])}")
    for account, count in found["by_channel"].items():
        typer.echo(f"  {account:<28} {count:>9}")
    for reason, count in found["left_out"].items():
        typer.echo(f"  left out: {reason:<18} {count:>9}")
    cost = found["cost"]
    typer.echo(
        f"cost: WhatsApp {cost['currency']} {cost['whatsapp']} by list prices of {cost['prices_of']}, "
        f"SMS Rp{cost['sms_rupiah']} ({cost['sms_parts']} parts each)"
        + (f", Telegram at most {cost['telegram_stars']} Stars" if cost["telegram_stars"] else "")
    )
    if found["image"]:
        typer.echo(_pictured(found["image"]))
    for channel, text in found["channels"].items():
        typer.echo(f"\n--- {channel}\n{text}")
    for case in found["cases"]:
        when = ", ".join(name if held else f"not {name}" for name, held in case["when"].items())
        for channel, text in case["channels"].items():
            typer.echo(f"\n--- {channel}, {when}\n{text}")
    typer.echo("\n--- ten of them")
    for one in found["sample"]:
        first = one["text"].partition("\n")[0][:90] or one.get("left_out", "")
        typer.echo(f"chat {one['chat']} ({one['channel']}, {one['zone']}): {first}")
    for line in found["in_the_way"]:
        typer.echo(f"\nin the way: {line}")


@app.command()
def approve(
    name: Name,
    up_to: Annotated[
        int,
        typer.Option("--up-to", min=0, help="With --once: up to so many new people each time, where more will come."),
    ] = 0,
    by: By = "",
) -> None:
    """Approve a draft as the second person."""

    def work(connection: Connection) -> int:
        now = database_now(connection)
        campaign = known(connection, name)
        size = campaign_start.size(connection, campaign, now)
        return campaign_start.approve(connection, campaign, size, actor=me(by), now=now, up_to=up_to)

    typer.echo(f"{name} is approved for {run(work)} recipients")


@app.command(name="test")
def send_test(
    name: Name,
    phone: Annotated[str, typer.Option("--phone", help="Your own number, vouched for in a chat.")] = "",
    chat: Annotated[int, typer.Option("--chat", help="Number of your own chat instead.")] = 0,
    by: By = "",
) -> None:
    """Send it to yourself, with your own values or, where you have none, with the examples."""

    def work(connection: Connection) -> int:
        now = database_now(connection)
        chats = [chat] if chat else campaign_people.numbers_of_chats(connection, str(phones[0].value))
        content = room(connection).catalogue
        return campaign_test.send(connection, known(connection, name), chats, content, actor=me(by), now=now)

    if not phone and not chat:
        raise stop("--phone +62… or --chat NUMBER")
    phones = list(find_phones(phone[:40]))
    if not chat and len(phones) != 1:
        raise stop(f"--phone {phone}: no number of an Indonesian mobile phone")
    if not (count := run(work)):
        raise stop("there is no such chat; write to Pandu from it first")
    typer.echo(f"on its way to {count} of your chats")


@app.command()
def start(
    name: Name,
    watch: Annotated[bool, typer.Option("--watch", help="Stay and show how it goes.")] = False,
    by: By = "",
    as_json: Json = False,
) -> None:
    """Freeze the audience and let it go; with --at at creation: put it down for then."""

    def work(connection: Connection) -> dict[str, Any]:
        now, began = database_now(connection), time.monotonic()
        campaign = known(connection, name)
        found = campaign_start.begin(connection, campaign, room(connection), actor=me(by), now=now)
        if found["state"] == "running":
            seconds = round(time.monotonic() - began, 2)
            found |= {**ledger.counts(connection, campaign["id"]), "freeze_s": seconds}
        return found

    with Console(stderr=True).status("freezing the audience"):
        found = run(work)
    if not as_json and found["state"] == "scheduled":
        found["starts_at"] = clock(found["starts_at"])
    typer.echo(json.dumps(found) if as_json else ", ".join(f"{key} {value}" for key, value in found.items()))
    if watch and found["state"] == "running":
        follow(name)


@app.command()
def pause(name: Name, by: By = "") -> None:
    """Stop at the row where it is. At most what is being sent this moment still goes."""
    taken = run(_acting(name, lambda c, key, now: campaign_run.pause(c, key, actor=me(by), now=now)))
    typer.echo(f"{name} is paused; {taken} messages taken back")


@app.command()
def resume(name: Name, by: By = "") -> None:
    """Go on where it stood; the pace grows anew."""
    run(_acting(name, lambda c, key, now: campaign_run.resume(c, key, actor=me(by), now=now)))
    typer.echo(f"{name} goes on")


@app.command()
def cancel(
    name: Name,
    whole: Annotated[
        bool, typer.Option("--series", help="And all others of a repeated one: it does not come again.")
    ] = False,
    by: By = "",
) -> None:
    """End it for good: whoever was not written to is not. The next one of a repeated one stands by itself."""

    def all_of_it(connection: Connection) -> tuple[list[str], int]:
        return campaign_run.cancel_series(
            connection, known(connection, name), actor=me(by), now=database_now(connection)
        )

    if whole:
        names, closed = run(all_of_it)
        typer.echo(f"{', '.join(names)}: cancelled; {closed} recipients were not written to. It does not come again")
        return

    def work(connection: Connection, key: int, now: datetime) -> tuple[int, RowMapping | None]:
        return campaign_run.cancel(connection, key, actor=me(by), now=now), campaigns.next_of(connection, key)

    closed, following = run(_acting(name, work))
    typer.echo(f"{name} is cancelled; {closed} recipients were not written to")
    if following:
        day = clock(following["starts_at"].isoformat())
        typer.echo(f"the next one still begins on {day}; to end them all: pandu broadcast cancel {following['name']!r}")


@app.command()
def unschedule(name: Name, by: By = "") -> None:
    """Make one that waits for its time a draft again."""
    run(_acting(name, lambda c, key, now: campaign_run.unschedule(c, key, actor=me(by), now=now)))
    typer.echo(f"{name} is a draft again; nothing begins by itself")


@app.command()
def retry(
    name: Name,
    state: Annotated[str, typer.Option("--state", help="failed, skipped or unknown")] = "failed",
    reason: Annotated[str, typer.Option("--reason", help="Only with a reason that begins so.")] = "",
    by: By = "",
) -> None:
    """Try some again. Of `unknown` somebody may get it twice: that is yours to decide."""
    if state not in ("failed", "skipped", "unknown"):
        raise stop("--state: failed, skipped or unknown")
    if state == "skipped" and not reason:
        raise stop("--state skipped needs --reason")
    wanted = reason or None
    count = run(_acting(name, lambda c, key, now: campaign_run.retry(c, key, state, wanted, actor=me(by), now=now)))
    typer.echo(f"{count} recipients are tried again")


@app.command()
def settle(
    name: Name,
    as_: Annotated[str, typer.Option("--as", help="accepted or failed")],
    by: By = "",
) -> None:
    """Say what became of the sends that nobody knows the end of (`unknown`), without sending again."""
    if as_ not in ("accepted", "failed"):
        raise stop("--as: accepted or failed")

    count = run(_acting(name, lambda c, key, now: campaign_run.settle_unknown(c, key, as_, actor=me(by), now=now)))
    typer.echo(f"{count} recipients are {as_}")


def _pictured(image: dict[str, Any]) -> str:
    by = " and ".join(image["channels"]) or "no channel of this announcement"
    size = f"{image['width']} x {image['height']}, {math.ceil(image['size'] / 1000)} kB"
    return f"picture: {size}, by {by}; SMS and WhatsApp's templates go without it"


def _acting(name: str, act: Callable[[Connection, int, datetime], Any]) -> Callable[[Connection], Any]:
    return lambda connection: act(connection, known(connection, name)["id"], database_now(connection))


app.command()(report)
