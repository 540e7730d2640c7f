"""Captured bodies → canonical events. A bug report becomes one more file and one more line."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.receiver import clean
from bot.whatsapp import limits
from bot.whatsapp.receive import Ours, Parsed, parse
from handlers.messages import Inbound, Kind, Media, inbound_from_json
from tests.bot.whatsapp.conftest import ACCOUNT, BSUID, NUMBER, PAYLOADS, PHONE, SENT, payload
from tests.conftest import NOW

OURS = Ours(number_id=NUMBER, account_id=ACCOUNT)
BOTH = (("bsuid", BSUID), ("phone", PHONE))


def event(kind: Kind, **values: Any) -> Inbound:
    """An event of Siti's with what differs."""
    common = Inbound(
        channel="whatsapp",
        account=NUMBER,
        event_id="",
        chat=PHONE,
        sender=BSUID,
        kind=kind,
        sent_at=SENT,
        name="Siti Aminah",
        ids=BOTH,
        window=limits.WINDOW_SECONDS,
    )
    return replace(common, **values)


def file(kind: Kind, number: str, name: str, mime: str, **values: Any) -> Inbound:
    media = {"sha256": "abc=", **values.pop("media", {})}
    return event(kind, media=Media(id=f"10033834213872{number}", kind=name, mime=mime, **media), **values)


MOVED = {"kind": Kind.MOVED, "name": "", "window": 0}

EVENTS = {
    "text": event(Kind.TEXT, text="prakerja gelombang 72 kapan buka min?"),
    "text_with_nul_and_surrogate": event(Kind.TEXT, text="halo kak"),
    "text_with_nik": event(Kind.TEXT, text="nik saya ••••••••••••0001 kak", masked=("nik",)),
    "text_reply": event(Kind.TEXT, text="yang ini maksudnya apa"),
    "text_forwarded": event(Kind.TEXT, text="INFO RESMI!!! klik http://prakerja-bantuan.example", forwarded=True),
    "text_forwarded_often": event(Kind.TEXT, text="sebarkan", forwarded=True),
    "text_number_alone": event(Kind.TEXT, text="halo", ids=BOTH[1:], sender=PHONE),
    "text_bsuid_alone": event(Kind.TEXT, text="halo", ids=BOTH[:1], chat=BSUID, name="Siti"),
    "text_bsuid_in_from": event(Kind.TEXT, text="halo", ids=BOTH[:1], chat=BSUID, name="Siti"),
    "text_without_contacts": event(Kind.TEXT, text="halo", name=""),
    "text_from_an_advert": event(Kind.TEXT, text="info dong"),
    "text_without_body": event(Kind.UNSUPPORTED),
    "tap_button": event(Kind.CHOICE, choice="o:3:2"),
    "tap_list_row": event(Kind.CHOICE, choice="o:3:5"),
    "flow": event(Kind.UNSUPPORTED),
    "template_reply_of_ours": event(Kind.CHOICE, choice="o:4:1"),
    "template_reply_in_words": event(Kind.TEXT, text="Berhenti"),
    "image": file(
        Kind.IMAGE,
        "56",
        "image",
        "image/jpeg",
        text="layar saya kak",
        media={"sha256": "SfInY0gGKTsJlUWbwxC1k+FAD0FZHvzwfpvO0zX0GUI="},
    ),
    "document": file(Kind.DOCUMENT, "57", "document", "application/pdf", media={"name": "KTP ••••••••••••0001.pdf"}),
    "document_picture": file(Kind.IMAGE, "58", "document", "image/png", media={"name": "foto.png", "sha256": ""}),
    "video": file(Kind.UNSUPPORTED, "59", "video", "video/mp4"),
    "voice": file(Kind.VOICE, "60", "voice", "audio/ogg; codecs=opus"),
    "audio": file(Kind.VOICE, "61", "audio", "audio/mpeg"),
    "sticker": file(Kind.STICKER, "62", "sticker", "image/webp"),
    "location": event(Kind.LOCATION),
    "contacts": event(Kind.CONTACT, contact_phone="+628129999000"),
    "contacts_with_wa_id": event(Kind.CONTACT, contact_phone="+628111222333"),
    "contacts_without_phone": event(Kind.CONTACT),
    "reaction": event(Kind.REACTION, text="👍", window=0),
    "order": event(Kind.UNSUPPORTED, text="pesan satu"),
    "unsupported": event(Kind.UNSUPPORTED),
    "type_of_tomorrow": event(Kind.UNSUPPORTED),
    "edit": event(Kind.EDITED, text="bukan pns kak", refers="wamid.first", window=0),
    "edit_caption": event(Kind.EDITED, text="ini layarnya", refers="wamid.first", window=0),
    "revoke": event(Kind.TAKEN_BACK, refers="wamid.first", window=0),
    "system_number_changed": event(**MOVED, moved=(("bsuid", "ID.new1"), ("phone", "+6285700000001"))),
    "system_number_changed_before_ids": event(
        **MOVED, ids=BOTH[1:], sender=PHONE, moved=(("phone", "+6285700000001"),)
    ),
    "system_id_changed": event(**MOVED, ids=BOTH[:1], chat=BSUID, moved=(("bsuid", "ID.new1"),)),
    "system_identity_changed": event(**MOVED),
    "no_timestamp": event(Kind.TEXT, text="halo", sent_at=NOW),
}

IGNORED = {
    "reaction_removed": "reaction taken back",
    "system_unknown": "system message",
    "group": "group",
    "no_sender": "nobody sent it",
    "no_id": "message without id",
    "another_number": "another number",
    "status_unknown": "unknown status",
    "another_account": "another account",
    "another_object": "another object",
    "preference_unknown": "preference of no interest",
}

