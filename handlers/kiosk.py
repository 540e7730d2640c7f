"""On a shared screen in an office: twenty minutes, and nothing of it stays unless the person takes it home.

What needs a chat of one's own is not begun there: announcements, a linked record, a case to follow up.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from handlers.turn import Answer, Turn, answer

LASTS = timedelta(minutes=20)
FETCHED_WITHIN = timedelta(hours=48)  # what is taken home

_ELSEWHERE: Mapping[str, str] = {
    "human_agent": "kiosk_human",
    "report_problem": "kiosk_human",
    "subscribe": "kiosk_own_chat",
    "link_account": "kiosk_own_chat",
}


def elsewhere(turn: Turn, intent: str) -> Answer | None:
    """The way to what a shared screen does not do; None for everything else, and in a chat of one's own."""
    key = _ELSEWHERE.get(intent) if turn.kiosk else None
    return answer(turn, turn.say(key)) if key else None
