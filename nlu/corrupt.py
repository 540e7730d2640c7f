"""Spoils texts as hurried thumbs do, to measure how an engine bears it. Never used to make training data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random

from nlu.evaluate import Case

SHARE = 0.2  # of the words
SEED = 20_241
_NEAR = {
    "a": "sqz", "b": "vn", "c": "xv", "d": "sfe", "e": "wr", "f": "dg", "g": "fh", "h": "gj", "i": "uo", "j": "hk", "k": "jl", "l": "k", "m": "n",
    "n": "bm", "o": "ip", "p": "o", "q": "w", "r": "et", "s": "ad", "t": "ry", "u": "yi", "v": "cb", "w": "qe", "x": "zc", "y": "tu", "z": "x",
}  # fmt: skip
_VOWELS = "aeiou"


def _without_vowels(word: str, random: Random) -> str:
    return word[0] + "".join(char for char in word[1:-1] if char not in _VOWELS) + word[-1]


def _one_less(word: str, random: Random) -> str:
    at = random.randrange(1, len(word))
    return word[:at] + word[at + 1 :]


def _swapped(word: str, random: Random) -> str:
    at = random.randrange(len(word) - 1)
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]


def _next_key(word: str, random: Random) -> str:
    at = random.randrange(len(word))
    return word[:at] + random.choice(_NEAR.get(word[at].lower(), word[at])) + word[at + 1 :]


def _stretched(word: str, random: Random) -> str:
    return word + word[-1] * random.randrange(1, 4)


def _shortened(word: str, random: Random) -> str:
    return word.replace("ng", "g").replace("au", "o").replace("ai", "e")


_WAYS: tuple[Callable[[str, Random], str], ...] = (
    _without_vowels, _without_vowels, _one_less, _swapped, _next_key, _stretched, _shortened,
)  # fmt: skip


def corrupt(text: str, share: float = SHARE, seed: int = SEED) -> str:
    """The text with that share of its words (of three letters or more) misspelt; the same for the same seed."""
    random = Random(f"{seed}:{text}")  # noqa: S311 (no secret)
    words = text.split(" ")
    able = [at for at, word in enumerate(words) if len(word) >= 3 and word.isalpha()]
    for at in random.sample(able, min(len(able), round(share * len(words)))):
        words[at] = random.choice(_WAYS)(words[at], random)
    return " ".join(words)


def corrupted(cases: Sequence[Case], share: float = SHARE) -> list[Case]:
    """The cases with their texts spoilt."""
    return [replace(case, text=corrupt(case.text, share)) for case in cases]
