"""What somebody looks for among the courses: read from free text, kept as one line of text."""

from __future__ import annotations

import calendar
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode

from handlers import free_text, telling, typed
from handlers.record import record
from handlers.turn import Turn
from nlu.normalise import plain

PAGE = 5
ONLINE = ("webinar", "spl")

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
    within: bool = False  # within the person's own balance, whether or not that is known
    start_from: str = ""  # ISO days between which the class begins
    start_to: str = ""
    cheap: bool = False
    suggest: bool = False  # suggestions are wanted, by what follows and by what is known of the person
    work: str = ""  # code of content/registration.yml
    interests: str = ""  # such codes, "cooking|sewing"
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
        told = (self.topic, self.platform, self.mode, self.regions, self.max_price, self.start_to, self.words)
        return any(told) or self.within or self.cheap or self.suggest


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
    price = int(money.value) if money and _CAP.search(turn.text) else 0
    within = typed.find(turn, {"within": content["within"]}) is not None
    begins = _start(turn, content)
    wishes = {} if topic or within else _wishes(turn)
    return Search(
        topic=topic,
        platform=platform,
        mode=mode,
        regions=str(region.detail.get("candidates") or region.value) if region else "",
        max_price=price or (_balance(turn) if within else 0),
        within=within,
        start_from=begins[0].isoformat() if begins else "",
        start_to=begins[1].isoformat() if begins else "",
        cheap=typed.find(turn, {"cheap": content["cheap"]}) is not None,
        words=_rest(turn, content, topic, platform, mode),
        **wishes,
    )


def _wishes(turn: Turn) -> dict[str, Any]:
    """Whether suggestions are wanted, with the work and the interests that the message tells."""
    words, tables = turn.content.files["suggest"], turn.content.files["registration"]
    asked = typed.find(turn, {"asked": words["asked"]}) is not None
    told = asked or typed.find(turn, {"own": words["own"]}) is not None
    work = typed.find(turn, _words(tables["work"])) if told else None
    if not asked and not work:
        return {}
    interests = typed.find_all(turn, _words(tables["interests"])) if asked else []
    return {"suggest": True, "work": work.value if work else "", "interests": "|".join(interests)}


def _balance(turn: Turn) -> int:
    """The balance of the person's own record, where it may be told; 0 where it is not known."""
    own = record(turn, "saldo")
    return own.row["balance"] or 0 if own and own.shows_amounts and own.fresh else 0


def _start(turn: Turn, content: Mapping[str, Any]) -> tuple[date, date] | None:
    """The days between which a class is to begin: "minggu depan", "mulai Desember", "mulai 1 Desember"."""
    today = telling.today(turn)
    said = typed.find(turn, {"begins": content["begins"]}) is not None
    day = turn.understanding.first("date")
    if said and day and (wanted := date.fromisoformat(str(day.value))) >= today:
        return wanted, wanted + timedelta(days=6)
    months = {str(number): names for number, names in content["months"].items()}
    if said and (month := typed.find(turn, months)):
        return _month(today, int(month.value), today.year + (int(month.value) < today.month))
    period = typed.find(turn, content["periods"])
    match period.value if period else "":
        case "this_week":
            return today, today + timedelta(days=6 - today.weekday())
        case "next_week":
            monday = today + timedelta(days=7 - today.weekday())
            return monday, monday + timedelta(days=6)
        case "this_month":
            return _month(today, today.month, today.year)
        case "next_month":
            return _month(today, today.month % 12 + 1, today.year + today.month // 12)
    return None


def _month(today: date, month: int, year: int) -> tuple[date, date]:
    last = date(year, month, calendar.monthrange(year, month)[1])
    return max(today, date(year, month, 1)), last


def refine(search: Search, more: Search) -> Search:
    """The search with what was added; another topic forgets the words of the former."""
    former = replace(search, words="", topic="") if more.topic and more.topic != search.topic else search
    if more.suggest or (former.suggest and (more.topic or more.words)):
        former = replace(former, words="", topic="", suggest=False, work="", interests="")
    changed = {key: value for key, value in asdict(more).items() if value}
    words = " ".join(dict.fromkeys(f"{former.words} {more.words}".split()))
    return replace(former, **{**changed, "words": words, "page": 0, "course": 0, "noted": 0})


def only_search_words(turn: Turn, search: Search) -> bool:
    """Whether the message holds nothing but what is looked for; a short one ("yg tokped ada?") may end in a question mark."""
    return search.asks_something and not search.words and ("?" not in turn.text or free_text.brief(turn))


def _words(group: Mapping[str, Mapping[str, Any]]) -> dict[str, Sequence[str]]:
    return {key: entry["words"] for key, entry in group.items()}


def _rest(turn: Turn, content: Mapping[str, Any], topic: str, platform: str, mode: str) -> str:
    said: list[str] = [*content["filler"], *content["cheap"], *content["everything"], *content["within"]]
    if _start(turn, content):
        said += [
            *content["begins"],
            *(word for words in (*content["periods"].values(), *content["months"].values()) for word in words),
        ]
    for kind, key in (("topics", topic), ("platforms", platform), ("modes", mode)):
        if key:
            said += content[kind][key]["words"]
    used = {part for phrase in said for part in plain(phrase).split()}
    text = turn.text
    for entity in turn.understanding.entities:
        if entity.kind in ("region", "money", "date"):
            text = text.replace(entity.text, " ")
    words = re.findall(r"[a-z]{3,}", plain(text[:200]))
    return " ".join(word for word in words if word not in used and not used.issuperset(typed.spoken(word).split()))
