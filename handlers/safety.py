"""What goes before everything else: danger to a life, and numbers that must not stand in a chat."""

from __future__ import annotations

import re
from functools import lru_cache

from handlers import desk_calendar, forms
from handlers.catalogue import Catalogue
from handlers.messages import Reply
from handlers.turn import Answer, Turn, answer
from storage import cases, handoffs

_SECRETS = {"otp", "pin", "password"}


@lru_cache(maxsize=4)
def _danger_words(phrases: tuple[str, ...]) -> re.Pattern[str]:
    words = "|".join(r"\s+".join(map(re.escape, phrase.split())) for phrase in phrases)
    return re.compile(rf"(?<!\w)(?:{words})(?!\w)", re.IGNORECASE)


def is_danger(text: str, content: Catalogue) -> bool:
    """Whether a text speaks of killing oneself or others (words: content/safety.yml)."""
    words = content.files["safety"]
    return bool(_danger_words((*words["self_harm"], *words["others"])).search(text))


def danger(turn: Turn) -> Answer | None:
    """A fixed text with helpline numbers, and the top of the queue where somebody answers."""
    if not is_danger(turn.text, turn.content) or turn.inbound.forwarded:
        return None
    key = "danger" if turn.policy.agents else "danger_no_agents"
    said = turn.content.text(key, helplines=turn.policy.helplines)
    if turn.state.form:
        said += "\n" + turn.content.text("danger_parked")
    if turn.policy.agents:
        _first_in_line(turn)
    return answer(turn, Reply(text=said), state=forms.parked(turn))


def _first_in_line(turn: Turn) -> None:
    """A case and a place before all others; who is in the queue already goes to its top."""
    if (there := handoffs.going_on(turn.connection, turn.chat_id)) is not None:
        handoffs.raise_priority(turn.connection, there["id"], cases.DANGER)
        return
    topic, priority, now = "danger", cases.DANGER, turn.now
    case = cases.create(
        turn.connection,
        number="L-" + turn.new_id(6),
        chat_id=turn.chat_id,
        topic=topic,
        priority=priority,
        story=turn.text,
        now=now,
        due_at=desk_calendar.due(turn.connection, topic=topic, priority=priority, now=now),
    )
    handoffs.join(
        turn.connection,
        chat_id=turn.chat_id,
        number=case["number"],
        case_id=case["id"],
        topic=topic,
        priority=priority,
        live=True,
        now=now,
    )


def warning(turn: Turn) -> str | None:
    """The kind sentence when a number or secret was masked in this message."""
    if not turn.inbound.masked:
        return None
    return turn.content.text("masked_secret" if _SECRETS & set(turn.inbound.masked) else "masked_identity")


def is_only_masked(turn: Turn) -> bool:
    """Whether little but a masked number or secret, with the words that name it, is left of the message."""
    named = set(turn.content.files["safety"]["number_words"])
    words = re.findall(r"[^\W\d_]{3,}", turn.text.lower())
    return bool(turn.inbound.masked) and sum(word not in named for word in words) <= 1
