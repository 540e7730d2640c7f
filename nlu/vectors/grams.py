"""Makes grams.npz: vectors for groups of letters, so that a word which is not in table.npz still has a place near its likes.

    python -m nlu.vectors.grams        (needs the extra `train`; half a minute)

The groups' vectors are those whose sums come nearest (least squares with a little ridge, by conjugate gradients) to the vectors of
the table's own words. Only table.npz goes in, so that both can be made anew in this order: build, grams.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from nlu.vectors.table import GRAMS, WordVectors, letter_groups

LEAST = 12  # words that a group of letters must stand in
RIDGE = 1.0
STEPS = 25
Floats = NDArray[np.float32]


def matrix(words: Sequence[str], number: Mapping[str, int]) -> csr_matrix:
    """A row a word: its known groups, brought to length 1."""
    known = [[number[group] for group in letter_groups(word) if group in number] for word in words]
    ends = np.cumsum([0, *map(len, known)])
    values = [1 / np.sqrt(len(row)) for row in known for _ in row]
    ids = [at for row in known for at in row]
    return csr_matrix((np.array(values, np.float32), np.array(ids), ends), shape=(len(words), len(number)))


def fit(words: Sequence[str], vectors: Floats) -> tuple[list[str], Floats]:
    """The groups of letters and their vectors."""
    counted = Counter(group for word in words for group in set(letter_groups(word)))
    names = sorted(group for group, times in counted.items() if times >= LEAST)
    rows = matrix(words, {name: at for at, name in enumerate(names)})
    columns = rows.T.tocsr()
    found = np.zeros((len(names), vectors.shape[1]), np.float32)
    rest = np.asarray(columns @ vectors, np.float32)
    way, length = rest.copy(), (rest * rest).sum(axis=0)
    for _ in range(STEPS):  # all columns at once
        image = columns @ (rows @ way) + RIDGE * way
        step = length / np.maximum((way * image).sum(axis=0), 1e-12)
        found += step * way
        rest -= step * image
        before, length = length, (rest * rest).sum(axis=0)
        way = rest + (length / np.maximum(before, 1e-12)) * way
    return names, found


def main() -> None:
    """Builds and writes the groups' vectors."""
    words, vectors = WordVectors.load().units()
    names, found = fit(words, vectors)
    step = np.maximum(np.abs(found).max(axis=1, keepdims=True), 1e-6) / 127
    names_bytes = np.frombuffer("\n".join(names).encode(), np.uint8)
    np.savez(
        GRAMS, names=names_bytes, table=np.round(found / step).astype(np.int8), scale=step[:, 0].astype(np.float16)
    )
    sys.stdout.write(f"{len(names)} groups of letters, {GRAMS.stat().st_size} bytes\n")


if __name__ == "__main__":
    main()
