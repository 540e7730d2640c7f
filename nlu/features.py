"""Turns normalised words into sparse features: words and pairs of words, and 2–5 characters inside a word, tf-idf weighted.

Training and parsing share this code, so what was learnt is what is seen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from math import log, sqrt

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
CHARS = range(2, 6)
_NO_FEATURES: Ints = np.zeros(0, np.int32)


def pieces(token: str) -> list[str]:
    """A normalised token's words: 'masuk-masuk' counts once, 'mudah-mudahan' as two."""
    if "-" not in token:
        return [token]
    return list(dict.fromkeys(part for part in token.split("-") if part))


def word_grams(words: Sequence[str]) -> list[str]:
    """Words and pairs of neighbours."""
    return [*words, *(f"{left} {right}" for left, right in zip(words, words[1:], strict=False))]


def char_grams(word: str) -> list[str]:
    """Two to five characters of a word with its edges marked; they begin with a tab so that they never meet a word."""
    padded = f" {word} "
    if len(word) <= 1:
        return [f"\t{padded}"]
    return [f"\t{padded[at : at + size]}" for size in CHARS for at in range(len(padded) - size + 1)]


class Vectoriser:
    """Sparse features by a fixed vocabulary."""

    def __init__(self, vocabulary: Sequence[str], weights: Floats) -> None:
        """`vocabulary`: features in the order of their numbers; `weights`: the inverse document frequency of each."""
        self.vocabulary = list(vocabulary)
        self.weights = weights
        self._number: Mapping[str, int] = {feature: at for at, feature in enumerate(self.vocabulary)}
        self._chars = lru_cache(maxsize=20_000)(self._chars_of)

    @classmethod
    def fit(cls, texts: Iterable[Sequence[str]], least: int = 2) -> Vectoriser:
        """Learns the vocabulary: what occurs in at least `least` texts (given as words)."""
        seen: Counter[str] = Counter()
        count = 0
        for words in texts:
            count += 1
            found = set(word_grams(words))
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

    def _chars_of(self, word: str) -> Ints:
        found = (self._number.get(gram, -1) for gram in char_grams(word))
        return np.fromiter((at for at in found if at >= 0), np.int32)

    def transform(self, words: Sequence[str]) -> tuple[Ints, Floats]:
        """Feature numbers and values of a text; words and characters each have length 1."""
        number = self._number
        counted = Counter(at for gram in word_grams(words) if (at := number.get(gram, -1)) >= 0)
        word_ids = np.fromiter(counted, np.int32, len(counted))
        word_counts = np.fromiter(counted.values(), np.float32, len(counted))
        char_ids, char_counts = _NO_FEATURES, _NO_FEATURES
        if words:
            char_ids, char_counts = np.unique(np.concatenate([self._chars(word) for word in words]), return_counts=True)
        return (
            np.concatenate((word_ids, char_ids)).astype(np.int32),
            np.concatenate((self._weigh(word_ids, word_counts), self._weigh(char_ids, char_counts))),
        )

    def _weigh(self, ids: Ints, counts: NDArray[np.generic]) -> Floats:
        values = (1 + np.log(np.asarray(counts, np.float32))) * self.weights[ids]
        length = sqrt(float(values @ values))
        return (values / length if length else values).astype(np.float32)
