"""`pandu broadcast`: announcements to exactly the right people, once (docs/broadcast.md)."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from sqlalchemy import Connection, RowMapping

from bot import campaign_files, campaign_report, campaign_start, settings
from bot.commands.running import look, me, run, stop
from bot.commands.segments import app as segments_app
from bot.policy import own_hosts
from handlers import announcement, catalogue, templates
from handlers.announcement import Frame
from handlers.subscription import TOPICS
from handlers.turn import ZONES
from storage import audience, campaign_people, campaigns, ledger, outbox
from storage.database import Database, database_now

app = typer.Typer(no_args_is_help=True)
app.add_typer(segments_app, name="segments", help="Saved filters.")

Name = Annotated[str, typer.Argument(help="The campaign's name.")]
By = Annotated[str, typer.Option("--by", help="Who does it; default: the user of this machine.")]
Json = Annotated[bool, typer.Option("--json")]
_LOOK_SECONDS = 2.0


@app.command()
def create(
    name: Name,
    content: Annotated[Path, typer.Option("--content", help="YAML: text, words, link, template … (docs/broadcast.md)")],
    filter_file: Annotated[Path | None, typer.Option("--filter", help="YAML: who; without it everybody.")] = None,
    segment: Annotated[str, typer.Option("--segment", help="A saved filter instead.")] = "",
    numbers: Annotated[
        Path | None, typer.Option("--numbers", help="CSV: number,consent_source,consent_date,consent_wording")
    ] = None,
    numbers_by: Annotated[
        str, typer.Option("--numbers-by", help="whatsapp or sms: how numbers without a chat are written to.")
    ] = "",
    channels: Annotated[str, typer.Option("--channels", help="Which, the preferred first.")] = "telegram,whatsapp,sms",
    topic: Annotated[str, typer.Option("--topic", help="Only its subscribers: gelombang, insentif, pelatihan.")] = "",
    wave: Annotated[bool, typer.Option("--wave", help="The news that a wave has opened.")] = False,
    source: Annotated[str, typer.Option("--source", help="Its official page, https://….go.id/….")] = "",
    until: Annotated[str, typer.Option("--until", help="Nothing of it goes later: 2026-12-01T23:59 (WIB).")] = "",
    spread: Annotated[float, typer.Option("--spread", min=0, help="Hours over which it is spread at least.")] = 0,
    at: Annotated[str, typer.Option("--at", help="Start by itself then: 2026-12-01T09:00 (WIB).")] = "",
    repeat: Annotated[str, typer.Option("--repeat", help="daily, weekly or monthly, from --at on.")] = "",
    by: By = "",
) -> None:
    """Make a draft. Nothing is sent."""
    loaded = _settings()
    accounts = campaign_files.sources(loaded, [part.strip() for part in channels.split(",") if part.strip()])
    if not accounts:
        raise stop(f"none of {channels} is configured; `pandu doctor`")
    if topic and topic not in TOPICS[:-1]:
        raise stop(f"--topic {topic}: one of {', '.join(TOPICS[:-1])}")
    if repeat and (repeat not in campaign_start.REPEATS or not at):
        raise stop(f"--repeat is one of {', '.join(campaign_start.REPEATS)} and needs --at")
    if wave and (not until or not source):
        raise stop("--wave needs --source (the official page) and --until (when the wave closes)")
    if numbers and (filter_file or segment):
        raise stop("--numbers is an audience of its own; leave --filter and --segment out")
    by_account = next((one for one in accounts if one.startswith(f"{numbers_by}:")), "") if numbers_by else ""
    if numbers_by and not by_account:
        raise stop(f"--numbers-by {numbers_by}: not among the channels that are configured")
    values: dict[str, Any] = {
        "name": _named(name),
        "kind": "wave" if wave else "news",
        "topic": topic or None,
        "sources": list(accounts),
        "official_source": source or None,
        "valid_until": _moment(until),
        "spread_hours": max(spread, loaded.broadcast_wave_hours) if wave else spread,
        "starts_at": _moment(at),
        "repeat": repeat or None,
    }

    def work(connection: Connection) -> int:
        now = database_now(connection)
        values["content"] = announcement.read(campaign_files.load(content))
        in_way = announcement.problems(
            values["content"],
            _frame(values),
            hosts=own_hosts(loaded),
            wanted=templates.wanted(catalogue.load()),
        )
        if in_way:
            raise ValueError(f"{content}: " + "; ".join(in_way))
        values["audience"] = {"filter": _tree(connection, filter_file, segment, now)}
        rows = campaign_files.read_numbers(numbers) if numbers else []
        key = campaigns.create(connection, values, actor=me(by), now=now)
        if numbers:
            campaigns.add_numbers(connection, key, rows)
            chosen = {"filter": {}, "numbers_of": key, "numbers_by": by_account or None}
            campaigns.change(connection, key, audience=chosen)
            campaigns.match_numbers(connection, key, values["sources"])
        return key

    run(work)
    typer.echo(f"{name} is a draft; look at it: pandu broadcast preview {name!r}")


@app.command()
def preview(name: Name, as_json: Json = False) -> None:
    """Who would get it, who not and why, ten examples, how each channel shows it, how long it takes, what it costs."""
    from bot import campaign_preview
    from bot.campaign_means import means

    loaded, content = _settings(), catalogue.load()

    def work(connection: Connection) -> dict[str, Any]:
        now = database_now(connection)
        campaign = _known(connection, name)
        found = campaign_preview.look(connection, campaign, means(loaded, content), content, now)
        return {**found, "in_the_way": _in_the_way(connection, loaded, campaign, found["recipients"])}

    found = look(work)
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    typer.echo(f"{found['recipients']} recipients, about {found['duration_hours']} hours")
    for account, count in found["by_channel"].items():
        typer.echo(f"  {account:<28} {count:>9}")
    for reason, count in found["left_out"].items():
        typer.echo(f"  left out: {reason:<18} {count:>9}")
    cost = found["cost"]
    typer.echo(
        f"cost: WhatsApp {cost['currency']} {cost['whatsapp']} by list prices of {cost['prices_of']}, "
        f"SMS Rp{cost['sms_rupiah']} ({cost['sms_parts']} parts each)"
    )
    for channel, text in found["channels"].items():
        typer.echo(f"\n--- {channel}\n{text}")
    for one in found["sample"]:
        first = one["text"].partition("\n")[0][:90] or one.get("left_out", "")
        typer.echo(f"\nchat {one['chat']} ({one['channel']}, {one['zone']}): {first}")
    for line in found["in_the_way"]:
        typer.echo(f"\nin the way: {line}")


@app.command()
def approve(name: Name, by: By = "") -> None:
    """Approve a draft as the second person."""

    def work(connection: Connection) -> int:
        now = database_now(connection)
        campaign = _known(connection, name)
        size = campaign_start.size(connection, campaign, now)
        campaigns.approve(connection, campaign, size, actor=me(by), now=now)
        return size

    typer.echo(f"{name} is approved for {run(work)} recipients")


@app.command(name="test")
def send_test(
    name: Name,
    phone: Annotated[str, typer.Option("--phone", help="Your own number, vouched for in a chat.")] = "",
    chat: Annotated[int, typer.Option("--chat", help="Number of your own chat instead.")] = 0,
) -> None:
    """Send it to yourself, with your own values or, where you have none, with the examples."""

    def work(connection: Connection) -> int:
        now = database_now(connection)
        campaign = _known(connection, name)
        chats = [chat] if chat else campaign_people.numbers_of_chats(connection, phone)
        people = campaign_people.facts(connection, chats, None)
        for person in people.values():
            outbox.enqueue(connection, [_test_draft(campaign, person, now)], now)
        return len(people)

    if not phone and not chat:
        raise stop("--phone +62… or --chat NUMBER")
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
    loaded = _settings()

    def work(connection: Connection) -> dict[str, Any]:
        now = database_now(connection)
        campaign = _known(connection, name)
        size = campaign_start.size(connection, campaign, now)
        if in_way := _in_the_way(connection, loaded, campaign, size):
            raise ValueError("; ".join(in_way))
        if campaign["starts_at"] and campaign["starts_at"] > now and campaign["state"] == "draft":
            campaigns.change(connection, campaign["id"], state="scheduled")
            campaigns.note(connection, campaign["id"], me(by), "schedule", now)
            return {"state": "scheduled", "starts_at": campaign["starts_at"].isoformat()}
        began = time.monotonic()
        approval = loaded.broadcast_approval_from
        rows = campaign_start.go(connection, campaign, approval_from=approval, actor=me(by), now=now)
        seconds = round(time.monotonic() - began, 2)
        return {"state": "running", "rows": rows, **ledger.counts(connection, campaign["id"]), "freeze_s": seconds}

    with Console(stderr=True).status("freezing the audience"):
        found = run(work)
    typer.echo(json.dumps(found) if as_json else ", ".join(f"{key} {value}" for key, value in found.items()))
    if watch and found["state"] == "running":
        _watch(name)


@app.command()
def pause(name: Name, by: By = "") -> None:
    """Stop at the row where it is. At most what is being sent this moment still goes."""
    taken = run(_acting(name, lambda c, key, now: campaigns.pause(c, key, actor=me(by), now=now)))
    typer.echo(f"{name} is paused; {taken} messages taken back")


@app.command()
def resume(name: Name, by: By = "") -> None:
    """Go on where it stood; the pace grows anew."""
    run(_acting(name, lambda c, key, now: campaigns.resume(c, key, actor=me(by), now=now)))
    typer.echo(f"{name} goes on")


@app.command()
def cancel(name: Name, by: By = "") -> None:
    """End it for good: whoever was not written to is not."""
    closed = run(_acting(name, lambda c, key, now: campaigns.cancel(c, key, actor=me(by), now=now)))
    typer.echo(f"{name} is cancelled; {closed} recipients were not written to")


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
    count = run(_acting(name, lambda c, key, now: campaigns.retry(c, key, state, wanted, actor=me(by), now=now)))
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

    def work(connection: Connection, key: int, now: datetime) -> int:
        count = ledger.decide_unknown(connection, key, as_, f"decided by {me(by)}", now)
        campaigns.note(connection, key, me(by), "settle", now, f"{count} unknown as {as_}")
        return count

    typer.echo(f"{run(_acting(name, work))} recipients are {as_}")


@app.command()
def report(
    name: Annotated[str, typer.Argument(help="The campaign's name; without it all of them.")] = "",
    watch: Annotated[bool, typer.Option("--watch", help="Stay and show how it goes.")] = False,
    out: Annotated[Path | None, typer.Option("--out", help="The ledger as .csv or .xlsx.")] = None,
    as_json: Json = False,
) -> None:
    """How it goes, or went: states and reasons, pace, answers, who did what."""
    if not name:
        rows = look(campaigns.all_of)
        shown = [{"name": row["name"], "state": row["state"], "size": row["frozen_size"]} for row in rows]
        typer.echo(json.dumps(shown) if as_json else "\n".join(_line(row) for row in shown) or "no campaigns")
        return
    if watch:
        _watch(name)
    found = _report(name)
    if out:
        typer.echo(f"{_written(name, out)} rows in {out}", err=as_json)
    typer.echo(json.dumps(found, ensure_ascii=False, default=str) if as_json else _told(found))


# -- how it is said ----------------------------------------------------------------------------------------------------


def _line(row: dict[str, Any]) -> str:
    return f"{row['name']:<40} {row['state']:<10} {row['size'] or '':>9}"


def _told(found: dict[str, Any]) -> str:
    lines = [f"{found['name']}: {found['state']}" + (f" ({found['why']})" if found["why"] else "")]
    lines.append(f"audience {found['audience']}: " + ", ".join(f"{k} {v}" for k, v in found["states"].items()))
    lines += [f"  {r['state']:<10} {r['reason']:<50} {r['source']:<24} {r['count']:>8}" for r in found["reasons"]]
    end = f", end about {found['estimated_end']}" if found["estimated_end"] else ""
    lines.append(f"{found['per_second']} a second, {found['to_come']} to come{end}")
    lines.append(
        f"reached {found['reached']}, delivered {found['delivered']}, read {found['read']}, "
        f"replied {found['replied']}, stopped since {found['opted_out_after']}"
    )
    lines += [f"  asked next: {intent} {count}" for intent, count in found["asked"].items()]
    lines += [f"  {a['at']}  {a['actor']:<20} {a['what']} {a['note'] or ''}".rstrip() for a in found["acts"]]
    return "\n".join(lines)


def _watch(name: str) -> None:
    """A progress bar until it stands still; Ctrl-C leaves it going."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())

    def work(connection: Connection) -> tuple[RowMapping, dict[str, int]]:
        campaign = _known(connection, name)
        return campaign, ledger.counts(connection, campaign["id"])

    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(name, total=None)
        while True:
            campaign, states = look(work)
            whole = sum(states.values())
            done = whole - sum(states.get(state, 0) for state in campaign_report.TO_COME)
            bar.update(task, total=whole, completed=done, description=f"{name} {campaign['state']}")
            if campaign["state"] != "running":
                return
            time.sleep(_LOOK_SECONDS)


