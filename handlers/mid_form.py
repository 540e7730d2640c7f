"""While a form is open: an answer to its step, or a question first and then the step again (design, rule 7); how one leaves it and comes back."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

from handlers import considering, forms, message_check, rating, registration, registration_told, reports, talk
from handlers.forms import Form
from handlers.journeys import FORMS, STARTS, ask, opened
from handlers.messages import Kind
from handlers.turn import Answer, Turn, answer
from handlers.understood import at_once, understood
from nlu.understanding import Outcome
from storage import drafts

TELLING = (
    reports.FORM.name,
    message_check.FORM.name,
    rating.NOTE.name,
)  # forms in which something is told, whatever stands in it
AWAY = timedelta(hours=1)

CANCEL = re.compile(
    r"^\W*(batal(kan|in)?|cancel|gak? jadi|tidak jadi|nggak jadi|gajadi|udahan|stop isi(an)?)\W*(aja|saja|dulu|deh|dong|kak|min|ya)?\W*$",
    re.IGNORECASE,
)
RESUME = re.compile(
    r"^\W*(lanjut|lanjutkan|lanjutin|terusin|teruskan|lanjut isi|lanjut daftar)\W*(kak|min|dong|ya|saja|aja)?\W*$",
    re.IGNORECASE,
)


def answered(turn: Turn) -> Answer | None:
    """A message while a form is open: an answer to its step, or a question first and then the step again (design, rule 7)."""
    if turn.state.form is None or turn.inbound.kind not in (Kind.TEXT, Kind.EDITED):
        return None
    form = FORMS.get(turn.state.form)
    if form is None:  # a form of another version
        return understood(replace(turn, state=replace(turn.state, form=None, step=None, data={})))
    if turn.inbound.kind is Kind.EDITED and (step := form.step(turn.state.step)):
        return forms.ask_again(
            turn, form, step, before=turn.say("edited_in_form")
        )  # which question it answers is not known
    if (aside := _before_the_step(turn, form)) is not None:
        return forms.resume(turn, form, aside)
    if talk.is_puzzled(turn) and not _answers_step(turn) and (step := form.step(turn.state.step)):
        return replace(considering.unclear(turn, form, step, "form_puzzled"), handler="puzzled")
    if _comes_back(turn) and (step := form.step(turn.state.step)):
        return replace(forms.ask_again(turn, form, step), handler="resume")
    if (found := considering.consider(turn, form)) is not None:
        return replace(found, handler=found.handler or f"form:{form.name}")
    if form.name == registration.FORM.name and registration_told.asks_if_registered(turn):
        return forms.resume(turn, form, replace(registration_told.status(turn), handler="registered"))
    second = turn.understanding.second
    if STARTS.get(turn.understanding.intent) == form.name and (step := form.step(turn.state.step)):
        return forms.resume(turn, form, ask(turn, second)) if second else forms.ask_again(turn, form, step)
    if turn.understanding.outcome is Outcome.CLARIFY and turn.understanding.confidence >= considering.SURE:
        turn = replace(turn, understanding=replace(turn.understanding, outcome=Outcome.ANSWER))
    return forms.resume(turn, form, understood(turn))


def _before_the_step(turn: Turn, form: Form) -> Answer | None:
    """What is answered in mid-form before the step may read it, unless the step waits for a story or the message is its sure answer."""
    step = form.step(turn.state.step)
    if form.name == reports.FORM.name and reports.asks_status(turn):
        return replace(reports.case_status(turn), handler="report_problem")
    if step is None or _answers_step(turn) or form.name in TELLING:
        return None
    return at_once(turn)


def _comes_back(turn: Turn) -> bool:
    """Whether "lanjut" comes after a while away, at a step that it does not answer: the question is wanted once more."""
    away = turn.now - turn.chat["seen_at"] > AWAY
    return away and RESUME.match(turn.text) is not None and not _answers_step(turn)


def _answers_step(turn: Turn) -> bool:
    """Whether the open step reads a sure answer ("ulang dari awal" after "lanjut, atau mulai baru?")."""
    found = opened(turn)
    reading = found[1].read(turn, turn.state.data) if found else None
    return isinstance(reading, forms.Valid) and reading.sure


def cancel_word(turn: Turn) -> Answer | None:
    """ "Batal" in any wording, unless the step reads it as its answer."""
    if CANCEL.match(turn.text):
        return cancel(turn)
    if turn.state.form and turn.understanding.intent == "cancel" and turn.understanding.outcome is Outcome.ANSWER:
        return None if forms.goes_back(turn) or _answers_step(turn) else cancel(turn)
    return None


def cancel(turn: Turn) -> Answer:
    """Leaves the open form; without one, says so."""
    form = FORMS.get(turn.state.form or "")
    return forms.cancel(turn, form) if form else talk.cancel(turn)


def resume_word(turn: Turn) -> Answer | None:
    """ "Lanjut" with nothing open takes up the draft touched last."""
    if turn.state.form or not RESUME.match(turn.text):
        return None
    draft = drafts.latest(turn.connection, turn.chat_id, turn.now)
    return resume_draft(turn, draft["form"]) if draft else None


def resume_draft(turn: Turn, name: str) -> Answer:
    """The form of that name where it was left, or from its beginning."""
    form = FORMS.get(name)
    draft = drafts.get(turn.connection, turn.chat_id, name, turn.now) if form else None
    if form is None:
        return answer(turn, turn.say("form_nothing_open", options=talk.menu_options(turn, 3)))
    data = dict(draft["data"]) if draft else {}
    step = form.step(draft["step"]) if draft else None
    if step is None:
        return forms.open_form(turn, form, data)
    return forms.ask_again(replace(turn, state=replace(turn.state, form=name, step=step.name, data=data)), form, step)
