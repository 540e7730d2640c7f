"""A platform's number is changed here and in limits.py together, after reading the page beside it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from bot.telegram import limits

PINNED = {
    "SECRET_HEADER": "X-Telegram-Bot-Api-Secret-Token",
    "SECRET_PATTERN": r"[A-Za-z0-9_-]{1,256}",
    "WEBHOOK_PORTS": (443, 80, 88, 8443),
    "WEBHOOK_CONNECTIONS": 40,
    "WEBHOOK_BODY_BYTES": 1_048_576,
    "UNAVAILABLE_RETRY_SECONDS": 5,
    "POLL_SECONDS": 25,
    "POLL_LIMIT": 100,
    "ALLOWED_UPDATES": ("message", "edited_message", "callback_query", "my_chat_member"),
    "CALLBACK_LIFETIME_SECONDS": 150,
    "UPDATE_LIFETIME_SECONDS": 86_400,
    "ID_BITS": 52,
    "TEXT_CHARACTERS": 4096,
    "CAPTION_CHARACTERS": 1024,
    "CALLBACK_DATA_BYTES": 64,
    "CALLBACK_ANSWER_CHARACTERS": 200,
    "KEYBOARD_BUTTONS": 100,
    "KEYBOARD_ROW": 8,
    "SHORT_LABEL": 14,
    "CHAT_PER_SECOND": 1.0,
    "ALL_PER_SECOND": 30.0,
    "PAID_PER_SECOND": 1000.0,
    "PAID_STARS": Decimal("0.1"),
    "PAID_MINIMUM": 10_000,
    "UNPAID_SECONDS": 60.0,
    "START_PAYLOAD": r"[A-Za-z0-9_-]{1,64}",
    "FLOOD_CHATS": 3,
    "FLOOD_SECONDS": 10.0,
    "COMMANDS": 100,
    "COMMAND_PATTERN": r"[a-z0-9_]{1,32}",
    "COMMAND_DESCRIPTION": 256,
    "DESCRIPTION": 512,
    "SHORT_DESCRIPTION": 120,
}


@pytest.mark.parametrize(("name", "value"), PINNED.items())
def test_pinned(name: str, value: object) -> None:
    assert getattr(limits, name) == value


def test_every_limit_is_pinned() -> None:
    assert {name for name in vars(limits) if name.isupper()} == set(PINNED)
