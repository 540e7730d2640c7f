"""Learns when a message asks two things, on held-out scores of the sides of its best cut."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nlu.classify import sigmoid, softmax
from nlu.clauses import LOOKS, best_cut, cuts
from nlu.corpus import Example
from nlu.features import Floats, pieces
from nlu.fit import Fitted, chance_outside, fit_logistic
from nlu.normalise import Normaliser
from nlu.understanding import OUT_OF_SCOPE

MOST_FALSE = 0.02  # share of messages with one question in which a second may be seen


def fit_second(
    examples: Sequence[Example],
    models: Sequence[Fitted],
    ranked: Floats,
    intents: list[str],
    normaliser: Normaliser,
    temperature: float,
    outside: dict[str, Any],
) -> tuple[dict[str, Any], dict[str, float]]:
    """The decision (weights, bias, threshold) and what cross-validation says of it. `models`: for each example one that
    has not seen it; `ranked`: each example's held-out probabilities."""
    looks, truth, right = [], [], []
    for example, model, whole in zip(examples, models, ranked, strict=True):
        found = cuts(example.text)
        if example.intent == OUT_OF_SCOPE or not found:
            continue
        sides = [
            [piece for token in normaliser.tokens(side) for piece in pieces(token)]
            for cut in found
            for side in (cut.left, cut.right)
        ]
        scores = model.scores(sides)
        lengths = np.array([len(side) for side in sides], np.float32)
        away = chance_outside(scores, model.unknown(sides), lengths, temperature, outside)
        best = best_cut(example.text, found, softmax(scores[:, :-1], temperature), away.tolist(), whole)
        if best:
            looks.append(best.looks)
            truth.append(example.second is not None)
            right.append((intents[best.first], intents[best.second]) == (example.intent, example.second))
    return _decision(np.array(looks), np.array(truth), np.array(right), examples)


def _decision(
    features: NDArray[np.float64], asked: NDArray[np.bool_], right: NDArray[np.bool_], examples: Sequence[Example]
) -> tuple[dict[str, Any], dict[str, float]]:
    """Fits the logistic decision and the threshold that keeps false seconds below their limit; data without two questions teaches none."""
    if not asked.any() or asked.all():
        never = {"weights": [0.0] * LOOKS, "bias": -60.0, "threshold": 1.0}
        return never, {"second_found": 0.0, "second_both_right": 0.0, "second_false": 0.0}
    decision = fit_logistic(features, asked)
    chances = np.array([sigmoid(float(look @ np.array(decision["weights"])) + decision["bias"]) for look in features])
    singles = sum(example.second is None for example in examples)
    doubles = len(examples) - singles
    others = np.sort(chances[~asked])[::-1]
    limit = others[min(int(MOST_FALSE * singles), len(others) - 1)]
    threshold = round(float(min(0.5, max(limit, 0.05))), 3)
    seen = chances >= threshold
    report = {
        "second_found": round(float(seen[asked].sum() / doubles), 4),
        "second_both_right": round(float((seen & right)[asked].sum() / doubles), 4),
        "second_false": round(float(seen[~asked].sum() / singles), 4),
    }
    return {**decision, "threshold": threshold}, report
