"""The engine for guided steps. A journey is a `Form`: a list of steps that read like a page.

For every message in an open form the engine decides, in this order: one of the options shown · a command (kembali, ubah …) · a sure answer ·
a question (answered at once by the dialogue, then the step is asked again) · an unsure answer · something that does not fit (a kind sentence).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from handlers import bubbles
from handlers.messages import Reply, State
from handlers.turn import Answer, Turn, answer, options
from nlu.understanding import Outcome
from storage import drafts

Data = Mapping[str, Any]

DRAFT_DAYS = 30
PARKED = timedelta(days=1)  # how long a form that keeps no draft can be taken up after it was parked
STUCK_AFTER = 2  # misfits at one step before a person is offered
ASKING_BACK = ("clarify", "offer_person", "story")  # handlers whose options must not be hidden behind the step's own

SURE = 0.9  # so clear an intent is one even in a short message, where the step reads no sure answer
_WORDS_OF_A_QUESTION = 3
_WORDS_OF_A_CHANGE = 7
_ASKS = re.compile(
    r"\b(?:g[iy]?mana|bagaimana|gmn|cara\w*|kenapa|knp|mengapa|kapan|berapa|brp|di\s?mana|apa|apakah)\b", re.IGNORECASE
)
_VALUE = re.compile(r"\b(?:jadi|menjadi|ke|seharusnya|harusnya|yang benar|dadi)\b[\s:]*(.+)", re.IGNORECASE)

_BACK = re.compile(r"^\W*(kembali|balik|sebelumnya|mundur|back)\b.{0,24}$", re.IGNORECASE)
_BARE_CHANGE = re.compile(
    r"^\W*(?:eh\W+|mau\s+|saya mau\s+|ada yang\s+)?(?:ubah|ganti|koreksi|ralat|salah|edit|benerin)\w*"
    r"(?:\s+(?:dong|kak|min|dulu|ya|deh|tadi|yang tadi|jawaban\w*))*\W*$",
    re.IGNORECASE,
)
_CHANGE = re.compile(
    r"\b(?:ubah|ganti|koreksi|betulkan|benerin|perbaiki|salah|ralat|edit)\w*\s+(?P<what>.{2,60})", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Valid:
    """The message answers the step. `sure`: nothing else can be meant; an unsure answer gives way to a clear question.

    `also`: answers to other steps that the same message holds, by the steps' names.
    """

    value: Any
    sure: bool = True
    also: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Misfit:
    """Meant as an answer but wrong: the key of the kind sentence that says what is. `vague`: nothing like an answer was found in it."""

    key: str
    values: Mapping[str, Any] | None = None
    vague: bool = False


Reading = Valid | Misfit | None  # None: does not look like an answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One question of a form."""

    name: str
    expects: str  # told to the understanding layer: yes_no, choice, date, region, text, number
    ask: Callable[[Turn, Data], Reply]
    read: Callable[[Turn, Data], Reading]
    skip: Callable[[Turn, Data], bool] = lambda turn, data: False  # known already, or not needed
    called: tuple[str, ...] = ()  # words by which people name the field: "ubah kabupaten"
    again: Callable[[Turn, Data], str] | None = None  # a shorter wording where the question was asked just before
    about: str = ""  # the step whose answer this one comes back to ("Mau tetap lanjut?" after a doubtful age)
    mends: Callable[[Turn, Data], Reading] | None = None  # reads another answer to that step ("eh, 46 maksudnya")


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A guided conversation."""

    name: str
    steps: tuple[Step, ...]
    finish: Callable[[Turn, Data], Answer]
    route: Callable[[Turn, Data, str], str | None] | None = None  # name of the step after a step; None = by order
    keeps_draft: bool = False
    cancelled: str = "form_cancelled"  # key of the sentence after "batal"

    def step(self, name: str | None) -> Step | None:
        """The step of that name."""
        return next((step for step in self.steps if step.name == name), None)


def open_form(turn: Turn, form: Form, data: Data | None = None, *, before: Reply | None = None) -> Answer:
    """Starts a form (or goes on with kept data) at its first step that is not skipped."""
    return _go(turn, form, dict(data or {}), None, before=before)


def ask_again(turn: Turn, form: Form, step: Step, *, before: Reply | None = None) -> Answer:
    """Shows the present step once more, after whatever `before` says; changes nothing."""
    prompt = _asked(step, turn, turn.state.data)
    return answer(turn, _joined(before, prompt), state=replace(turn.state, options=prompt.options))


def take(
    turn: Turn,
    form: Form,
    step: Step,
    value: Any,
    *,
    also: Mapping[str, Any] | None = None,
    before: Reply | None = None,
) -> Answer:
    """Accepts a value for the present step, and with `also` values for others, and goes on."""
    data = {**turn.state.data, step.name: value, **(also or {})}
    returning = data.pop("_return", None)
    data.pop("_misfits", None)
    if returning and before is None:
        before = turn.say("form_changed")
    return _go(turn, form, data, step.name, returning=returning, before=before)


def consider(turn: Turn, form: Form) -> Answer | None:
    """Reads a typed message as part of the open form; None means that it is a question of its own (see `resume`)."""
    step = form.step(turn.state.step)
    if step is None:
        return restart(turn, form)
    if goes_back(turn):
        return back(turn, form, step)
    match = _CHANGE.search(turn.text)
    if match and (target := _named(form, match["what"])) and _may_change(turn, target):
        return change(turn, form, target, match["what"])
    if (mended := _mended(turn, form, step)) is not None:
        return mended
    reading = step.read(turn, turn.state.data)
    if isinstance(reading, Valid) and reading.sure:
        return take(turn, form, step, reading.value, also=reading.also)
    if _is_question(turn, reading):
        return None
    match reading:
        case Valid(value=value, also=also):
            return take(turn, form, step, value, also=also)
        case Misfit(key=key, values=values):
            return _misfit(turn, form, step, key, values or {})
    return _misfit(turn, form, step, "form_not_understood", {})


def resume(turn: Turn, form: Form, aside: Answer) -> Answer:
    """After a question in mid-form: its answer, then the step again, in one reply."""
    step = form.step(turn.state.step)
    if step is None or aside.state.form != turn.state.form:
        return aside  # the question itself opened another form
    if aside.handler in ASKING_BACK:
        return aside  # the person chooses first; the form stays open behind it
    prompt = _asked_again(step, turn)
    said = bubbles.joined(aside.replies, "\n") if aside.replies else Reply(text="")
    again = turn.content.text("form_resume")
    sms = f"{again}\n{prompt.sms}" if prompt.sms is not None else None
    prompt = replace(prompt, text=f"{again}\n{prompt.text}", sms=sms)
    extra = tuple(reply for reply in aside.replies if reply.form)
    state = replace(turn.state, options=prompt.options, last_intent=aside.state.last_intent, misses=0)
    return Answer(
        replies=(
            *(replace(reply, text="") for reply in extra),
            _joined(Reply(text=_paragraphs(aside.replies), sms=said.sms), prompt),
        ),
        state=state,
        handler=aside.handler,
    )


def goes_back(turn: Turn) -> bool:
    """Whether the message is "kembali"."""
    return _BACK.match(turn.text) is not None


def back(turn: Turn, form: Form, step: Step) -> Answer:
    """To the step before; at the first one it is asked again."""
    data = dict(turn.state.data)
    earlier = [s for s in form.steps[: form.steps.index(step)] if s.name in data]
    if not earlier:
        return ask_again(turn, form, step, before=turn.say("form_first_step"))
    data.pop(earlier[-1].name)
    return _show(turn, form, data, earlier[-1])


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
            return take(there, form, target, reading.value, before=turn.say("form_changed"))
    return _show(turn, form, data, target, before=turn.say("form_changing"))


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
    return take(there, form, target, reading.value, before=turn.say("form_changed"))


def _reads(turn: Turn, step: Step) -> bool:
    return isinstance(step.read(turn, turn.state.data), Valid)


def _which(turn: Turn, form: Form, step: Step) -> Answer:
    """Asks what is to be changed, by the names of what was answered."""
    names = [one.called[0] for one in form.steps if one.called and one.name in turn.state.data]
    if not names:
        return ask_again(turn, form, step, before=turn.say("form_first_step"))
    return ask_again(turn, form, step, before=turn.say("form_change_which", name=names[-1], names=", ".join(names)))


def restart(turn: Turn, form: Form) -> Answer:
    """A stored step that this version does not know: go on at the nearest valid one, with a sentence."""
    return _go(turn, form, dict(turn.state.data), None, before=turn.say("form_restarted"))


def close(turn: Turn, *replies: Reply, state: State | None = None) -> Answer:
    """Ends the open form; its draft goes."""
    if turn.state.form:
        drafts.delete(turn.connection, turn.chat_id, turn.state.form)
    return answer(turn, *replies, state=replace(state or turn.state, form=None, step=None, data={}, options=()))


def parked(turn: Turn) -> State:
    """The state without the open form, which "lanjut" takes up again; nobody is reminded of it."""
    return park(turn.connection, turn.chat_id, turn.state, turn.now)


def park(connection: Connection, chat_id: int, state: State, now: datetime) -> State:
    """`parked`, outside a turn."""
    if state.form and state.step:
        kept = drafts.get(connection, chat_id, state.form, now)
        drafts.save(
            connection,
            chat_id,
            state.form,
            step=state.step,
            data=state.data,
            now=now,
            expires_at=kept["expires_at"] if kept else now + PARKED,
            reminded_at=now,
        )
    return replace(state, form=None, step=None, data={}, options=())


def cancel(turn: Turn, form: Form) -> Answer:
    """ "Batal": leaves the form; a draft that the form keeps can be taken up again."""
    shown = (
        options(
            (turn.content.text("option_continue"), f"form:{form.name}"), (turn.content.text("option_menu"), "do:menu")
        )
        if form.keeps_draft
        else ()
    )
    state = replace(turn.state, form=None, step=None, data={}, options=shown)
    return answer(turn, turn.say(form.cancelled, options=shown), state=state)


def _go(
    turn: Turn,
    form: Form,
    data: dict[str, Any],
    done: str | None,
    *,
    returning: str | None = None,
    before: Reply | None = None,
) -> Answer:
    back = form.step(returning) if returning else None
    target = _next(turn, form, data, done)
    if back and target and target.name == done:  # a step of several messages is not ended yet
        data["_return"] = returning
    elif back and not back.about:  # a doubt may be gone by now
        target = back
    if target is None:
        finished = form.finish(replace(turn, state=replace(turn.state, form=form.name, data=data)), data)
        if before is None:
            return finished
        return replace(finished, replies=(_joined(before, finished.replies[0]), *finished.replies[1:]))
    return _show(turn, form, data, target, before=before)


def _next(turn: Turn, form: Form, data: Data, done: str | None) -> Step | None:
    if done and form.route:
        return form.step(form.route(turn, data, done))
    start = next((i + 1 for i, step in enumerate(form.steps) if step.name == done), 0)
    return next((step for step in form.steps[start:] if step.name not in data and not step.skip(turn, data)), None)


def _show(turn: Turn, form: Form, data: Data, step: Step, *, before: Reply | None = None) -> Answer:
    moved = replace(turn, state=replace(turn.state, form=form.name, step=step.name, data=data))
    prompt = _asked(step, moved, data)
    if form.keeps_draft:
        expires = turn.now + timedelta(days=DRAFT_DAYS)
        drafts.save(
            turn.connection, turn.chat_id, form.name, step=step.name, data=data, now=turn.now, expires_at=expires
        )
    return answer(turn, _joined(before, prompt), state=replace(moved.state, options=prompt.options))


def unclear(turn: Turn, form: Form, step: Step, key: str) -> Answer:
    """The question again for somebody who does not understand it, with a person beside it at once."""
    data = {**turn.state.data, "_misfits": STUCK_AFTER - 1}
    return _misfit(replace(turn, state=replace(turn.state, data=data)), form, step, key, {})


def _misfit(turn: Turn, form: Form, step: Step, key: str, values: Mapping[str, Any]) -> Answer:
    misfits = int(turn.state.data.get("_misfits", 0)) + 1
    prompt = _asked_again(step, turn)
    lead = turn.content.text(key, **values)
    shown = prompt.options
    if misfits >= STUCK_AFTER:
        lead += "\n" + turn.content.text("form_stuck" if _may_skip(turn, step) else "form_stuck_must")
        shown = (*prompt.options, *options((turn.content.text("option_human"), "intent:human_agent")))
    state = replace(turn.state, data={**turn.state.data, "_misfits": misfits}, options=shown)
    return answer(turn, _joined(Reply(text=lead), replace(prompt, options=shown)), state=state)


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


def _asked(step: Step, turn: Turn, data: Data) -> Reply:
    """The step's question. A later message may make it pointless, but nobody may agree to what was never shown."""
    return replace(step.ask(turn, data), cancellable=step.expects not in ("yes_no", "choice"))


def _asked_again(step: Step, turn: Turn) -> Reply:
    """The question where it was asked just before: in fewer words if the step has such, and it still offers the same."""
    prompt = _asked(step, turn, turn.state.data)
    same = turn.state.options[: len(prompt.options)] == prompt.options
    return replace(prompt, text=step.again(turn, turn.state.data)) if step.again and same else prompt


def _joined(before: Reply | None, prompt: Reply) -> Reply:
    """One bubble: what is said first, then the prompt; the prompt's options and form count."""
    if before is None or not before.text:
        return prompt
    sms = f"{before.short}\n{prompt.short}" if before.sms is not None or prompt.sms is not None else None
    return replace(prompt, text=f"{before.text}\n\n{prompt.text}", sms=sms, cancellable=False)


def _paragraphs(replies: Sequence[Reply]) -> str:
    return "\n\n".join(reply.text for reply in replies if reply.text)
