"""Where one message may ask two things: the places at which it can be cut into two questions, and what speaks for a cut."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import log, log1p

import numpy as np

from nlu.features import Floats

_JOINT = re.compile(
    r"(?P<mark>\?+[\s,]*)|(?P<end>[.!;\n]+\s+|\n)|(?P<comma>,\s*)|"
    r"(?P<word>\s(?:terus|trus|trs|teros|lalu|sama|sm|dan|n|&|\+|sekalian|plus|serta|juga|satu lagi|sekalian tanya|habis itu|abis itu|"
    r"karo|kalih|sareng|jeung|jo|deng|deng lai|mo|dengan|lan|tros|same|dan juga|kalau|klo|kalo|tapi|soalnya|nah)\s+)",
    re.I,
)
_LEAD = re.compile(
    r"^(?:[\s,.&+]|terus|trus|trs|teros|tros|lalu|sama|sm|dan|sekalian|plus|serta|juga|karo|sareng|jeung|lan|satu lagi|tanya|nanya|mau|habis|"
    r"abis|itu|tu|nah|n|oh|iya|kak|min)+(?=\s|$)\s*",
    re.I,
)
_ASKING = re.compile(
    r"\?|\b(?:apa|apakah|apa aja|ap|opo|naon|siapa|kapan|kpn|berapa|brp|brapa|piro|sabaraha|gimana|gmn|gmna|bagaimana|piye|kumaha|cemana|"
    r"kenapa|knp|kok|mana|dmn|dimana|di mana|bisa|bs|bisakah|boleh|blh|bolehkah|gak|ga|nggak|ngga|tidak|kah|caranya|cara|syarat\w*|"
    r"iraha|piten|pira)\b",
    re.I,
)
_SPOKEN = re.compile(
    r"^(?:terus|trus|trs|teros|tros|lalu|sekalian|satu lagi|plus|sama|dan|lan|karo|sareng|jeung|deng|jo|habis itu|abis itu)$",
    re.I,
)
_ADDING = re.compile(
    r"\b(?:terus|trus|trs|tros|sekalian|satu lagi|sama|dan|lalu|plus|juga|karo|jeung|deng|lan|sareng)\b", re.I
)
_LITTLE = 1e-4  # keeps logarithms finite
LOOKS = 31  # numbers that speak for or against two questions, see `BestCut.looks`
MOST_CUTS = 4


@dataclass(frozen=True, slots=True)
class Cut:
    """A message cut in two."""

    left: str
    right: str
    kind: str  # mark, end, comma, word
    strong: bool  # the word says "and another thing": terus, sekalian, dan …


def cuts(text: str) -> list[Cut]:
    """The most promising cuts, in the order of the text; each side has at least two words, or one word and a question mark."""
    found = []
    for match in _JOINT.finditer(text[:1000]):
        kind = str(match.lastgroup)
        edge = match.start() + (len(match[0].rstrip(" ,")) if kind == "mark" else 0)
        left, right = text[:edge].strip(), text[match.end() :].strip()
        lead = _LEAD.match(right)
        strong = (kind == "word" and _SPOKEN.match(match[0].strip()) is not None) or bool(
            lead and _SPOKEN.match(lead[0].split()[0])
        )
        right = right[lead.end() :] if lead else right
        if len(left.split()) >= 2 and right and (len(right.split()) >= 2 or "?" in right):
            found.append(Cut(left, right, kind, strong))
    if len(found) > MOST_CUTS:
        found.sort(key=lambda cut: (-cut.strong, ("mark", "end", "comma", "word").index(cut.kind)))
        found = found[:MOST_CUTS]
    return found


def asking(text: str) -> bool:
    """Whether the text has the sign or a word of a question."""
    return _ASKING.search(text) is not None


@dataclass(frozen=True, slots=True)
class BestCut:
    """The cut whose two sides are surest and mean different things."""

    first: int  # number of the left side's intent
    second: int
    sure: float  # probability of the left side's intent
    looks: list[float]  # what speaks for two questions


def best_cut(text: str, found: Sequence[Cut], chances: Floats, away: Sequence[float], whole: Floats) -> BestCut | None:
    """The best of the cuts of a text, None if both sides of each mean the same. `chances`, `away`: the probabilities of the
    intents and of "out of scope" of the sides: left, right, left, right …; `whole`: the intents' probabilities in the text."""
    tops = chances.argmax(axis=1).tolist()
    highs = chances.max(axis=1).tolist()
    chosen, value = -1, -1.0
    for number in range(len(found)):
        left, right = 2 * number, 2 * number + 1
        product = highs[left] * highs[right] * (1 - away[left]) * (1 - away[right])
        if tops[left] != tops[right] and product > value:
            chosen, value = number, product
    if chosen < 0:
        return None
    left, right = 2 * chosen, 2 * chosen + 1
    looks = [
        *_looks_of_sides(highs[left], highs[right], max(away[left], away[right])),
        *_looks_of_whole(whole, tops[left], tops[right]),
        *_looks_of_words(text, found[chosen], len(found)),
    ]
    return BestCut(tops[left], tops[right], highs[left] * (1 - away[left]), looks)


def _looks_of_sides(left: float, right: float, away: float) -> list[float]:
    """How sure each side is, and whether one of them is out of scope."""
    return [left, right, left * right, min(left, right), away, log(left + _LITTLE), log(right + _LITTLE)]


def _looks_of_whole(whole: Floats, first: int, second: int) -> list[float]:
    """Whether the whole message leans to both intents."""
    one, two = float(whole[first]), float(whole[second])
    top = np.partition(whole, -2)[-2:]
    return [
        one,
        two,
        one + two,
        min(one, two) / (max(one, two) + 1e-6),
        log(one + _LITTLE),
        log(two + _LITTLE),
        float(top[1]),
        float(top[0]),
        -float((whole * np.log(whole + np.float32(1e-9))).sum()),
        float(int(whole.argmax()) in (first, second)),
    ]


def _looks_of_words(text: str, cut: Cut, count: int) -> list[float]:
    """Signs and words: question marks, words that ask or add, lengths."""
    asks_left, asks_right = asking(cut.left), asking(cut.right)
    left, right = len(cut.left.split()), len(cut.right.split())
    return [
        float(cut.kind == "mark"),
        float(cut.kind == "end"),
        float(cut.strong),
        float(asks_left),
        float(asks_right),
        float(asks_left and asks_right),
        float(cut.strong and asks_right),
        float(cut.kind == "mark" and asks_right),
        log1p(left),
        log1p(right),
        log1p(left + right),
        float(text.count("?")),
        float(count),
        float(_ADDING.search(text) is not None),
    ]
