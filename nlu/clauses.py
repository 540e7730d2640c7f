"""Where one message may ask two things: the places at which it can be cut into two questions, and what speaks for a cut."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import log1p

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
    r"kenapa|knp|kok|mana|dmn|dimana|di mana|bisa|bs|bisakah|boleh|blh|bolehkah|gak|ga|nggak|ngga|tidak|kah|caranya|cara|syarat\w*|iraha|piten|pira)\b",
    re.I,
)
_SPOKEN = re.compile(r"^(?:terus|trus|trs|teros|tros|lalu|sekalian|satu lagi|plus|sama|dan|lan|karo|sareng|jeung|deng|jo|habis itu|abis itu)$", re.I)
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
        strong = (kind == "word" and _SPOKEN.match(match[0].strip()) is not None) or bool(lead and _SPOKEN.match(lead[0].split()[0]))
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


def cut_features(cut: Cut, left: float, right: float, whole_left: float, whole_right: float, outside: float) -> list[float]:
    """What speaks for two questions. `left`, `right`: the best probability of each side; `whole_…`: the same intents' in the
    whole message; `outside`: the higher out-of-scope probability of the two sides."""
    words_left, words_right = len(cut.left.split()), len(cut.right.split())
    return [
        left,
        right,
        left * right,
        min(left, right),
        whole_left,
        whole_right,
        min(whole_left, whole_right) / (max(whole_left, whole_right) + 1e-6),
        outside,
        float(cut.kind == "mark"),
        float(cut.kind == "end"),
        float(cut.strong),
        float(asking(cut.left)),
        float(asking(cut.right)),
        log1p(words_left),
        log1p(words_right),
    ]


@dataclass(frozen=True, slots=True)
class BestCut:
    """The cut whose two sides are surest and mean different things."""

    first: int  # number of the left side's intent
    second: int
    looks: list[float]  # what speaks for two questions


def best_cut(found: Sequence[Cut], chances: Floats, away: Sequence[float], whole: Floats) -> BestCut | None:
    """The best of the cuts, None if both sides of each mean the same. `chances`, `away`: the probabilities of the intents and of
    "out of scope" of the sides: left, right, left, right …; `whole`: the intents' probabilities in the whole message."""
    tops = chances.argmax(axis=1).tolist()
    highs = chances.max(axis=1).tolist()
    best, value = None, -1.0
    for number, cut in enumerate(found):
        left, right = 2 * number, 2 * number + 1
        product = highs[left] * highs[right] * (1 - away[left]) * (1 - away[right])
        if tops[left] == tops[right] or product <= value:
            continue
        value = product
        one, two = float(whole[tops[left]]), float(whole[tops[right]])
        looks = cut_features(cut, highs[left], highs[right], one, two, max(away[left], away[right]))
        best = BestCut(tops[left], tops[right], looks)
    return best
