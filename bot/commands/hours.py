"""`pandu hours`: when agents are there, and on which days they are not. Without hours there is no desk."""

from __future__ import annotations

import csv
import json
import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import Connection, RowMapping

from bot.commands.running import me, run, stop
from handlers import desk_calendar, telling
from handlers.turn import ZONES
from storage import calendar
from storage.database import database_now

app = typer.Typer(no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json")]
Day = Annotated[str, typer.Argument(help="As in 2026-12-31.")]
_NAMES = tuple(name.lower() for name in telling.WEEKDAYS)
_SPAN = re.compile(r"(\d{1,2})[.:](\d\d)\s*[-–]\s*(\d{1,2})[.:](\d\d)")
CLOSED = "tutup"


@app.command()
def show(as_json: Json = False) -> None:
    """The shifts, what is entered over the holidays, and the holidays of this year and the next."""

    def work(connection: Connection) -> dict[str, object]:
        today = database_now(connection).date()
        known = {**desk_calendar.national_days(today.year), **desk_calendar.national_days(today.year + 1)}
        return {
            "shifts": [_shift(row) for row in calendar.shifts(connection)],
            "days": [
                {"day": str(row["day"]), "name": row["name"], "closed": row["closed"]}
                for row in calendar.days(connection, since=today)
            ],
            "holidays": [{"day": str(day), "name": name} for day, name in sorted(known.items()) if day >= today],
        }

    found = run(work)
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    for shift in found["shifts"]:
        typer.echo(f"{shift['day']:<8} {shift['span']} {shift['zone']}  {shift['period']}".rstrip())
    if not found["shifts"]:
        typer.echo("no hours: there is no desk; `pandu hours set senin-jumat 08.00-12.00,13.00-16.00`")
    for row in found["days"]:
        typer.echo(f"{row['day']}  {'closed' if row['closed'] else 'open'}  {row['name']}")
    for row in found["holidays"]:
        typer.echo(f"{row['day']}  holiday  {row['name']}")


@app.command(name="set")
def set_(
    weekdays: Annotated[str, typer.Argument(help="senin, senin-jumat, sabtu,minggu")],
    spans: Annotated[str, typer.Argument(help=f"08.00-12.00,13.00-16.00, or {CLOSED}")],
    zone: Annotated[str, typer.Option("--zone", help="WIB, WITA or WIT")] = "WIB",
    first: Annotated[str, typer.Option("--from", help="First day of a time of its own, as Ramadan.")] = "",
    last: Annotated[str, typer.Option("--to", help="Its last day.")] = "",
) -> None:
    """Write the shifts of weekdays over the former ones of the same period. In a time of its own only its own shifts count."""
    if zone not in ZONES:
        raise stop(f"--zone {zone}: one of {', '.join(ZONES)}")
    if bool(first) != bool(last):
        raise stop("--from and --to go together")
    days, found = _weekdays(weekdays), [] if spans == CLOSED else _spans(spans)
    begins, ends = (_day(first), _day(last)) if first else (None, None)
    if begins and ends and ends < begins:
        raise stop("--to is before --from")
    run(lambda c: calendar.set_shifts(c, days, found, zone=zone, first_day=begins, last_day=ends))
    typer.echo("kept; `pandu hours show` shows all")


@app.command()
def close(day: Day, name: Annotated[str, typer.Argument(help="Why, as in cuti bersama.")]) -> None:
    """Close the desk on a day."""
    _enter(day, name, closed=True)


@app.command(name="open")
def open_(day: Day, name: Annotated[str, typer.Argument()] = "buka") -> None:
    """Open the desk on a day although it is a holiday."""
    _enter(day, name, closed=False)


@app.command()
def clear(day: Day) -> None:
    """Forget what was entered for a day: the holidays decide again."""
    when = _day(day)
    if not run(lambda connection: calendar.clear_day(connection, when)):
        raise stop(f"nothing is entered for {day}")
    typer.echo(f"{day} forgotten")


@app.command(name="import")
def import_(
    path: Annotated[Path, typer.Argument(help="CSV with the columns day, name, state (closed or open).")],
) -> None:
    """Enter many days at once, as a year's decree. All of them or none."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError) as error:
        raise stop(f"{path}: {error}") from None
    entered = [_row(number, row) for number, row in enumerate(rows, 2)]
    if not entered:
        raise stop(f"{path}: no rows; the heading is day,name,state")

    def work(connection: Connection) -> None:
        now = database_now(connection)
        for day, name, closed in entered:
            calendar.set_day(connection, day, name=name, closed=closed, author=me(), now=now)

    run(work)
    typer.echo(f"{len(entered)} days kept")


def _row(number: int, row: dict[str, str]) -> tuple[date, str, bool]:
    try:
        day, name, state = date.fromisoformat(row["day"].strip()), row["name"].strip(), row["state"].strip()
    except (KeyError, AttributeError, ValueError):
        raise stop(f"line {number}: day (2026-12-31), name and state are wanted") from None
    if state not in ("closed", "open") or not 1 <= len(name) <= 120:
        raise stop(f"line {number}: state is closed or open, name has 1 to 120 characters")
    return day, name, state == "closed"


def _enter(day: str, name: str, *, closed: bool) -> None:
    when = _day(day)
    now = datetime.now(UTC)
    run(lambda connection: calendar.set_day(connection, when, name=name[:120], closed=closed, author=me(), now=now))
    typer.echo(f"{day} {'closed' if closed else 'open'}")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise stop(f"{text}: no day, as in 2026-12-31") from None


def _weekdays(text: str) -> list[int]:
    """ "senin-jumat", "sabtu,minggu" as numbers, Monday = 0."""
    found: list[int] = []
    for part in text.lower().replace("jum'at", "jumat").split(","):
        ends = [name.strip() for name in part.split("-")]
        if len(ends) > 2 or any(name not in _NAMES for name in ends):
            raise stop(f"{part.strip()}: weekdays are {', '.join(_NAMES)}, as in senin-jumat")
        first, last = _NAMES.index(ends[0]), _NAMES.index(ends[-1])
        found += [day % 7 for day in range(first, last + 1 + (7 if last < first else 0))]
    return sorted(set(found))


def _spans(text: str) -> list[tuple[int, int]]:
    found = []
    for part in text.split(","):
        match = _SPAN.fullmatch(part.strip())
        if match is None:
            raise stop(f"{part.strip()}: no shift, as in 08.00-12.00")
        opens, closes = int(match[1]) * 60 + int(match[2]), int(match[3]) * 60 + int(match[4])
        found.append((opens, closes))
    return found


def _shift(values: RowMapping) -> dict[str, str]:
    period = f"{values['first_day']} to {values['last_day']}" if values["first_day"] else ""
    span = f"{_clock(values['opens'])}-{_clock(values['closes'])}"
    return {"day": _NAMES[values["weekday"]], "span": span, "zone": values["zone"], "period": period}


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}.{minutes % 60:02}"
