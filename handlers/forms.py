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
from storage import drafts

Data = Mapping[str, Any]

DRAFT_DAYS = 30
PARKED = timedelta(days=1)  # how long a form that keeps no draft can be taken up after it was parked
ASKING_BACK = ("clarify", "offer_person", "story")  # handlers whose options must not be hidden behind the step's own

_BACK = re.compile(r"^\W*(kembali|balik|sebelumnya|mundur|back)\b.{0,24}$", re.IGNORECASE)


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
    return answer(turn, joined(before, prompt), state=replace(turn.state, options=prompt.options))


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


def resume(turn: Turn, form: Form, aside: Answer) -> Answer:
    """After a question in mid-form: its answer, then the step again, in one reply."""
    step = form.step(turn.state.step)
    if step is None or aside.state.form != turn.state.form:
        return aside  # the question itself opened another form
    if aside.handler in ASKING_BACK:
        return aside  # the person chooses first; the form stays open behind it
    prompt = asked_again(step, turn)
    said = bubbles.joined(aside.replies, "\n") if aside.replies else Reply(text="")
    again = turn.content.text("form_resume")
    sms = f"{again}\n{prompt.sms}" if prompt.sms is not None else None
    prompt = replace(prompt, text=f"{again}\n{prompt.text}", sms=sms)
    extra = tuple(reply for reply in aside.replies if reply.form)
    state = replace(turn.state, options=prompt.options, last_intent=aside.state.last_intent, misses=0)
    return Answer(
        replies=(
            *(replace(reply, text="") for reply in extra),
            joined(Reply(text=_paragraphs(aside.replies), sms=said.sms), prompt),
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
    return show(turn, form, data, earlier[-1])


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
        return replace(finished, replies=(joined(before, finished.replies[0]), *finished.replies[1:]))
    return show(turn, form, data, target, before=before)


def _next(turn: Turn, form: Form, data: Data, done: str | None) -> Step | None:
    if done and form.route:
        return form.step(form.route(turn, data, done))
    start = next((i + 1 for i, step in enumerate(form.steps) if step.name == done), 0)
    return next((step for step in form.steps[start:] if step.name not in data and not step.skip(turn, data)), None)


def show(turn: Turn, form: Form, data: Data, step: Step, *, before: Reply | None = None) -> Answer:
    moved = replace(turn, state=replace(turn.state, form=form.name, step=step.name, data=data))
    prompt = _asked(step, moved, data)
    if form.keeps_draft:
        expires = turn.now + timedelta(days=DRAFT_DAYS)
        drafts.save(
            turn.connection, turn.chat_id, form.name, step=step.name, data=data, now=turn.now, expires_at=expires
        )
    return answer(turn, joined(before, prompt), state=replace(moved.state, options=prompt.options))


def _asked(step: Step, turn: Turn, data: Data) -> Reply:
    """The step's question. A later message may make it pointless, but nobody may agree to what was never shown."""
    return replace(step.ask(turn, data), cancellable=step.expects not in ("yes_no", "choice"))


def asked_again(step: Step, turn: Turn) -> Reply:
    """The question where it was asked just before: in fewer words if the step has such, and it still offers the same."""
    prompt = _asked(step, turn, turn.state.data)
    same = turn.state.options[: len(prompt.options)] == prompt.options
    return replace(prompt, text=step.again(turn, turn.state.data)) if step.again and same else prompt


def joined(before: Reply | None, prompt: Reply) -> Reply:
    """One bubble: what is said first, then the prompt; the prompt's options and form count."""
    if before is None or not before.text:
        return prompt
    sms = f"{before.short}\n{prompt.short}" if before.sms is not None or prompt.sms is not None else None
    return replace(prompt, text=f"{before.text}\n\n{prompt.text}", sms=sms, cancellable=False)


def _paragraphs(replies: Sequence[Reply]) -> str:
    return "\n\n".join(reply.text for reply in replies if reply.text)
