"""The trained classifier: from normalised words to calibrated probabilities of the intents and of "none of them".

Only numpy is needed. The arrays come from `model/model.npz`, everything else from `model/meta.json`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import exp, log1p
from pathlib import Path
from typing import Any

import numpy as np

from nlu.features import Floats, Vectoriser, pieces
from nlu.understanding import OUT_OF_SCOPE
from nlu.vectors.table import WordVectors

MODEL = Path(__file__).parent / "model"


@dataclass(frozen=True, slots=True)
class Reading:
    """Probabilities for one piece of text."""

    intents: Floats  # over the in-scope labels, sums to 1: what it means if it is in scope
    outside: float  # probability that it is out of scope


def sigmoid(value: float) -> float:
    """The logistic function, safe for any float."""
    return 1 / (1 + exp(-max(-60.0, min(60.0, value))))


def softmax(scores: Floats, temperature: float) -> Floats:
    """Probabilities along the last axis from scores divided by the temperature."""
    shifted = (scores - scores.max(axis=-1, keepdims=True)) / temperature
    powers = np.exp(shifted)
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True), np.float32)


def outside_features(scores: Floats, labels: list[str], temperature: float, words: list[str], unknown: float) -> list[float]:
    """What the out-of-scope decision looks at: margin against the best intent, certainty, unknown words, length."""
    at = labels.index(OUT_OF_SCOPE)
    inside = np.delete(scores, at)
    chances = softmax(inside, temperature)
    ordered = np.sort(inside)
    entropy = -float((chances * np.log(chances + 1e-9)).sum())
    return [
        float(scores[at]),
        float(ordered[-1]),
        float(ordered[-1] - ordered[-2]),
        float(chances.max()),
        entropy,
        unknown,
        unknown * log1p(len(words)),
        log1p(len(words)),
    ]


class Classifier:
    """A linear classifier over n-grams and word vectors, with an out-of-scope decision on top."""

    def __init__(
        self,
        vectoriser: Vectoriser,
        vectors: WordVectors | None,
        weights: np.ndarray[Any, Any],
        scale: Floats,
        dense: Floats,
        bias: Floats,
        meta: dict[str, Any],
    ) -> None:
        """`weights`: int8 features × labels with one `scale` a label; `dense`: word-vector dimensions × labels; `meta`: the rest."""
        self.vectoriser, self.vectors = vectoriser, vectors
        self._weights, self._scale, self._dense, self._bias = weights, scale, dense, bias
        self.meta = meta
        self.labels: list[str] = meta["labels"]  # with OUT_OF_SCOPE
        self.intents = [label for label in self.labels if label != OUT_OF_SCOPE]
        self._outside = self.labels.index(OUT_OF_SCOPE)
        self._temperature = float(meta["temperature"])

    @classmethod
    def load(cls, folder: Path = MODEL) -> Classifier:
        """Reads the model. Raises FileNotFoundError when it was never trained."""
        meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
        with np.load(folder / "model.npz", allow_pickle=False) as arrays:
            vocabulary = arrays["vocabulary"].tobytes().decode().split("\n")
            return cls(
                Vectoriser(vocabulary, arrays["idf"].astype(np.float32)),
                WordVectors.load() if meta["vectors"] else None,
                arrays["weights"],
                arrays["scale"],
                arrays["dense"].astype(np.float32),
                arrays["bias"],
                meta,
            )

    def scores(self, words: list[str]) -> Floats:
        """The linear scores of all labels."""
        ids, values = self.vectoriser.transform(words)
        total = (values @ self._weights[ids].astype(np.float32)) * self._scale + self._bias
        if self.vectors is not None:
            total += self.vectors.embed(words) @ self._dense
        return np.asarray(total, np.float32)

    def read(self, tokens: list[str]) -> Reading:
        """The probabilities for a text given as normalised tokens."""
        words = [piece for token in tokens for piece in pieces(token)]
        scores = self.scores(words)
        looks = outside_features(scores, self.labels, self._temperature, words, self.unknown(words))
        outside = sigmoid(float(np.dot(looks, self.meta["outside"]["weights"])) + self.meta["outside"]["bias"])
        return Reading(softmax(np.delete(scores, self._outside), self._temperature), outside)

    def unknown(self, words: list[str]) -> float:
        """The share of words that no training text had."""
        return sum(not self.vectoriser.has(word) for word in words) / len(words) if words else 1.0
