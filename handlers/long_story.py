"""A long story gets no instant answer: three things are noted and read back; then what can be answered is, and the story is kept whole."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from handlers import free_text, typed
from handlers.forms import Valid
from handlers.messages import Kind, Reply
from handlers.turn import Answer, Turn, answer
from nlu.understanding import Outcome

_WORDS = 30  # fewer are no story, however long
_POINTS, _SHOWN = 3, 100
_YES, _NO = "yes", "no"
_ENDS = re.compile(r"(?<=[.!?;])\s+|\n+")
_TURNS = re.compile(
    r",\s+|\s+(?=(?:terus|trus|lalu|kemudian|tapi|tetapi|padahal|habis itu|setelah itu|sekarang)\b)", re.IGNORECASE
)


def told(turn: Turn) -> Answer | None:
    """Reads a story back in three points; None for a short message, and for one that only asks for a person."""
    if turn.inbound.kind is not Kind.TEXT or len(turn.text) <= free_text.WHOLE_STORY or len(turn.text.split()) < _WORDS:
        return None
    understanding = turn.understanding
    if understanding.intent == "human_agent" and understanding.outcome is Outcome.ANSWER:
        return None
    noted = points(turn)
    lines = "\n".join(f"{n}. {point}" for n, point in enumerate(noted, 1))
    ways = typed.labelled(
        turn,
        ("story_yes", f"story:{_YES}:{'+'.join(_answerable(turn))}"),
        ("story_no", f"story:{_NO}"),
        ("option_human", "intent:human_agent"),
    )
    found = answer(
        turn,
        turn.say(f"story_noted_{len(noted)}", points=lines, options=ways),
        state=replace(turn.state, asked=turn.text),
    )
    return replace(found, handler="story")


def points(turn: Turn) -> list[str]:
    """The three parts of a story that tell most (a sum, a date, a topic, a question), in their order and in its own words."""
    pieces = _pieces(turn.text)
    ranked = sorted(range(len(pieces)), key=lambda n: (-_weight(turn, pieces[n]), n))[:_POINTS]
    return [_short(pieces[n]) for n in sorted(ranked)]


def _pieces(text: str) -> list[str]:
    pieces = [part for part in _ENDS.split(text) if part.strip()]
    if len(pieces) < _POINTS or max(map(len, pieces)) > 2 * _SHOWN:
        pieces = [part for piece in pieces for part in _TURNS.split(piece) if part.strip()]
    return [" ".join(piece.split()) for piece in pieces]


def _weight(turn: Turn, piece: str) -> int:
    heard = typed.spoken(piece)
    topics = turn.content.files["reports"]["topics"].values()
    named = sum(any(f" {phrase} " in heard for phrase in typed.phrases(tuple(topic["words"]))) for topic in topics)
    entities = sum(entity.text in piece for entity in turn.understanding.entities) + any(map(str.isdigit, piece))
    return 2 * named + 2 * entities + 2 * ("?" in piece) + min(len(piece.split()), 8) // 4


def _short(piece: str) -> str:
    return piece if len(piece) <= _SHOWN else piece[: _SHOWN - 1].rsplit(" ", 1)[0] + "…"


def _answerable(turn: Turn) -> list[str]:
    understanding = turn.understanding
    if understanding.outcome is not Outcome.ANSWER:
        return []
    asked = (understanding.intent, understanding.second)
    return [intent for intent in asked if intent and intent in turn.content.answers]


def confirmed(turn: Turn, ask: Callable[[Turn, str], Answer]) -> Answer | None:
    """A typed yes or no to the points; None for anything else."""
    offered = next((one.action for one in turn.state.options if one.action.startswith("story:")), None)
    if offered is None or turn.inbound.kind is not Kind.TEXT:
        return None
    reading = typed.yes_no(turn)
    if not isinstance(reading, Valid) or not reading.sure:
        return None
    said = offered.removeprefix("story:") if reading.value == typed.YES else _NO
    story = replace(turn, inbound=replace(turn.inbound, text=turn.state.asked))
    return chosen(story, said, ask)


def chosen(turn: Turn, said: str, ask: Callable[[Turn, str], Answer]) -> Answer:
    """After "ya" what can be answered, then the ways on; after "ada yang salah" the person's own words. The turn's text is the story."""
    verdict, _, named = said.partition(":")
    kept = replace(turn.state, asked=turn.text)
    ways = typed.labelled(turn, ("option_human", "intent:human_agent"), ("option_report", "intent:report_problem"))
    if verdict == _NO:
        return replace(answer(turn, turn.say("story_wrong"), state=kept), handler="story")
    answered = [found for intent in named.split("+") if intent for found in [ask(turn, intent)] if found.replies]
    lead = turn.content.text("story_kept")
    if not answered:
        return replace(answer(turn, Reply(text=lead, options=ways), state=kept), handler="story")
    lead += f"\n\n{turn.content.text('story_answerable')}"
    said_now = tuple(replace(reply, options=()) for found in answered for reply in found.replies)
    last = replace(said_now[-1], options=ways)
    state = replace(
        answered[0].state, form=turn.state.form, step=turn.state.step, data=turn.state.data, asked=turn.text
    )
    found = answer(turn, Reply(text=lead), *said_now[:-1], last, state=state)
    return replace(found, handler="story")
