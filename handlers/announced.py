"""What people ask of an announcement that they have got: who sends it, why to them, whether it is genuine. Where nothing clearer was understood."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from handlers import free_text, telling, typed
from handlers.messages import Reply
from handlers.turn import Answer, Turn, answer, options
from storage import campaign_people, subscriptions

ASKED_FOR = timedelta(days=3)  # after it came
_WORDS = 9


def asked(turn: Turn) -> Answer | None:
    """The sender, the person's own wish with its day, the official place and the way out; None for any other message, or without an announcement."""
    if turn.state.form or not free_text.brief(turn, _WORDS):
        return None
    if typed.find(turn, {"": turn.content.files["words"]["asks_sender"]}) is None:
        return None
    if not campaign_people.written_to(turn.connection, turn.chat_id, turn.now - ASKED_FOR):
        return None
    parts = [turn.words("announced_who", operator=turn.policy.operator)]
    if not turn.policy.official:
        parts.append(turn.words("announced_unofficial"))
    if agreed := subscriptions.agreed_at(turn.connection, turn.chat_id):
        parts.append(turn.words("announced_agreed", day=telling.day(turn.local(agreed).date())))
    parts.append(turn.words("announced_check"))
    ways = options(
        (turn.content.title("scam_check"), "intent:scam_check"),
        (turn.content.title("unsubscribe"), "intent:unsubscribe"),
        (turn.content.text("option_human"), "intent:human_agent"),
    )
    return replace(answer(turn, Reply(text=" ".join(parts), options=ways)), handler="announced")
