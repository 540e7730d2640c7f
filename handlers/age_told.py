"""A message that is little more than an age ("25 thn"), outside every form: whether the rules take it, and what they say of ages."""

from __future__ import annotations

import re
from dataclasses import replace

from handlers import answers, free_text, telling, typed
from handlers.forms import Valid
from handlers.messages import Option
from handlers.registration_view import doubt_of
from handlers.turn import Answer, Turn, answer

INTENT = "eligibility_age"
_WORDS = 5
_NAMED = re.compile(r"(?:\b|\d)(?:th|thn|tahun|taun|tahunan)\b|\b(?:umur|usia|lahir|kelahiran|lhr)\b", re.IGNORECASE)


def told(turn: Turn) -> Answer | None:
    """None for a message that tells no age or anything beside it, and where the programme has no answer about ages."""
    if turn.state.form or INTENT not in turn.content.answers:
        return None
    if not _NAMED.search(turn.text) or not free_text.brief(turn, _WORDS):
        return None
    today = telling.today(turn)
    reading = typed.age(turn, today, "registration_age_unclear")
    if not isinstance(reading, Valid) or not reading.sure:
        return None
    outside = doubt_of(turn, {"age": reading.value}, "age") is not None
    years = typed.ages(str(reading.value), today)[1]
    lead = turn.content.text("age_outside" if outside else "age_within", age=years)
    rule = answers.faq_reply(turn, INTENT)
    prepare = Option(label=turn.content.title("register_start"), action="intent:register_start")
    said = replace(
        rule,
        text=f"{lead}\n{rule.text}",
        sms=f"{lead} {rule.sms}" if rule.sms is not None else None,
        options=(prepare, *rule.options)[: answers.MAX_OPTIONS],
    )
    found = answer(turn, said, state=replace(turn.state, last_intent=INTENT))
    return replace(found, handler=INTENT)
