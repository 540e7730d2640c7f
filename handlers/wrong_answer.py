""" "Jawaban ini salah": a person's word on the answer they got reaches its editors (docs/editing.md)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from handlers.messages import Kind
from handlers.turn import Answer, Turn, answer, options
from storage import consents, feedback, misunderstood

NAME = "wrong_answer"
_NEAR = 4  # words between what is meant and the verdict
_LONGEST = 40  # words; more of them are a story


def said(turn: Turn) -> Answer | None:
    """Whether the message calls the last answer wrong; never within a form, whose answers are the person's own."""
    last = turn.state.last_intent
    if turn.state.form or last not in turn.content.answers or last is None:
        return None
    if turn.inbound.kind is not Kind.TEXT or turn.inbound.forwarded or not _says(turn):
        return None
    return noted(turn, last, remark=turn.text)


def noted(turn: Turn, intent: str, *, remark: str = "") -> Answer:
    """Keeps it for the answer's version; once for an answer, since the next word is about something else."""
    feedback.note(
        turn.connection,
        chat_id=turn.chat_id,
        intent=intent,
        version_id=turn.content.versions.get(intent),
        content=turn.content.version,
        channel=turn.inbound.channel,
        remark=remark,
        now=turn.now,
    )
    misunderstood.note(
        turn.connection,
        chat_id=turn.chat_id,
        topic=intent,
        text=misunderstood.question(turn.connection, turn.chat_id, intent),
        outcome="feedback",
        channel=turn.inbound.channel,
        answer=intent,
        now=turn.now,
    )
    kept = remark and consents.active(turn.connection, turn.chat_id, "improve", turn.now)
    told = turn.say(
        "wrong_noted_kept" if kept else "wrong_noted",
        title=turn.content.title(intent),
        options=options(
            (turn.content.text("option_human"), "intent:human_agent"), (turn.content.text("option_menu"), "do:menu")
        ),
    )
    return replace(answer(turn, told, state=replace(turn.state, last_intent=None)), handler=NAME)


def _says(turn: Turn) -> bool:
    words = turn.content.files["words"]
    text = " ".join(re.findall(r"[^\W_]+|\?", turn.text.lower()))
    if "?" in text or len(text.split()) > _LONGEST:
        return False
    what, verdict, others = (_any(tuple(words[key])) for key in ("wrong_what", "wrong_verdict", "wrong_not"))
    if re.search(others, text):
        return False
    gap = rf"(?: \w+){{0,{_NEAR}}} "
    return re.search(rf"{what}{gap}{verdict}|{verdict}{gap}{what}", text) is not None


@lru_cache
def _any(words: Sequence[str]) -> str:
    return rf"\b(?:{'|'.join(map(re.escape, sorted(words, key=len, reverse=True)))})\b"
