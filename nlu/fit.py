"""The learning itself: linear weights by scikit-learn, calibration, the out-of-scope decision and its thresholds."""

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

from nlu.classify import outside_looks, softmax
from nlu.features import Floats, Vectoriser
from nlu.vectors.table import WordVectors

SOFTNESS = 0.7  # C of the linear machine
DENSE = 0.5  # length of the word-vector part beside two n-gram parts of length 1
# What a decision costs, in the trouble it makes for a person (a right answer costs nothing).
COSTS = {
    "wrong_answer": 4.0,  # something else is answered
    "answered_outside": 4.0,  # an answer to what has none here
    "asked": 1.0,  # "Maksud Kakak …?" with the right one among the three
    "asked_in_vain": 2.5,  # … without it, or to something out of scope
    "refused_inside": 2.5,  # "Maaf, saya belum paham" to a question of ours: the person writes it anew
}
MOST_FALSE_REFUSALS = 0.05

Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Fitted:
    """Linear weights over a vocabulary; the last label is out_of_scope."""

    vectoriser: Vectoriser
    vectors: WordVectors | None
    sparse: Floats  # features × labels
    dense: Floats  # dimensions × labels
    bias: Floats

    def scores(self, texts: Sequence[Sequence[str]]) -> Floats:
        """Scores of texts given as words."""
        total = matrix(self.vectoriser, texts) @ self.sparse + self.bias
        if self.vectors is not None:
            total = total + embedded(self.vectors, texts) @ self.dense
        return np.asarray(total, np.float32)

    def unknown(self, texts: Sequence[Sequence[str]]) -> Floats:
        """The share of each text's words that this has not learnt."""
        known = self.vectoriser.has
        shares = [sum(not known(word) for word in words) / len(words) if words else 1.0 for words in texts]
        return np.array(shares, np.float32)


def matrix(vectoriser: Vectoriser, texts: Sequence[Sequence[str]]) -> csr_matrix:
    """The sparse features of many texts."""
    rows = [vectoriser.transform(words) for words in texts]
    ends = np.cumsum([0, *(len(ids) for ids, _ in rows)])
    ids = np.concatenate([ids for ids, _ in rows]) if rows else np.zeros(0, np.int32)
    values = np.concatenate([values for _, values in rows]) if rows else np.zeros(0, np.float32)
    found = csr_matrix((values, ids, ends), shape=(len(rows), len(vectoriser)))
    found.sum_duplicates()
    return found


def embedded(vectors: WordVectors, texts: Sequence[Sequence[str]]) -> Floats:
    """The word-vector part of many texts."""
    return np.stack([vectors.embed(list(words)) for words in texts])


def fit_linear(
    texts: list[list[str]], truth: NDArray[np.int64], vectors: WordVectors | None, vectoriser: Vectoriser | None = None
) -> Fitted:
    """Fits one-against-rest machines on texts given as words; `truth` holds the numbers of their labels."""
    vectoriser = vectoriser or Vectoriser.fit(texts)
    features: Any = matrix(vectoriser, texts)
    if vectors is not None:
        features = hstack((features, csr_matrix(embedded(vectors, texts) * DENSE))).tocsr()
    machine = LinearSVC(C=SOFTNESS, random_state=0).fit(features, truth)
    weights = np.asarray(machine.coef_.T, np.float32)
    size = len(vectoriser)
    return Fitted(
        vectoriser, vectors, weights[:size], weights[size:] * DENSE, np.asarray(machine.intercept_, np.float32)
    )


def fit_temperature(scores: Floats, truth: NDArray[np.int64]) -> float:
    """The temperature with the least surprise on held-out scores."""

    def surprise(temperature: float) -> float:
        chances = softmax(scores, temperature)
        return -float(np.log(chances[np.arange(len(truth)), truth] + 1e-9).mean())

    return float(minimize_scalar(surprise, bounds=(0.05, 2.0), method="bounded").x)


def fit_logistic(looks: NDArray[np.float64], truth: Bools) -> dict[str, Any]:
    """A logistic regression, written back to the scale of the raw features."""
    middle, spread = looks.mean(axis=0), looks.std(axis=0) + 1e-6
    model = LogisticRegression(C=1.0, max_iter=1000).fit((looks - middle) / spread, truth)
    weights = model.coef_[0] / spread
    return {"weights": [float(weight) for weight in weights], "bias": float(model.intercept_[0] - middle @ weights)}


def chance_outside(
    scores: Floats, unknown: Floats, lengths: Floats, temperature: float, outside: dict[str, Any]
) -> NDArray[np.float64]:
    """The probability of each text that it is out of scope."""
    looks = outside_looks(scores, softmax(scores[:, :-1], temperature), unknown, lengths)
    return np.asarray(1 / (1 + np.exp(-(looks @ np.array(outside["weights"]) + outside["bias"]))))


def fit_thresholds(
    ranked: Floats, outside: NDArray[np.float64], truth: NDArray[np.int64], is_outside: Bools
) -> tuple[dict[str, float], dict[str, float]]:
    """The thresholds, and what cross-validation says of them: refused is as much as the limit of false refusals allows (most of
    what is out of scope stands there), answered from where the least cost a message lies."""
    order = np.argsort(-ranked, axis=1)[:, :3]
    right = (order[:, 0] == truth) & ~is_outside
    among = (order == truth[:, None]).any(axis=1) & ~is_outside
    sure = ranked.max(axis=1) * (1 - outside)
    answered = np.where(is_outside, COSTS["answered_outside"], np.where(right, 0.0, COSTS["wrong_answer"]))
    asked = np.where(among, COSTS["asked"], COSTS["asked_in_vain"])
    refused = np.where(is_outside, 0.0, COSTS["refused_inside"])
    refuse = next(
        step for step in np.arange(0.1, 1.01, 0.01) if (outside >= step)[~is_outside].mean() <= MOST_FALSE_REFUSALS
    )
    away = outside >= refuse
    steps = np.arange(0.1, 0.8, 0.02)
    costs = [float(np.where(away, refused, np.where(sure >= step, answered, asked)).mean()) for step in steps]
    best = min(costs)
    chosen = {"refuse": round(float(refuse), 2), "answer": round(float(steps[costs.index(best)]), 2)}
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
