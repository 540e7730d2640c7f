"""The trained classifier: from normalised words to calibrated probabilities of the intents and of "none of them".

Only numpy is needed. The arrays come from `model/model.npz`, everything else from `model/meta.json`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import exp
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nlu.features import Floats, Vectoriser, pieces
from nlu.vectors.table import WordVectors

MODEL = Path(__file__).parent / "model"
_TINY = np.float32(1e-12)  # keeps a division by no length at 0


@dataclass(frozen=True, slots=True)
class Reading:
    """Probabilities for one piece of text."""

    intents: Floats  # over the in-scope labels, sums to 1: what it means if it is in scope
    outside: float  # probability that it is out of scope


@dataclass(frozen=True, slots=True)
class _Share:
    """What one word adds to the scores before lengths are known."""

    ngrams: Floats  # label by label what its characters give, then what the word itself gives: once, however often it stands there
    meaning: Floats  # label by label what its vector gives, then the vector: as often as it stands there
    char_square: float
    own_square: float  # 0: no training text had it twice


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


@dataclass(frozen=True, slots=True)
class Calibration:
    """Makes probabilities of scores: a temperature, and a logistic decision on what is out of scope."""

    temperature: float
    outside: NDArray[np.float64]
    bias: float

    @classmethod
    def of(cls, meta: Mapping[str, Any]) -> Calibration:
        """As a model's `meta.json` has it."""
        outside = meta["outside"]
        return cls(float(meta["temperature"]), np.array(outside["weights"]), float(outside["bias"]))

    def read(self, scores: Floats, unknown: Floats, lengths: Floats) -> list[Reading]:
        """A reading for each row of scores (out_of_scope in the last column)."""
        chances = softmax(scores[:, :-1], self.temperature)
        looks = outside_looks(scores, chances, unknown, lengths) @ self.outside + self.bias
        return [Reading(row, sigmoid(float(look))) for row, look in zip(chances, looks, strict=True)]


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
        self._calibration = Calibration.of(meta)
        self._share = lru_cache(maxsize=8_000)(self._share_of)  # 2 KB each
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
        own, weight = self._nothing, 0.0
        if found.own >= 0:
            weight = float(self.vectoriser.weights[found.own])
            own = weight * self._rows([found.own])[0]
        vector = self.vectors.word(word) if self.vectors is not None else np.zeros(len(self._dense), np.float32)
        ngrams = np.concatenate([chars, own]).astype(np.float32)
        meaning = np.concatenate([vector @ self._dense, vector]).astype(np.float32)
        return _Share(ngrams, meaning, found.square, weight * weight)

    def warm(self, count: int) -> list[str]:
        """Keeps the shares of the commonest words ready; returns these words."""
        order = np.argsort(self.vectoriser.weights, kind="stable").tolist()
        vocabulary = self.vectoriser.vocabulary
        words = [vocabulary[at] for at in order if vocabulary[at][0] != "\t" and " " not in vocabulary[at]][:count]
        for word in words:
            self._share(word)
        return words

    def read(self, texts: Sequence[Sequence[str]]) -> list[Reading]:
        """The probabilities for texts given as normalised tokens; the sides of a message cost little beside the whole."""
        return self._calibration.read(*self.measure(texts))

    def measure(self, texts: Sequence[Sequence[str]]) -> tuple[Floats, Floats, Floats]:
        """What a calibration reads, a row for each text: the scores, the share of unknown words, the number of words."""
        words = [[piece for token in tokens for piece in pieces(token)] for tokens in texts]
        unknown = np.array([self.unknown(text) for text in words], np.float32)
        return self._scores(words), unknown, np.array([len(text) for text in words], np.float32)

    def _scores(self, texts: Sequence[Sequence[str]]) -> Floats:
        """The linear scores of all labels, out_of_scope last, a row for each text given as words."""
        words, times = _table(texts)
        shares = [self._share(word) for word in words]
        has = np.minimum(times, 1)
        chars, own = np.hsplit(has @ _stack([share.ngrams for share in shares], 2 * len(self._bias)), 2)
        squares = has @ _stack([(share.char_square, share.own_square) for share in shares], 2)
        dense, vector = np.hsplit(
            times @ _stack([share.meaning for share in shares], sum(self._dense.shape)), [len(self._bias)]
        )
        pairs, has = _table([self.vectoriser.pairs(text) for text in texts])
        if pairs:
            weights = self.vectoriser.weights[pairs]
            own = np.asarray(own + (has * weights) @ self._rows(pairs), np.float32)
            squares[:, 1] += (has * (weights * weights)).sum(axis=1)
        return np.asarray(
            self._bias
            + _scaled(chars, squares[:, 0])
            + _scaled(own, squares[:, 1])
            + _scaled(dense, np.einsum("ij,ij->i", vector, vector)),
            np.float32,
        )

    def unknown(self, words: list[str]) -> float:
        """The share of words that no training text had twice."""
        return sum(self._share(word).own_square == 0 for word in words) / len(words) if words else 1.0


def _table(texts: Sequence[Sequence[Any]]) -> tuple[list[Any], Floats]:
    """The different items of all texts, and how often each text has each."""
    place: dict[Any, int] = {}
    rows = [[place.setdefault(item, len(place)) for item in text] for text in texts]
    times = np.zeros((len(texts), len(place)), np.float32)
    for row, places in zip(times, rows, strict=True):
        for at in places:
            row[at] += 1
    return list(place), times


def _stack(rows: Sequence[Any], width: int) -> Floats:
    """The rows as one table, also when there are none."""
    return np.array(rows, np.float32).reshape(len(rows), width)


def _scaled(rows: Floats, squares: Floats) -> Floats:
    """Each row divided by the length whose square is given; a row without length is 0."""
    return np.asarray(rows / np.sqrt(np.maximum(squares, _TINY))[:, None], np.float32)
