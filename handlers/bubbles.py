"""Long replies in several bubbles: what is said stays readable on a small screen (design, Voice: at most 500 characters)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from handlers.messages import Reply

LONGEST = 500

_BORDERS = ("\n\n", "\n", " ")  # a paragraph stays whole where it can, then a line, then a word


def fitted(reply: Reply) -> tuple[Reply, ...]:
    """The reply in bubbles of at most 500 characters; options, form and button hang on the last one."""
    *first, last = _packed(reply.text, _BORDERS)
    return (*(Reply(text=text) for text in first), replace(reply, text=last))


def joined(replies: Sequence[Reply]) -> Reply:
    """Several replies as one: by SMS each costs, and the rest of a long one is had by LANJUT (`handlers.short`)."""
    last = replies[-1]
    own = any(reply.sms is not None for reply in replies)
    shown = next((reply for reply in reversed(replies) if reply.options), last)
    return replace(
        last,
        text="\n".join(reply.text for reply in replies if reply.text),
        sms="\n".join(reply.short for reply in replies if reply.short) if own else None,
        options=shown.options,
        first=shown.first,
        cancellable=all(reply.cancellable for reply in replies),
        passes_agent=any(reply.passes_agent for reply in replies),
    )


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
