"""Free text, template, or wait: what may become of one message now (platform-rules 0.6, 2.4). Pure; the gate brings the facts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from bot.whatsapp import limits

MARGIN: Final = timedelta(seconds=limits.WINDOW_MARGIN_SECONDS)


class Choice(StrEnum):
    """How a message leaves, or that it does not."""

    TEXT = "text"
    TEMPLATE = "template"
    HELD = "held"  # until the person writes
    LATER = "later"  # until there is room in the day's limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the choice depends on."""

    now: datetime
    window_until: datetime | None  # end of the 24 hours since the person wrote last
    proactive: bool  # we speak first: a reminder, a notice, an announcement
    template: str = ""  # name of the approved wording it could leave in
    obstacle: str = ""  # why that wording may not be used now
    capped: str = ""  # why nothing that costs may go unasked
    full: str = ""  # why nobody new may be written to today


@dataclass(frozen=True, slots=True)
class Plan:
    """The choice and why."""

    choice: Choice
    reason: str = ""


def is_open(window_until: datetime | None, now: datetime) -> bool:
    """Whether free text sent now arrives inside the window."""
    return window_until is not None and now + MARGIN < window_until


def plan(facts: Facts) -> Plan:
    """The first rule that applies."""
    if facts.proactive and facts.capped:
        return Plan(Choice.HELD, facts.capped)
    if is_open(facts.window_until, facts.now):
        return Plan(Choice.TEXT)
    if not facts.template:
        return Plan(Choice.HELD, "the window is closed and there is no template for it")
    if facts.obstacle:
        return Plan(Choice.HELD, f"the window is closed; {facts.obstacle}")
    if facts.full:
        return Plan(Choice.LATER, facts.full)
    return Plan(Choice.TEMPLATE, facts.template)
