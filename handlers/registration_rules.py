"""Who may join by the rules of 2023–2024, as a likelihood with its reason; the system decides (design, rule 3).

Ages 18–64, not in formal education: Tanya Jawab Prakerja, 29 Feb 2024. Excluded jobs: Permenko Perekonomian 11/2020,
the same list in Poskota, 18 Sep 2024. Two recipients on a family card: Poskota, 18 Sep 2024. The card is given once:
Permenko Perekonomian 11/2020.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from handlers.typed import NO, SKIPPED, YES, ages

Data = Mapping[str, Any]

UNSURE = frozenset({"leave", "job_unnamed"})  # what the rule does not name: neither for nor against


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why somebody may not be able to join: code of the texts `registration_reason_…` and `registration_short_…`."""

    code: str
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def unsure(self) -> bool:
        """Whether the rule is silent rather than against."""
        return self.code in UNSURE


QUESTIONS = ("citizen", "student", "job", "recipient", "family")


def doubt(
    question: str, data: Data, today: date, jobs: Mapping[str, Mapping[str, Any]], limits: tuple[int, int]
) -> Doubt | None:
    """What the answer to one question puts in doubt; `limits` are the youngest and the oldest age."""
    value = str(data.get(question, SKIPPED))
    match question, value:
        case (_, "-"):
            return None
        case ("age", _):
            return _age(value, today, limits)
        case ("citizen", "tidak"):
            return Doubt("citizen")
        case ("student", "ya"):
            return Doubt("student")
        case ("student", "recorded" | "leave"):
            return Doubt(value)
        case ("job", "ya"):
            return Doubt("job_listed")
        case ("job" | "work", _) if value in jobs:
            named = jobs[value].get("named", True)
            return Doubt("job" if named else "job_unnamed", {"job": jobs[value]["label"]})
        case ("recipient" | "family", "ya"):
            return Doubt(question)
    return None


def doubts(data: Data, today: date, jobs: Mapping[str, Mapping[str, Any]], limits: tuple[int, int]) -> list[Doubt]:
    """Every doubt that the answers raise, each once."""
    found: dict[str, Doubt] = {}
    for question in ("age", *QUESTIONS, "work"):
        if one := doubt(question, data, today, jobs, limits):
            found.setdefault(one.code, one)
    return list(found.values())


def complete(data: Data) -> bool:
    """Whether every question of the rules has a clear answer, so that a likelihood may be told."""
    return all(data.get(question) in (YES, NO) for question in QUESTIONS) and data.get("age", SKIPPED) != SKIPPED


def _age(value: str, today: date, limits: tuple[int, int]) -> Doubt | None:
    low, high = ages(value, today)
    youngest, oldest = limits
    if high < youngest:
        return Doubt("young", {"age": high})
    if low > oldest:
        return Doubt("old", {"age": low})
    return None
