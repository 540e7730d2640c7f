"""Whether a new model may take the place of the published one: gains and losses on the same labelled texts, and the rule.

The rule (docs/teaching.md): a new model is worse, and is not published, if
- the accuracy falls by more than half a point, or the lower end (5 %) of a paired bootstrap of the difference lies below −1 point;
- out of scope is recognised by more than 3 points less (of the 80 such texts of our own evaluation file two are chance);
- questions of ours are refused by more than 1 point more;
- the calibration error grows by more than 2 points;
- an intent with at least 8 texts loses a quarter of them or more on balance;
- half of the messages take more than twice as long, and more than 5 ms.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from nlu.evaluate import Case, figures
from nlu.understanding import Understanding

FELL, SURELY_FELL = 0.005, 0.01  # accuracy
MISSED, REFUSED, UNSURE = 0.03, 0.01, 0.02  # out of scope, false refusals, calibration error
FEWEST, QUARTER = 8, 0.25
SLOWER, SLOW_MS = 2.0, 5.0
ROUNDS, SEED = 2_000, 20241
TOTALS = ("accuracy", "in_scope_accuracy", "oos_recall", "false_refusal", "ece")


def compare(
    cases: Sequence[Case],
    before: Sequence[Understanding],
    after: Sequence[Understanding],
    p50_ms: tuple[float, float] | None = None,
) -> dict[str, Any]:
    """The report of a new model beside the published one, without any text; `p50_ms`: of both, where it was measured.

    `intents`: [{intent, n, before, after}] of those that changed (how many were read right); `worse`: the reasons of the rule, in Indonesian for the desk.
    """
    was, now = figures(cases, before, 0), figures(cases, after, 0)
    right = [
        (old.intent in case.right, new.intent in case.right)
        for case, old, new in zip(cases, before, after, strict=True)
    ]
    low, high = difference(right)
    report = {
        "n": len(cases),
        "before": {name: was[name] for name in TOTALS},
        "after": {name: now[name] for name in TOTALS},
        "gained": sum(new and not old for old, new in right),
        "lost": sum(old and not new for old, new in right),
        "low": low,
        "high": high,
        "intents": _intents(cases, right),
        "p50_ms": list(p50_ms) if p50_ms else None,
    }
    return {**report, "worse": worse(report)}


def difference(right: Sequence[tuple[bool, bool]]) -> tuple[float, float]:
    """The 5 % and the 95 % end of the difference in accuracy, by a paired bootstrap with a fixed seed; only what differs matters."""
    count = len(right)
    chances = [sum(new and not old for old, new in right), sum(old and not new for old, new in right)]
    shares = np.array([*chances, count - sum(chances)]) / max(1, count)
    drawn = np.random.default_rng(SEED).multinomial(count, shares / shares.sum() if count else [0, 0, 1], ROUNDS)
    low, high = np.quantile((drawn[:, 0] - drawn[:, 1]) / max(1, count), (0.05, 0.95))
    return round(float(low), 4), round(float(high), 4)


def worse(report: dict[str, Any]) -> list[str]:
    """The reasons for which the report's new model is worse; [] where it may be published."""
    before, after = report["before"], report["after"]
    fell = {name: before[name] - after[name] for name in TOTALS}
    found = []
    if fell["accuracy"] > FELL:
        found.append(f"ketepatan turun {fell['accuracy']:.1%}")
    elif report["low"] < -SURELY_FELL:
        found.append(f"ketepatan mungkin turun sampai {-report['low']:.1%}")
    if fell["oos_recall"] > MISSED:
        found.append(f"yang di luar topik kurang dikenali: turun {fell['oos_recall']:.1%}")
    if -fell["false_refusal"] > REFUSED:
        found.append(f"pertanyaan warga lebih sering ditolak: naik {-fell['false_refusal']:.1%}")
    if -fell["ece"] > UNSURE:
        found.append(f"keyakinan kurang cocok dengan kenyataan: naik {-fell['ece']:.1%}")
    for row in report["intents"]:
        if row["n"] >= FEWEST and row["before"] - row["after"] >= QUARTER * row["n"]:
            found.append(f"{row['intent']}: benar {row['before']} menjadi {row['after']} dari {row['n']}")
    if report["p50_ms"] and report["p50_ms"][1] > max(SLOW_MS, SLOWER * report["p50_ms"][0]):
        found.append(f"lebih lambat: {report['p50_ms'][1]:.1f} ms")
    return found


def _intents(cases: Sequence[Case], right: Sequence[tuple[bool, bool]]) -> list[dict[str, Any]]:
    """The intents of which another number is read right now, the greatest losses first."""
    count, old, new = (Counter[str]() for _ in range(3))
    for case, (was, now) in zip(cases, right, strict=True):
        count[case.intent] += 1
        old[case.intent] += was
        new[case.intent] += now
    rows = [
        {"intent": name, "n": count[name], "before": old[name], "after": new[name]}
        for name in count
        if old[name] != new[name]
    ]
    return sorted(rows, key=lambda row: (row["after"] - row["before"], row["intent"]))
