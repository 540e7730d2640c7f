"""A number is changed here and in limits.py together, after reading the page beside it."""

from __future__ import annotations

import pytest

from bot.sms import limits
from handlers import gsm7, short

PINNED = {
    "PARTS": 2,
    "COUNTRY": "+62",
    "NUMBER_PATTERN": r"\+628[0-9]{7,11}",
    "SHORT_CODE_PATTERN": r"[0-9]{3,8}",
    "LETTERS_SENDER": 11,
    "ID_CHARACTERS": 36,
    "TTL_SECONDS": 3_600,
    "SIMS": (1, 2, 3),
    "PRIORITY": 100,
    "SIGNATURE_HEADER": "X-Signature",
    "TIMESTAMP_HEADER": "X-Timestamp",
    "REPEATS_SECONDS": 259_200,
    "CLOCK_AHEAD_SECONDS": 600,
    "WEBHOOK_SECONDS": 30,
    "QUEUE_FULL_SECONDS": 60.0,
    "WEBHOOK_BODY_BYTES": 65_536,
    "WEBHOOK_MESSAGES": 100,
    "UNAVAILABLE_RETRY_SECONDS": 5,
    "ANSWER_BYTES": 65_536,
    "CONNECT_SECONDS": 10.0,
    "REQUEST_SECONDS": 9.0,
    "THROTTLED_SECONDS": 10.0,
    "LONGEST_THROTTLE": 3_600.0,
    "PIECES": 10,
    "PIECES_SECONDS": 60,
    "CAP_ALARM": 0.8,
    "EVENT_ID_CHARACTERS": 120,
}


@pytest.mark.parametrize("name", sorted(PINNED))
def test_the_number_is_the_documented_one(name: str) -> None:
    assert getattr(limits, name) == PINNED[name]


def test_no_number_is_unpinned() -> None:
    assert {name for name in vars(limits) if name.isupper()} == set(PINNED)


def test_the_lengths_of_texts() -> None:
    """https://doc.didww.com/sms/sms-trunks/technical-data/sms-encoding-reference.html."""
    assert (gsm7.SINGLE, gsm7.PIECE, gsm7.UCS2_SINGLE, gsm7.UCS2_PIECE) == (160, 153, 70, 67)
    assert short.MOST_PARTS == limits.PARTS
