"""How near texts are in meaning, by the word vectors: for ranking, not for decisions. No part of the trained model."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache

import numpy as np

from nlu.features import Floats, pieces
from nlu.normalise import Normaliser
from nlu.vectors.table import WordVectors

_REMEMBERED = 8_192  # texts whose vectors are kept: titles and topics come again with every search


@cache
def load() -> tuple[Normaliser, WordVectors]:
    """The normaliser and the classifier's own word vectors, read now so that the first search need not."""
    return Normaliser(), WordVectors.load()


def vectors(texts: Sequence[str]) -> Floats:
    """A row of length 1 for each text (0 where every word is unknown): their products are what `nearness` tells."""
    return np.stack([_vector(text) for text in texts])


@lru_cache(maxsize=_REMEMBERED)
def _vector(text: str) -> Floats:
    normaliser, vectors = load()
    return vectors.embed([piece for token in normaliser.tokens(text) for piece in pieces(token)])


def nearness(text: str, others: Sequence[str]) -> list[float]:
    """How near each of the others is to the text: 1 the same, about 0.4 and more akin, 0 foreign or of unknown words."""
    if not others:
        return []
    return [max(0.0, float(value)) for value in np.stack([_vector(other) for other in others]) @ _vector(text)]
