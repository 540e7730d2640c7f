"""A page of courses: those found for a search, or those suggested, each with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import RowMapping

from handlers import course_find, course_suggest, telling
from handlers.course_search import PAGE, Search
from handlers.course_texts import about, line
from handlers.turn import Turn


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """All courses of a view, best first; `size` of them stand on a page."""

    rows: tuple[RowMapping, ...]
    exact: bool = True
    dropped: tuple[str, ...] = ()  # conditions that no course meets
    size: int = PAGE
    reasons: Mapping[int, str] = field(default_factory=dict)
    by_others: frozenset[int] = frozenset()  # courses whose reason is what similar people finished
    groups_as_of: str = ""

    @property
    def pages(self) -> int:
        """How many pages there are."""
        return -(-len(self.rows) // self.size)

    def page(self, number: int) -> tuple[RowMapping, ...]:
        """The rows of a page (from 0)."""
        return self.rows[number * self.size : (number + 1) * self.size]


def listed(turn: Turn, view: Search) -> Listed:
    """The courses of a view; the one that is to be compared is not offered again."""
    if view.suggest:
        return _suggested(turn, view)
    found = course_find.find(turn, view, telling.today(turn))
    rows = tuple(row for row in found.rows if row["id"] != view.compare)
    return Listed(rows=rows, exact=found.exact, dropped=found.dropped)


def _suggested(turn: Turn, view: Search) -> Listed:
    suggestions = course_suggest.suggest(turn, view, course_suggest.known(turn, view))
    found = [one for one in suggestions.found if one.row["id"] != view.compare]
    as_of = suggestions.groups_as_of
    return Listed(
        rows=tuple(one.row for one in found),
        size=course_suggest.PER_PAGE,
        reasons={one.row["id"]: one.reason for one in found},
        by_others=frozenset(one.row["id"] for one in found if one.kind == "similar"),
        groups_as_of=telling.day(turn.local(as_of).date()) if as_of else "",
    )


def text_of(turn: Turn, view: Search, shown: Listed, page: int) -> str:
    """What a page says: the head, a line a course (with its reason), the moment of the data."""
    say, rows = turn.content.text, shown.page(page)
    parts = [] if turn.content.state == "open" else [say("course_closed")]
    if view.compare:
        parts.append(say("course_compare_pick"))
    elif view.suggest:
        parts.append(say("suggest_head", count=len(shown.rows)))
    elif not shown.exact:
        parts.append(_near(turn, shown.dropped))
    else:
        parts.append(about(turn, view, len(shown.rows), page + 1, shown.pages))
    if view.within and not view.max_price:
        parts.append(say("course_balance_unknown"))
    for number, row in enumerate(rows, 1):
        parts.append(line(turn, row, number))
        if reason := shown.reasons.get(row["id"]):
            parts.append(f"   {reason}")
    as_of = telling.day(turn.local(min(row["as_of"] for row in rows)).date())
    parts.append(say("suggest_end", as_of=as_of) if view.suggest else _end(turn, view, shown, as_of))
    if any(row["id"] in shown.by_others for row in rows):
        parts[-1] += " " + say("suggest_similar_note", as_of=shown.groups_as_of)
    return "\n".join(parts)


def _near(turn: Turn, dropped: tuple[str, ...]) -> str:
    """That nothing fits quite, and which conditions the list does without."""
    if not dropped:
        return turn.content.text("course_near")
    named = ", ".join(turn.content.text(f"course_dropped_{name}") for name in dropped)
    return turn.content.text("course_near_without", dropped=named)


def _end(turn: Turn, view: Search, shown: Listed, as_of: str) -> str:
    """The moment of the data; where there is more than a page, the conditions by which it can still be made shorter."""
    end = turn.content.text("course_list_end", as_of=as_of)
    free = [
        name
        for name, asked in (("mode", view.mode or view.regions), ("platform", view.platform), ("price", view.max_price))
        if not asked
    ]
    if shown.pages < 2 or not free or view.compare:
        return end
    hints = ", ".join(turn.content.text(f"course_hint_{name}") for name in free[:2])
    return f"{turn.content.text('course_narrow', hints=hints)} {end}"
