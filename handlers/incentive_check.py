"""The tree "belum cair": one question at a time in the dashboard's words, then the reason, the next thing, a complaint.

Order and reasons: facts 6.4 (content/unpaid.yml). The dashboard's words are understood at every step. No login, no NIK.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date

from handlers import free_text, telling, typed
from handlers.forms import Data, Form, Misfit, Reading, Step, Valid, close
from handlers.incentive_advice import (
    FAILED,
    MISSING,
    NO_SCHEDULE,
    OLDER,
    ORDER,
    RECENT,
    UNKNOWN,
    advice,
    complaint,
    facts,
    outcome,
)
from handlers.messages import Option, Reply
from handlers.turn import Answer, Turn
from storage import people

# -- reading ------------------------------------------------------------------------------------------------------


def _dashboard_reason(turn: Turn) -> str | None:
    """The reason whose dashboard words stand in the message."""
    found = typed.find(turn, {code: reason["dashboard"] for code, reason in turn.content.files["unpaid"].items()})
    return found.value if found else None


def _sure(turn: Turn, step: str, found: bool) -> bool:
    """A short answer, or a statement about the step's own matter."""
    about = turn.content.files["incentive"]["subjects"].get(step, ())
    short = found and free_text.brief(turn)
    return short or (free_text.statement(turn) and typed.find(turn, {"about": about}) is not None)


def _reader(step: str) -> Callable[[Turn, Data], Reading]:
    def read(turn: Turn, data: Data) -> Reading:
        if typed.skipped(turn):
            return Valid(UNKNOWN)
        if typed.goes_on(turn):
            return None
        content = turn.content.files["incentive"]
        more = {
            typed.YES: content["yes"].get(step, ()),
            typed.NO: content["no"].get(step, ()),
            UNKNOWN: turn.content.files["words"]["unknown"],
        }
        reason = _dashboard_reason(turn)
        if reason and reason != MISSING[step]:
            return Valid(f"reason:{reason}", sure=free_text.statement(turn))
        reading = typed.yes_no(turn, more)
        if isinstance(reading, Valid):
            return Valid(reading.value, sure=_sure(turn, step, reading.sure))
        if reason:
            return Valid(typed.NO, sure=free_text.statement(turn))
        words = turn.content.files["words"]
        found = typed.find(turn, {typed.NO: [*words["no"], *more[typed.NO]]})  # "bintang saja, ulasannya belum"
        return Valid(typed.NO) if found and _sure(turn, step, False) else None

    return read


def _read_schedule(turn: Turn, data: Data) -> Reading:
    content = turn.content.files["incentive"]
    if typed.skipped(turn):
        return Valid(UNKNOWN)
    if day := turn.understanding.first("date"):
        return Valid(str(day.value), sure=free_text.statement(turn))
    reason = _dashboard_reason(turn)
    if reason and reason not in ("scheduled_recently", "rated_recently"):
        return Valid(f"reason:{reason}", sure=free_text.statement(turn))
    choices = {
        FAILED: content["failed"],
        NO_SCHEDULE: content["no_schedule"],
        UNKNOWN: turn.content.files["words"]["unknown"],
    }
    if found := typed.find(turn, choices):
        return Valid(found.value, sure=_sure(turn, "schedule", found.sure or found.value == FAILED))
    if reason == "scheduled_recently":
        return Misfit("incentive_schedule_date")
    return None


def _read_rated_when(turn: Turn, data: Data) -> Reading:
    content = turn.content.files["incentive"]
    if typed.skipped(turn):
        return Valid(OLDER)
    if day := turn.understanding.first("date"):
        recent = (telling.today(turn) - date.fromisoformat(str(day.value))).days <= 1
        return Valid(RECENT if recent else OLDER, sure=free_text.statement(turn))
    if found := typed.find(
        turn, {RECENT: content["recent"], OLDER: content["older"], UNKNOWN: turn.content.files["words"]["unknown"]}
    ):
        return Valid(OLDER if found.value == UNKNOWN else found.value, sure=_sure(turn, "rated_when", found.sure))
    return None


