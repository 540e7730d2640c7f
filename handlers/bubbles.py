"""Long replies in several bubbles: what is said stays readable on a small screen (design, Voice: at most 500 characters an answer)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

from handlers.messages import Reply

LONGEST = 500
WHATSAPP = 1024  # the body above buttons (platform-rules 2.7)

_BORDERS = ("\n\n", "\n", " ")  # a paragraph stays whole where it can, then a line, then a word


def room(channel: str) -> int:
    """The most characters of a bubble on a channel."""
    return WHATSAPP if channel == "whatsapp" else LONGEST


def fitted(reply: Reply, channel: str) -> tuple[Reply, ...]:
    """The reply in bubbles that the channel has room for; options, form and button hang on the last one."""
    if channel == "sms":
        return (reply,)
    *first, last = _packed(reply.text, room(channel), _BORDERS)
    return (*(Reply(text=text, passes_agent=reply.passes_agent) for text in first), replace(reply, text=last))


def shown(replies: Sequence[Reply], channel: str) -> Sequence[Reply]:
    """The replies as a channel carries them: on WhatsApp and by SMS an answer is one message, since each is billed and two may change places."""
    if channel == "sms":
        return [joined(replies, "\n")] if replies else []
    if channel == "whatsapp":
        groups = [list(group) for _, group in groupby(replies, key=lambda reply: reply.alone)]
        return [joined(group) for group in groups]
    return [bubble for reply in replies for bubble in fitted(reply, channel)]


def joined(replies: Sequence[Reply], between: str = "\n\n") -> Reply:
    """Several replies as one; its options, form and button are the last ones there are. The rest of a long SMS is had by LANJUT (`handlers.short`)."""
    options, first = next(((reply.options, reply.first) for reply in reversed(replies) if reply.options), ((), 1))
    own = any(reply.sms is not None for reply in replies)
    return replace(
        replies[-1],
        text=between.join(reply.text for reply in replies if reply.text),
        sms=between.join(reply.short for reply in replies if reply.short) if own else None,
        options=options,
        first=first,
        form=next((reply.form for reply in reversed(replies) if reply.form), None),
        ask_contact=any(reply.ask_contact for reply in replies),
        cancellable=all(reply.cancellable for reply in replies),
        passes_agent=all(reply.passes_agent for reply in replies),
    )


def _packed(text: str, most: int, borders: tuple[str, ...]) -> list[str]:
    """The text cut at the widest borders that do, in as few pieces as follow from filling each in turn."""
    if len(text) <= most:
        return [text]
    if not borders:
        return re.findall(rf"(?s).{{1,{most}}}", text)
    border, *finer = borders
    pieces: list[str] = []
    for part in text.split(border):
        if pieces and len(pieces[-1]) + len(border) + len(part) <= most:
            pieces[-1] += border + part
        else:
            pieces += _packed(part, most, tuple(finer))
    return [piece for piece in pieces if piece.strip()]
