"""How fast an announcement may go, and when it stops by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import campaign_start, pace

START = datetime(2026, 11, 24, 5, 0, tzinfo=UTC)


def campaign(**values):
    fresh = {"ramp_from": START, "paced_at": START, "credit": 0.0, "spread_hours": 0.0, "frozen_size": 1000}
    return {**fresh, "tried": 0.0, "failed": 0.0, "gone": 0.0, **values}


def test_it_grows_over_the_ramp_and_then_nothing_holds_it_back() -> None:
    later = [START + timedelta(seconds=1), START + timedelta(minutes=3), START + timedelta(minutes=5)]
    first, middle, last = (pace.credit(campaign(paced_at=t - timedelta(seconds=1)), 100.0, 5, t) for t in later)
    assert first == pytest.approx(5, rel=0.1)
    assert middle == pytest.approx(60, rel=0.1)
    assert last is None


@given(st.lists(st.floats(0.05, 3600), min_size=1, max_size=60))
def test_spread_over_hours_it_never_runs_ahead(gaps: list[float]) -> None:
    row, now, sent = campaign(spread_hours=1.0, frozen_size=3600), START, 0
    for gap in gaps:
        now += timedelta(seconds=gap)
        credit = pace.credit(row, 30.0, 0, now)
        assert credit is not None
        sent += int(credit)
        row |= {"credit": credit - int(credit), "paced_at": now}
        assert sent <= (now - START).total_seconds() + 1


def test_a_night_is_not_caught_up_in_the_morning() -> None:
    row = campaign(spread_hours=1.0, frozen_size=3600)
    assert pace.credit(row, 30.0, 0, START + timedelta(hours=12)) == 5


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"accepted": 40, "failed": 9, "unknown": 0, "gone": 0}, ""),  # too few to say
        ({"accepted": 90, "failed": 5, "unknown": 5, "gone": 0}, "failed or were cut"),
        ({"accepted": 80, "failed": 0, "unknown": 0, "gone": 20}, "had left"),
        ({"accepted": 91, "failed": 5, "unknown": 4, "gone": 0}, ""),
    ],
)
def test_it_stops_by_itself_at_a_rate(told: dict[str, int], why: str) -> None:
    found = pace.alarm(pace.faded(campaign(), told), failure_rate=0.1, block_rate=0.2)
    assert why in found
    assert bool(found) == bool(why)


def test_what_is_long_ago_weighs_less() -> None:
    row = campaign()
    row |= pace.faded(row, {"accepted": 10_000, "failed": 0, "unknown": 0, "gone": 0})
    for _ in range(10):
        row |= pace.faded(row, {"accepted": 100, "failed": 100, "unknown": 0, "gone": 0})
    assert pace.alarm(row, failure_rate=0.1, block_rate=0.2)


def test_monthly_keeps_the_day_where_the_month_has_it() -> None:
    last = datetime(2027, 1, 31, 2, 0, tzinfo=UTC)
    assert campaign_start.after(last, "monthly").date().isoformat() == "2027-02-28"
    assert campaign_start.after(last, "weekly") == last + timedelta(days=7)
