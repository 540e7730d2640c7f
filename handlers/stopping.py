"""STOP and MULAI: on every channel and in every state what comes unasked ends at once, confirmed once, and begins again.

Outside a form and while no agent speaks, longer wishes ("ga usah dikabari lagi") are `handlers.subscription`'s. Forwarded
text is material to check (design, rule 10), and a shared screen is nobody's: there the words end nothing.
"""

from __future__ import annotations

from dataclasses import replace

from handlers import bare, considering, forms, free_text, subscription, talk
from handlers.catalogue import Catalogue
from handlers.forms import Form, Valid
from handlers.messages import Kind, Reply
from handlers.turn import Answer, Turn, answer
from nlu.understanding import Outcome
from storage import ownership, subscriptions

_NEWS_STEP = "notify"  # "Mau dikabari?": no is its answer


def says_stop(text: str, content: Catalogue) -> bool:
    """Whether a text, or one line of texts that were read together, is STOP in any spelling and no question."""
    return any(subscription.says_stop(line, content) for line in (text, *text.splitlines()))


def stop(turn: Turn, form: Form | None) -> Answer | None:
    """Ends what comes unasked; an open form goes on, by SMS it is put aside. BATAL counts by SMS where nothing is open."""
    if not _counts(turn):
        return None
    if subscription.says_stop(turn.text, turn.content) or _is_cancel_by_sms(turn):
        return None if form and _offered(turn, form) else _ended(turn, form, whole=True)
    if (form or turn.owner != ownership.BOT) and turn.state.step != _NEWS_STEP and _is_clear(turn):
        return _ended(turn, form, whole=False)
    return None


def beside(turn: Turn) -> Reply | None:
    """A line STOP among others that were typed with it: it counts as well, and the rest is answered. What is said of it, None where nothing is.

    What the understanding takes for such a wish anyway is left to it.
    """
    if not _counts(turn) or subscription.says_stop(turn.text, turn.content):
        return None
    if not says_stop(turn.text, turn.content) or (turn.owner == ownership.BOT and _is_understood(turn)):
        return None
    done = subscriptions.stopped(turn.connection, turn.chat_id)
    said = subscription.end(turn)
    return None if done else replace(said, options=(), passes_agent=True)


def again(turn: Turn, form: Form | None) -> Answer | None:
    """MULAI after a STOP: what ran before runs again; who had nothing running may choose. None where nothing was stopped."""
    words = turn.content.files["words"]
    if not _counts(turn) or (form and _answers(turn, form)):
        return None
    if not bare.says(turn.text, words["start_again"], words["stop_aside"], most_aside=subscription.MOST_ASIDE):
        return None
    if not subscriptions.stopped(turn.connection, turn.chat_id):
        return None
    found = subscription.begin_again(turn)
    return forms.resume(turn, form, found) if form else found


def _ended(turn: Turn, form: Form | None, *, whole: bool) -> Answer:
    done = subscriptions.stopped(turn.connection, turn.chat_id)
    said = subscription.end(turn) if whole else subscription.end_named(turn)
    if turn.owner != ownership.BOT:
        told = replace(said, options=(), passes_agent=True)
        return talk.silent(turn) if done else Answer(replies=(told,), state=turn.state)
    if turn.by_sms:  # every message costs: a second STOP is kept without a word
        return talk.silent(turn) if done else answer(turn, said, state=forms.parked(turn))
    if form is None:
        return answer(turn, said)
    if form.name == subscription.FORM.name:
        return answer(turn, said, state=replace(turn.state, form=None, step=None, data={}))
    text = f"{said.text} {turn.content.text('subscription_form_open')}"
    return forms.resume(turn, form, answer(turn, replace(said, text=text, options=())))


def _counts(turn: Turn) -> bool:
    return turn.inbound.kind in (Kind.TEXT, Kind.EDITED) and not turn.inbound.forwarded and not turn.kiosk


def _is_understood(turn: Turn) -> bool:
    return turn.understanding.intent == "unsubscribe" and turn.understanding.outcome is Outcome.ANSWER


def _is_clear(turn: Turn) -> bool:
    """Whether a longer message can be nothing but the wish to be told no more; an agent is also written to of chats and calls."""
    understanding = turn.understanding
    if understanding.intent != "unsubscribe" or understanding.confidence < considering.SURE:
        return False
    if understanding.outcome is Outcome.REFUSE or not free_text.statement(turn):
        return False
    if subscription.may_mean_the_opposite(turn):
        return False
    return subscription.names_news(turn, *(("reached",) if turn.owner == ownership.BOT else ()))


def _is_cancel_by_sms(turn: Turn) -> bool:
    if not turn.by_sms or turn.state.form:
        return False
    aside = turn.content.files["words"]["stop_aside"]
    return bare.says(turn.text, turn.content.files["sms"]["cancel"], aside, most_aside=subscription.MOST_ASIDE)


def _offered(turn: Turn, form: Form) -> bool:
    """Whether the step offers the word; by SMS the bare word is the operators' own, whatever is offered ("berhenti dulu" is the step's)."""
    bare_word = bare.says(turn.text, turn.content.files["words"]["stop"], (), most_aside=0)
    return not (turn.by_sms and bare_word) and _answers(turn, form)


def _answers(turn: Turn, form: Form) -> bool:
    """Whether the open step offers this very word: "Mau lanjut, atau berhenti dulu?", "Mau lanjut, atau mulai baru?"."""
    step = form.step(turn.state.step)
    if step is None or step.expects not in ("yes_no", "choice"):
        return False
    reading = step.read(turn, turn.state.data)
    return isinstance(reading, Valid) and reading.sure
