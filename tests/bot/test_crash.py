"""Processes are killed with -9 at random moments under load: nothing is lost, nothing is done twice, order holds. The long one: `make bench-crash`."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from benchmarks.crash import POSTGRES_ROLES, killing, measure
from storage.database import Database
from tests.fakes.telegram import FakeTelegram

pytestmark = pytest.mark.crash
KILLS = 4


async def short_leases(_fake: FakeTelegram) -> Mapping[str, str]:
    """Nobody waits a minute for what a dead process held."""
    return {"PANDU_BENCH_LEASE": "2"}


async def test_kill_9_loses_and_doubles_nothing(database: Database) -> None:
    roles = ("all",) if database.backend == "sqlite" else POSTGRES_ROLES
    result = await measure(database.url, roles, killing(KILLS), extra=short_leases)
    assert result["events"] > 50
    wrong = {name: result[name] for name in ("lost", "doubled", "order_errors")}
    assert wrong == {"lost": 0, "doubled": 0, "order_errors": 0}, result
    assert result["resent"] <= 64 * KILLS  # no more than were on their way when somebody died
