"""What people answer to a reminder of the deadline: what is in the way, or that the course is bought. No form is open then."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from handlers import free_text, typed
from handlers.turn import Answer, Turn, answer, options
from storage import reminders

ANSWERED_FOR = timedelta(days=1)  # after a reminder
DEADLINE = "buy_by:"  # begins the keys of such reminders


def answered(turn: Turn) -> Answer | None:
    """Thanks, and the ways on, for a message that was not understood and follows such a reminder; None for any other.

    That a course is bought is believed by nobody's word: the reminders end on an imported purchase (docs/courses.md).
    """
    if not free_text.statement(turn) or turn.state.misses:
        return None
    if not reminders.given(turn.connection, turn.chat_id, DEADLINE, turn.now - ANSWERED_FOR):
        return None
    bought = typed.find(turn, {"": turn.content.files["courses"]["bought"]}) is not None
    ways = options(
        *((turn.content.title(intent), f"intent:{intent}") for intent in ("course_choose", "course_buy")),
        (turn.content.title("account_login"), "intent:account_login"),
        (turn.content.text("option_human"), "intent:human_agent"),
    )
    said = turn.say("reminded_bought" if bought else "reminded_obstacle", options=ways)
    return replace(answer(turn, said), handler="reminded")
