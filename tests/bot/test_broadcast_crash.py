"""Everything is killed with -9 in the middle of an announcement: nobody is lost, nobody gets it twice by itself, and what is not known is said to be so."""

from __future__ import annotations

from collections import Counter

import pytest

from benchmarks.broadcast_crash import compared, killed
from storage.database import Database

KILLS = 2
NEVER = ("lost", "repeated_unlisted", "unexplained")


@pytest.mark.crash
async def test_kill_9_of_everything_loses_nobody_and_the_ledger_says_what_is_not_known(database: Database) -> None:
    found = await killed(database.url, 900, KILLS)
    assert {name: found[name] for name in NEVER} == dict.fromkeys(NEVER, 0), found
    assert found["unknown"] <= found["in_flight"] <= 128 * KILLS, found  # two senders with at most 64 each
    assert found["repeated"] >= found["unknown_but_sent"], found  # a human had all of those sent again


def test_the_comparison_sees_what_may_not_be() -> None:
    rows = {1: "accepted", 2: "accepted", 3: "unknown", 4: "unknown", 5: "pending"}
    fine = compared({**rows, 5: "accepted"}, Counter([1, 2, 3, 5]), Counter([1, 2, 3, 5, 3, 4]))
    assert fine == {"unknown": 2, "unknown_but_sent": 1, "repeated": 1, **dict.fromkeys(NEVER, 0)}
    bad = compared(rows, Counter([1, 1, 3, 9]), Counter([1, 1, 3, 9, 3]))
    assert (bad["lost"], bad["repeated_unlisted"], bad["unexplained"]) == (4, 2, 2)