def _report(name: str) -> dict[str, Any]:
    return look(  # type: ignore[no-any-return]
        lambda connection: campaign_report.report(connection, _known(connection, name), database_now(connection))
    )


def _written(name: str, out: Path) -> int:
    async def go() -> int:
        database = Database(_settings().database_url)
        try:
            campaign = await database.read(lambda connection: _known(connection, name))
            return await campaign_report.write_ledger(database, campaign["id"], out)
        finally:
            await database.close()

    if out.suffix.lower() not in (".csv", ".xlsx"):
        raise stop("--out: a name that ends in .csv or .xlsx")
    return asyncio.run(go())


# -- what it needs -----------------------------------------------------------------------------------------------------


def _settings() -> settings.Settings:
    try:
        return settings.load()
    except settings.SettingsError as error:
        raise stop(str(error), 2) from None


def _named(name: str) -> str:
    if not 1 <= len(name.strip()) <= 60:
        raise stop("a name has 1 to 60 characters")
    return name.strip()


def _known(connection: Connection, name: str) -> RowMapping:
    if (found := campaigns.by_name(connection, name)) is None:
        raise ValueError(f"no campaign {name!r}; `pandu broadcast report` shows them")
    return found


def _acting(name: str, act: Callable[[Connection, int, datetime], Any]) -> Callable[[Connection], Any]:
    return lambda connection: act(connection, _known(connection, name)["id"], database_now(connection))


