"""Word vectors for meaning beyond spelling: int8 tables, made by `build.py` and `grams.py`, read with numpy only."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache, lru_cache
from math import sqrt
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

TABLE = Path(__file__).parent / "table.npz"
GRAMS = Path(__file__).parent / "grams.npz"
SIZES = range(3, 6)
STRANGER = 0.8  # length of an unseen word's vector; a rare word of the table has 1
_LEAST = 2  # known groups of letters that an unseen word must have

Floats = NDArray[np.float32]
Steps = NDArray[np.int8]


def letter_groups(word: str) -> list[str]:
    """Three to five letters of a word with its edges marked."""
    padded = f"<{word}>"
    return [padded[at : at + size] for size in SIZES for at in range(len(padded) - size + 1)]


class LetterGroups:
    """Guesses the vector of a word that is in no table from its groups of letters."""

    def __init__(self, names: list[str], table: Steps, scale: Floats) -> None:
        """`scale` brings a row of the table back to size."""
        self._number = {name: at for at, name in enumerate(names)}
        self._table, self._scale = table, scale
        self.vector = lru_cache(maxsize=10_000)(self._vector)

    @classmethod
    def load(cls, path: Path = GRAMS) -> LetterGroups:
        """Reads the table."""
        with np.load(path, allow_pickle=False) as arrays:
            names = arrays["names"].tobytes().decode().split("\n")
            return cls(names, arrays["table"], arrays["scale"].astype(np.float32))

    def _vector(self, word: str) -> Floats | None:
        """The guess, as long as `STRANGER` says; None where there is too little to guess from."""
        if not word.isalpha():
            return None
        rows = [at for group in letter_groups(word) if (at := self._number.get(group, -1)) >= 0]
        if len(rows) < _LEAST:
            return None
        total = self._scale[rows] @ self._table[rows].astype(np.float32)
        length = sqrt(float(total @ total))
        return np.asarray(total * np.float32(STRANGER / length), np.float32) if length else None


class WordVectors:
    """A text's vector is the weighted mean of its words' vectors, brought to length 1 (0 when no word is known or guessed)."""

    def __init__(self, words: list[str], table: Steps, scale: Floats, groups: LetterGroups | None = None) -> None:
        """`scale` brings a word's row to the length that its rarity deserves; `groups` guesses words that are not there."""
        self._row = {word: at for at, word in enumerate(words)}
        self._table, self._scale, self._groups = table, scale, groups

    @classmethod
    def load(cls, path: Path = TABLE, groups: Path = GRAMS) -> WordVectors:
        """Reads the tables, once in a process; without the file of `groups` unseen words have no vector."""
        return _read(path, groups)

    @property
    def size(self) -> int:
        """The number of dimensions."""
        return int(self._table.shape[1])

    def units(self) -> tuple[list[str], Floats]:
        """The words of the table and their vectors, each of length 1."""
        vectors = self._table.astype(np.float32)
        return list(self._row), np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)

    def word(self, word: str) -> Floats:
        """The vector of one word at its length; 0 where it is neither known nor guessed."""
        row = self._row.get(word, -1)
        if row >= 0:
            return np.asarray(self._scale[row] * self._table[row].astype(np.float32), np.float32)
        guess = self._groups.vector(word) if self._groups is not None else None
        return guess if guess is not None else np.zeros(self.size, np.float32)

    def embed(self, words: Iterable[str]) -> Floats:
        """The vector of a text given as words."""
        total = np.add.reduce([self.word(word) for word in words] or [np.zeros(self.size, np.float32)])
        length = sqrt(float(total @ total))
        return np.asarray(total / length if length else total, np.float32)


@cache
def _read(path: Path, groups: Path) -> WordVectors:
    with np.load(path, allow_pickle=False) as arrays:
        words = arrays["words"].tobytes().decode().split("\n")
        guess = LetterGroups.load(groups) if groups.exists() else None
        return WordVectors(words, arrays["table"], arrays["scale"].astype(np.float32), guess)
