"""What the conversation around a short message says about it: "terus?", "kalau yang itu?", an answer to an open form."""

from __future__ import annotations

import numpy as np

from nlu.clauses import asking
from nlu.features import Floats
from nlu.normalise import word_list
from nlu.understanding import Context, Engine, Outcome, Understanding

_ON = word_list("ask_on")
_TRIGGER = word_list("ask_on_trigger")
_LEARNT = 0.55  # least probability of the last matter when a message asks on about it
_FORM_ANSWERS = frozenset(("text", "choice", "date", "region", "number", "name", "phone", "money", "age"))
_SHORT = 4


def is_follow_up(tokens: list[str]) -> bool:
    """Whether a message only asks on ("terus gimana?", "maksudnya?"): few words, none with a matter of its own."""
    words = [word.removesuffix("nya") or word for word in tokens if word != "?"]
    if not 1 <= len(words) <= 6 or not all(word in _ON for word in words):
        return False
    return any(word in _TRIGGER for word in words) or (len(words) <= 2 and "?" in tokens)


def follow_up(chances: Floats, last: int) -> Floats:
    """The probabilities of a message that asks on about the last matter."""
    if chances[last] >= _LEARNT:
        return chances
    rest = chances.copy()
    rest[last] = 0
    rest *= (1 - _LEARNT) / max(float(rest.sum()), 1e-9)
    rest[last] = _LEARNT
    return np.asarray(rest, np.float32)


def quiet_in_form(context: Context, talk: bool, tokens: list[str], asks: bool) -> bool:
    """Whether a short message in an open form is an answer to it rather than a question of its own ("Bandung", "SMA", "3/12/1999")."""
    if context.form is None or context.expects not in _FORM_ANSWERS or talk or asks:
        return False
    return len(tokens) <= _SHORT


def decides(engine: Engine, text: str, context: Context, read: Understanding) -> bool:
    """Whether the conversation decides about this message: a short answer in an open form, or what would be read otherwise alone."""
    if context.form is None and context.last_intent is None:
        return False
    if read.outcome is not Outcome.ANSWER and quiet_in_form(
        context, talk=False, tokens=text.split(), asks=asking(text)
    ):
        return True
    alone = engine.parse(text, Context(today=context.today))
    return (alone.intent, alone.outcome) != (read.intent, read.outcome)
