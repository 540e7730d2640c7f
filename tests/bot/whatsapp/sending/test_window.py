"""The planner: text, template, or wait."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.whatsapp.window import Choice, Facts, plan
from tests.bot.whatsapp.sending.conftest import START

OPEN, SHUT = START + timedelta(hours=3), START - timedelta(seconds=1)
REPLY = Facts(now=START, window_until=OPEN, proactive=False)
REMINDER = Facts(now=START, window_until=SHUT, proactive=True, template="reminder_draft")

CASES = [
    (REPLY, Choice.TEXT, ""),
    (replace(REPLY, window_until=SHUT), Choice.HELD, "no template"),
    (replace(REPLY, window_until=None), Choice.HELD, "no template"),
    (replace(REPLY, window_until=START + timedelta(seconds=60)), Choice.HELD, "no template"),  # shut before it is there
    (replace(REPLY, window_until=START + timedelta(seconds=61)), Choice.TEXT, ""),
    (replace(REPLY, capped="penuh", full="penuh"), Choice.TEXT, ""),  # replies never stop
    (REMINDER, Choice.TEMPLATE, "reminder_draft"),
    (replace(REMINDER, window_until=OPEN), Choice.TEXT, ""),
    (replace(REMINDER, window_until=OPEN, obstacle="dijeda", full="penuh"), Choice.TEXT, ""),
    (replace(REMINDER, obstacle="dijeda"), Choice.HELD, "dijeda"),
    (replace(REMINDER, template=""), Choice.HELD, "no template"),
    (replace(REMINDER, full="penuh"), Choice.LATER, "penuh"),
    (replace(REMINDER, capped="habis"), Choice.HELD, "habis"),
    (replace(REMINDER, capped="habis", window_until=OPEN), Choice.HELD, "habis"),
]


@pytest.mark.parametrize(("facts", "choice", "words"), CASES)
def test_plan(facts: Facts, choice: Choice, words: str) -> None:
    found = plan(facts)
    assert found.choice is choice
    assert words in found.reason
