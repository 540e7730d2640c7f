"""A typed message in an open form: one of the form's commands, an answer to its step, a question of its own, or something that does not fit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from handlers import forms
from handlers.forms import Form, Misfit, Reading, Step, Valid
from handlers.messages import Reply
from handlers.turn import Answer, Turn, answer, options
from nlu.understanding import Outcome

SURE = 0.9  # so clear an intent is one even in a short message, where the step reads no sure answer
_WORDS_OF_A_QUESTION = 3
_WORDS_OF_A_CHANGE = 7
_ASKS = re.compile(
    r"\b(?:g[iy]?mana|bagaimana|gmn|cara\w*|kenapa|knp|mengapa|kapan|berapa|brp|di\s?mana|apa|apakah)\b", re.IGNORECASE
)
_VALUE = re.compile(r"\b(?:jadi|menjadi|ke|seharusnya|harusnya|yang benar|dadi)\b[\s:]*(.+)", re.IGNORECASE)
_BARE_CHANGE = re.compile(
    r"^\W*(?:eh\W+|mau\s+|saya mau\s+|ada yang\s+)?(?:ubah|ganti|koreksi|ralat|salah|edit|benerin)\w*"
    r"(?:\s+(?:dong|kak|min|dulu|ya|deh|tadi|yang tadi|jawaban\w*))*\W*$",
    re.IGNORECASE,
)
_CHANGE = re.compile(
    r"\b(?:ubah|ganti|koreksi|betulkan|benerin|perbaiki|salah|ralat|edit)\w*\s+(?P<what>.{2,60})", re.IGNORECASE
)
STUCK_AFTER = 2  # misfits at one step before a person is offered


def consider(turn: Turn, form: Form) -> Answer | None:
    """Reads a typed message as part of the open form; None means that it is a question of its own (see `resume`)."""
    step = form.step(turn.state.step)
    if step is None:
        return forms.restart(turn, form)
    if forms.goes_back(turn):
        return forms.back(turn, form, step)
    match = _CHANGE.search(turn.text)
    if match and (target := _named(form, match["what"])) and _may_change(turn, target):
        return change(turn, form, target, match["what"])
    if (mended := _mended(turn, form, step)) is not None:
        return mended
    reading = step.read(turn, turn.state.data)
    if isinstance(reading, Valid) and reading.sure:
        return forms.take(turn, form, step, reading.value, also=reading.also)
    if _is_question(turn, reading):
        return None
    match reading:
        case Valid(value=value, also=also):
            return forms.take(turn, form, step, value, also=also)
        case Misfit(key=key, values=values):
            return _misfit(turn, form, step, key, values or {})
    return _misfit(turn, form, step, "form_not_understood", {})


def change(turn: Turn, form: Form, target: Step, words: str) -> Answer:
    """To a step answered before, by its name, or at once with the value that `words` holds; then the form goes on where it was."""
    data = {**turn.state.data, "_return": turn.state.step}
    if target.name == turn.state.step:
        data.pop("_return")
    data.pop(target.name, None)
    told = _VALUE.search(words)
    if value := told[1] if told else _behind_name(target, words):
        there = replace(
            turn, inbound=replace(turn.inbound, text=value), state=replace(turn.state, step=target.name, data=data)
        )
        reading = target.read(there, data)
        if isinstance(reading, Valid) and (told or reading.sure):
            return forms.take(there, form, target, reading.value, before=turn.say("form_changed"))
    return forms.show(turn, form, data, target, before=turn.say("form_changing"))


def _behind_name(target: Step, words: str) -> str:
    """What stands behind the field's name: "30" of "umur 30"; it counts only if it is a sure answer."""
    names = "|".join(sorted(map(re.escape, target.called), key=len, reverse=True))
    found = re.search(rf"\b(?:{names})\w*[\s:=]+(.+)", words, re.IGNORECASE) if names else None
    return found[1] if found else ""


