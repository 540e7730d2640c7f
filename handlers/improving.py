"""The consent by which editors may read what was not understood, so that Pandu can be taught (docs/teaching.md).

It is offered where somebody was not understood twice, says what is kept and for how long, and is withdrawn with "tarik persetujuan".
"""

from __future__ import annotations

from datetime import timedelta

from handlers.messages import Option
from handlers.turn import Answer, Turn, answer, options
from storage import consents, misunderstood

KEPT = timedelta(days=365)


def offered(turn: Turn) -> tuple[Option, ...]:
    """The way to the question, where the answer is not known; on a shared screen and by SMS it is not asked."""
    if turn.kiosk or turn.by_sms or consents.active(turn.connection, turn.chat_id, misunderstood.PURPOSE, turn.now):
        return ()
    return options((turn.content.text("improve_option"), "do:improve"))


def ask(turn: Turn) -> Answer:
    """What is kept, for what, how long: yes or no."""
    text = turn.content.text
    ways = options((text("improve_option_yes"), "do:improve_yes"), (text("improve_option_no"), "do:improve_no"))
    return answer(turn, turn.say("improve_consent", options=ways))


def agree(turn: Turn) -> Answer:
    """Notes the consent with its wording."""
    until, wording = turn.now + KEPT, turn.content.text("improve_consent")
    consents.give(
        turn.connection, turn.chat_id, purpose=misunderstood.PURPOSE, wording=wording, now=turn.now, until=until
    )
    return answer(turn, turn.say("improve_thanks"))


def decline(turn: Turn) -> Answer:
    """Nothing is kept."""
    return answer(turn, turn.say("improve_declined"))
