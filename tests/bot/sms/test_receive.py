"""What a gateway tells us, and what proves that it is the gateway."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette

from bot import metrics
from bot.channel import Unavailable
from bot.sms import config as config_file
from bot.sms.receive import Ignored, Piece, from_android, from_http, number_of, report_from_http
from bot.sms.spec import Config
from handlers.messages import Inbound
from storage.database import Database
from storage.deliveries import Report
from tests.bot.sms.conftest import PERSON, SAMPLES, channel_of
from tests.bot.telegram.conftest import Inbox
from tests.conftest import NOW
from tests.fakes.sms import SECRET

ANDROID = config_file.load(SAMPLES / "android.yml")
JSON = config_file.load(SAMPLES / "json.yml")
QUERY = config_file.load(SAMPLES / "query.yml")
CAPTURED = {  # as docs/features/webhooks.md of android-sms-gateway/docs-web shows it, with sender and recipient of Feb 2026
    "deviceId": "ffffffffceb0b1db0000018e937c815b",
    "event": "sms:received",
    "id": "Ey6ECgOkVVFjz3CL48B8C",
    "payload": {
        "messageId": "abc123",
        "message": "kapan insentif cair",
        "sender": "081200000007",
        "recipient": None,
        "phoneNumber": "081200000007",
        "simNumber": 1,
        "receivedAt": "2026-11-24T09:58:11.000+07:00",
    },
    "webhookId": "w1",
}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("081200000007", PERSON), ("6281200000007", PERSON), ("+62 812-0000-0007", PERSON), ("81200000007", PERSON), (6281200000007, PERSON),
        ("0062 81200000007", PERSON), ("TELKOMSEL", None), ("99123", None), ("+15551234567", None), ("0215551234", None), ("", None), (None, None),
        ("08", None), ("+628" + "1" * 20, None), ("٠٨١٢٠٠٠٠٠٠٧", None),
    ],
)  # fmt: skip
def test_only_mobile_numbers_of_indonesia_are_people(written: Any, expected: str | None) -> None:
    assert number_of(written) == expected


def test_a_message_to_the_telephone() -> None:
    found = from_android(CAPTURED, ANDROID, NOW)
    assert isinstance(found, Inbound)
    assert (found.channel, found.account, found.chat, found.text) == (
        "sms",
        "+6281100000001",
        PERSON,
        "kapan insentif cair",
    )
    assert found.sent_at == datetime(2026, 11, 24, 2, 58, 11, tzinfo=UTC)
    assert (found.event_id, found.ids) == ("Ey6ECgOkVVFjz3CL48B8C", (("phone", PERSON),))


def test_an_older_app_names_the_sender_otherwise_and_a_clock_ahead_is_not_believed() -> None:
    payload = {**CAPTURED["payload"], "receivedAt": "2031-01-01T00:00:00+07:00"}  # type: ignore[dict-item]
    del payload["sender"]
    found = from_android({**CAPTURED, "payload": payload}, ANDROID, NOW)
    assert isinstance(found, Inbound)
    assert (found.chat, found.sent_at) == (PERSON, NOW)


@pytest.mark.parametrize(
    ("event", "expected"),
    [("sms:sent", "sent"), ("sms:delivered", "delivered"), ("sms:failed", "failed")],
)
def test_a_report_of_the_telephone(event: str, expected: str) -> None:
    payload = {"messageId": "p12-0123456789abcd", "recipient": PERSON, "reason": "RESULT_ERROR_NO_SERVICE"}
    found = from_android({"event": event, "id": "x", "payload": payload}, ANDROID, NOW)
    assert isinstance(found, Report)
    assert (found.delivery, found.key, found.platform_id) == (expected, 12, "p12-0123456789abcd")
    assert found.reason == ("RESULT_ERROR_NO_SERVICE" if expected == "failed" else None)


@pytest.mark.parametrize("event", ["system:ping", "mms:received", "sms:data-received", "app:started", "entah", None])
def test_other_events_are_let_go(event: Any) -> None:
    assert isinstance(from_android({**CAPTURED, "event": event}, ANDROID, NOW), Ignored)


def test_a_bank_is_not_answered() -> None:
    told = {**CAPTURED, "payload": {**CAPTURED["payload"], "sender": "BANK-X"}}  # type: ignore[dict-item]
    assert from_android(told, ANDROID, NOW) == Ignored("sender is no person's number")


def test_fields_are_found_where_the_file_says() -> None:
    item = {"msisdn": "6281200000007", "pesan": "halo", "waktu": "2026-11-24 09:59:00"}
    found = from_http(item, QUERY.inbound, QUERY, NOW)
    assert isinstance(found, Inbound)
    assert (found.chat, found.sent_at, found.ids) == (PERSON, datetime(2026, 11, 24, 2, 59, tzinfo=UTC), ())
    again = from_http(item, QUERY.inbound, QUERY, NOW)
    assert isinstance(again, Inbound)
    assert again.event_id == found.event_id  # without an id of the gateway's


def test_a_sender_is_believed_only_for_a_stated_reason() -> None:
    item = {"from": PERSON, "body": "halo", "id": "1"}
    found = from_http(item, JSON.inbound, replace(JSON, vouched="kontrak 12/2026"), NOW)
    assert isinstance(found, Inbound)
    assert found.ids == (("phone", PERSON),)


@pytest.mark.parametrize(
    ("udh", "expected"),
    [
        ("050003C30201", ("c3", 2, 1)), ("06 08 04 00 C3 03 02", ("00c3", 3, 2)), ("0B0504158200000003AA0202", ("aa", 2, 2)),
        ("0B05041582000000 03AA0202", ("aa", 2, 2)),
        ("050003C30101", None), ("050003C30203", None), ("zz", None), ("05", None), ("", None), ("0500FFC302", None),
        ("0B05040B8423F00003C30202", ("c3", 2, 2)),
    ],
)  # fmt: skip
def test_the_header_of_a_part(udh: str, expected: tuple[str, int, int] | None) -> None:
    found = from_http({"msisdn": PERSON, "pesan": "x", "udh": udh}, QUERY.inbound, QUERY, NOW)
    if expected is None:
        assert isinstance(found, Inbound)
    else:
        assert isinstance(found, Piece)
        assert (found.reference, found.total, found.number) == expected


def test_states_of_a_report_are_those_of_the_file() -> None:
    assert QUERY.reports
    found = report_from_http({"trxid": "AB12", "status": "delivrd"}, QUERY.reports, NOW)
    assert isinstance(found, Report)
    assert (found.delivery, found.key) == ("delivered", None)
    assert report_from_http({"trxid": "AB12", "status": "?"}, QUERY.reports, NOW) == Ignored("unknown state")
    assert report_from_http({"status": "1"}, QUERY.reports, NOW) == Ignored("report without id")


# -- the door -----------------------------------------------------------------------------------------------------


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


def door(config: Config, database: Database, inbox: Inbox) -> httpx.AsyncClient:
    app = Starlette(routes=list(channel_of(config, database).routes(inbox)))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app, client=("127.0.0.1", 5)), base_url="http://pandu")


def signed(body: bytes, at: float = NOW.timestamp(), key: str = SECRET) -> dict[str, str]:
    stamp = str(int(at))
    digest = hmac.new(key.encode(), body + stamp.encode(), hashlib.sha256).hexdigest()
    return {"X-Signature": digest, "X-Timestamp": stamp}


BODY = json.dumps(CAPTURED).encode()
PATH = "/sms/6281100000001"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (signed(BODY), 200),
        (signed(BODY, at=NOW.timestamp() - 2 * 86_400), 200),  # the app repeats for two days
        (signed(BODY, at=NOW.timestamp() - 4 * 86_400), 401),
        (signed(BODY, at=NOW.timestamp() + 3_600), 401),
        (signed(BODY, key="lain"), 401),
        (signed(BODY + b" "), 401),
        ({}, 401),
        ({**signed(BODY), "X-Signature": "ä"}, 401),
        ({**signed(BODY), "X-Timestamp": "x"}, 401),
    ],
)
async def test_the_signature_of_the_telephone(
    sqlite: Database, inbox: Inbox, headers: dict[str, str], status: int
) -> None:
    sent = {name: value.encode("utf-8") for name, value in headers.items()}
    answer = await door(ANDROID, sqlite, inbox).post(PATH, content=BODY, headers=sent)
    assert answer.status_code == status
    assert len(inbox.events) == (status == 200)


async def test_a_database_that_is_away_is_told_so_that_the_gateway_comes_again(sqlite: Database, inbox: Inbox) -> None:
    inbox.away = 1
    answer = await door(ANDROID, sqlite, inbox).post(PATH, content=BODY, headers=signed(BODY))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert Unavailable.__doc__


async def test_a_shared_secret_and_the_answer_that_the_gateway_wants(sqlite: Database, inbox: Inbox) -> None:
    client = door(QUERY, sqlite, inbox)
    good = {"msisdn": "081200000007", "pesan": "halo", "token": SECRET}
    answer = await client.get("/sms/99123/in", params=good)
    assert (answer.status_code, answer.text, len(inbox.events)) == (200, "0", 1)
    for bad in ({**good, "token": "lain"}, {**good, "token": ""}, {"msisdn": "081200000007", "pesan": "halo"}):
        assert (await client.get("/sms/99123/in", params=bad)).status_code == 401
    assert (await client.post("/sms/99123/in", params=good)).status_code == 405


async def test_a_form_is_read_too(sqlite: Database, inbox: Inbox) -> None:
    client = door(config_file.load(SAMPLES / "jasmin.yml"), sqlite, inbox)
    data = {"id": "1", "from": "6281200000007", "content": "halo + 1"}
    answer = await client.post("/sms/6281100000003/in", params={"token": SECRET}, data=data)
    assert (answer.text, inbox.events[0].text) == ("ACK/Jasmin", "halo + 1")


async def test_a_foreign_address_is_refused(sqlite: Database, inbox: Inbox) -> None:
    body = json.dumps({"messages": [{"from": PERSON, "body": "halo", "id": "1"}]}).encode()
    digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    headers = {"X-Contoh-Signature": digest, "Content-Type": "application/json"}
    elsewhere = replace(JSON, inbound=replace(JSON.inbound, addresses=("198.51.100.0/24",)))
    for config, status in ((elsewhere, 403), (JSON, 200)):
        answer = await door(config, sqlite, inbox).post("/sms/6281100000002/in", content=body, headers=headers)
        assert answer.status_code == status
    assert metrics.refused.values == {("sms", "wrong address"): 1}


async def test_one_bad_message_takes_no_good_one_with_it(sqlite: Database, inbox: Inbox) -> None:
    items = [
        {"from": "X"},
        7,
        {"from": PERSON, "body": "halo", "id": "1"},
        {"from": PERSON},
        {"from": PERSON, "body": 3},
    ]
    body = json.dumps({"messages": items}).encode()
    headers = {"X-Contoh-Signature": hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()}
    assert (
        await door(JSON, sqlite, inbox).post("/sms/6281100000002/in", content=body, headers=headers)
    ).status_code == 200
    assert [event.text for event in inbox.events] == ["halo"]


_KEYS = ["event", "payload", "message", "sender", "id", "receivedAt", "messageId", "body", "from", "part", "x"]
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(_KEYS), inner, max_size=5),
    max_leaves=12,
)  # fmt: skip


@given(_JSON, st.sampled_from(["sms:received", "sms:failed", "x"]))
@settings(max_examples=150, deadline=None)
def test_no_body_breaks_the_parser(value: Any, event: str) -> None:
    told = {**value, "event": event} if isinstance(value, dict) else {"event": event, "payload": value}
    assert isinstance(from_android(told, ANDROID, NOW), Inbound | Report | Ignored)
    item = value if isinstance(value, dict) else {"from": value, "body": "x", "id": value, "received_at": value}
    assert isinstance(from_http(item, JSON.inbound, JSON, NOW), Inbound | Piece | Ignored)
