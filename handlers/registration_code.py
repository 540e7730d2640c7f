"""The code that carries a preparation from one chat into another: asked for here, typed there."""

from __future__ import annotations

import re

from handlers import forms, free_text, kiosk, linking_proof, registration, registration_carry, typed
from handlers.messages import Kind
from handlers.turn import Answer, Turn, answer
from storage import carrying, people

_WORDS = 8  # of a message that asks for a code; a longer one tells a story
_CODE = re.compile(r"\blanjut[\W_]{0,3}((?=[A-Z]*\d)(?=\d*[A-Z])[0-9A-Z]{8})\b", re.IGNORECASE)


def asked(turn: Turn) -> Answer | None:
    """ "Lanjut di HP lain": a code, where this chat has something to go on with; else None."""
    words = turn.content.files["registration"]["carry"]
    if turn.inbound.kind is not Kind.TEXT or not free_text.brief(turn, _WORDS):
        return None
    if typed.find(turn, {"carry": words}) is None:
        return None
    here = registration_carry.source(turn.connection, turn.chat_id, turn.now)
    return give(turn) if here or turn.kiosk else None


def give(turn: Turn) -> Answer:
    """A code for what this chat has noted; on a shared screen it lasts until the person is home."""
    if registration_carry.source(turn.connection, turn.chat_id, turn.now) is None:
        return answer(turn, turn.say("registration_carry_nothing"))
    code = registration_carry.make_code(
        turn.connection,
        turn.policy,
        turn.new_id,
        chat_id=turn.chat_id,
        now=turn.now,
        lasts=kiosk.FETCHED_WITHIN if turn.kiosk else registration_carry.LASTS,
    )
    return answer(turn, turn.say("registration_carry_code", code=code))


def entered(turn: Turn) -> Answer | None:
    """A code typed where the preparation shall go on; a wrong one counts like a wrong proof."""
    match = _CODE.search(turn.text)
    if match is None or turn.inbound.kind is not Kind.TEXT:
        return None
    if turn.kiosk:
        return answer(turn, turn.say("kiosk_own_chat"))
    if until := linking_proof.locked_until(turn):
        return answer(turn, linking_proof.locked(turn, until))
    code = registration_carry.hashed(linking_proof.canonical_code(match[1]), turn.policy)
    chat_id = carrying.chat_of(turn.connection, code, turn.now)
    if chat_id == turn.chat_id:
        return answer(turn, turn.say("registration_carry_same"))
    found = registration_carry.source(turn.connection, chat_id, turn.now) if chat_id else None
    if found is None:
        return _wrong(turn)
    marks = registration.offered(turn, found, code=code)
    if marks.get("_here"):
        return forms.open_form(turn, registration.FORM, marks)
    return registration.arrive(turn, marks)


def _wrong(turn: Turn) -> Answer:
    if left := linking_proof.tries_left(turn):
        return answer(turn, turn.say("registration_carry_wrong", left=left))
    return answer(turn, linking_proof.locked(turn, turn.now + people.LOCK))