def _read_failed_why(turn: Turn, data: Data) -> Reading:
    if typed.skipped(turn):
        return Valid("technical")
    if reason := _dashboard_reason(turn):
        return Valid(reason, sure=free_text.statement(turn))
    found = typed.find(
        turn, {"technical": (*turn.content.files["words"]["unknown"], *turn.content.files["words"]["no"])}
    )
    return Valid("technical", sure=found.sure and free_text.brief(turn)) if found else None


def _read_advice(turn: Turn, data: Data) -> Reading:
    if typed.skipped(turn):
        return Valid(typed.NO)
    return free_text.yes_no(turn, {typed.YES: turn.content.files["incentive"]["complaint"]})


def _read_wave(turn: Turn, data: Data) -> Reading:
    if typed.skipped(turn):
        return Valid(typed.SKIPPED)
    wave = turn.understanding.first("wave")
    number = int(wave.value) if wave else free_text.lone_number(turn.text)
    if number is None:
        found = typed.find(turn, {"unknown": turn.content.files["words"]["unknown"]})
        return Valid(typed.SKIPPED, sure=found.sure) if found else None
    last = max(scheme.last_wave for scheme in turn.content.schemes.values())
    sure = free_text.statement(turn) and (wave is not None or free_text.brief(turn))
    return Valid(number, sure=sure) if 1 <= number <= last else Misfit("incentive_wave_odd")


def _read_course(turn: Turn, data: Data) -> Reading:
    return Valid(typed.SKIPPED) if typed.skipped(turn) else free_text.title(turn)


_ORDER = re.compile(r"[A-Za-z0-9][A-Za-z0-9/_.#-]{4,39}")


def _read_order(turn: Turn, data: Data) -> Reading:
    """An order number: one word with a digit in it; a masked one is none."""
    unknown = typed.find(turn, {"": turn.content.files["words"]["unknown"]})
    if typed.skipped(turn) or (unknown and unknown.sure):
        return Valid(typed.SKIPPED)
    if turn.inbound.masked:
        return Misfit("incentive_order_hidden")
    words = [word for word in _ORDER.findall(turn.text) if any(char.isdigit() for char in word)]
    return Valid(words[0], sure=free_text.brief(turn)) if len(words) == 1 else None


# -- asking -------------------------------------------------------------------------------------------------------


def _asker(step: str) -> Callable[[Turn, Data], Reply]:
    def ask(turn: Turn, data: Data) -> Reply:
        keys = (
            ("incentive_option_same", "incentive_option_differs")
            if step == "same_number"
            else ("incentive_option_yes", "incentive_option_no")
        )
        pairs = [
            (keys[0], f"answer:{typed.YES}"),
            (keys[1], f"answer:{typed.NO}"),
            ("incentive_option_unknown", f"answer:{UNKNOWN}"),
        ]
        if step == ORDER[0] and turn.understanding.subject == "self" and people.any_record(turn.connection):
            pairs[2] = ("link_option_connect", "intent:link_account")
        return _hinted(turn, data, step, typed.labelled(turn, *pairs))

    return ask


def _hinted(turn: Turn, data: Data, step: str, shown: tuple[Option, ...]) -> Reply:
    """The question; after a "tidak tahu" it is said where to look."""
    text = turn.content.text(f"incentive_ask_{step}")
    before = ORDER[ORDER.index(step) - 1] if ORDER.index(step) else None
    if before and data.get(before) == UNKNOWN:
        text = turn.content.text("incentive_look") + "\n" + text
    return Reply(text=text, options=shown)


