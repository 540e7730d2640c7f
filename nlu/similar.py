"""Finds near-duplicates: texts whose sets of character trigrams overlap strongly (Jaccard)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from math import ceil


def trigrams(text: str) -> frozenset[str]:
    """The set of character trigrams of a text, lower case, with its edges."""
    padded = f"  {' '.join(text.lower().split())}  "
    return frozenset(padded[at : at + 3] for at in range(len(padded) - 2))


def jaccard(left: frozenset[str], right: frozenset[str]) -> float:
    """The share of common members."""
    return len(left & right) / len(left | right)


def near_pairs(texts: Sequence[str], threshold: float) -> Iterator[tuple[int, int, float]]:
    """All pairs (earlier, later, similarity) above the threshold. Only the rarest trigrams of a text need comparing:
    two sets with Jaccard t share one of their |x| - ⌈t·|x|⌉ + 1 rarest members."""
    sets = [trigrams(text) for text in texts]
    frequency = Counter(gram for grams in sets for gram in grams)
    index: dict[str, list[int]] = {}
    for at, grams in enumerate(sets):
        rarest = sorted(grams, key=lambda gram: (frequency[gram], gram))
        prefix = rarest[: len(grams) - ceil(threshold * len(grams)) + 1]
        met = {other for gram in prefix for other in index.get(gram, ())}
        for other in sorted(met):
            if min(len(grams), len(sets[other])) >= threshold * max(len(grams), len(sets[other])):
                likeness = jaccard(grams, sets[other])
                if likeness > threshold:
                    yield other, at, likeness
        for gram in prefix:
            index.setdefault(gram, []).append(at)


def clusters(texts: Sequence[str], threshold: float) -> list[int]:
    """A cluster number for each text: texts joined by a chain of near pairs share it."""
    parent = list(range(len(texts)))

    def root(at: int) -> int:
        while parent[at] != at:
            parent[at] = parent[parent[at]]
            at = parent[at]
        return at

    for left, right, _ in near_pairs(texts, threshold):
        parent[root(right)] = root(left)
    return [root(at) for at in range(len(texts))]
