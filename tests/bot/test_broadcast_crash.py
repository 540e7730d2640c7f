"""The sending process is killed with -9 in the middle of an announcement: nobody is lost, nobody gets it twice, and what is not known is said to be so."""

from __future__ import annotations

import pytest

from benchmarks.broadcast import killed
from storage.database import Database

pytestmark = pytest.mark.crash


async def test_kill_9_loses_nobody_and_the_ledger_says_what_is_not_known(database: Database) -> None:
    found = await killed(database.url, 500, kills=2)
    assert {name: found[name] for name in ("lost", "repeated", "unexplained")} == dict.fromkeys(
        ("lost", "repeated", "unexplained"), 0
    ), found
    assert found["sent"] + found["unknown"] >= 500, found
    assert found["unknown"] <= 64 * 2, found  # no more than were on their way when it died
