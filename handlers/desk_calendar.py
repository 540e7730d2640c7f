"""When agents are there and by when something is answered: shifts, holidays and cuti bersama, working time, three zones.

Holidays come from the library `holidays` (the yearly decree of three ministers); what operators enter counts over it.
Where no hours are entered, working time is Monday to Friday, 08–16 WIB.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

from sqlalchemy import Connection

from handlers.turn import ZONES
from storage import calendar, cases

_AHEAD = 120  # days that are looked at; Lebaran takes ten
_DAY = timedelta(days=1)
_OFFICE = tuple((weekday, 8 * 60, 16 * 60) for weekday in range(5))
_MINUTES = {
    cases.DANGER: 15,
    cases.URGENT: 4 * 60,
}  # working minutes until a case is answered, where no rule is entered
_DAYS = 3


@dataclass(frozen=True, slots=True)
class Shift:
    """A weekday's span in minutes after midnight, of every week or of a time of its own."""

    weekday: int
    opens: int
    closes: int
    zone: str = "WIB"
    first_day: date | None = None
    last_day: date | None = None

    def covers(self, day: date) -> bool:
        """Whether a time of its own holds on that day."""
        return self.first_day is not None and self.last_day is not None and self.first_day <= day <= self.last_day


@lru_cache(maxsize=16)
def national_days(year: int) -> Mapping[date, str]:
    """National holidays and cuti bersama of a year, with their names."""
    from holidays import country_holidays  # a tenth of a second; few turns need it

    found = country_holidays("ID", years=year, categories=("public", "government"), language="id")
    return {day: str(name) for day, name in found.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """The desk's hours."""

    shifts: tuple[Shift, ...]
    entered: Mapping[date, bool] = field(default_factory=dict)  # day → closed; over the holidays

    def works(self, day: date) -> bool:
        """Whether the day is none of the closed ones."""
        return not self.entered.get(day, day in national_days(day.year))

    def spans(self, day: date) -> list[tuple[datetime, datetime]]:
        """The shifts of a day as moments in UTC, joined where one follows the other."""
        if not self.works(day):
            return []
        own = any(shift.covers(day) for shift in self.shifts)
        found = sorted(
            (_moment(day, shift.opens, shift.zone), _moment(day, shift.closes, shift.zone))
            for shift in self.shifts
            if shift.weekday == day.weekday() and (shift.covers(day) if own else shift.first_day is None)
        )
        return _joined(found)

    def is_open(self, now: datetime) -> bool:
        """Whether somebody should be there."""
        return self.closing(now) is not None

    def closing(self, now: datetime) -> datetime | None:
        """The end of the present shift; None while closed."""
        return next((end for start, end in self._spans_from(now) if start <= now < end), None)

    def opening(self, now: datetime) -> datetime | None:
        """The next beginning of a shift after now; None where none comes in the next months."""
        return next((start for start, _ in self._spans_from(now) if start > now), None)

    def after_minutes(self, start: datetime, minutes: int) -> datetime:
        """The moment so many working minutes after another."""
        left = timedelta(minutes=minutes)
        for begins, ends in self._spans_from(start):
            begins = max(begins, start)
            if ends - begins >= left:
                return begins + left
            left -= max(timedelta(0), ends - begins)
        return start + left

    def after_days(self, start: datetime, count: int) -> datetime:
        """The end of the last shift of the working day that is `count` working days after another."""
        today = start.astimezone(ZONES["WIB"]).date()
        for offset in range(1, _AHEAD):
            if spans := self.spans(today + offset * _DAY):
                count -= 1
                if count == 0:
                    return spans[-1][1]
        return start + count * _DAY

    def _spans_from(self, start: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Shifts that end after a moment, in their order."""
        first = start.astimezone(ZONES["WIB"]).date() - _DAY  # elsewhere the day may have begun or not ended
        found = _joined([span for offset in range(3) for span in self.spans(first + offset * _DAY)])
        yield from (span for span in found if span[1] > start)
        for offset in range(3, _AHEAD):
            yield from self.spans(first + offset * _DAY)


def _moment(day: date, minute: int, zone: str) -> datetime:
    return (datetime.combine(day, time(0), ZONES[zone]) + timedelta(minutes=minute)).astimezone(UTC)


def _joined(spans: Sequence[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    found: list[tuple[datetime, datetime]] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def load(connection: Connection) -> Calendar:
    """The calendar as operators have entered it."""
    rows = calendar.shifts(connection)
    names = ("weekday", "opens", "closes", "zone", "first_day", "last_day")
    shifts = tuple(Shift(*(row[name] for name in names)) for row in rows) or tuple(Shift(*row) for row in _OFFICE)
    return Calendar(shifts=shifts, entered={row["day"]: row["closed"] for row in calendar.days(connection)})


def due(connection: Connection, *, topic: str, priority: int, now: datetime) -> datetime:
    """By when a case is to be answered: by the operator's rule, else 15 working minutes, four working hours or three working days by priority."""
    times = load(connection)
    rule = calendar.rule(connection, topic, priority)
    minutes = rule["working_minutes"] if rule else _MINUTES.get(priority)
    days = rule["working_days"] if rule else _DAYS
    return times.after_minutes(now, minutes) if minutes is not None else times.after_days(now, days)
