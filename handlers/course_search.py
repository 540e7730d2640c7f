"""What somebody looks for among the courses: read from free text, kept as one line of text, found and ranked."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from difflib import SequenceMatcher
from typing import Any
from urllib.parse import parse_qsl, urlencode

from sqlalchemy import RowMapping

from handlers import free_text, typed
from handlers.catalogue import Catalogue
from handlers.turn import Turn
from nlu.normalise import plain
from storage import courses

PAGE = 5
ONLINE = ("webinar", "spl")

_ALIKE = 0.8  # two words closer than this are the same word mistyped
_CAP = re.compile(
    r"(?:maks(?:imal)?|max|(?:di)?\s*bawah|kurang dari|sampai|paling mahal|budget|bujet|<)\W*(?:rp\W*)?\d",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What is looked for, and where one stands in the result. As text it is the value of a form step."""

    topic: str = ""
    platform: str = ""
    mode: str = ""  # webinar, spl, offline, or online (both first)
    regions: str = ""  # codes of kabupaten/kota, "3204|3273"
    max_price: int = 0
    cheap: bool = False
    words: str = ""  # what is left of the text
    page: int = 0
    course: int = 0  # the course looked at
    compare: int = 0  # the course to compare with
    noted: int = 0  # the course chosen
    after: int = 0  # mark of the value this one was made from

    def to_text(self) -> str:
        """All that differs from the default, as in an address."""
        return urlencode(
            [(key, int(value) if isinstance(value, bool) else value) for key, value in asdict(self).items() if value]
        )

    @property
    def asks_something(self) -> bool:
        """Whether anything at all is looked for."""
        return bool(
            self.topic or self.platform or self.mode or self.regions or self.max_price or self.cheap or self.words
        )


def from_text(text: str) -> Search:
    """The inverse of `Search.to_text`; keys of another version are ignored."""
    defaults = asdict(Search())
    values: dict[str, Any] = {}
    for key, value in parse_qsl(text):
        if key in defaults:
            values[key] = value if isinstance(defaults[key], str) else type(defaults[key])(int(value))
    return Search(**values)


# -- reading ------------------------------------------------------------------------------------------------------


def read(turn: Turn) -> Search:
    """What the message says about the course that is looked for."""
    content = turn.content.files["courses"]
    found = {kind: typed.find(turn, _words(content[kind])) for kind in ("topics", "platforms", "modes")}
    topic, platform, mode = (found[kind].value if found[kind] else "" for kind in found)  # type: ignore[union-attr]
    region, money = turn.understanding.first("region"), turn.understanding.first("money")
    return Search(
        topic=topic,
        platform=platform,
        mode=mode,
        regions=str(region.detail.get("candidates") or region.value) if region else "",
        max_price=int(money.value) if money and _CAP.search(turn.text) else 0,
        cheap=typed.find(turn, {"cheap": content["cheap"]}) is not None,
        words=_rest(turn, content, topic, platform, mode),
    )


def refine(search: Search, more: Search) -> Search:
    """The search with what was added; another topic forgets the words of the former."""
    former = replace(search, words="", topic="") if more.topic and more.topic != search.topic else search
    changed = {key: value for key, value in asdict(more).items() if value}
    words = " ".join(dict.fromkeys(f"{former.words} {more.words}".split()))
    return replace(former, **{**changed, "words": words, "page": 0, "course": 0, "noted": 0})


def only_search_words(turn: Turn, search: Search) -> bool:
    """Whether the message holds nothing but what is looked for; a short one ("yg tokped ada?") may end in a question mark."""
    return search.asks_something and not search.words and ("?" not in turn.text or free_text.brief(turn))


def _words(group: Mapping[str, Mapping[str, Any]]) -> dict[str, Sequence[str]]:
    return {key: entry["words"] for key, entry in group.items()}


def _rest(turn: Turn, content: Mapping[str, Any], topic: str, platform: str, mode: str) -> str:
    said: list[str] = [*content["filler"], *content["cheap"], *content["everything"]]
    for kind, key in (("topics", topic), ("platforms", platform), ("modes", mode)):
        if key:
            said += content[kind][key]["words"]
    used = {part for phrase in said for part in plain(phrase).split()}
    text = turn.text
    for entity in turn.understanding.entities:
        if entity.kind in ("region", "money"):
            text = text.replace(entity.text, " ")
    return " ".join(word for word in re.findall(r"[a-z]{3,}", plain(text[:200])) if word not in used)


# -- finding ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Found:
    """Courses, best first; `exact` is False when a condition had to be dropped."""

    rows: tuple[RowMapping, ...]
    exact: bool = True


def find(turn: Turn, search: Search, today: date) -> Found:
    """The courses for a search. Where nothing fits, conditions are dropped: price, place, platform, way of learning."""
    for number, wider in enumerate(_wider(search)):
        rows = ranked(_rows(turn, wider, today), wider, turn.content)
        if rows:
            return Found(tuple(rows), exact=number == 0)
    return Found((), exact=False)


def _wider(search: Search) -> list[Search]:
    steps = [search]
    drops: tuple[dict[str, Any], ...] = ({"max_price": 0}, {"regions": ""}, {"platform": ""}, {"mode": ""})
    for drop in drops:
        if any(getattr(search, key) for key in drop):
            steps.append(replace(steps[-1], **drop))
    if search.words and search.topic:
        steps.append(replace(steps[-1], words=""))
    return steps


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
    )


def ranked(rows: Sequence[RowMapping], search: Search, content: Catalogue) -> list[RowMapping]:
    """Rows in the order to show: words that fit, then the price. With words and no topic, only rows that fit a word."""
    wanted = search.words.split()
    scores = {row["id"]: _fit(wanted, row, content) for row in rows}
    if wanted and not search.topic:
        rows = [row for row in rows if scores[row["id"]] > 0]
    return sorted(rows, key=lambda row: (-scores[row["id"]], row["price"], row["id"]))


def _fit(wanted: Sequence[str], row: RowMapping, content: Catalogue) -> float:
    if not wanted:
        return 0.0
    topic = content.files["courses"]["topics"].get(row["topic"], {}).get("name", "")
    offered = set(re.findall(r"[a-z]{3,}", plain(f"{row['title']} {row['provider']} {topic} {row['summary']}")))
    return sum(max((alike(word, other) for other in offered), default=0.0) for word in wanted)


def alike(left: str, right: str) -> float:
    """How far two words are the same, mistyped or shortened: 1 the same, 0 different."""
    if left == right:
        return 1.0
    if min(len(left), len(right)) >= 4 and (left.startswith(right) or right.startswith(left)):
        return 0.9
    if min(len(left), len(right)) < 5 or left[0] != right[0] or abs(len(left) - len(right)) > 2:
        return 0.0
    ratio = SequenceMatcher(None, left, right).ratio()
    return ratio if ratio >= _ALIKE else 0.0
