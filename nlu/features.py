"""Turns normalised words into sparse features: words and pairs of words, and 2–5 characters inside a word, weighted by rarity.

A text's features are the sum of what its different words give, each of the two parts brought to a length that is the sum of
its words' own lengths. So the classifier can keep a word's share of the scores ready, and a text costs one addition a word.
Training and parsing share this code: what was learnt is what is seen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log, sqrt

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
CHARS = range(2, 6)


def pieces(token: str) -> list[str]:
    """A normalised token's words: 'masuk-masuk' counts once, 'mudah-mudahan' as two."""
    if "-" not in token:
        return [token]
    return list(dict.fromkeys(part for part in token.split("-") if part))


def word_pairs(words: Sequence[str]) -> list[str]:
    """Different pairs of neighbours."""
    return list(dict.fromkeys(f"{left} {right}" for left, right in pairwise(words)))


def char_grams(word: str) -> list[str]:
    """Two to five characters of a word with its edges marked; they begin with a tab so that they never meet a word."""
    padded = f" {word} "
    if len(word) <= 1:
        return [f"\t{padded}"]
    return [f"\t{padded[at : at + size]}" for size in CHARS for at in range(len(padded) - size + 1)]


@dataclass(frozen=True, slots=True)
class WordFeatures:
    """What one word gives: its characters' features with their values, and their squared length; its own number (-1: unknown)."""

    ids: Ints
    values: Floats
    square: float
    own: int


class Vectoriser:
    """Sparse features by a fixed vocabulary."""

    def __init__(self, vocabulary: Sequence[str], weights: Floats) -> None:
        """`vocabulary`: features in the order of their numbers; `weights`: the inverse document frequency of each."""
        self.vocabulary = list(vocabulary)
        self.weights = weights
        self._number: Mapping[str, int] = {feature: at for at, feature in enumerate(self.vocabulary)}

    @classmethod
    def fit(cls, texts: Iterable[Sequence[str]], least: int = 2) -> Vectoriser:
        """Learns the vocabulary: what occurs in at least `least` texts (given as words)."""
        seen: Counter[str] = Counter()
        count = 0
        for words in texts:
            count += 1
            found = {*words, *word_pairs(words)}
            for word in set(words):
                found.update(char_grams(word))
            seen.update(found)
        kept = sorted(feature for feature, times in seen.items() if times >= least)
        weights = np.array([log((1 + count) / (1 + seen[feature])) + 1 for feature in kept], np.float32)
        return cls(kept, weights)

    def __len__(self) -> int:
        return len(self.vocabulary)

    def has(self, feature: str) -> bool:
        """Whether the vocabulary has this word, pair or group of characters."""
        return feature in self._number

    def word(self, word: str) -> WordFeatures:
        """The features of one word."""
        counted = Counter(at for gram in char_grams(word) if (at := self._number.get(gram, -1)) >= 0)
        ids = np.fromiter(counted, np.int32, len(counted))
        values = np.fromiter(counted.values(), np.float32, len(counted)) * self.weights[ids]
        return WordFeatures(ids, values, float(values @ values), self._number.get(word, -1))

    def pairs(self, words: Sequence[str]) -> list[int]:
        """The numbers of the known pairs of neighbours."""
        return [at for pair in word_pairs(words) if (at := self._number.get(pair, -1)) >= 0]

    def transform(self, words: Sequence[str]) -> tuple[Ints, Floats]:
        """Feature numbers and values of a text; a number may occur twice, then the values add up."""
        parts = [self.word(word) for word in dict.fromkeys(words)]
        whole = np.array([*(part.own for part in parts if part.own >= 0), *self.pairs(words)], np.int32)
        values = self.weights[whole]
        square = sum(part.square for part in parts)
        return (
            np.concatenate([whole, *(part.ids for part in parts)]).astype(np.int32),
            np.concatenate([scaled(values, float(values @ values)), *(scaled(part.values, square) for part in parts)]),
        )


def scaled(values: Floats, square: float) -> Floats:
    """The values divided by the length whose square is given."""
    return np.asarray(values / sqrt(square) if square else values, np.float32)
