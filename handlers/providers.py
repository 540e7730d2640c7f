"""Is this training institution official? Told from the operator's imported, dated list only; without one that is said.

A name counts as found only when the whole of it was asked for: one word more may be another institution, and swindlers live on
names that look alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import RowMapping

from handlers import answers, places, telling
from handlers.course_find import alike
from handlers.course_search import from_text
from handlers.messages import Reply
from handlers.turn import Answer, Turn
from nlu.normalise import plain
from storage import courses, providers

INTENT = "provider_check"
SHOWN = 3


@dataclass(frozen=True, slots=True)
class _Asked:
    """The words of a question: whether a name begins after "LPK", "PT" …, and the words and places that are no part of one."""

    words: tuple[str, ...]
    named: bool
    ends: frozenset[str]
    places: frozenset[str] = frozenset()  # codes; () = none said


def check(turn: Turn) -> Answer:
    """What the list says about the institution asked for, else the general answer; always with the list's day, or that there is none."""
    general = answers.faq(turn, INTENT)
    newest = providers.newest(turn.connection)
    lead = turn.content.text("provider_no_list") if newest is None else _told(turn, newest)
    reply = general.replies[0]
    if newest is not None and lead:
        text = f"{lead}\n{turn.content.text('provider_after')}"
        return replace(general, replies=(replace(reply, text=text, sms=None),))
    if newest is not None:
        lead = turn.content.text("provider_ask_name", as_of=_day(turn, newest))
        return replace(general, replies=(replace(reply, text=f"{reply.text}\n{lead}", sms=None),))
    return replace(general, replies=(_after(lead, reply),))


def _after(lead: str, reply: Reply) -> Reply:
    return replace(reply, text=f"{lead} {reply.text}", sms=f"{lead} {reply.sms}" if reply.sms else None)


def _told(turn: Turn, newest: datetime) -> str:
    """What the list says about the name in the message, or about the course that is looked at; "" where none is named."""
    rows = providers.everything(turn.connection)
    asked = _asked(turn)
    exact, near = _matches(turn, rows, asked)
    if not (exact or near or asked.named) and (name := _of_course(turn)):
        asked = replace(asked, words=tuple(_split(name)), named=True)
        exact, near = _matches(turn, rows, asked)
    values = {"as_of": _day(turn, newest), "operator": turn.policy.operator}
    if len(exact) > 1:
        names = "; ".join(_name(row) for row in exact[:SHOWN])
        return turn.content.text("provider_several", count=len(exact), names=names, **values)
    if exact:
        return _state(turn, exact[0], newest)
    if near:
        return turn.content.text("provider_near", names="; ".join(_name(row) for row in near[:SHOWN]), **values)
    return turn.content.text("provider_unlisted", **values) if asked.named else ""


def _state(turn: Turn, row: RowMapping, newest: datetime) -> str:
    values = {"name": _name(row), "as_of": _day(turn, row["as_of"]), "operator": turn.policy.operator}
    if row["as_of"] < newest:
        return turn.content.text("provider_left", newest=_day(turn, newest), **values)
    if row["state"] == "ended":
        return turn.content.text("provider_ended", **values)
    if row["valid_until"] and row["valid_until"] < telling.today(turn):
        return turn.content.text("provider_expired", day=telling.day(row["valid_until"]), **values)
    return turn.content.text("provider_listed", **values)


def _name(row: RowMapping) -> str:
    return f"{row['name']} ({places.name(row['region'])})" if row["region"] else str(row["name"])


def _day(turn: Turn, moment: datetime) -> str:
    return telling.day(turn.local(moment).date())


def _of_course(turn: Turn) -> str:
    """The provider of the course that is being looked at."""
    if turn.state.form != "course_choose" or turn.state.step != "detail":
        return ""
    view = from_text(str(turn.state.data.get("list", "")))
    row = courses.get(turn.connection, view.course, telling.today(turn)) if view.course else None
    return str(row["provider"]) if row else ""


# -- names --------------------------------------------------------------------------------------------------------


def _split(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", plain(text))


def _asked(turn: Turn) -> _Asked:
    """The message's words; a name begins after a cue unless the question goes on there ("lembaga mana yang bagus")."""
    content = turn.content.files["providers"]
    words = tuple(_split(turn.text[:300]))
    region = turn.understanding.first("region")
    said = _split(region.text) if region else []
    codes = str(region.detail.get("candidates") or region.value).split("|") if region else []
    before = (*content["cue"], *content["generic"])
    ends = frozenset((*before, *content["asking"], *said))
    named = False
    for at, word in enumerate(words):
        if word in content["cue"]:
            first = next((other for other in words[at + 1 :] if other not in before), None)
            named = named or (first is not None and first not in ends)
    return _Asked(words, named, ends, frozenset(codes))


def _matches(turn: Turn, rows: Sequence[RowMapping], asked: _Asked) -> tuple[list[RowMapping], list[RowMapping]]:
    """(rows whose whole name was asked for, rows whose name looks alike or that are elsewhere)."""
    content = turn.content.files["providers"]
    silent = frozenset((*content["cue"], *content["generic"]))
    exact: list[RowMapping] = []
    near: list[RowMapping] = []
    for row in rows:
        found = max((_fit(asked, name, silent) for name in _names(row, silent)), default=0)
        elsewhere = asked.places and row["region"] and row["region"] not in asked.places
        if found:
            (exact if found == 2 and not elsewhere else near).append(row)
    return exact, near


def _names(row: RowMapping, silent: frozenset[str]) -> Iterator[list[str]]:
    """The names of a row as words, without what says nothing ("LPK", "PT")."""
    for name in (row["name"], *row["other_names"].split(";")):
        words = [word for word in _split(name) if word not in silent]
        if any(len(word) >= 3 for word in words):
            yield words


def _fit(asked: _Asked, name: Sequence[str], silent: frozenset[str]) -> int:
    """2: the name was asked for and nothing that may belong to a longer one stands beside it; 1: it or one alike was; 0: neither."""
    placed = [(at, word) for at, word in enumerate(asked.words) if word not in silent]
    best = 0
    for start in range(len(placed) - len(name) + 1):
        part = placed[start : start + len(name)]
        if not all(alike(word, own) for (_, word), own in zip(part, name, strict=True)):
            continue
        first, last = part[0][0], part[-1][0]
        beside = (*asked.words[max(0, first - 1) : first], *asked.words[last + 1 : last + 2])
        same = all(word == own for (_, word), own in zip(part, name, strict=True))
        best = max(best, 2 if same and all(word in asked.ends for word in beside) else 1)
    return best
