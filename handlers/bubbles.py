"""Long replies in several bubbles: what is said stays readable on a small screen (design, Voice: at most 500 characters)."""

from __future__ import annotations

import re
from dataclasses import replace

from handlers.messages import Reply

LONGEST = 500

_BORDERS = ("\n\n", "\n", " ")  # a paragraph stays whole where it can, then a line, then a word


def fitted(reply: Reply) -> tuple[Reply, ...]:
    """The reply in bubbles of at most 500 characters; options, form and button hang on the last one."""
    *first, last = _packed(reply.text, _BORDERS)
    return (*(Reply(text=text, passes_agent=reply.passes_agent) for text in first), replace(reply, text=last))


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
