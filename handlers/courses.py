"""Choosing a course: a search in one's own words, pages of five, details, comparing, a note. Nothing is bought."""

from __future__ import annotations

from dataclasses import replace

from handlers import (
    course_choice,
    course_detail,
    course_first,
    course_search,
    course_stand,
    course_suggest,
    telling,
    typed,
)
from handlers.course_search import Search
from handlers.course_stand import LABEL, NEW
from handlers.course_texts import noted, with_mark
from handlers.forms import Data, Form, Reading, Step, Valid, close, open_form
from handlers.messages import Reply
from handlers.turn import Answer, Turn, answer, options
from storage import courses

FIRST_TOPICS = ("bahasa_inggris", "kue", "pemasaran_digital", "office", "jahit", "desain")


def start(turn: Turn) -> Answer:
    """Begins with what the message already says; without a list of courses it says where to look."""
    if not courses.any_listed(turn.connection, telling.today(turn)):
        return answer(turn, turn.say("course_no_list"))
    search = course_stand.meaningful(turn, course_search.read(turn))
    before = course_first.check(turn, course_stand.own_record(turn))
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
        search = course_stand.meaningful(turn, search)
    if search.asks_something:
        sure = course_search.only_search_words(turn, search) or turn.understanding.intent == "course_choose"
        return Valid(search.to_text(), sure=sure)
    if typed.find(turn, {"all": turn.content.files["courses"]["everything"]}) or typed.skipped(turn):
        return Valid(Search(cheap=True).to_text(), sure=turn.understanding.intent in ("course_choose", "affirm"))
    return None


def _route(turn: Turn, data: Data, done: str) -> str | None:
    if done == "query":
        return "list"
    if done == "list":
        return "query" if data["list"] == NEW else "detail" if course_stand.view(data, "list").course else "list"
    return None if course_stand.view(data, "detail").noted else "list"


def _finish(turn: Turn, data: Data) -> Answer:
    """Notes the course, and says what that is not."""
    row = course_stand.course(turn, course_stand.view(data, "detail").noted)
    if row is None:
        return close(turn, turn.say("course_gone"))
    courses.note_choice(turn.connection, chat_id=turn.chat_id, course_id=row["id"], now=turn.now)
    follow = ("course_buy", "course_choose") if turn.content.state == "open" else ("program_open", "course_choose")
    shown = options(*((turn.content.title(intent), f"intent:{intent}") for intent in follow))
    return close(turn, Reply(text=noted(turn, row, course_stand.own_record(turn)), options=shown))


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
        Step(name="list", expects="choice", ask=course_choice.ask, read=course_choice.read, again=course_choice.again),
        Step(
            name="detail", expects="choice", ask=course_detail.ask, read=course_detail.read, again=course_detail.again
        ),
    ),
    finish=_finish,
    route=_route,
)
