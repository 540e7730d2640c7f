"""What only SMS has: the word for help, the rest of a long text, and an end to a flood (docs/sms.md). STOP: `handlers.stopping`."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, time

from handlers import bare, forms, short, talk
from handlers.forms import Form
from handlers.messages import Kind, reply_from_json
from handlers.turn import ZONES, Answer, Turn, answer
from storage import chats, outbox

FLOOD = "flood"
_ASIDE = 3  # words beside the one that counts; more of them are a sentence


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
    aside = (*turn.content.files["words"]["filler"], *turn.content.files["sms"]["aside"])
    return bare.says(turn.text, wanted, aside, most_aside=_ASIDE)