ELSEWHERE = (
    "status_",
    "template_",
    "number_",
    "capability",
    "account_",
    "errors",
    "stopped_",
    "resumed_",
    "many",
    "field_",
)


@pytest.mark.parametrize("name", EVENTS)
def test_event(name: str) -> None:
    found = parse(payload(name), OURS, now=NOW)
    (made,) = found.events
    assert made.event_id.startswith("wamid.")
    assert replace(clean(made), event_id="") == EVENTS[name]
    assert found.ignored == []


@pytest.mark.parametrize(("name", "reason"), IGNORED.items())
def test_ignored(name: str, reason: str) -> None:
    found = parse(payload(name), OURS, now=NOW)
    assert (found.ignored, found.events, found.reports, found.changes) == ([reason], [], [], [])


def test_every_captured_body_is_looked_at() -> None:
    named = {path.stem for path in PAYLOADS.glob("*.json")}
    assert {name for name in named - set(EVENTS) - set(IGNORED) if not name.startswith(ELSEWHERE)} == set()


def test_all_of_a_body_is_read_and_a_bad_part_takes_no_other_with_it() -> None:
    found = parse(payload("many"), OURS, now=NOW)
    assert [(e.text, e.chat, e.name) for e in found.events] == [
        ("satu", PHONE, "Siti Aminah"),
        ("dua", PHONE, "Siti Aminah"),
        ("tiga", "+6281300000002", "Budi"),
        ("empat", PHONE, ""),
        ("lima", PHONE, ""),
    ]
    assert [(r.platform_id, r.key, r.delivery) for r in found.reports] == [
        ("wamid.ours", 41, "delivered"),
        ("wamid.b", 42, "read"),
    ]
    assert found.ignored == ["message without id", "status without id", "change without content"]


def test_a_status_bears_our_key_its_fault_and_its_price() -> None:
    (sent,) = parse(payload("status_sent"), OURS, now=NOW).reports
    assert (sent.key, sent.at, sent.category, sent.billable, sent.bsuid) == (41, SENT, "utility", True, BSUID)
    (failed,) = parse(payload("status_failed"), OURS, now=NOW).reports
    assert (failed.code, failed.reason) == (131047, "131047: More than 24 hours have passed")
    (free,) = parse(payload("status_free_by_type"), OURS, now=NOW).reports
    assert (free.category, free.billable) == ("service", False)
    assert parse(payload("status_without_key"), OURS, now=NOW).reports[0].key is None


def test_a_clock_that_is_ahead_is_brought_back() -> None:
    body = payload("text")
    body["entry"][0]["changes"][0]["value"]["messages"][0]["timestamp"] = "99999999999"
    assert parse(body, OURS, now=NOW).events[0].sent_at == NOW


@pytest.mark.parametrize("name", EVENTS)
def test_an_event_survives_its_time_in_the_database(name: str) -> None:
    made = clean(parse(payload(name), OURS, now=NOW).events[0])
    assert inbound_from_json(made.to_json()) == made


KEYS = tuple(
    """
    object entry id changes field value metadata phone_number_id contacts profile name wa_id user_id messages from
    from_user_id timestamp type text body image interactive button_reply list_reply button payload system context
    forwarded errors code statuses status pricing category billable biz_opaque_callback_data edit revoke reaction emoji
    message_template_name event alert_info user_preferences
    """.split()  # noqa: SIM905
)
wild = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
    | st.sampled_from(
        [*KEYS, NUMBER, ACCOUNT, "stop", "delivered", "o:1:1", "6281234567890", "ID.abc", "\0", "\ud800"]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=10,
)


def can_be_kept(found: Parsed) -> None:
    """Whatever was read goes into the inbox and out of it again, and belongs to our number."""
    for event in found.events:
        kept = clean(event)
        assert inbound_from_json(kept.to_json()) == kept
        assert (event.channel, event.account) == ("whatsapp", NUMBER)
        assert event.event_id


@given(body=st.dictionaries(st.sampled_from(KEYS), wild, max_size=3))
@settings(deadline=None)  # a busy machine is no fault
def test_no_body_breaks_the_reading(body: dict[str, Any]) -> None:
    can_be_kept(parse({**body, "object": "whatsapp_business_account"}, OURS, now=NOW))


@given(bad=wild, content=wild, name=st.sampled_from(["text", "image", "system", "edit", "button", "contacts", "audio"]))
@settings(deadline=None)  # a busy machine is no fault
def test_no_message_takes_the_good_one_beside_it(bad: Any, content: Any, name: str) -> None:
    body = payload("text")
    value = body["entry"][0]["changes"][0]["value"]
    odd = {**value["messages"][0], "id": "wamid.odd", "type": name, name: content}
    value["messages"] = [bad, odd, *value["messages"]]
    value["statuses"] = [bad, payload("status_read")["entry"][0]["changes"][0]["value"]["statuses"][0]]
    found = parse(body, OURS, now=NOW)
    assert found.events[-1].text == "prakerja gelombang 72 kapan buka min?"
    assert found.reports[-1].delivery == "read"
    can_be_kept(found)


@given(place=st.sampled_from([("entry",), ("changes",), ("value",), ("metadata",), ("contacts",)]), bad=wild)
@settings(deadline=None)  # a busy machine is no fault
def test_nothing_at_any_level_breaks_the_reading(place: tuple[str, ...], bad: Any) -> None:
    body = payload("text")
    entry = body["entry"][0]
    change = entry["changes"][0]
    {"entry": body, "changes": entry, "value": change, "metadata": change["value"], "contacts": change["value"]}[
        place[0]
    ][place[0]] = bad
    can_be_kept(parse(body, OURS, now=NOW))
