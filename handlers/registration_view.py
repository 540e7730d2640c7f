"""How a preparation looks: its values, its summary, its likelihood; and what the steps need to know of the content."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from handlers import places, registration_rules, telling, typed
from handlers.forms import Data
from handlers.registration_rules import QUESTIONS, Doubt
from handlers.turn import Turn
from handlers.typed import SKIPPED

FIELDS = ("age", *QUESTIONS, "region", "education", "work", "interests", "notify", "identity")
FINAL = "."  # ends the list of interests: nothing more is asked
MAX_REASONS = 3  # named in a summary
TYPED = "="  # begins a value that is kept as it was typed


def is_open(turn: Turn) -> bool:
    """Whether the programme takes registrations."""
    return turn.content.state == "open"


def vocabulary(turn: Turn) -> Mapping[str, Any]:
    """The words of `content/registration.yml`."""
    words: Mapping[str, Any] = turn.content.files["registration"]
    return words


def figures(turn: Turn) -> Mapping[str, str]:
    """The programme's figures for the sentences: {tahun}, {usia}, {usia_maks} of the newest scheme."""
    return turn.content.schemes[turn.content.default_scheme].values


def sentence(turn: Turn, key: str, **values: Any) -> str:
    """A text with the programme's figures filled in."""
    return turn.content.text(key, **{**figures(turn), **values})


def wording(turn: Turn) -> str:
    """The consent as it is shown and stored."""
    return turn.words("registration_consent_wording", operator=turn.policy.operator)


def doubt_of(turn: Turn, data: Data, question: str) -> Doubt | None:
    """What the answer to one question puts in doubt."""
    return registration_rules.doubt(question, data, telling.today(turn), vocabulary(turn)["jobs"], _limits(turn))


def doubts_of(turn: Turn, data: Data) -> list[Doubt]:
    """Everything that the answers put in doubt."""
    return registration_rules.doubts(data, telling.today(turn), vocabulary(turn)["jobs"], _limits(turn))


def _limits(turn: Turn) -> tuple[int, int]:
    return int(turn.content.common["usia_min"]), int(figures(turn)["usia_maks"])


def fields(data: Data) -> list[str]:
    """The fields that have a value, in the order of the steps."""
    return [name for name in FIELDS if name in data]


def noted(turn: Turn, data: Data) -> dict[str, Any]:
    """The values that go into the note: while the programme is closed the answers about the rules stay out of it."""
    return {name: data[name] for name in fields(data) if is_open(turn) or name not in QUESTIONS}


def show(turn: Turn, name: str, value: str) -> str:
    """A value as people read it."""
    tables = vocabulary(turn)
    if value.rstrip(FINAL) == SKIPPED:
        return turn.content.text("registration_value_skipped")
    if value.startswith(TYPED):
        return value.removeprefix(TYPED)
    match name:
        case "age":
            return _age(turn, value)
        case "region":
            return places.name(value)
        case "interests":
            return interests(turn, value)
        case "identity":
            return turn.content.text(f"registration_value_identity_{value}")
        case "job" | "work" if value in tables["jobs"]:
            return str(tables["jobs"][value]["label"])
        case "education" | "work" if value in tables[name]:
            return str(tables[name][value]["label"])
    return turn.content.text(f"registration_value_{value}")


def interests(turn: Turn, value: str) -> str:
    """The labels of the chosen topics."""
    topics = vocabulary(turn)["interests"]
    return ", ".join(topics[topic]["label"] for topic in value.rstrip(FINAL).split(",") if topic in topics)


def _age(turn: Turn, value: str) -> str:
    low, high = typed.ages(value, telling.today(turn))
    if "-" in value:
        return turn.content.text("registration_value_age_date", day=telling.day(date.fromisoformat(value)), age=low)
    if len(value) == 4:
        return turn.content.text("registration_value_age_year", year=value, low=low, high=high)
    return turn.content.text("registration_value_age", age=low)


def lines(turn: Turn, data: Data) -> str:
    """The values one to a line; the yes-or-no answers about the rules share a line."""
    rules = [name for name in fields(data) if name in QUESTIONS]
    shown = [_line(turn, name, data) for name in fields(data) if name not in QUESTIONS]
    if rules:
        every = "; ".join(f"{_label(turn, name)}: {show(turn, name, str(data[name]))}" for name in rules)
        shown.insert(
            1, turn.words("registration_line", label=turn.content.text("registration_label_rules"), value=every)
        )
    return "\n".join(shown)


def _label(turn: Turn, name: str) -> str:
    return turn.content.text(f"registration_label_{name}")


def _line(turn: Turn, name: str, data: Data) -> str:
    return turn.words("registration_line", label=_label(turn, name), value=show(turn, name, str(data[name])))


def verdict(turn: Turn, data: Data) -> str:
    """The likelihood in one line."""
    found = doubts_of(turn, data)
    shown = [one for one in found if not one.unsure] or found
    if shown:
        named = [sentence(turn, f"registration_short_{one.code}", **one.values) for one in shown]
        more = [turn.content.text("registration_short_more")] if len(named) > MAX_REASONS else []
        reasons = ", ".join((*named[:MAX_REASONS], *more))
        return sentence(turn, f"registration_verdict_{'unsure' if shown[0].unsure else 'doubt'}", reasons=reasons)
    return sentence(turn, f"registration_verdict_{'likely' if registration_rules.complete(data) else 'partly'}")


def day(turn: Turn, moment: datetime) -> str:
    """The day of a moment where the person lives: "12 Mei 2026"."""
    return telling.day(turn.local(moment).date())
