"""A message that is one word in any spelling, with nothing beside it but politeness: STOP, MULAI, BANTUAN, LANJUT."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence


def says(text: str, wanted: Collection[str], aside: Collection[str], *, most_aside: int) -> bool:
    """Whether a text is one of `wanted`, with at most so many words of `aside`; signs and doubled letters do not count."""
    polite, meant = {_once(word) for word in aside}, {_once(word) for word in wanted}
    heard = _words(text)
    left = [word for word in heard if word in meant or word not in polite]
    return bool(left) and set(left) <= meant and len(heard) - len(left) <= most_aside


def _words(text: str) -> Sequence[str]:
    """The words without signs and doubled letters; "s t o p" is one word."""
    words = re.findall(r"[^\W\d_]+", text.lower())
    if len(words) > 1 and all(len(word) == 1 for word in words):
        words = ["".join(words)]
    return [_once(word) for word in words]


def _once(word: str) -> str:
    return re.sub(r"(.)\1+", r"\1", word)
