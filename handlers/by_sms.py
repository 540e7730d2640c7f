"""What only SMS has: the words that every operator must honour, the rest of a long text, and an end to a flood (docs/sms.md)."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, time

from handlers import forms, short, talk
from handlers.forms import Form
from handlers.messages import Kind, reply_from_json
from handlers.turn import ZONES, Answer, Turn, answer
from storage import chats, outbox, subscriptions

FLOOD = "flood"
_ASIDE = 3  # words beside the one that counts; more of them are a sentence


def stop(turn: Turn) -> Answer | None:
    """STOP and BERHENTI end everything that comes unasked, BATAL too where nothing is open to be cancelled; confirmed once."""
    content = turn.content.files["sms"]
    wanted = [*content["stop"], *(() if turn.state.form else content["cancel"])]
    if not _is_text(turn) or not _says(turn, wanted):
        return None
    again = subscriptions.stopped(turn.connection, turn.chat_id)
    subscriptions.stop(turn.connection, turn.chat_id, turn.now)
    if again or turn.owner != "bot":
        return talk.silent(turn)
    return answer(turn, turn.say("sms_stopped"), state=forms.parked(turn))


def flood(turn: Turn) -> Answer | None:
    """One number's answers are counted by its own day; the last one says so, and then there is silence until midnight."""
    if not turn.by_sms:
        return None
    zone = ZONES[turn.zone]
    midnight = datetime.combine(turn.now.astimezone(zone).date(), time(0), zone)
    count, told = chats.answers_since(turn.connection, turn.chat_id, midnight, handler=FLOOD)
    if count < turn.policy.replies_a_day:
        return None
    return talk.silent(turn) if told else answer(turn, turn.say("sms_flood"))


def asks_help(turn: Turn) -> bool:
    """Whether a message is the word for help and no more."""
    return _is_text(turn) and _says(turn, turn.content.files["sms"]["help"])


def bring_help(turn: Turn, form: Form | None) -> Answer:
    """What can be asked; an open form goes on afterwards."""
    found = talk.help_menu(turn)
    return replace(forms.resume(turn, form, found) if form else found, handler="help_menu")


def rest(turn: Turn) -> Answer | None:
    """LANJUT after a text that was too long: what has not been said of it yet. None where all has been."""
    if not _is_text(turn) or not _says(turn, turn.content.files["sms"]["go_on"]):
        return None
    last = outbox.last_said(turn.connection, turn.chat_id)
    left = short.shaped(reply_from_json(last), short.words(turn.content))[1] if last else None
    return Answer(replies=(left,), state=turn.state) if left else None


def _is_text(turn: Turn) -> bool:
    return turn.by_sms and turn.inbound.kind is Kind.TEXT


def _says(turn: Turn, wanted: Collection[str]) -> bool:
    """Whether a message is one of these words in any spelling, with at most a little politeness beside it."""
    asides = {_once(word) for word in (*turn.content.files["words"]["filler"], *turn.content.files["sms"]["aside"])}
    left = [word for word in _words(turn.text) if word not in asides]
    beside = len(_words(turn.text)) - len(left)
    return bool(left) and beside <= _ASIDE and set(left) <= {_once(word) for word in wanted}


def _words(text: str) -> Sequence[str]:
    """The words without signs and doubled letters; "s t o p" is one word."""
    words = re.findall(r"[^\W\d_]+", text.lower())
    if len(words) > 1 and all(len(word) == 1 for word in words):
        words = ["".join(words)]
    return [_once(word) for word in words]


def _once(word: str) -> str:
    return re.sub(r"(.)\1+", r"\1", word)
