"""Measures an engine on a labelled file. The final decision counts: refused is out_of_scope, asking back changes nothing."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from math import sqrt
from pathlib import Path
from time import perf_counter
from typing import Any

from nlu.understanding import OUT_OF_SCOPE, Context, Engine, Understanding

BINS = 10
TODAY = date(2026, 11, 24)  # fixed, so that figures do not depend on the day of the run


@dataclass(frozen=True, slots=True)
class Case:
    """One labelled text."""

    text: str
    intent: str
    second: str | None = None
    accept: tuple[str, ...] = ()

    @property
    def right(self) -> frozenset[str]:
        """The labels that count as right."""
        return frozenset((self.intent, *self.accept))


def read_cases(path: Path) -> list[Case]:
    """Reads JSON lines {"text", "intent", "second"?, "accept"?}. Raises ValueError naming the line that is wrong."""
    cases = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            cases.append(Case(row["text"], row["intent"], row.get("second"), tuple(row.get("accept") or ())))
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path}:{number}: {error}") from error
    if not cases:
        raise ValueError(f"{path}: no cases")
    return cases


def evaluate(engine: Engine, cases: Sequence[Case], errors: int = 1000) -> dict[str, Any]:
    """All figures of the design's contract as one dictionary that can be written as JSON."""
    context = Context(today=TODAY)
    read, times = [], []
    for case in cases:
        start = perf_counter()
        read.append(engine.parse(case.text, context))
        times.append((perf_counter() - start) * 1000)
    return {**figures(cases, read, errors), "p50_ms": _quantile(times, 0.5), "p95_ms": _quantile(times, 0.95)}


def figures(cases: Sequence[Case], read: Sequence[Understanding], errors: int = 1000) -> dict[str, Any]:
    """The figures for readings made elsewhere."""
    pairs = list(zip(cases, read, strict=True))
    right = [got.intent in case.right for case, got in pairs]
    inside = [(case, got) for case, got in pairs if case.intent != OUT_OF_SCOPE]
    refused = [case for case, got in pairs if got.intent == OUT_OF_SCOPE]
    two = [(case, got) for case, got in pairs if case.second]
    one = [got for case, got in pairs if not case.second]
    outside = [got for case, got in pairs if case.intent == OUT_OF_SCOPE]
    per_intent = _per_intent(pairs)
    return {
        "n": len(pairs),
        "accuracy": _share(right),
        "macro_f1": round(
            sum(row["f1"] for row in per_intent.values() if row["n"])
            / max(1, sum(1 for row in per_intent.values() if row["n"])),
            4,
        ),
        "in_scope_accuracy": _share(got.intent in case.right for case, got in inside),
        "oos_precision": _share(OUT_OF_SCOPE in case.right for case in refused),
        "oos_recall": _share(got.intent == OUT_OF_SCOPE for got in outside),
        "false_refusal": _share(got.intent == OUT_OF_SCOPE and OUT_OF_SCOPE not in case.right for case, got in inside),
        "second_recall": _share(got.second == case.second for case, got in two),
        "second_false": _share(got.second is not None for got in one),
        "top3": _share(bool(case.right & {name for name, _ in got.ranking[:3]}) for case, got in inside),
        "ece": _calibration_error([got.confidence for got in read], right),
        "per_intent": per_intent,
        "errors": [
            _error(case, got)
            for (case, got), good in zip(pairs, right, strict=True)
            if not good or got.second != case.second
        ][:errors],
    }


def _per_intent(pairs: Sequence[tuple[Case, Understanding]]) -> dict[str, dict[str, float]]:
    """Precision, recall and F1 of each label; an accepted other label counts as the case's own."""
    truth: Counter[str] = Counter()
    said: Counter[str] = Counter()
    hit: Counter[str] = Counter()
    for case, got in pairs:
        label = got.intent if got.intent in case.right else case.intent
        truth[label] += 1
        said[got.intent] += 1
        hit[label] += label == got.intent
    table = {}
    for label in sorted(truth | said):
        precision = hit[label] / said[label] if said[label] else 0.0
        recall = hit[label] / truth[label] if truth[label] else 0.0
        f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
        table[label] = {
            "n": truth[label],
            "precision": round(precision, 4),
            "recall": round(recall, 4),
            "f1": round(f1, 4),
        }
    return table


def _calibration_error(confidence: Sequence[float], right: Sequence[bool]) -> float:
    """Expected calibration error over ten bins of equal mass."""
    ordered = sorted(zip(confidence, right, strict=True), key=lambda pair: pair[0])
    total = 0.0
    for number in range(BINS):
        part = ordered[number * len(ordered) // BINS : (number + 1) * len(ordered) // BINS]
        if part:
            total += abs(sum(c for c, _ in part) - sum(good for _, good in part))
    return round(total / max(1, len(ordered)), 4)


def _error(case: Case, got: Understanding) -> dict[str, Any]:
    return {
        "text": case.text,
        "label": case.intent,
        "second": case.second,
        "got": got.intent,
        "got_second": got.second,
        "confidence": got.confidence,
        "top3": [name for name, _ in got.ranking[:3]],
    }


def _share(values: Iterable[bool]) -> float:
    seen = list(values)
    return round(sum(seen) / len(seen), 4) if seen else 0.0


def _quantile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 4)


def wilson(share: float, count: int) -> tuple[float, float]:
    """The 95 % interval of a share of `count` cases."""
    if count == 0:
        return 0.0, 1.0
    z = 1.959964
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z * sqrt(share * (1 - share) / count + z * z / (4 * count * count)) / (1 + z * z / count)
    return max(0.0, middle - half), min(1.0, middle + half)


def as_text(result: dict[str, Any], cases: Sequence[Case]) -> str:
    """The figures for people, with 95 % intervals where they are shares."""
    inside = sum(case.intent != OUT_OF_SCOPE for case in cases)
    two = sum(bool(case.second) for case in cases)
    refused = sum(row["got"] == OUT_OF_SCOPE for row in result["errors"]) + round(
        result["oos_recall"] * (len(cases) - inside)
    )
    counts = {
        "accuracy": len(cases),
        "in_scope_accuracy": inside,
        "top3": inside,
        "oos_recall": len(cases) - inside,
        "oos_precision": refused,
        "false_refusal": inside,
        "second_recall": two,
        "second_false": len(cases) - two,
    }
    lines = []
    for name, count in counts.items():
        low, high = wilson(result[name], count)
        lines.append(f"{name:18} {result[name]:6.3f}   95 % {low:.3f}–{high:.3f}   of {count}")
    lines += [f"{name:18} {result[name]:6.3f}" for name in ("macro_f1", "ece", "p50_ms", "p95_ms")]
    return "\n".join(lines)
