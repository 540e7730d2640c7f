"""Choosing a course: a search in one's own words, pages of five, details, comparing, a note. Nothing is bought.

The value of each step is a `Search` as text. A step's value counts only while it was made from the value before it
(`after`), so that going back and searching anew cannot show a stale list.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import RowMapping

from handlers import course_find, course_first, course_search, course_suggest, free_text, telling, typed
from handlers.course_list import listed, text_of
from handlers.course_search import Search
from handlers.course_texts import comparison, details, facts, noted, shortened, with_mark
from handlers.forms import Data, Form, Misfit, Reading, Step, Valid, close, open_form
from handlers.messages import Option, Reply
from handlers.record import Record, record
from handlers.turn import Answer, Turn, answer, options
from storage import courses

NEW = "new"  # value of the list that asks for another search
FIRST_TOPICS = ("bahasa_inggris", "kue", "pemasaran_digital", "office", "jahit", "desain")
LABEL = 20
KNOWN = 0.5  # so much of a message must be words of one course, or it is talk


def start(turn: Turn) -> Answer:
    """Begins with what the message already says; without a list of courses it says where to look."""
    if not courses.any_listed(turn.connection, telling.today(turn)):
        return answer(turn, turn.say("course_no_list"))
    search = _meaningful(turn, course_search.read(turn))
    before = course_first.check(turn, _own(turn))
    if search.suggest and not course_suggest.known(turn, search).anything:
        before = f"{before}\n{turn.content.text('suggest_unknown')}".strip()
        search = Search()
    data = {"query": search.to_text()} if search.asks_something else {}
    return open_form(turn, FORM, data, before=Reply(text=before))


def asked(turn: Turn) -> bool:
    """Whether a message that was not understood for sure names courses and holds nothing else ("cari pelatihan barista").

    One that is most likely no search must name a topic too ("pelatihan excel di Bandung tatap muka").
    """
    if typed.find(turn, {"": turn.content.files["courses"]["named"]}) is None:
        return False
    search = course_search.read(turn)
    likely = search.topic or (turn.understanding.ranking and turn.understanding.ranking[0][0] == "course_choose")
    return bool(likely) and course_search.only_search_words(turn, search)


def _get(turn: Turn, course_id: int) -> RowMapping | None:
    return courses.get(turn.connection, course_id, telling.today(turn))


def _meaningful(turn: Turn, search: Search) -> Search:
    """The search without words that no course knows, so that chatter is no search; words that one knows are wanted before suggestions."""
    if not search.words:
        return search
    asked = turn.understanding.intent == "course_choose" and not search.suggest
    words = Search(words=search.words)
    known = asked or course_find.share(turn, search.words, telling.today(turn)) >= KNOWN
    if known and course_find.find(turn, words, telling.today(turn), by_meaning=asked).rows:
        return replace(search, suggest=False, work="", interests="")
    return replace(search, words="")


# -- where one stands ---------------------------------------------------------------------------------------------


def _mark(text: str) -> int:
    return zlib.crc32(text.encode())


def _view(data: Data, last: str) -> Search:
    """The newest search among the steps up to `last`; values that were made from an older one do not count."""
    text = str(data.get("query", ""))
    for name in ("list", "detail"):
        value = data.get(name)
        if not value or value == NEW or course_search.from_text(value).after != _mark(text):
            break
        text = value
        if name == last:
            break
    return course_search.from_text(text)


def _value(data: Data, step: str, view: Search) -> str:
    """A view as the value of a step: marked with the value that it was made from."""
    parent = data.get("query", "") if step == "list" else data.get("list", "")
    return replace(view, after=_mark(str(parent))).to_text()


# -- query --------------------------------------------------------------------------------------------------------


def _ask_query(turn: Turn, data: Data) -> Reply:
    topics = turn.content.files["courses"]["topics"]
    shown = options(
        *((topics[key]["name"][:LABEL], f"answer:{Search(topic=key).to_text()}") for key in FIRST_TOPICS),
        (turn.content.text("suggest_option"), f"answer:{Search(suggest=True).to_text()}"),
    )
    reply = turn.say("course_ask", options=shown)
    if titles := "; ".join(with_mark(turn, row) for row in courses.choices(turn.connection, turn.chat_id)[:3]):
        reply = replace(reply, text=turn.content.text("course_ask_noted", titles=titles) + "\n" + reply.text)
    return reply


def _read_query(turn: Turn, data: Data) -> Reading:
    search = course_search.read(turn)
    if search.suggest:
        search = _meaningful(turn, search)
    if search.asks_something:
        sure = course_search.only_search_words(turn, search) or turn.understanding.intent == "course_choose"
        return Valid(search.to_text(), sure=sure)
    if typed.find(turn, {"all": turn.content.files["courses"]["everything"]}) or typed.skipped(turn):
        return Valid(Search(cheap=True).to_text(), sure=turn.understanding.intent in ("course_choose", "affirm"))
    return None


# -- list ---------------------------------------------------------------------------------------------------------


def _ask_list(turn: Turn, data: Data) -> Reply:
    view = replace(_view(data, "detail"), course=0, noted=0)
    found = listed(turn, view)
    anew = options((turn.content.text("course_option_new"), f"answer:{NEW}"))
    if not found.rows:
        return turn.say("suggest_unknown" if view.suggest else "course_none", options=anew)
    page = min(view.page, found.pages - 1)
    shown = [_course_option(turn, data, view, row) for row in found.page(page)]
    if page + 1 < found.pages:
        following = _value(data, "list", replace(view, page=page + 1))
        shown += options((turn.content.text("course_option_next"), f"answer:{following}"))
    shown += anew
    if any(row["id"] in found.by_others for row in found.page(page)):
        shown += options((turn.content.text("suggest_option_off"), "do:similar_off"))
    return Reply(text=text_of(turn, view, found, page), options=tuple(shown))


def _list_again(turn: Turn, data: Data) -> str:
    """The list that was shown just before, in a line: its courses are among the options."""
    view = replace(_view(data, "detail"), course=0, noted=0)
    empty = "suggest_unknown" if view.suggest else "course_none"
    return turn.content.text("course_list_again" if listed(turn, view).rows else empty)


def _course_option(turn: Turn, data: Data, view: Search, row: RowMapping) -> Option:
    return Option(
        label=shortened(row["title"], LABEL),
        action="answer:" + _value(data, "list", replace(view, course=row["id"])),
        description=facts(turn, row)[:72],
    )


def _read_list(turn: Turn, data: Data) -> Reading:
    view = replace(_view(data, "detail"), course=0, noted=0)
    shown = listed(turn, view).page(view.page)
    if (compared := _two_of(turn, data, view, shown)) is not None:
        return compared
    typed_search = course_search.read(turn)
    if typed_search.words and not typed_search.topic and (course := _by_title(turn, typed_search.words, shown)):
        return Valid(_value(data, "list", replace(view, course=course)))
    more = _meaningful(turn, typed_search)
    if more.asks_something:
        sure = course_search.only_search_words(turn, more) or turn.understanding.intent == "course_choose"
        return Valid(_value(data, "list", course_search.refine(view, more)), sure=sure)
    number = free_text.lone_number(turn.text) or _ordinal(turn)
    if number and free_text.brief(turn):
        if not 1 <= number <= len(shown):
            return Misfit("course_not_listed")
        return Valid(_value(data, "list", replace(view, course=shown[number - 1]["id"])))
    moved = typed.find(turn, {"next": turn.content.files["courses"]["moves"]["next"]})
    if moved is None:
        return None
    return Valid(_value(data, "list", replace(view, page=view.page + 1)), sure=moved.sure and free_text.brief(turn))


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
    return Valid(_value(data, "list", wanted))


def _ordinal(turn: Turn) -> int:
    """3 for "yang ketiga"; 0 for none."""
    ordinals = turn.content.files["courses"]["ordinals"]
    found = typed.find(turn, {str(number): words for number, words in ordinals.items()})
    return int(found.value) if found else 0


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


# -- detail -------------------------------------------------------------------------------------------------------


def _ask_detail(turn: Turn, data: Data) -> Reply:
    view = _view(data, "list")
    row = _get(turn, view.course)
    back = (
        turn.content.text("course_option_list"),
        "answer:" + _value(data, "detail", replace(view, course=0, compare=0)),
    )
    if row is None:
        return turn.say("course_gone", options=options(back))
    other = _get(turn, view.compare) if view.compare and view.compare != view.course else None
    if other:
        pairs = (
            (
                turn.content.text("course_option_note_first"),
                "answer:" + _value(data, "detail", replace(view, noted=other["id"])),
            ),
            (
                turn.content.text("course_option_note_second"),
                "answer:" + _value(data, "detail", replace(view, noted=row["id"])),
            ),
        )
        return Reply(text=comparison(turn, other, row), options=options(*pairs, back))
    compared = _value(data, "detail", replace(view, course=0, compare=view.course))
    pairs = (
        (turn.content.text("course_option_note"), "answer:" + _value(data, "detail", replace(view, noted=row["id"]))),
        (turn.content.text("course_option_compare"), "answer:" + compared),
    )
    return Reply(text=details(turn, row, _own(turn)), options=options(*pairs, back))


def _detail_again(turn: Turn, data: Data) -> str:
    """The course that was shown just before, by its title."""
    view = _view(data, "list")
    row = _get(turn, view.course)
    if row is None:
        return turn.content.text("course_gone")
    if view.compare and view.compare != view.course:
        return turn.content.text("course_compare_again")
    return turn.content.text("course_detail_again", title=with_mark(turn, row))


def _own(turn: Turn) -> Record | None:
    return record(turn, "saldo")


def _read_detail(turn: Turn, data: Data) -> Reading:
    moves = turn.content.files["courses"]["moves"]
    view = _view(data, "list")
    found = typed.find(turn, {key: moves[key] for key in ("note", "compare", "list")})
    brief = free_text.brief(turn)
    if view.compare and (number := free_text.lone_number(turn.text) or _ordinal(turn)) in (1, 2) and brief:
        return Valid(_value(data, "detail", replace(view, noted=view.compare if number == 1 else view.course)))
    match found.value if found else None:
        case "note" if found and not view.compare:
            return Valid(_value(data, "detail", replace(view, noted=view.course)), sure=brief and found.sure)
        case "compare" if found:
            return Valid(
                _value(data, "detail", replace(view, course=0, compare=view.course)), sure=brief and found.sure
            )
        case "list" if found:
            return Valid(_value(data, "detail", replace(view, course=0, compare=0)), sure=brief and found.sure)
    more = _meaningful(turn, course_search.read(turn))
    if more.asks_something:
        sure = course_search.only_search_words(turn, more)
        return Valid(_value(data, "detail", course_search.refine(replace(view, compare=0), more)), sure=sure)
    return None


# -- the form -----------------------------------------------------------------------------------------------------


def _route(turn: Turn, data: Data, done: str) -> str | None:
    if done == "query":
        return "list"
    if done == "list":
        return "query" if data["list"] == NEW else "detail" if _view(data, "list").course else "list"
    return None if _view(data, "detail").noted else "list"


def _finish(turn: Turn, data: Data) -> Answer:
    """Notes the course, and says what that is not."""
    row = _get(turn, _view(data, "detail").noted)
    if row is None:
        return close(turn, turn.say("course_gone"))
    courses.note_choice(turn.connection, chat_id=turn.chat_id, course_id=row["id"], now=turn.now)
    follow = ("course_buy", "course_choose") if turn.content.state == "open" else ("program_open", "course_choose")
    shown = options(*((turn.content.title(intent), f"intent:{intent}") for intent in follow))
    return close(turn, Reply(text=noted(turn, row, _own(turn)), options=shown))


FORM = Form(
    name="course_choose",
    steps=(
        Step(
            name="query",
            expects="text",
            ask=_ask_query,
            read=_read_query,
            called=("topik", "pencarian", "kursus", "pelatihan", "bidang"),
        ),
        Step(name="list", expects="choice", ask=_ask_list, read=_read_list, again=_list_again),
        Step(name="detail", expects="choice", ask=_ask_detail, read=_read_detail, again=_detail_again),
    ),
    finish=_finish,
    route=_route,
)
