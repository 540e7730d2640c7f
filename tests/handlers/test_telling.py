"""Days, deadlines and working days as people read them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from handlers import telling
from tests.handlers.talking import NOW, Talk, memory


@pytest.mark.parametrize(
    ("zone", "shown"),
    [
        (None, "15 Apr 2026, 23.59 WIB"),
        ("WITA", "15 Apr 2026, 23.59 WIB (16 Apr, 00.59 WITA)"),
        ("WIT", "15 Apr 2026, 23.59 WIB (16 Apr, 01.59 WIT)"),
    ],
)
def test_a_deadline_is_told_by_the_programmes_clock_and_ones_own(zone: str | None, shown: str) -> None:
    with memory() as connection:
        turn = Talk(connection).turn("x")
        assert telling.deadline(replace(turn, chat={**turn.chat, "zone": zone}), date(2026, 4, 15)) == shown


def test_values_older_than_three_days_are_not_told() -> None:
    with memory() as connection:
        turn = Talk(connection).turn("x")
        assert telling.fresh(turn, NOW - timedelta(days=3))
        assert not telling.fresh(turn, NOW - timedelta(days=3, seconds=1))
        assert telling.moment(turn, NOW) == "24 Nov, 10.00 WIB"


def test_working_days_skip_weekends_and_holidays() -> None:
    friday = date(2026, 12, 18)
    assert telling.working_days_after(friday, 5) == date(2026, 12, 25)
    holidays = frozenset((date(2026, 12, 24), date(2026, 12, 25)))
    assert telling.working_days_after(friday, 5, holidays) == date(2026, 12, 29)
