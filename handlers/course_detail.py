"""One course, or two side by side, and what is said to it: noted, compared, back to the list, another search."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from handlers import course_search, course_stand, free_text, typed
from handlers.course_texts import comparison, details, with_mark
from handlers.forms import Data, Reading, Valid
from handlers.messages import Reply
from handlers.turn import Turn, options


def ask(turn: Turn, data: Data) -> Reply:
    """The details with the ways on; of two courses the comparison."""
    view, value = course_stand.view(data, "list"), partial(course_stand.value, data, "detail")
    row = course_stand.course(turn, view.course)
    back = (turn.content.text("course_option_list"), "answer:" + value(replace(view, course=0, compare=0)))
    if row is None:
        return turn.say("course_gone", options=options(back))
    other = course_stand.course(turn, view.compare) if view.compare and view.compare != view.course else None
    if other:
        pairs = (
            (turn.content.text("course_option_note_first"), "answer:" + value(replace(view, noted=other["id"]))),
            (turn.content.text("course_option_note_second"), "answer:" + value(replace(view, noted=row["id"]))),
        )
        return Reply(text=comparison(turn, other, row), options=options(*pairs, back))
    compared = value(replace(view, course=0, compare=view.course))
    pairs = (
        (turn.content.text("course_option_note"), "answer:" + value(replace(view, noted=row["id"]))),
        (turn.content.text("course_option_compare"), "answer:" + compared),
    )
    return Reply(text=details(turn, row, course_stand.own_record(turn)), options=options(*pairs, back))


def again(turn: Turn, data: Data) -> str:
    """The course that was shown just before, by its title."""
    view = course_stand.view(data, "list")
    row = course_stand.course(turn, view.course)
    if row is None:
        return turn.content.text("course_gone")
    if view.compare and view.compare != view.course:
        return turn.content.text("course_compare_again")
    return turn.content.text("course_detail_again", title=with_mark(turn, row))


def read(turn: Turn, data: Data) -> Reading:
    """What is wanted with it, or another search; None for anything else."""
    moves = turn.content.files["courses"]["moves"]
    view, value = course_stand.view(data, "list"), partial(course_stand.value, data, "detail")
    found = typed.find(turn, {key: moves[key] for key in ("note", "compare", "list")})
    brief = free_text.brief(turn)
    if view.compare and (number := free_text.lone_number(turn.text) or course_stand.ordinal(turn)) in (1, 2) and brief:
        return Valid(value(replace(view, noted=view.compare if number == 1 else view.course)))
    match found.value if found else None:
        case "note" if found and not view.compare:
            return Valid(value(replace(view, noted=view.course)), sure=brief and found.sure)
        case "compare" if found:
            return Valid(value(replace(view, course=0, compare=view.course)), sure=brief and found.sure)
        case "list" if found:
            return Valid(value(replace(view, course=0, compare=0)), sure=brief and found.sure)
    more = course_stand.meaningful(turn, course_search.read(turn))
    if more.asks_something:
        sure = course_search.only_search_words(turn, more)
        return Valid(value(course_search.refine(replace(view, compare=0), more)), sure=sure)
    return None
