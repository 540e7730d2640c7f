"""The learning itself: linear weights by scikit-learn, and the decisions on top of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.sparse import csr_matrix, hstack
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from nlu.classify import outside_features, sigmoid, softmax
from nlu.clauses import cut_features, cuts
from nlu.corpus import Example
from nlu.features import Floats, Vectoriser, pieces
from nlu.normalise import Normaliser
from nlu.understanding import OUT_OF_SCOPE
from nlu.vectors.table import WordVectors

SOFTNESS = 0.7  # C of the linear machine
# What a decision costs, in the trouble it makes for a person (a right answer costs nothing).
COSTS = {
    "wrong_answer": 4.0,  # something else is answered
    "answered_outside": 3.0,  # an answer to what has none here
    "asked": 1.0,  # "Maksud Kakak …?" with the right one among the three
    "asked_in_vain": 2.5,  # … without it, or to something out of scope
    "refused_inside": 5.0,  # a question of ours sent away
}
MOST_FALSE_REFUSALS = 0.04
MOST_FALSE_SECONDS = 0.015


@dataclass(frozen=True, slots=True)
class Fitted:
    """Linear weights over a vocabulary."""

    vectoriser: Vectoriser
    vectors: WordVectors | None
    labels: list[str]
    sparse: Floats  # features × labels
    dense: Floats  # dimensions × labels
    bias: Floats

    def scores(self, texts: Sequence[Sequence[str]]) -> Floats:
        """Scores of texts given as words."""
        total = matrix(self.vectoriser, texts) @ self.sparse + self.bias
        if self.vectors is not None:
            total = total + np.stack([self.vectors.embed(list(words)) for words in texts]) @ self.dense
        return np.asarray(total, np.float32)

    def unknown(self, words: Sequence[str]) -> float:
        """The share of words that were in no text this was fitted on."""
        known = self.vectoriser.has
        return sum(not known(word) for word in words) / len(words) if words else 1.0


def matrix(vectoriser: Vectoriser, texts: Sequence[Sequence[str]]) -> csr_matrix:
    """The sparse features of many texts."""
    rows = [vectoriser.transform(words) for words in texts]
    ends = np.cumsum([0, *(len(ids) for ids, _ in rows)])
    ids = np.concatenate([ids for ids, _ in rows]) if rows else np.zeros(0, np.int32)
    values = np.concatenate([values for _, values in rows]) if rows else np.zeros(0, np.float32)
    return csr_matrix((values, ids, ends), shape=(len(rows), len(vectoriser)))


def fit_linear(
    words: list[list[str]],
    examples: list[Example],
    single: list[int],
    labels: list[str],
    vectors: WordVectors | None,
    weight: float,
    folds: NDArray[np.int32],
    left_out: int | None,
    vectoriser: Vectoriser | None = None,
) -> Fitted:
    """Fits one-against-rest machines on the messages with one question; those of the fold `left_out` are not seen."""
    rows = [at for at in single if folds[at] != left_out]
    texts = [words[at] for at in rows]
    vectoriser = vectoriser or Vectoriser.fit(texts)
    features: Any = matrix(vectoriser, texts)
    if vectors is not None:
        dense = np.stack([vectors.embed(text) for text in texts]) * weight
        features = hstack((features, csr_matrix(dense))).tocsr()
    machine = LinearSVC(C=SOFTNESS, random_state=0).fit(features, [examples[at].intent for at in rows])
    if list(machine.classes_) != labels:
        raise ValueError("a label has no message outside one fold")
    weights = np.asarray(machine.coef_.T, np.float32)
    size = len(vectoriser)
    return Fitted(vectoriser, vectors, labels, weights[:size], weights[size:] * weight, np.asarray(machine.intercept_, np.float32))


def fit_decisions(
    words: list[list[str]],
    examples: list[Example],
    folds: NDArray[np.int32],
    fitted: list[Fitted],
    labels: list[str],
    normaliser: Normaliser,
) -> dict[str, Any]:
    """Temperature, out-of-scope decision, second-question decision and thresholds, with what cross-validation says of them."""
    single = np.array([at for at, example in enumerate(examples) if example.second is None])
    scores = np.zeros((len(examples), len(labels)), np.float32)
    unknown = np.zeros(len(examples))
    for fold, model in enumerate(fitted):
        rows = np.flatnonzero(folds == fold)
        scores[rows] = model.scores([words[at] for at in rows])
        unknown[rows] = [model.unknown(words[at]) for at in rows]
    outside_at = labels.index(OUT_OF_SCOPE)
    truth = np.array([labels.index(example.intent) for example in examples])
    inside = single[truth[single] != outside_at]
    temperature = fit_temperature(np.delete(scores[inside], outside_at, axis=1), truth[inside] - (truth[inside] > outside_at))
    looks = np.array([outside_features(scores[at], labels, temperature, words[at], unknown[at]) for at in range(len(examples))])
    outside = fit_logistic(looks[single], truth[single] == outside_at)
    chances = np.array([sigmoid(float(look @ outside["weights"]) + outside["bias"]) for look in looks])
    ranked = softmax(np.delete(scores, outside_at, axis=1), temperature)
    meaning = truth - (truth > outside_at)
    thresholds, report = fit_thresholds(ranked[single], chances[single], meaning[single], truth[single] == outside_at)
    second = fit_second(examples, folds, fitted, normaliser, temperature, outside, ranked, [x for x in labels if x != OUT_OF_SCOPE])
    return {
        "temperature": temperature,
        "outside": outside,
        "thresholds": thresholds,
        "costs": COSTS,
        "second": second["decision"],
        "cross_validation": {**report, **second["report"]},
    }


def fit_temperature(scores: Floats, truth: NDArray[np.int64]) -> float:
    """The temperature with the least surprise on held-out scores."""

    def surprise(temperature: float) -> float:
        chances = softmax(scores, temperature)
        return -float(np.log(chances[np.arange(len(truth)), truth] + 1e-9).mean())

    return float(minimize_scalar(surprise, bounds=(0.05, 2.0), method="bounded").x)


def fit_logistic(looks: NDArray[np.float64], truth: NDArray[np.bool_], balance: bool = False) -> dict[str, Any]:
    """A logistic regression, written back to the scale of the raw features."""
    middle, spread = looks.mean(axis=0), looks.std(axis=0) + 1e-6
    model = LogisticRegression(C=1.0, max_iter=1000, class_weight="balanced" if balance else None)
    model.fit((looks - middle) / spread, truth)
    weights = model.coef_[0] / spread
    return {"weights": [float(w) for w in weights], "bias": float(model.intercept_[0] - middle @ weights)}


def fit_thresholds(
    ranked: Floats, outside: NDArray[np.float64], truth: NDArray[np.int64], is_outside: NDArray[np.bool_]
) -> tuple[dict[str, float], dict[str, float]]:
    """The thresholds (refuse from, answer from) with the least cost a message, false refusals kept below their limit."""
    order = np.argsort(-ranked, axis=1)[:, :3]
    right = (order[:, 0] == truth) & ~is_outside
    among = (order == truth[:, None]).any(axis=1) & ~is_outside
    sure = ranked.max(axis=1) * (1 - outside)
    answered = np.where(is_outside, COSTS["answered_outside"], np.where(right, 0.0, COSTS["wrong_answer"]))
    asked = np.where(among, COSTS["asked"], COSTS["asked_in_vain"])
    refused = np.where(is_outside, 0.0, COSTS["refused_inside"])
    best, chosen = np.inf, {"refuse": 0.5, "answer": 0.5}
    for refuse in np.arange(0.2, 0.9, 0.01):
        away = outside >= refuse
        if away[~is_outside].mean() > MOST_FALSE_REFUSALS:
            continue
        for answer in np.arange(0.1, 0.8, 0.02):
            cost = float(np.where(away, refused, np.where(sure >= answer, answered, asked)).mean())
            if cost < best:
                best, chosen = cost, {"refuse": round(float(refuse), 2), "answer": round(float(answer), 2)}
    away = outside >= chosen["refuse"]
    told = ~away & (sure >= chosen["answer"])
    report = {
        "cost": best,
        "accuracy": float(np.where(is_outside, away, right & ~away).mean()),
        "in_scope_accuracy": float((right & ~away)[~is_outside].mean()),
        "top3": float(among[~is_outside].mean()),
        "oos_recall": float(away[is_outside].mean()),
        "false_refusal": float(away[~is_outside].mean()),
        "answered": float(told[~is_outside].mean()),
        "answered_right": float(right[told & ~is_outside].mean()),
    }
    return chosen, {name: round(value, 4) for name, value in report.items()}


def fit_second(
    examples: list[Example],
    folds: NDArray[np.int32],
    fitted: list[Fitted],
    normaliser: Normaliser,
    temperature: float,
    outside: dict[str, Any],
    ranked: Floats,
    intents: list[str],
) -> dict[str, Any]:
    """Learns when a message asks two things, from the best cut of each message."""
    looks, truth, right = [], [], []
    for at, example in enumerate(examples):
        found = cuts(example.text)
        if example.intent == OUT_OF_SCOPE or not found:
            continue
        sides = [[piece for token in normaliser.tokens(side) for piece in pieces(token)] for cut in found for side in (cut.left, cut.right)]
        best = best_cut_look(found, sides, fitted[folds[at]], temperature, outside, ranked[at], intents)
        if best:
            looks.append(best[0])
            truth.append(example.second is not None)
            right.append((intents[best[1]], intents[best[2]]) == (example.intent, example.second))
    features, asked = np.array(looks), np.array(truth)
    decision = fit_logistic(features, asked)
    chances = np.array([sigmoid(float(look @ decision["weights"]) + decision["bias"]) for look in features])
    singles = sum(example.second is None for example in examples)
    limit = np.sort(chances[~asked])[::-1][int(MOST_FALSE_SECONDS * singles)]
    threshold = round(float(min(0.5, max(limit, 0.1))), 3)
    found_two = chances >= threshold
    report = {
        "second_found": round(float(found_two[asked].sum() / sum(e.second is not None for e in examples)), 4),
        "second_both_right": round(float((found_two & np.array(right))[asked].sum() / sum(e.second is not None for e in examples)), 4),
        "second_false": round(float(found_two[~asked].sum() / singles), 4),
    }
    return {"decision": {**decision, "threshold": threshold}, "report": report}


def best_cut_look(
    found: list[Any], sides: list[list[str]], model: Fitted, temperature: float, outside: dict[str, Any], whole: Floats, intents: list[str]
) -> tuple[list[float], int, int] | None:
    """The features and intents of the cut whose two sides are surest and differ."""
    scores = model.scores(sides)
    at = model.labels.index(OUT_OF_SCOPE)
    chances = softmax(np.delete(scores, at, axis=1), temperature)
    away = []
    for row, words in zip(scores, sides, strict=True):
        look = outside_features(row, model.labels, temperature, words, model.unknown(words))
        away.append(sigmoid(float(np.dot(look, outside["weights"])) + outside["bias"]))
    best, value = None, -1.0
    for number, cut in enumerate(found):
        left, right = chances[2 * number], chances[2 * number + 1]
        one, two = int(left.argmax()), int(right.argmax())
        product = float(left[one] * right[two]) * (1 - away[2 * number]) * (1 - away[2 * number + 1])
        if one == two or product <= value:
            continue
        value = product
        look = cut_features(cut, float(left[one]), float(right[two]), float(whole[one]), float(whole[two]), max(away[2 * number : 2 * number + 2]))
        best = (look, one, two)
    return best
