"""Registration as preparation: likelihood by the rules of 2023–2024, and the data that the official site will ask for.

Pandu registers nobody: every end of this journey says so (design, rule 3). Consent with purpose and period comes
first; nothing personal is kept before it (UU 27/2022, arts. 20–22; facts section 11). While the programme is closed
only age, kabupaten, interests and, if the person likes, education and work are noted. NIK and KK come in only through
the secure form, while a wave is open and the operator has named a lawful transfer (`handlers.identity`). What was begun
in one chat goes on in another of the same person (`handlers.registration_carry`). On the shared screen of an office the
consent is read aloud and nothing stays (docs/kiosk.md).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from handlers import (
    forms,
    identity,
    registration_carry,
    registration_end,
    registration_note,
    registration_told,
    registration_view,
)
from handlers.forms import Data, Form, Step
from handlers.messages import Option
from handlers.registration_questions import STEPS
from handlers.registration_steps import PURPOSE
from handlers.registration_view import FINAL
from handlers.turn import Answer, Turn, answer, options
from handlers.typed import NO, SKIPPED, YES
from storage import carrying, consents, drafts, exports, registrations


def start(turn: Turn) -> Answer:
    """ "Mau daftar": takes up a draft, shows an earlier preparation, or begins; for somebody else it explains."""
    if turn.understanding.subject != "self":
        return registration_told.for_other(turn)
    draft = drafts.get(turn.connection, turn.chat_id, FORM.name, turn.now)
    if draft is not None and (kept := registration_carry.begun(draft["data"])):
        if kept.get("identity") == identity.NOTED and identity.held(turn) is None:
            del kept["identity"]  # their time was over before the draft's
        return forms.open_form(
            turn, FORM, {**kept, "_kept": True, "_until": registration_view.day(turn, draft["expires_at"])}
        )
    if row := registrations.of_chat(turn.connection, turn.chat_id, turn.now):
        noted = {"_kept": True, "_number": row["number"], "_day": registration_view.day(turn, row["created_at"])}
        return forms.open_form(turn, FORM, noted)
    if found := registration_carry.elsewhere(turn):
        return forms.open_form(turn, FORM, offered(turn, found))
    return forms.open_form(turn, FORM)


def correct(turn: Turn) -> Answer:
    """Opens the noted preparation at its summary, where "ubah …" changes a value."""
    row = registrations.of_chat(turn.connection, turn.chat_id, turn.now)
    if row is None:
        return answer(turn, turn.say("registration_correct_none"))
    return forms.open_form(turn, FORM, _loaded(turn, row["data"]))


def _loaded(turn: Turn, noted: Data) -> dict[str, Any]:
    """The answers of a noted preparation as the form holds them; what was left out then is not asked again."""
    left_out = dict.fromkeys(("age", "region", "education", "work", "interests"), SKIPPED)
    if not identity.needless(turn, noted):
        left_out["identity"] = NO
    told = YES if registration_end.receives_news(turn, noted) else NO
    return {"resume": "anew", "check": NO, **left_out, **noted, "notify": told}


# -- begun in another chat ----------------------------------------------------------------------------------------


def offered(turn: Turn, found: registration_carry.Source, *, code: str = "") -> dict[str, Any]:
    """The first question where another chat holds a preparation; `code` is the hash of the code that was carried here."""
    own = drafts.get(turn.connection, turn.chat_id, FORM.name, turn.now)
    data = registration_carry.begun(own["data"]) if own else {}
    marks = {
        "_from": found.chat_id,
        "_channel": turn.content.channel(found.channel),
        "_until": registration_view.day(turn, found.until),
    }
    if data or registrations.of_chat(turn.connection, turn.chat_id, turn.now):
        marks["_here"] = True
    return {**data, **marks, "_kept": True, **({"_code": code} if code else {})}


def arrive(turn: Turn, data: Data) -> Answer:
    """Takes over what another chat holds, if the proof still holds, and goes on with it."""
    if code := data.get("_code"):
        proven = carrying.chat_of(turn.connection, str(code), turn.now) == data["_from"]
    else:
        found = registration_carry.elsewhere(turn)
        proven = found is not None and found.chat_id == data["_from"]
    there = registration_carry.source(turn.connection, int(data["_from"]), turn.now)
    if not proven or there is None:
        return forms.close(turn, turn.say("registration_carry_gone"))
    draft = registration_carry.move(turn, int(data["_from"]))
    if there.kiosk and there.number and turn.policy.hook:
        exports.enqueue_hook(turn.connection, number=there.number, event_id=turn.new_id(26), now=turn.now)
    if draft:
        return forms.open_form(turn, FORM, draft, before=turn.say("registration_carry_here"))
    return forms.close(turn, turn.say("registration_carry_here"), *registration_told.status(turn).replies)


def _leave_there(turn: Turn, data: Data) -> Answer:
    """Goes on with what this chat has itself."""
    if own := registration_carry.begun(data):
        return forms.open_form(turn, FORM, own)
    return forms.close(turn, turn.say("registration_carry_kept"))


# -- the way through ----------------------------------------------------------------------------------------------


def _route(turn: Turn, data: Data, done: str) -> str | None:
    """The step after a step; None ends the form. A consent is noted here, before the first personal answer is kept."""
    value = str(data.get(done))
    match done:
        case "resume" if value != "lanjut" or "_from" in data:
            return None
        case "consent" if value == YES:
            _agree(turn)
        case "consent":
            return None
        case "interests" if not value.endswith(FINAL):
            return "interests"
        case "identity" if value == YES:
            identity.agree(turn, turn.now + registration_note.KEPT)
            return "identity"
        case "identity" if value == NO:
            identity.forget(turn)
        case "confirm":
            return "field" if value == "ubah" else None
        case "field":
            return value
        case _ if done.endswith("_go") and value == NO:
            return None
    return _following(turn, data, done)


def _agree(turn: Turn) -> None:
    wording, until = registration_view.wording(turn), turn.now + registration_note.KEPT
    consents.give(turn.connection, turn.chat_id, purpose=PURPOSE, wording=wording, now=turn.now, until=until)


def _following(turn: Turn, data: Data, done: str) -> str:
    """The next step that has no answer yet; the summary comes every time."""
    names = [step.name for step in FORM.steps]
    for step in FORM.steps[names.index(done) + 1 :]:
        if step.name == "confirm" or (not _answered(step, data) and not step.skip(turn, data)):
            return step.name
    return "confirm"


def _answered(step: Step, data: Data) -> bool:
    """Whether a step has its answer; a consent whose form has not come is none."""
    return step.name in data and (step.name != "identity" or data["identity"] != YES)


def _finish(turn: Turn, data: Data) -> Answer:
    match data.get("resume"):
        case "lanjut" if "_from" in data:
            return arrive(_fresh(turn), data)
        case "tidak" if "_from" in data:
            return _leave_there(_fresh(turn), data)
        case "baru":
            return forms.open_form(_fresh(turn), FORM, {"resume": "anew"})
        case "ubah":
            return correct(_fresh(turn))
        case "tidak":
            return forms.close(turn, turn.say("registration_kept", number=data.get("_number", "")))
    if data.get("consent") == NO:
        consents.withdraw(turn.connection, turn.chat_id, turn.now, purposes=(PURPOSE,))
        return forms.close(turn, turn.say("registration_declined", options=_ways(turn)))
    if data.get("confirm") == YES:
        return registration_note.note(turn, data)
    if any(name.endswith("_go") and value == NO for name, value in data.items()):
        stopped = forms.cancel(turn, FORM)
        said = replace(stopped.replies[0], text=turn.words("registration_stopped"))
        return replace(stopped, replies=(said,))
    unfinished = {name: value for name, value in data.items() if name not in ("confirm", "field")}
    return forms.open_form(turn, FORM, unfinished)


def _fresh(turn: Turn) -> Turn:
    return replace(turn, state=replace(turn.state, step=None, data={}))


def _ways(turn: Turn) -> tuple[Option, ...]:
    asked = ("eligibility", "register_how")
    return options(*((turn.content.title(intent), f"intent:{intent}") for intent in asked))


FORM = Form(
    name="registration",
    steps=STEPS,
    finish=_finish,
    route=_route,
    keeps_draft=True,
    cancelled="registration_cancelled",
)
