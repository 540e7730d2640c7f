"""Days, moments and deadlines as people read them."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from handlers.catalogue import MONTHS
from handlers.turn import ZONES, Turn

OLDEST = timedelta(days=3)  # imported values older than this are hidden (design: People and proof)
WEEKDAYS = ("Senin", "Selasa", "Rabu", "Kamis", "Jumat", "Sabtu", "Minggu")
_LAST_MINUTE = time(23, 59)


def fresh(turn: Turn, as_of: datetime) -> bool:
    """Whether imported values of that moment may still be told."""
    return turn.now - as_of <= OLDEST


def day(value: date) -> str:
    """ "12 Mei 2026"."""
    return f"{value.day} {MONTHS[value.month - 1]} {value.year}"


def moment(turn: Turn, value: datetime) -> str:
    """A moment in the person's zone: "12 Mei, 06.00 WIB"; of another year with the year."""
    return moment_in(turn.zone, value, turn.now)


def moment_in(zone: str, value: datetime, now: datetime) -> str:
    """`moment` for a zone (WIB, WITA, WIT)."""
    local = value.astimezone(ZONES[zone])
    year = f" {local.year}" if local.year != now.astimezone(ZONES[zone]).year else ""
    return f"{local.day} {MONTHS[local.month - 1]}{year}, {local:%H.%M} {zone}"


def weekday_in(zone: str, value: datetime, now: datetime) -> str:
    """`moment_in` with the day of the week: "Kamis, 26 Nov, 16.00 WIB"."""
    return f"{WEEKDAYS[value.astimezone(ZONES[zone]).weekday()]}, {moment_in(zone, value, now)}"


def deadline(turn: Turn, value: date) -> str:
    """The end of a day by the programme's clock, elsewhere in both: "15 Apr 2026, 23.59 WIB (16 Apr, 00.59 WITA)"."""
    return deadline_in(turn.zone, value)


def deadline_in(zone: str, value: date) -> str:
    """`deadline` for a zone (WIB, WITA, WIT)."""
    official = f"{day(value)}, 23.59 WIB"
    if zone == "WIB":
        return official
    local = datetime.combine(value, _LAST_MINUTE, ZONES["WIB"]).astimezone(ZONES[zone])
    return f"{official} ({local.day} {MONTHS[local.month - 1]}, {local:%H.%M} {zone})"


def today(turn: Turn) -> date:
    """The day by the programme's clock (WIB)."""
    return turn.now.astimezone(ZONES["WIB"]).date()


def working_days_after(start: date, count: int, holidays: frozenset[date] = frozenset()) -> date:
    """The day that is `count` working days after another."""
    reached = start
    while count:
        reached += timedelta(days=1)
        if reached.weekday() < 5 and reached not in holidays:
            count -= 1
    return reached