def _tree(connection: Connection, path: Path | None, segment: str, now: datetime) -> dict[str, Any]:
    if segment:
        saved = {row["name"]: row["filter"] for row in audience.saved_segments(connection)}
        if segment not in saved:
            raise ValueError(f"no segment {segment!r}; `pandu broadcast segments list`")
        return dict(saved[segment])
    return campaign_files.read_filter(campaign_files.load(path), now) if path else {}


def _moment(text: str) -> datetime | None:
    """A time of WIB, or with a zone of its own."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise stop(f"{text}: no time, as in 2026-12-01T09:00") from None
    return found if found.tzinfo else found.replace(tzinfo=ZONES["WIB"])


def _frame(campaign: Any) -> Frame:
    return Frame(kind=campaign["kind"], source=campaign["official_source"] or "", catalogue=catalogue.load())


def _in_the_way(connection: Connection, loaded: settings.Settings, campaign: RowMapping, size: int) -> list[str]:
    """Why it may not start now; a template is looked up as Meta holds it."""
    content = catalogue.load()
    wanted = templates.wanted(content)
    found = announcement.problems(campaign["content"], _frame(campaign), hosts=own_hosts(loaded), wanted=wanted)
    template = campaign["content"].get("template")
    if template and any(one.startswith("whatsapp:") for one in campaign["sources"]):
        from bot.whatsapp.templates import problems

        held = problems(connection, loaded.whatsapp_account_id, wanted, name=template["name"])
        found += [problem.message for problem in held]
    if why := campaigns.obstacle(campaign, size, int(loaded.broadcast_approval_from)):
        found.append(why)
    return found


def _test_draft(campaign: RowMapping, person: dict[str, Any], now: datetime) -> outbox.Draft:
    values = {**announcement.SAMPLE, **announcement.values(person, now, catalogue.load())}
    reply = announcement.render(campaign["content"], _frame(campaign), person["channel"], values)
    return outbox.Draft(
        chat_id=person["id"],
        source=f"{person['channel']}:{person['account']}",
        payload=reply.to_json(),
        owner_version=person["owner_version"],
        expires_at=now + timedelta(hours=1),
        lane=outbox.BROADCASTS,
        author="test",
    )