def _ask_schedule(turn: Turn, data: Data) -> Reply:
    pairs = (
        ("incentive_option_no_schedule", f"answer:{NO_SCHEDULE}"),
        ("incentive_option_failed", f"answer:{FAILED}"),
        ("incentive_option_unknown", f"answer:{UNKNOWN}"),
    )
    return _hinted(turn, data, "schedule", typed.labelled(turn, *pairs))


def _ask_rated_when(turn: Turn, data: Data) -> Reply:
    pairs = (("incentive_option_recent", f"answer:{RECENT}"), ("incentive_option_older", f"answer:{OLDER}"))
    return turn.say("incentive_ask_rated_when", options=typed.labelled(turn, *pairs))


def _ask_failed_why(turn: Turn, data: Data) -> Reply:
    unpaid = turn.content.files["unpaid"]
    likely = tuple(
        Option(label=unpaid[code]["title"], action=f"answer:{code}")
        for code in turn.content.files["incentive"]["likely"]
    )
    last = typed.labelled(turn, ("incentive_option_not_said", "answer:technical"))
    return turn.say("incentive_ask_failed_why", options=likely + last)


def _ask_advice(turn: Turn, data: Data) -> Reply:
    parts = [advice(turn, *outcome(turn, data)), turn.content.text("incentive_advice_offer")]
    pairs = (("incentive_option_complaint", f"answer:{typed.YES}"), ("incentive_option_enough", f"answer:{typed.NO}"))
    return Reply(text="\n".join(parts), options=typed.labelled(turn, *pairs))


# -- the form -----------------------------------------------------------------------------------------------------


def _route(turn: Turn, data: Data, done: str) -> str | None:
    value = str(data.get(done, ""))
    match done:
        case "advice":
            return None if value == typed.NO else "wave"
        case "wave":
            return "course"
        case "course":
            return "order"
        case "order":
            return None
        case "schedule" if value == FAILED:
            return "failed_why"
        case "schedule" if value == NO_SCHEDULE:
            return "rated_when"
    if done in MISSING and value != typed.NO and not value.startswith("reason:"):
        return ORDER[ORDER.index(done) + 1]
    return "advice"


def _finish(turn: Turn, data: Data) -> Answer:
    if data.get("advice") == typed.NO:
        shown = typed.labelled(turn, ("option_report", "intent:report_problem"), ("option_human", "intent:human_agent"))
        return close(turn, turn.say("incentive_check_end", options=shown))
    wave = None if data.get("wave") == typed.SKIPPED else int(data["wave"])
    course = None if data.get("course") == typed.SKIPPED else str(data["course"])
    order = None if data.get("order") == typed.SKIPPED else str(data["order"])
    return close(turn, *complaint(turn, wave, course, facts(turn, data), order=order))


FORM = Form(
    name="incentive_check",
    steps=(
        *(Step(name=step, expects="yes_no", ask=_asker(step), read=_reader(step)) for step in MISSING),
        Step(name="schedule", expects="date", ask=_ask_schedule, read=_read_schedule, called=("jadwal",)),
        Step(name="rated_when", expects="choice", ask=_ask_rated_when, read=_read_rated_when),
        Step(name="failed_why", expects="choice", ask=_ask_failed_why, read=_read_failed_why),
        Step(
            name="advice",
            expects="yes_no",
            ask=_ask_advice,
            read=_read_advice,
            again=lambda turn, data: turn.content.text("incentive_advice_offer"),
        ),
        Step(
            name="wave",
            expects="number",
            ask=lambda turn, data: turn.say("incentive_ask_wave"),
            read=_read_wave,
            called=("gelombang",),
        ),
        Step(
            name="course",
            expects="text",
            ask=lambda turn, data: turn.say("incentive_ask_course"),
            read=_read_course,
            called=("pelatihan",),
        ),
        Step(
            name="order",
            expects="text",
            ask=lambda turn, data: turn.say("incentive_ask_order"),
            read=_read_order,
            called=("nomor pesanan", "pesanan"),
        ),
    ),
    finish=_finish,
    route=_route,
)
