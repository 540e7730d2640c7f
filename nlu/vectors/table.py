"""Word vectors for meaning beyond spelling: an int8 table, made by `build.py`, read with numpy only."""

from __future__ import annotations

from math import sqrt
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

TABLE = Path(__file__).parent / "table.npz"


class WordVectors:
    """A text's vector is the weighted mean of its words' vectors, brought to length 1 (0 when no word is known)."""

    def __init__(self, words: list[str], table: NDArray[np.int8], scale: NDArray[np.float32]) -> None:
        """`scale` brings a word's row to the length that its rarity deserves."""
        self._row = {word: at for at, word in enumerate(words)}
        self._table, self._scale = table, scale

    @classmethod
    def load(cls, path: Path = TABLE) -> WordVectors:
        """Reads the table."""
        with np.load(path, allow_pickle=False) as arrays:
            words = arrays["words"].tobytes().decode().split("\n")
            return cls(words, arrays["table"], arrays["scale"].astype(np.float32))

    @property
    def size(self) -> int:
        """The number of dimensions."""
        return int(self._table.shape[1])

    def embed(self, words: list[str]) -> NDArray[np.float32]:
        """The vector of a text given as words."""
        rows = [at for word in words if (at := self._row.get(word, -1)) >= 0]
        if not rows:
            return np.zeros(self.size, np.float32)
        total = self._scale[rows] @ self._table[rows].astype(np.float32)
        length = sqrt(float(total @ total))
        return np.asarray(total / length if length else total, np.float32)
