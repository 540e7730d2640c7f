"""The list of courses that were found: a page of five, each an option, and what is said to it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import RowMapping

from handlers import course_find, course_search, course_stand, free_text, typed
from handlers.course_list import listed, text_of
from handlers.course_search import Search
from handlers.course_stand import LABEL, NEW
from handlers.course_texts import facts, shortened
from handlers.forms import Data, Misfit, Reading, Valid
from handlers.messages import Option, Reply
from handlers.turn import Turn, options


def ask(turn: Turn, data: Data) -> Reply:
    """A page of the list, each course an option; where nothing was found, another search."""
    view = replace(course_stand.view(data, "detail"), course=0, noted=0)
    found = listed(turn, view)
    anew = options((turn.content.text("course_option_new"), f"answer:{NEW}"))
    if not found.rows:
        return turn.say("suggest_unknown" if view.suggest else "course_none", options=anew)
    page = min(view.page, found.pages - 1)
    shown = [_course_option(turn, data, view, row) for row in found.page(page)]
    if page + 1 < found.pages:
        following = course_stand.value(data, "list", replace(view, page=page + 1))
        shown += options((turn.content.text("course_option_next"), f"answer:{following}"))
    shown += anew
    if any(row["id"] in found.by_others for row in found.page(page)):
        shown += options((turn.content.text("suggest_option_off"), "do:similar_off"))
    return Reply(text=text_of(turn, view, found, page), options=tuple(shown))


def again(turn: Turn, data: Data) -> str:
    """The list that was shown just before, in a line: its courses are among the options."""
    view = replace(course_stand.view(data, "detail"), course=0, noted=0)
    empty = "suggest_unknown" if view.suggest else "course_none"
    return turn.content.text("course_list_again" if listed(turn, view).rows else empty)


def _course_option(turn: Turn, data: Data, view: Search, row: RowMapping) -> Option:
    return Option(
        label=shortened(row["title"], LABEL),
        action="answer:" + course_stand.value(data, "list", replace(view, course=row["id"])),
        description=facts(turn, row)[:72],
    )


def read(turn: Turn, data: Data) -> Reading:
    """The course, the two to compare, the page or the search that is wanted; None for anything else."""
    view = replace(course_stand.view(data, "detail"), course=0, noted=0)
    shown = listed(turn, view).page(view.page)
    if (compared := _two_of(turn, data, view, shown)) is not None:
        return compared
    typed_search = course_search.read(turn)
    if typed_search.words and not typed_search.topic and (course := _by_title(turn, typed_search.words, shown)):
        return Valid(course_stand.value(data, "list", replace(view, course=course)))
    more = course_stand.meaningful(turn, typed_search)
    if more.asks_something:
        sure = course_search.only_search_words(turn, more) or turn.understanding.intent == "course_choose"
        return Valid(course_stand.value(data, "list", course_search.refine(view, more)), sure=sure)
    number = free_text.lone_number(turn.text) or course_stand.ordinal(turn)
    if number and free_text.brief(turn):
        if not 1 <= number <= len(shown):
            return Misfit("course_not_listed")
        return Valid(course_stand.value(data, "list", replace(view, course=shown[number - 1]["id"])))
    moved = typed.find(turn, {"next": turn.content.files["courses"]["moves"]["next"]})
    if moved is None:
        return None
    return Valid(
        course_stand.value(data, "list", replace(view, page=view.page + 1)), sure=moved.sure and free_text.brief(turn)
    )


def _two_of(turn: Turn, data: Data, view: Search, shown: Sequence[RowMapping]) -> Reading:
    """ "Bandingkan 1 dan 3": both courses at once; with one number the other is asked for. None where nothing is to be compared."""
    if typed.find(turn, {"compare": turn.content.files["courses"]["moves"]["compare"]}) is None:
        return None
    numbers = list(dict.fromkeys(int(digits) for digits in re.findall(r"(?<!\d)\d{1,2}(?!\d)", turn.text)))
    if not numbers or len(numbers) > 2:
        return Misfit("course_compare_how")
    if not all(1 <= number <= len(shown) for number in numbers):
        return Misfit("course_not_listed")
    first, *others = (shown[number - 1]["id"] for number in numbers)
    wanted = replace(view, compare=first, course=others[0]) if others else replace(view, compare=first)
    return Valid(course_stand.value(data, "list", wanted))


def _by_title(turn: Turn, words: str, rows: tuple[RowMapping, ...]) -> int | None:
    """The shown course whose title holds most of the words typed, if there is exactly one."""
    wanted = words.split()
    need = len(wanted) * 0.75
    fits = [
        row["id"]
        for row in rows
        if sum(
            max((course_find.alike(word, own) for own in row["title"].lower().split()), default=0.0) for word in wanted
        )
        >= need
    ]
    return fits[0] if len(fits) == 1 else None
