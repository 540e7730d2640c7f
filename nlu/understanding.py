"""What the understanding layer takes and gives: the one small protocol both engines keep.

Nothing here imports from the rest of Pandu; `handlers` reads these values and nothing else of `nlu`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Literal, Protocol

OUT_OF_SCOPE = "out_of_scope"

Subject = Literal["self", "mother", "father", "spouse", "child", "sibling", "friend", "neighbour", "other"]


class Outcome(StrEnum):
    """The three decisions about a message."""

    ANSWER = "answer"  # the intent is sure enough to act on
    CLARIFY = "clarify"  # ask "Maksud Kakak …?" with the best three
    REFUSE = "refuse"  # out of scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """Something found in the text, already validated and brought to one form."""

    kind: str  # wave, year, date, money, phone, email, nik, kk, card, url, platform, wallet, topic, region, subject
    value: str | int  # canonical: wave 68, date "1999-12-03", money in whole rupiah, phone "+628…", region code "3273"
    text: str  # as typed; identity numbers are masked here too
    start: int  # character offsets into the text that was parsed
    end: int
    detail: Mapping[str, str | int | bool] = field(
        default_factory=dict
    )  # region: name, province, zone; url: verdict; nik: valid …


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What the conversation knows that may decide a short message ("ya", "terus?", "kalau yang itu?")."""

    today: date
    form: str | None = None  # the open form, if any
    expects: str | None = None  # the kind of answer its present step waits for: yes_no, choice, date, region, text …
    last_intent: str | None = None  # the last question that was answered


@dataclass(frozen=True, slots=True, kw_only=True)
class Understanding:
    """The reading of one message."""

    intent: str  # the decision: OUT_OF_SCOPE where outcome is REFUSE
    confidence: float  # calibrated probability of `intent`, 0–1
    outcome: Outcome
    ranking: tuple[tuple[str, float], ...]  # in-scope intents, best first, at least three
    second: str | None = None  # a second question of the same message
    entities: tuple[Entity, ...] = ()
    subject: Subject = "self"  # whom the message is about
    model: str = ""  # version of the model, for the log

    def first(self, kind: str) -> Entity | None:
        """The first entity of a kind, or None."""
        return next((entity for entity in self.entities if entity.kind == kind), None)


class Engine(Protocol):
    """Reads a masked message (any Unicode text, at most a few thousand characters)."""

    @property
    def version(self) -> str:
        """Names the model in logs and reports."""

    def parse(self, text: str, context: Context) -> Understanding:
        """Never raises on any text; an empty or unreadable one is refused."""
