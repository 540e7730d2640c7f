"""Captured updates → canonical events. A bug report becomes one more file and one more line."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.receiver import clean as masked
from bot.telegram.receive import Ignored, callback_id, parse
from handlers.messages import Inbound, Kind

PAYLOADS = Path(__file__).with_name("payloads")
NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
SENT = datetime.fromtimestamp(1_764_000_000, UTC)


def payload(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((PAYLOADS / f"{name}.json").read_text(encoding="utf-8"))
    return found


def event(kind: Kind, **values: Any) -> Inbound:
    """An event of Siti's with what differs."""
    common = Inbound(
        channel="telegram",
        account="123456789",
        event_id="",
        chat="7001",
        sender="7001",
        kind=kind,
        sent_at=SENT,
        name="Siti Aminah",
    )
    return replace(common, **values)


def contact(phone: str | None, *, own: bool, forwarded: bool = False) -> Inbound:
    return event(Kind.CONTACT, contact_phone=phone, contact_own=own, forwarded=forwarded)


EVENTS = {
    "text": event(Kind.TEXT, text="prakerja gelombang 72 kapan buka min?"),
    "start_payload": event(Kind.TEXT, text="/start poster_12"),
    "text_with_nul": event(Kind.TEXT, text="halo kak"),
    "text_with_surrogate": event(Kind.TEXT, text="halo  kak"),
    "text_forwarded": event(Kind.TEXT, text="INFO RESMI!!! klik http://prakerja-bantuan.example", forwarded=True),
    "text_forwarded_hidden_link": event(
        Kind.TEXT,
        text="Info Prakerja: klik di sini untuk daftar, atau lihat prakerja.go.id\nhttp://prakerja.vip/daftar",
        forwarded=True,
    ),
    "text_forwarded_before_7_0": event(Kind.TEXT, text="sebarkan", forwarded=True),
    "text_reply": event(Kind.TEXT, text="yang ini maksudnya apa"),
    "edited_text": event(Kind.EDITED, text="gelombang 71 kapan?", sent_at=datetime.fromtimestamp(1_764_000_030, UTC)),
    "contact_own": contact("+6281234567890", own=True),
    "contact_plus": contact("+6281234567890", own=True),
    "contact_local": contact("+6281234567890", own=True),
    "contact_other": contact("+6281234567891", own=False),
    "contact_card": contact("+6281234567891", own=False),
    "contact_forwarded": contact("+6281234567890", own=False, forwarded=True),
    "contact_nonsense": contact(None, own=False),
    "voice": event(Kind.VOICE),
    "video_note": event(Kind.VOICE),
    "audio": event(Kind.VOICE, text="ini rekamannya"),
    "photo_album": event(Kind.IMAGE),
    "document": event(Kind.DOCUMENT),
    "document_picture": event(Kind.IMAGE),
    "animation": event(Kind.STICKER),
    "sticker": event(Kind.STICKER),
    "dice": event(Kind.STICKER),
    "location": event(Kind.LOCATION),
    "venue": event(Kind.LOCATION),
    "video": event(Kind.UNSUPPORTED, text="lihat ini"),
    "poll": event(Kind.UNSUPPORTED),
    "future_content": event(Kind.UNSUPPORTED),
    "tap": event(Kind.CHOICE, choice="o:12:1", sent_at=NOW),
    "tap_foreign": event(Kind.CHOICE, choice="menu-lama:" + "x" * 54, sent_at=NOW),
    "tap_on_old_message": event(Kind.CHOICE, choice="o:3:2", sent_at=NOW),
    "blocked": event(Kind.STOPPED),
    "unblocked": event(Kind.RESUMED),
    "reaction": event(Kind.REACTION, text="👍"),
}
IGNORED = {
    "edited_live_location": "edit without text",
    "pinned": "service message",
    "write_access": "service message",
    "no_content": "message without content",
    "no_from": "nobody sent it",
    "no_chat": "message without chat",
    "no_date": "message without date",
    "bot_sender": "sent by a bot",
    "group": "not a private chat",
    "channel_post": "channel_post",
    "tap_game": "tap without data",
    "tap_inline_message": "tap without message",
    "membership_admin": "membership of no interest",
    "membership_group": "not a private chat",
    "reaction_removed": "reaction taken back",
    "inline_query": "inline_query",
    "unknown": "unknown update",
}
MASKED = {"text_with_nik", "photo"}