def _mended(turn: Turn, form: Form, step: Step) -> Answer | None:
    """What becomes of a bare "ubah", and of another answer to the question that the present step is about."""
    target = form.step(step.about)
    if _BARE_CHANGE.match(turn.text) and not _reads(turn, step):
        return change(turn, form, target, "") if target else _which(turn, form, step)
    if target is None or step.mends is None:
        return None
    reading = step.mends(turn, turn.state.data)
    if isinstance(reading, Misfit):  # the answer is taken back, and no other is given
        return change(turn, form, target, "")
    if not isinstance(reading, Valid) or not reading.sure or reading.value == turn.state.data.get(target.name):
        return None
    there = replace(turn, state=replace(turn.state, step=target.name))
    return forms.take(there, form, target, reading.value, before=turn.say("form_changed"))


def _reads(turn: Turn, step: Step) -> bool:
    return isinstance(step.read(turn, turn.state.data), Valid)


def _which(turn: Turn, form: Form, step: Step) -> Answer:
    """Asks what is to be changed, by the names of what was answered."""
    names = [one.called[0] for one in form.steps if one.called and one.name in turn.state.data]
    if not names:
        return forms.ask_again(turn, form, step, before=turn.say("form_first_step"))
    return forms.ask_again(
        turn, form, step, before=turn.say("form_change_which", name=names[-1], names=", ".join(names))
    )


def unclear(turn: Turn, form: Form, step: Step, key: str) -> Answer:
    """The question again for somebody who does not understand it, with a person beside it at once."""
    data = {**turn.state.data, "_misfits": STUCK_AFTER - 1}
    return _misfit(replace(turn, state=replace(turn.state, data=data)), form, step, key, {})


def _misfit(turn: Turn, form: Form, step: Step, key: str, values: Mapping[str, Any]) -> Answer:
    misfits = int(turn.state.data.get("_misfits", 0)) + 1
    prompt = forms.asked_again(step, turn)
    lead = turn.content.text(key, **values)
    shown = prompt.options
    if misfits >= STUCK_AFTER:
        lead += "\n" + turn.content.text("form_stuck" if _may_skip(turn, step) else "form_stuck_must")
        shown = (*prompt.options, *options((turn.content.text("option_human"), "intent:human_agent")))
    state = replace(turn.state, data={**turn.state.data, "_misfits": misfits}, options=shown)
    return answer(turn, forms.joined(Reply(text=lead), replace(prompt, options=shown)), state=state)


def _may_skip(turn: Turn, step: Step) -> bool:
    """Whether the step takes "lewati" for an answer."""
    word = str(turn.content.files["words"]["skip"][0])
    return isinstance(step.read(replace(turn, inbound=replace(turn.inbound, text=word)), turn.state.data), Valid)


def _is_question(turn: Turn, reading: Reading) -> bool:
    """A clear intent, or words that are no answer at all and nearly a clear one ("Maksud Kakak …?")."""
    understanding = turn.understanding
    vague = reading is None or (isinstance(reading, Misfit) and reading.vague)
    if understanding.outcome is Outcome.REFUSE or understanding.intent in ("affirm", "deny"):
        return False
    if understanding.outcome is Outcome.CLARIFY:
        clear = understanding.confidence >= SURE and not isinstance(reading, Misfit)
        return clear or (vague and (understanding.confidence >= SURE or len(turn.text.split()) >= _WORDS_OF_A_QUESTION))
    return vague or understanding.intent not in ("greet", "thanks", "goodbye")


def _may_change(turn: Turn, target: Step) -> bool:
    """Whether "ubah …" is a command about an answer given, rather than a story or a question ("saya salah isi nomor rekening waktu itu")."""
    brief = len(turn.text.split()) <= _WORDS_OF_A_CHANGE and not _ASKS.search(turn.text)
    return brief and (target.name in turn.state.data or target.name == turn.state.step)


def _named(form: Form, words: str) -> Step | None:
    """The step whose name is said; of two names the longer one ("nomor kk", not "kk")."""
    said = words.lower()
    named = [
        (len(word), step) for step in form.steps for word in step.called if re.search(rf"\b{re.escape(word)}", said)
    ]
    return max(named, key=lambda pair: pair[0])[1] if named else None
