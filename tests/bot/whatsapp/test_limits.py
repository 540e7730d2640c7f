"""A platform's number is changed here and in limits.py together, after reading the page beside it."""

from __future__ import annotations

import pytest

from bot.whatsapp import limits

PINNED = {
    "SIGNATURE_HEADER": "X-Hub-Signature-256",
    "SIGNATURE_PREFIX": "sha256=",
    "WEBHOOK_FIELDS": (
        "messages",
        "user_preferences",
        "message_template_status_update",
        "message_template_quality_update",
        "template_category_update",
        "phone_number_quality_update",
        "phone_number_name_update",
        "business_capability_update",
        "account_update",
        "account_alerts",
        "account_review_update",
        "security",
    ),
    "WEBHOOK_BODY_BYTES": 3145728,
    "WEBHOOK_UPDATES": 1000,
    "WEBHOOK_MEDIAN_SECONDS": 0.25,
    "WEBHOOK_SLOW_SECONDS": 1.0,
    "WEBHOOK_REPEATS_DAYS": 7,
    "CHALLENGE_CHARACTERS": 256,
    "UNAVAILABLE_RETRY_SECONDS": 5,
    "WINDOW_SECONDS": 86400,
    "WINDOW_MARGIN_SECONDS": 60,
    "MEDIA_IN_BYTES": 104857600,
    "MEDIA_URL_SECONDS": 300,
    "MEDIA_ID_DAYS": 7,
    "BSUID_PATTERN": "[A-Z]{2}\\.[A-Za-z0-9]{1,128}",
    "TEXT_CHARACTERS": 4096,
    "CAPTION_CHARACTERS": 1024,
    "UPLOAD_DAYS": 29,
    "BUTTONS": 3,
    "BUTTON_TITLE": 20,
    "BUTTON_ID": 256,
    "BUTTONS_BODY": 1024,
    "LIST_ROWS": 10,
    "LIST_SECTIONS": 10,
    "LIST_ROW_TITLE": 24,
    "LIST_ROW_DESCRIPTION": 72,
    "LIST_ROW_ID": 200,
    "LIST_SECTION_TITLE": 24,
    "LIST_BUTTON": 20,
    "LIST_BODY": 4096,
    "LINK_TITLE": 20,
    "LINK_BODY": 1024,
    "LINK_CHARACTERS": 2000,
    "CONTACT_BODY": 1024,
    "HEADER": 60,
    "FOOTER": 60,
    "CALLBACK_DATA_CHARACTERS": 512,
    "READ_DAYS": 30,
    "TYPING_SECONDS": 25,
    "PERSON_SECONDS": 6.0,
    "PERSON_BURST": 45,
    "PAIR_RETRY_BASE": 4,
    "PAIR_WAIT_SECONDS": 256.0,
    "PEOPLE_REMEMBERED": 5000,
    "MARKS_IN_FLIGHT": 32,
    "THROUGHPUT": 80,
    "THROUGHPUT_RAISED": 1000,
    "THROUGHPUT_SHARED": 20,
    "TIERS": (250, 2000, 10000, 100000),
    "TIER_UNKNOWN": 250,
    "MANAGEMENT_CALLS_PER_HOUR": 200,
    "CAP_ALARM": 0.8,
    "TEMPLATE_NAME_PATTERN": "[a-z0-9_]{1,512}",
    "TEMPLATE_BODY": 1024,
    "TEMPLATE_HEADER": 60,
    "TEMPLATE_FOOTER": 60,
    "TEMPLATE_QUICK_REPLY": 25,
    "TEMPLATE_BUTTONS": 10,
    "TEMPLATES": 250,
    "TEMPLATES_VERIFIED": 6000,
    "TEMPLATES_PER_HOUR": 100,
    "TEMPLATE_TTL_SECONDS": (30, 43200),
}


@pytest.mark.parametrize(("name", "value"), PINNED.items())
def test_pinned(name: str, value: object) -> None:
    assert getattr(limits, name) == value


def test_every_limit_is_pinned() -> None:
    assert {name for name in vars(limits) if name.isupper()} == set(PINNED)