@pytest.mark.parametrize("name", EVENTS)
def test_events(name: str) -> None:
    update = payload(name)
    assert parse(update, "123456789", now=NOW) == replace(EVENTS[name], event_id=str(update["update_id"]))


@pytest.mark.parametrize("name", IGNORED)
def test_ignored(name: str) -> None:
    assert parse(payload(name), "123456789", now=NOW) == Ignored(IGNORED[name])


@pytest.mark.parametrize("name", sorted(MASKED))
def test_identity_numbers_never_leave_the_receiver(name: str) -> None:
    found = parse(payload(name), "123456789")
    assert isinstance(found, Inbound)
    found = masked(found)
    assert "3273015203990001" not in repr(found)
    assert found.masked == ("nik",)


def test_every_payload_is_in_a_table() -> None:
    assert {path.stem for path in PAYLOADS.glob("*.json")} == set(EVENTS) | set(IGNORED) | MASKED


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"update_id": True},
        {"update_id": -1, **payload("text")["message"]},
        {**payload("text"), "update_id": "5"},
        {**payload("text"), "update_id": 2**80},
        {"update_id": 1, "message": None},
        {"update_id": 1, "message": []},
        {"update_id": 1, "message": {**payload("text")["message"], "text": 5}},
        {"update_id": 1, "message": {**payload("text")["message"], "date": 10**15}},
        {"update_id": 1, "message": {**payload("text")["message"], "date": "gestern"}},
        {"update_id": 1, "message": {**payload("text")["message"], "chat": {"id": 1e9, "type": "private"}}},
        {"update_id": 1, "message": {**payload("text")["message"], "chat": {"id": 2**60, "type": "private"}}},
        {"update_id": 1, "message": {**payload("contact_own")["message"], "contact": "x"}},
        {"update_id": 1, "callback_query": {**payload("tap")["callback_query"], "data": "\x00"}},
        {"update_id": 1, "message_reaction": {**payload("reaction")["message_reaction"], "new_reaction": ["x"]}},
    ],
)
def test_malformed_updates_are_ignored_not_raised(broken: dict[str, Any]) -> None:
    assert isinstance(parse(broken, "1"), Ignored)


def test_a_hidden_address_that_is_none_is_left_out() -> None:
    update = payload("text_forwarded_hidden_link")
    update["message"]["entities"] = [
        {"type": "text_link", "url": url} for url in ([[]], {"a": 1}, None, "https://x.id")
    ]
    assert parse(update, "1").text.endswith("https://x.id")  # type: ignore[union-attr]


def test_a_longer_text_than_telegram_sends_is_cut() -> None:
    update = payload("text")
    update["message"]["text"] = "a" * 10_000
    found = parse(update, "1")
    assert isinstance(found, Inbound)
    assert len(found.text) == 4096


def test_numbers_in_names_are_masked_too() -> None:
    update = payload("text")
    update["message"]["from"]["first_name"] = "NIK 3273015203990001"
    found = parse(update, "1")
    assert isinstance(found, Inbound)
    assert "3273015203990001" not in repr(masked(found))


def test_only_taps_have_a_tap_to_answer() -> None:
    assert callback_id(payload("tap")) == "4382bfdwdsb323b2d9"
    assert callback_id(payload("tap_game")) == "4382d"
    assert callback_id(payload("text")) is None
    assert callback_id({"callback_query": {"id": 5}}) is None
    assert callback_id({"callback_query": "x"}) is None


SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20))
TEMPLATES = [payload(name) for name in ("text", "contact_own", "photo", "tap", "blocked", "reaction", "edited_text")]


@given(st.sampled_from(TEMPLATES), st.data())
def test_no_field_of_any_type_breaks_the_parser(template: dict[str, Any], data: st.DataObject) -> None:
    """One place of a real update, at any depth, becomes something else or goes missing."""
    update = json.loads(json.dumps(template))
    place: Any = update
    while True:
        key = data.draw(st.sampled_from(sorted(place)))
        if not isinstance(place[key], dict) or not place[key] or data.draw(st.booleans()):
            break
        place = place[key]
    if data.draw(st.booleans()):
        del place[key]
    else:
        place[key] = data.draw(st.one_of(SCALARS, st.lists(SCALARS, max_size=2), st.dictionaries(st.text(), SCALARS)))
    found = parse(update, "123456789", now=NOW)
    assert isinstance(found, Inbound | Ignored)
    if isinstance(found, Inbound):
        json.dumps(found.to_json()).encode("utf-8")
        assert "\x00" not in found.text + found.name + (found.choice or "")
