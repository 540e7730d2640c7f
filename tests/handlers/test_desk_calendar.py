"""Shifts, holidays, working time and zones."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from handlers import desk_calendar
from handlers.desk_calendar import Calendar, Shift
from handlers.turn import ZONES
from storage import calendar, cases
from tests.handlers.talking import NOW, memory

WIB = ZONES["WIB"]
SPLIT = Calendar(shifts=tuple(Shift(day, a, b) for day in range(5) for a, b in ((480, 720), (780, 960))))


def at(text: str, zone: str = "WIB") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONES[zone]).astimezone(UTC)


@pytest.mark.parametrize(
    ("moment", "closing"),
    [
        ("2026-11-24T07:59", None),
        ("2026-11-24T08:00", "2026-11-24T12:00"),
        ("2026-11-24T12:00", None),  # between two shifts
        ("2026-11-24T15:59", "2026-11-24T16:00"),
        ("2026-11-28T10:00", None),  # Saturday
        ("2026-12-25T10:00", None),  # Christmas
        ("2026-12-24T10:00", None),  # cuti bersama
    ],
)
def test_a_shift_is_open_from_its_beginning_to_its_end(moment: str, closing: str | None) -> None:
    assert SPLIT.closing(at(moment)) == (at(closing) if closing else None)


def test_the_next_opening_skips_weekends_and_holidays() -> None:
    assert SPLIT.opening(at("2026-11-24T12:10")) == at("2026-11-24T13:00")
    assert SPLIT.opening(at("2026-11-27T16:00")) == at("2026-11-30T08:00")
    assert SPLIT.opening(at("2026-12-23T16:00")) == at("2026-12-28T08:00")
    assert Calendar(shifts=()).opening(NOW) is None


def test_entered_days_count_over_the_library() -> None:
    own = Calendar(shifts=SPLIT.shifts, entered={date(2026, 12, 25): False, date(2026, 11, 25): True})
    assert own.is_open(at("2026-12-25T10:00"))
    assert not own.is_open(at("2026-11-25T10:00"))


def test_a_time_of_its_own_has_only_its_own_hours() -> None:
    first, last = date(2026, 2, 18), date(2026, 3, 17)
    ramadan = (*SPLIT.shifts, Shift(0, 8 * 60, 15 * 60, "WIB", first, last))
    times = Calendar(shifts=ramadan)
    assert times.closing(at("2026-02-23T14:00")) == at("2026-02-23T15:00")
    assert not times.is_open(at("2026-02-24T10:00"))  # a Tuesday of Ramadan: nothing is entered
    assert times.closing(at("2026-04-06T10:00")) == at("2026-04-06T12:00")


def test_shifts_in_another_zone_and_shifts_that_touch() -> None:
    times = Calendar(shifts=(Shift(1, 480, 720, "WIT"), Shift(1, 600, 960, "WIB")))
    assert times.closing(at("2026-11-24T08:30", "WIT")) == at("2026-11-24T16:00", "WIB")
    assert times.opening(at("2026-11-24T05:00", "WIB")) == at("2026-11-24T06:00", "WIB")


def test_working_minutes_run_only_while_the_desk_is_open() -> None:
    assert SPLIT.after_minutes(at("2026-11-24T11:50"), 15) == at("2026-11-24T13:05")
    assert SPLIT.after_minutes(at("2026-11-27T15:00"), 240) == at("2026-11-30T11:00")
    assert SPLIT.after_minutes(at("2026-11-28T03:00"), 15) == at("2026-11-30T08:15")


def test_working_days_end_with_the_last_shift_of_the_last_day() -> None:
    assert SPLIT.after_days(at("2026-11-24T10:00"), 3) == at("2026-11-27T16:00")
    assert SPLIT.after_days(at("2026-11-26T10:00"), 3) == at("2026-12-01T16:00")
    assert SPLIT.after_days(at("2026-12-23T10:00"), 1) == at("2026-12-28T16:00")


def test_a_desk_that_is_never_open_still_has_an_end() -> None:
    shut = Calendar(shifts=())
    assert shut.after_days(NOW, 3) == NOW + timedelta(days=3)
    assert shut.after_minutes(NOW, 15) == NOW + timedelta(minutes=15)


def test_due_follows_the_rule_else_the_priority() -> None:
    with memory() as connection:
        assert desk_calendar.due(connection, topic="uang", priority=cases.NORMAL, now=NOW) == at("2026-11-27T16:00")
        assert desk_calendar.due(connection, topic="uang", priority=cases.URGENT, now=NOW) == at("2026-11-24T14:00")
        assert desk_calendar.due(connection, topic="danger", priority=cases.DANGER, now=NOW) == at("2026-11-24T10:15")
        _shift(connection)
        assert desk_calendar.due(connection, topic="uang", priority=cases.URGENT, now=NOW) == at("2026-11-24T15:00")
        calendar.set_rule(connection, topic="uang", priority=cases.URGENT, first_response_minutes=5, working_days=1)
        assert desk_calendar.due(connection, topic="uang", priority=cases.URGENT, now=NOW) == at("2026-11-25T16:00")


def _shift(connection: Connection) -> None:
    calendar.set_shifts(connection, range(5), [(480, 720), (780, 960)])


SHIFTS = st.builds(
    lambda day, opens, length, zone: Shift(day, opens, min(1440, opens + length), zone),
    st.integers(0, 6),
    st.integers(0, 1379),
    st.integers(60, 900),
    st.sampled_from(sorted(ZONES)),
)


@settings(max_examples=60, deadline=None)
@given(
    shifts=st.lists(SHIFTS, min_size=1, max_size=8),
    start=st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001
    minutes=st.integers(1, 600),
)
def test_due_moments_are_later_and_lie_within_the_hours(shifts: list[Shift], start: datetime, minutes: int) -> None:
    times = Calendar(shifts=tuple(shifts))
    due = times.after_minutes(start, minutes)
    assert due >= start + timedelta(minutes=minutes)
    assert times.is_open(due - timedelta(seconds=1))
    assert times.after_minutes(start, minutes + 1) > due
    opening = times.opening(start)
    assert opening is not None
    assert times.is_open(opening)
    assert opening > start
    assert not times.is_open(opening - timedelta(microseconds=1))
