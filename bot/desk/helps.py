"""What helps an agent to write: answers of the catalogue that fit the last question, and ready answers with the names filled in."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import RowMapping

from bot.effects import Parts
from handlers.turn import ZONES
from nlu.understanding import Context

SUGGESTED = 3
_LEADING, _LEAST = 0.2, 0.05  # weaker guesses help nobody: of the first one, of those beside it
VARIABLES = {
    "nama": "nama warga",
    "sapaan": "Kak, atau Bapak/Ibu",
    "petugas": "alias petugas",
    "kode": "kode petugas",
    "nomor": "nomor laporan",
}


@dataclass(frozen=True, slots=True)
class Suggestion:
    """An answer of the catalogue."""

    intent: str
    title: str
    sure: int  # percent
    text: str


async def suggestions(parts: Parts, questions: Sequence[str], now: datetime) -> list[Suggestion]:
    """The answers that fit the newest of the person's messages (newest first) that the catalogue has answers for; [] for none."""
    context = Context(today=now.astimezone(ZONES["WIB"]).date())
    for question in questions:
        if question.startswith("["):
            continue  # no words: a picture, a voice note, a form
        if parts.engine_waits:
            found = await asyncio.to_thread(parts.engine.parse, question, context)
        else:
            found = parts.engine.parse(question, context)
        known = [(intent, p) for intent, p in found.ranking if intent in parts.catalogue.answers and p >= _LEAST]
        if known and known[0][1] >= _LEADING:
            return [
                Suggestion(intent, parts.catalogue.title(intent), round(p * 100), answer(parts, intent))
                for intent, p in known[:SUGGESTED]
            ]
    return []


def answer(parts: Parts, intent: str) -> str:
    """The catalogue's answer as it would be sent; "" for an unknown one."""
    entry = parts.catalogue.answers.get(intent)
    if entry is None:
        return ""
    return f"{parts.catalogue.fill(entry.text.now(parts.catalogue.state))}\n({entry.sources[0].shown()})"


def filled(text: str, chat: RowMapping, me: RowMapping, handoff: RowMapping | None) -> str:
    """A ready answer with its variables filled in; unknown ones stay as they are, so that the agent sees them."""
    values = {
        "nama": chat["name"] or "Kak",
        "sapaan": "Bapak/Ibu" if chat["formal"] else "Kak",
        "petugas": me["alias"],
        "kode": me["code"],
        "nomor": str(handoff["number"]) if handoff else "–",
    }
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", value)
    return text
