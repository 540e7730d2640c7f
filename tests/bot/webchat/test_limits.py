"""The numbers others rely on (docs/webchat.md)."""

from pathlib import Path

from bot.receiver import MAX_TEXT
from bot.webchat import limits
from bot.webchat.receive import PREFIX
from bot.webchat.refusals import REFUSALS

DOCS = Path(__file__).parents[3] / "docs" / "webchat.md"


def test_numbers() -> None:
    assert limits.BODY_BYTES == 65_536
    assert limits.SMALL_BODY_BYTES == 8_192
    assert limits.MESSAGE_ID == r"[A-Za-z0-9_-]{1,64}"
    assert limits.SESSION_BYTES * 8 == 256
    assert limits.WAIT_SECONDS == 25
    assert limits.MESSAGES_BURST == 60
    assert limits.WAITERS_PER_SESSION == 4
    assert limits.NET_SECONDS <= 1


def test_a_long_text_fits_before_it_is_cut() -> None:
    assert limits.BODY_BYTES > 10_000 * 6  # six bytes a character: \uXXXX
    assert MAX_TEXT < 10_000


def test_an_event_id_fits_its_column() -> None:
    assert limits.ADDRESS_IN_EVENT + 1 + 64 <= 160


def test_the_docs_name_every_reason_and_number() -> None:
    text = DOCS.read_text(encoding="utf-8")
    for reason, (status, sentence) in REFUSALS.items():
        if reason != "bad_participant":  # of the demo
            assert f"| {status} | `{reason}` |" in text
        assert "!" not in sentence
    for path in ("sessions", "messages", "replies"):
        assert f"{PREFIX}/{path}" in text
    for number in ("64 KB", "4,096", "25 seconds", "60 messages"):
        assert number in text
