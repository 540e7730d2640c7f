"""Where one stands in choosing a course: the searches that the steps hold, and what each step asks of a message.

The value of each step is a `Search` as text. A step's value counts only while it was made from the value before it
(`after`), so that going back and searching anew cannot show a stale list.
"""

from __future__ import annotations

import zlib
from dataclasses import replace

from sqlalchemy import RowMapping

from handlers import course_find, course_search, telling, typed
from handlers.course_search import Search
from handlers.forms import Data
from handlers.record import Record, record
from handlers.turn import Turn
from storage import courses

NEW = "new"  # value of the list that asks for another search
LABEL = 20
KNOWN = 0.5  # so much of a message must be words of one course, or it is talk


def _mark(text: str) -> int:
    return zlib.crc32(text.encode())


def view(data: Data, last: str) -> Search:
    """The newest search among the steps up to `last`; values that were made from an older one do not count."""
    text = str(data.get("query", ""))
    for name in ("list", "detail"):
        held = data.get(name)
        if not held or held == NEW or course_search.from_text(held).after != _mark(text):
            break
        text = held
        if name == last:
            break
    return course_search.from_text(text)


def value(data: Data, step: str, search: Search) -> str:
    """A search as the value of a step: marked with the value that it was made from."""
    parent = data.get("query", "") if step == "list" else data.get("list", "")
    return replace(search, after=_mark(str(parent))).to_text()


def course(turn: Turn, course_id: int) -> RowMapping | None:
    """A course of the list as it is today; None where it is gone."""
    return courses.get(turn.connection, course_id, telling.today(turn))


def own_record(turn: Turn) -> Record | None:
    """The person's own record, for its balance; the look is logged."""
    return record(turn, "saldo")


def meaningful(turn: Turn, search: Search) -> Search:
    """The search without words that no course knows, so that chatter is no search; words that one knows are wanted before suggestions."""
    if not search.words:
        return search
    asked = turn.understanding.intent == "course_choose" and not search.suggest
    words = Search(words=search.words)
    known = asked or course_find.share(turn, search.words, telling.today(turn)) >= KNOWN
    if known and course_find.find(turn, words, telling.today(turn), by_meaning=asked).rows:
        return replace(search, suggest=False, work="", interests="")
    return replace(search, words="")


def ordinal(turn: Turn) -> int:
    """3 for "yang ketiga"; 0 for none."""
    ordinals = turn.content.files["courses"]["ordinals"]
    found = typed.find(turn, {str(number): words for number, words in ordinals.items()})
    return int(found.value) if found else 0
