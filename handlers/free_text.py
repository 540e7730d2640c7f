"""Free text as an answer: a story, a title, a lone number; and how sure it is that no question was meant."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from handlers import typed
from handlers.forms import Misfit, Reading, Valid
from handlers.turn import Turn
from nlu.understanding import OUT_OF_SCOPE, Outcome

STORY, TITLE = 1500, 100  # most letters that are kept
STORY_WORDS = 3  # fewer tell nothing
SURE_STORY = 6  # so many words without a sign of a question are a story
BRIEF = 4  # an answer of more words may be about something else
LONG_STORY = 15  # so many words are a story, even with a question word in it
WHOLE_STORY = 400  # so many characters are one, even with a question at the end

_WISHES = frozenset(
    (
        "human_agent",
        "cancel",
        "help_menu",
        "bot_challenge",
        "subscribe",
        "unsubscribe",
        "my_data",
        "register_start",
        "course_choose",
        "link_account",
    )
)
"""Intents that want something else done than to be written down."""


def statement(turn: Turn) -> bool:
    """Whether the message has no sign of a question."""
    return "?" not in turn.text and typed.find(turn, {"asking": turn.content.files["free_text"]["asking"]}) is None


def brief(turn: Turn, most: int = BRIEF) -> bool:
    """Whether the message is so short that a word found in it is all of it."""
    return len(re.findall(r"\w+", turn.text)) <= most


def yes_no(turn: Turn, more: Mapping[str, Sequence[str]] | None = None) -> Reading:
    """ "ya" or "tidak"; in a longer message only where no clear question stands in it."""
    reading = typed.agreed(turn, more)
    return replace(reading, sure=reading.sure and brief(turn)) if isinstance(reading, Valid) else reading


def story(turn: Turn, short: str) -> Reading:
    """What happened, in the person's words; `short` is the key of the sentence for too little."""
    text = " ".join(turn.text.split())
    words = len(re.findall(r"\w+", text))
    if words < STORY_WORDS:
        return Misfit(short) if words else None
    if _wants_something_else(turn):
        return None
    long = words >= LONG_STORY and (not text.endswith("?") or len(text) > WHOLE_STORY)
    return Valid(text[:STORY], sure=long or (words >= SURE_STORY and statement(turn)))


def title(turn: Turn) -> Reading:
    """A name, such as a course's."""
    text = " ".join(turn.text.split())
    looks_for = typed.find(turn, {"": turn.content.files["free_text"]["looking"]}) is not None
    names_one = turn.understanding.intent == "course_choose" and not looks_for
    if not re.search(r"[^\W\d_]{3}", text) or (_wants_something_else(turn) and not names_one):
        return None
    return Valid(
        text[:TITLE], sure=statement(turn) and turn.understanding.intent in (OUT_OF_SCOPE, "course_choose", "affirm")
    )


def lone_number(text: str) -> int | None:
    """The number of a message that has exactly one."""
    numbers = re.findall(r"\d+", text)
    return int(numbers[0]) if len(numbers) == 1 and len(numbers[0]) <= 6 else None


def _wants_something_else(turn: Turn) -> bool:
    understanding = turn.understanding
    return understanding.outcome is Outcome.ANSWER and understanding.intent in _WISHES
