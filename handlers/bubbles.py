"""Long replies in several bubbles: what is said stays readable on a small screen (design, Voice: at most 500 characters)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from handlers.messages import Reply

LONGEST = 500

ONE_BUBBLE = frozenset(("whatsapp",))  # channels where each message costs and may come in another order (platform-rules 0.14)

_BORDERS = ("\n\n", "\n", " ")  # a paragraph stays whole where it can, then a line, then a word


def fitted(reply: Reply) -> tuple[Reply, ...]:
    """The reply in bubbles of at most 500 characters; options, form and button hang on the last one."""
    *first, last = _packed(reply.text, _BORDERS)
    return (*(Reply(text=text) for text in first), replace(reply, text=last))


def joined(replies: Sequence[Reply]) -> Reply:
    """Several replies as one; its options, form and button are the last ones there are."""
    options, first = next(((reply.options, reply.first) for reply in reversed(replies) if reply.options), ((), 1))
    return replace(
        replies[-1],
        text="\n\n".join(reply.text for reply in replies if reply.text),
        options=options,
        first=first,
        form=next((reply.form for reply in reversed(replies) if reply.form), None),
        ask_contact=any(reply.ask_contact for reply in replies),
        cancellable=all(reply.cancellable for reply in replies),
        passes_agent=all(reply.passes_agent for reply in replies),
    )


def shown(replies: Sequence[Reply], channel: str) -> Sequence[Reply]:
    """The replies as a channel carries them: in one bubble, as they are, or in bubbles of a readable length."""
    if channel in ONE_BUBBLE:
        return [joined(replies)] if replies else []
    if channel == "sms":
        return replies
    return [bubble for reply in replies for bubble in fitted(reply)]


def _packed(text: str, borders: tuple[str, ...]) -> list[str]:
    """The text cut at the widest borders that do, in as few pieces as follow from filling each in turn."""
    if len(text) <= LONGEST:
        return [text]
    if not borders:
        return re.findall(rf"(?s).{{1,{LONGEST}}}", text)
    border, *finer = borders
    pieces: list[str] = []
    for part in text.split(border):
        if pieces and len(pieces[-1]) + len(border) + len(part) <= LONGEST:
            pieces[-1] += border + part
        else:
            pieces += _packed(part, tuple(finer))
    return [piece for piece in pieces if piece.strip()]
