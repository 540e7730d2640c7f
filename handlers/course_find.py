"""Courses for a search, best first: by words with slips forgiven, then by meaning, then by price."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Any

from sqlalchemy import RowMapping

from handlers.catalogue import Catalogue
from handlers.course_search import ONLINE, Search
from handlers.turn import Turn
from nlu.meaning import nearness
from nlu.normalise import plain
from storage import courses

_ALIKE = 0.81  # two words closer than this are the same word mistyped
_AKIN = 0.45  # courses this near in meaning are shown where no word fits (tried on invented titles: foreign ones stay below 0.4)
_MOST_AKIN = 10


CONDITIONS: Mapping[str, Mapping[str, Any]] = {
    "price": {"max_price": 0},
    "start": {"start_from": "", "start_to": ""},
    "place": {"regions": ""},
    "platform": {"platform": ""},
    "mode": {"mode": ""},
}
"""What a search may do without, the first to go first; the values say that nothing is asked."""


@dataclass(frozen=True, slots=True)
class Found:
    """Courses, best first; `exact` is False when a condition had to be dropped (`dropped`) or only the meaning is akin."""

    rows: tuple[RowMapping, ...]
    exact: bool = True
    dropped: tuple[str, ...] = ()  # of CONDITIONS


def find(turn: Turn, search: Search, today: date, *, by_meaning: bool = True) -> Found:
    """The courses for a search. Where nothing fits, as little as can be is dropped of `CONDITIONS`."""
    for dropped, wider in _wider(search):
        rows = ranked(_rows(turn, wider, today), wider, turn.content)
        if rows:
            return Found(tuple(rows), exact=wider == search, dropped=dropped)
    if by_meaning and search.words and not search.topic:
        return Found(tuple(_akin(_rows(turn, search, today), search.words, turn.content)), exact=False)
    return Found((), exact=False)


def _wider(search: Search) -> list[tuple[tuple[str, ...], Search]]:
    """The search, then without one condition, then without two and more, at last without its words; each with what was dropped."""
    asked = [name for name, empty in CONDITIONS.items() if any(getattr(search, key) for key in empty)]
    ways = [(), *((name,) for name in asked), *(tuple(asked[:many]) for many in range(2, len(asked) + 1))]
    steps = [(way, _without(search, way)) for way in ways]
    if search.words and search.topic:
        steps.append((tuple(asked), replace(steps[-1][1], words="")))
    return steps


def _without(search: Search, names: Sequence[str]) -> Search:
    return replace(search, **{key: empty for name in names for key, empty in CONDITIONS[name].items()})


def _rows(turn: Turn, search: Search, today: date) -> list[RowMapping]:
    mode = search.mode or ("offline" if search.regions else "")
    modes = ONLINE if mode == "online" else (mode,) if mode else ()
    return courses.search(
        turn.connection,
        today=today,
        topic=search.topic,
        platform=search.platform,
        modes=modes,
        regions=search.regions.split("|") if search.regions else (),
        max_price=search.max_price or None,
        starts=(date.fromisoformat(search.start_from), date.fromisoformat(search.start_to))
        if search.start_to
        else None,
    )


# -- ranking ------------------------------------------------------------------------------------------------------


def ranked(rows: Sequence[RowMapping], search: Search, content: Catalogue) -> list[RowMapping]:
    """Rows in the order to show: words and meaning that fit, then the price. With words and no topic, only rows that fit a word."""
    wanted = search.words.split()
    if not wanted:
        return sorted(rows, key=lambda row: (row["price"], row["id"]))
    topics = content.files["courses"]["topics"]
    fits = dict(zip((row["id"] for row in rows), _fits(wanted, [_offered(row, topics) for row in rows]), strict=True))
    if not search.topic:
        rows = [row for row in rows if fits[row["id"]] > 0]
    near = dict(zip((row["id"] for row in rows), _near(search.words, rows, topics), strict=True))
    scores = {row["id"]: round(fits[row["id"]] / len(wanted) + near[row["id"]], 2) for row in rows}
    return sorted(rows, key=lambda row: (-scores[row["id"]], row["price"], row["id"]))


def share(turn: Turn, words: str, today: date) -> float:
    """How much of these words the course that fits best has in its texts: 1 all, 0 nothing."""
    wanted, topics = words.split(), turn.content.files["courses"]["topics"]
    fits = _fits(wanted, [_offered(row, topics) for row in _rows(turn, Search(), today)])
    return max(fits, default=0.0) / len(wanted) if wanted else 0.0


def _akin(rows: Sequence[RowMapping], words: str, content: Catalogue) -> list[RowMapping]:
    """The rows whose meaning is near enough to the words, the nearest first."""
    near = _near(words, rows, content.files["courses"]["topics"])
    best = sorted(zip(near, rows, strict=True), key=lambda pair: (-round(pair[0], 2), pair[1]["price"], pair[1]["id"]))
    return [row for nearby, row in best if nearby >= _AKIN][:_MOST_AKIN]


def _near(words: str, rows: Sequence[RowMapping], topics: Mapping[str, Any]) -> list[float]:
    """How near each course is in meaning, by its title or by what its topic stands for."""
    by_title = nearness(words, [row["title"] for row in rows])
    named = sorted({row["topic"] for row in rows if row["topic"] in topics})
    by_topic = dict(zip(named, nearness(words, [_meant(topics[key]) for key in named]), strict=True))
    return [max(title, by_topic.get(row["topic"], 0.0)) for title, row in zip(by_title, rows, strict=True)]


def _meant(topic: Mapping[str, Any]) -> str:
    return " ".join((topic["name"], *topic["words"]))


def _offered(row: RowMapping, topics: Mapping[str, Any]) -> frozenset[str]:
    topic = topics.get(row["topic"], {}).get("name", "")
    return _word_set(f"{row['title']} {row['provider']} {topic} {row['summary']}")


@lru_cache(maxsize=4_096)
def _word_set(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"[a-z]{3,}", plain(text)))


def _fits(wanted: Sequence[str], offered: Sequence[frozenset[str]]) -> list[float]:
    """For each set of offered words the sum over the wanted words of the best one. Lists repeat their words, so each pair is compared once."""
    known = frozenset().union(*offered)
    good = [{word: score for word in known if (score := alike(want, word))} for want in wanted]
    return [sum(max((near[word] for word in near.keys() & words), default=0.0) for near in good) for words in offered]


def alike(left: str, right: str) -> float:
    """How far two words are the same, mistyped or shortened: 1 the same, 0 different."""
    if left == right:
        return 1.0
    shorter = min(len(left), len(right))
    if shorter >= 4 and (left.startswith(right) or right.startswith(left)):
        return 0.9
    if shorter < 4 or left[0] != right[0] or abs(len(left) - len(right)) > 2:
        return 0.0
    ratio = SequenceMatcher(None, left, right).ratio()
    return ratio if ratio >= _ALIKE else 0.0
