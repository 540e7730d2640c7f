"""The trained classifier: from normalised words to calibrated probabilities of the intents and of "none of them".

Only numpy is needed. The arrays come from `model/model.npz`, everything else from `model/meta.json`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from math import exp, sqrt
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nlu.features import Floats, Vectoriser, pieces
from nlu.vectors.table import WordVectors

MODEL = Path(__file__).parent / "model"


@dataclass(frozen=True, slots=True)
class Reading:
    """Probabilities for one piece of text."""

    intents: Floats  # over the in-scope labels, sums to 1: what it means if it is in scope
    outside: float  # probability that it is out of scope


@dataclass(frozen=True, slots=True)
class _Share:
    """What one word adds to the scores before lengths are known: by its characters and by itself, with their squared lengths."""

    chars: Floats
    char_square: float
    own: Floats
    own_square: float


def sigmoid(value: float) -> float:
    """The logistic function, safe for any float."""
    return 1 / (1 + exp(-max(-60.0, min(60.0, value))))


def softmax(scores: Floats, temperature: float) -> Floats:
    """Probabilities along the last axis from scores divided by the temperature."""
    powers = np.exp((scores - scores.max(axis=-1, keepdims=True)) / np.float32(temperature))
    powers /= powers.sum(axis=-1, keepdims=True)
    return np.asarray(powers, np.float32)


def outside_looks(scores: Floats, chances: Floats, unknown: Floats, lengths: Floats) -> NDArray[np.float64]:
    """What the out-of-scope decision looks at, a row for each text: the out-of-scope score, the best intents' scores and
    certainty, unknown words, length. `scores`: with out_of_scope in the last column; `chances`: without it."""
    best = np.partition(scores[:, :-1], -2, axis=1)[:, -2:]
    entropy = -(chances * np.log(chances + np.float32(1e-9))).sum(axis=1)
    logs = np.log1p(lengths)
    columns = (
        scores[:, -1],
        best[:, 1],
        best[:, 1] - best[:, 0],
        chances.max(axis=1),
        entropy,
        unknown,
        unknown * logs,
        logs,
    )
    return np.stack(columns, axis=1).astype(np.float64)


class Classifier:
    """A linear classifier over n-grams and word vectors, with an out-of-scope decision on top."""

    def __init__(
        self, vectoriser: Vectoriser, vectors: WordVectors | None, arrays: dict[str, Any], meta: dict[str, Any]
    ) -> None:
        """`arrays`: int8 weights (features × labels, out_of_scope last) with a scale a feature, dense weights, bias; `meta`: the rest."""
        self.vectoriser, self.vectors, self.meta = vectoriser, vectors, meta
        self._weights, self._scale = arrays["weights"], arrays["scale"].astype(np.float32)
        self._dense, self._bias = arrays["dense"].astype(np.float32), arrays["bias"].astype(np.float32)
        self.intents: list[str] = meta["labels"][:-1]
        self._temperature = float(meta["temperature"])
        self._outside = np.array(meta["outside"]["weights"])
        self._share = lru_cache(maxsize=10_000)(self._share_of)
        self._nothing = np.zeros(len(meta["labels"]), np.float32)

    @classmethod
    def load(cls, folder: Path = MODEL) -> Classifier:
        """Reads the model. Raises FileNotFoundError when it was never trained."""
        meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
        with np.load(folder / "model.npz", allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        vocabulary = arrays["vocabulary"].tobytes().decode().split("\n")
        vectoriser = Vectoriser(vocabulary, arrays["idf"].astype(np.float32))
        return cls(vectoriser, WordVectors.load() if meta["vectors"] else None, arrays, meta)

    def _rows(self, ids: Any) -> Floats:
        return np.asarray(self._weights[ids] * self._scale[ids][:, None], np.float32)

    def _share_of(self, word: str) -> _Share:
        found = self.vectoriser.word(word)
        chars = found.values @ self._rows(found.ids)
        if found.own < 0:
            return _Share(chars, found.square, self._nothing, 0.0)
        weight = float(self.vectoriser.weights[found.own])
        return _Share(chars, found.square, weight * self._rows([found.own])[0], weight * weight)

    def warm(self, count: int) -> list[str]:
        """Keeps the shares of the commonest words ready; returns these words."""
        order = np.argsort(self.vectoriser.weights, kind="stable").tolist()
        vocabulary = self.vectoriser.vocabulary
        words = [vocabulary[at] for at in order if vocabulary[at][0] != "\t" and " " not in vocabulary[at]][:count]
        for word in words:
            self._share(word)
        return words

    def scores(self, words: list[str]) -> Floats:
        """The linear scores of all labels, out_of_scope last."""
        shares = [self._share(word) for word in dict.fromkeys(words)]
        total = self._bias.copy()
        square = sum(share.char_square for share in shares)
        if square:
            total += np.add.reduce([share.chars for share in shares]) / np.float32(sqrt(square))
        pairs = self.vectoriser.pairs(words)
        weights = self.vectoriser.weights[pairs]
        square = sum(share.own_square for share in shares) + float(weights @ weights)
        if square:
            own = np.add.reduce([share.own for share in shares])
            if pairs:
                own = own + weights @ self._rows(pairs)
            total += own / np.float32(sqrt(square))
        if self.vectors is not None:
            total += self.vectors.embed(words) @ self._dense
        return np.asarray(total, np.float32)

    def read(self, tokens: list[str]) -> Reading:
        """The probabilities for a text given as normalised tokens."""
        return self.read_all([tokens])[0]

    def read_all(self, texts: list[list[str]]) -> list[Reading]:
        """The probabilities for several texts."""
        words = [[piece for token in tokens for piece in pieces(token)] for tokens in texts]
        scores = np.stack([self.scores(text) for text in words])
        chances = softmax(scores[:, :-1], self._temperature)
        unknown = np.array([self.unknown(text) for text in words], np.float32)
        lengths = np.array([len(text) for text in words], np.float32)
        looks = outside_looks(scores, chances, unknown, lengths) @ self._outside + self.meta["outside"]["bias"]
        return [Reading(row, sigmoid(float(look))) for row, look in zip(chances, looks, strict=True)]

    def unknown(self, words: list[str]) -> float:
        """The share of words that no training text had twice."""
        return sum(self._share(word).own_square == 0 for word in words) / len(words) if words else 1.0
