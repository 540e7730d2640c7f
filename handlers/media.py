"""Voice, pictures and other things that cannot be read: said kindly, with a way on."""

from __future__ import annotations

import re

from handlers.messages import Kind, Option
from handlers.talk import note, silent
from handlers.turn import Answer, Turn, answer, options

_KTP = re.compile(r"\b(e-?ktp|ktp|kartu tanda penduduk|kk|kartu keluarga)\b", re.IGNORECASE)
_KEYS = {Kind.VOICE: "voice", Kind.DOCUMENT: "document", Kind.LOCATION: "location", Kind.UNSUPPORTED: "unsupported"}


def media(turn: Turn) -> Answer | None:
    """An answer to what is no text; None for text, also for a picture's caption that asks something clear."""
    kind = turn.inbound.kind
    if kind is Kind.STICKER:
        return silent(turn)
    if kind is Kind.IMAGE:
        if _KTP.search(turn.text):
            return answer(turn, note(turn, "image_ktp"))
        return None if turn.text.strip() else answer(turn, turn.say("image", options=_dashboard_words(turn)))
    if kind in _KEYS and not turn.text.strip():
        return answer(turn, note(turn, _KEYS[kind]))
    return None


def _dashboard_words(turn: Turn) -> tuple[Option, ...]:
    words = turn.content.files["dashboard"]
    return options(*((word["label"], f"intent:{word['intent']}") for word in words))
