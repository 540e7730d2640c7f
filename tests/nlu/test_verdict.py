"""The rule by which a new model is worse."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlu import verdict
from nlu.evaluate import Case
from nlu.grouping import groups
from nlu.understanding import OUT_OF_SCOPE, Outcome, Understanding


def read(intent: str, sure: float = 0.9) -> Understanding:
    outcome = Outcome.REFUSE if intent == OUT_OF_SCOPE else Outcome.ANSWER
    return Understanding(intent=intent, confidence=sure, outcome=outcome, ranking=((intent, sure),))


def report(before: int, after: int, n: int = 1000, **more: Any) -> dict[str, Any]:
    """Of n texts of one intent so many are right."""
    cases = [Case("", "a")] * n
    was, now = ([read("a")] * right + [read("b")] * (n - right) for right in (before, after))
    return verdict.compare(cases, was, now, **more)


def test_the_same_is_not_worse() -> None:
    found = report(900, 900)
    assert found["worse"] == []
    assert (found["low"], found["high"], found["gained"], found["lost"]) == (0, 0, 0, 0)


def test_better_is_not_worse() -> None:
    found = report(900, 950)
    assert found["worse"] == []
    assert found["low"] > 0
    assert found["intents"] == [{"intent": "a", "n": 1000, "before": 900, "after": 950}]


@pytest.mark.parametrize(("after", "worse"), [(896, False), (894, True)])
def test_half_a_point_of_accuracy(after: int, worse: bool) -> None:
    assert bool(report(900, after)["worse"]) is worse


def test_much_that_changes_hides_a_loss_that_the_bootstrap_sees() -> None:
    cases = [Case("", "a")] * 200 + [Case("", "b")] * 200
    was = [read("a")] * 200 + [read("x")] * 100 + [read("b")] * 100
    now = [read("x")] * 40 + [read("a")] * 160 + [read("b")] * 40 + [read("x")] * 60 + [read("b")] * 100
    found = verdict.compare(cases, was, now)
    assert found["before"]["accuracy"] == found["after"]["accuracy"]
    assert found["low"] < -0.01
    assert any("mungkin turun" in why for why in found["worse"])


def test_out_of_scope_and_false_refusals_count_by_themselves() -> None:
    cases = [Case("", OUT_OF_SCOPE)] * 100 + [Case("", "a")] * 900
    good = [read(OUT_OF_SCOPE)] * 100 + [read("a")] * 850 + [read("b")] * 50
    missed = [read("a")] * 4 + [read(OUT_OF_SCOPE)] * 96 + [read("a")] * 854 + [read("b")] * 46
    refused = [read(OUT_OF_SCOPE)] * 100 + [read("a")] * 850 + [read(OUT_OF_SCOPE)] * 50
    assert any("luar topik" in why for why in verdict.compare(cases, good, missed)["worse"])
    assert any("ditolak" in why for why in verdict.compare(cases, good, refused)["worse"])


def test_one_intent_that_is_lost_is_worse_though_the_whole_is_not() -> None:
    cases = [Case("", "a")] * 12 + [Case("", "b")] * 988
    was = [read("a")] * 12 + [read("b")] * 900 + [read("x")] * 88
    now = [read("a")] * 9 + [read("x")] * 3 + [read("b")] * 910 + [read("x")] * 78
    assert verdict.compare(cases, was, now)["worse"] == ["a: benar 12 menjadi 9 dari 12"]


def test_confidence_that_fits_less_and_slowness() -> None:
    cases = [Case("", "a")] * 100
    sure, unsure = [read("a", 0.99)] * 100, [read("a", 0.6)] * 100
    assert any("keyakinan" in why for why in verdict.compare(cases, sure, unsure)["worse"])
    assert any("lambat" in why for why in report(9, 9, 10, p50_ms=(1.0, 6.0))["worse"])
    assert report(9, 9, 10, p50_ms=(1.0, 4.0))["worse"] == []
    assert report(9, 9, 10, p50_ms=(4.0, 7.0))["worse"] == []


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=300))
def test_the_interval_holds_what_was_seen(right: list[tuple[bool, bool]]) -> None:
    low, high = verdict.difference(right)
    assert -1 <= low <= high <= 1
    if not any(new != old for old, new in right):
        assert (low, high) == (0, 0)


def test_likeness_makes_groups() -> None:
    texts = ["kartu saya hilang", "jadwal kursus malam", "kartu sy ilang gmn", "Kartu saya hilang!", "🙏", ""]
    assert groups(texts)[0] == [0, 3, 2] or sorted(groups(texts)[0]) == [0, 2, 3]
    assert sorted(at for group in groups(texts) for at in group) == [0, 1, 2, 3, 4, 5]
    assert groups([]) == []


@given(st.lists(st.text(max_size=60), max_size=25))
def test_every_text_is_in_one_group(texts: list[str]) -> None:
    assert sorted(at for group in groups(texts) for at in group) == list(range(len(texts)))
