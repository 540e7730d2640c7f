"""POST /sessions and POST /messages: the contract, repeats, and everything that may be wrong with a request."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from bot import metrics
from bot.channel import Unavailable
from bot.webchat import limits
from bot.webchat.pace import Pace
from bot.webchat.receive import PREFIX, address_of
from bot.webchat.refusals import REFUSALS
from storage.database import Database
from tests.bot.webchat.conftest import Side


async def test_a_session_is_random_and_stores_nothing(side: Side) -> None:
    one, two = await side.session(), await side.session()
    assert one != two
    assert re.fullmatch(limits.SESSION, one)
    assert await side.stored() == []


async def test_a_text_is_stored_before_it_is_answered(side: Side) -> None:
    session = await side.session()
    answer = await side.post(session, {"id": "a1", "text": "halo kak"})
    assert (answer.status_code, answer.json()) == (200, {"stored": True})
    assert answer.headers["cache-control"] == "no-store"
    [row] = await side.stored()
    assert row["event_id"] == f"{address_of(session)[:32]}:a1"
    payload = row["payload"]
    assert (payload["channel"], payload["account"], payload["kind"]) == ("web", "web", "text")
    assert (payload["text"], payload["chat"]) == ("halo kak", address_of(session))
    assert session not in json.dumps(payload)


async def test_a_choice_carries_version_and_number(side: Side) -> None:
    await side.post(await side.session(), {"id": "a1", "choose": {"version": 3, "number": 2}})
    [row] = await side.stored()
    assert (row["payload"]["kind"], row["payload"]["choice"]) == ("choice", "o:3:2")


async def test_a_repeat_is_answered_alike_and_stored_once(side: Side) -> None:
    session = await side.session()
    for _ in range(3):
        answer = await side.post(session, {"id": "a1", "text": "halo"})
        assert (answer.status_code, answer.json()) == (200, {"stored": True})
    assert len(await side.stored()) == 1


async def test_ids_of_two_people_never_clash(side: Side) -> None:
    for _ in range(2):
        await side.post(await side.session(), {"id": "1", "text": "halo"})
    assert len(await side.stored()) == 2


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("", ""),
        ("   ", " "),
        ("x" * 10_000, "x" * 4_096),
        ("😀🙏", "😀🙏"),
        ("ꦲꦭꦺꦴ สวัสดี 你好", "ꦲꦭꦺꦴ สวัสดี 你好"),
        ("a\x00b", "ab"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
    ],
)
async def test_odd_texts_are_stored(side: Side, text: str, stored: str) -> None:
    answer = await side.post(await side.session(), {"id": "a1", "text": text})
    assert answer.status_code == 200
    assert (await side.stored())[0]["payload"]["text"] == stored


@pytest.mark.parametrize("escape", [r"\ud800", r"\udfff", r"\u0000"])
async def test_what_cannot_be_stored_is_taken_out(side: Side, escape: str) -> None:
    body = f'{{"id": "a1", "text": "hal{escape}o"}}'.encode()
    assert (await side.post(await side.session(), body)).status_code == 200
    assert (await side.stored())[0]["payload"]["text"] == "halo"


async def test_a_nik_never_reaches_the_database(side: Side) -> None:
    await side.post(await side.session(), {"id": "a1", "text": "NIK saya 3273 0112 0390 0007"})
    payload = (await side.stored())[0]["payload"]
    assert "0390" not in payload["text"]
    assert payload["masked"] == ["nik"]


async def test_unknown_fields_are_ignored(side: Side) -> None:
    assert (await side.post(await side.session(), {"id": "a1", "text": "x", "chat": "other"})).status_code == 200


NESTED = b"[" * 60_000
BAD_BODIES: list[tuple[Any, str]] = [
    (b"", "not_json"),
    (b"\x89PNG\r\n\x1a\n\x00\xff\xfe", "not_json"),
    (b"halo", "not_json"),
    (b'{"id": "a1", "text": "halo"', "not_json"),
    (b'{"id": "a1", "text": "\xff"}', "not_json"),
    (b'{"id": "a1", "choose": {"version": ' + b"9" * 5_000 + b', "number": 1}}', "not_json"),
    (NESTED, "not_json"),
    ([], "not_object"),
    ([{"id": "a1", "text": "halo"}], "not_object"),
    (b"null", "not_object"),
    ("halo", "not_object"),
    (7, "not_object"),
    ({}, "missing_id"),
    ({"text": "halo"}, "missing_id"),
    ({"id": 7, "text": "halo"}, "bad_id"),
    ({"id": None, "text": "halo"}, "bad_id"),
    ({"id": "", "text": "halo"}, "bad_id"),
    ({"id": "x" * 65, "text": "halo"}, "bad_id"),
    ({"id": "a b", "text": "halo"}, "bad_id"),
    ({"id": "a1\n", "text": "halo"}, "bad_id"),
    ({"id": "é", "text": "halo"}, "bad_id"),
    ({"id": "a1"}, "missing_text"),
    ({"id": "a1", "text": None}, "bad_text"),
    ({"id": "a1", "text": 7}, "bad_text"),
    ({"id": "a1", "text": ["halo"]}, "bad_text"),
    ({"id": "a1", "text": {"a": {"b": {}}}}, "bad_text"),
    ({"id": "a1", "text": "x", "choose": {"version": 1, "number": 1}}, "text_and_choose"),
    ({"id": "a1", "choose": None}, "bad_choose"),
    ({"id": "a1", "choose": "o:1:1"}, "bad_choose"),
    ({"id": "a1", "choose": {}}, "bad_choose"),
    ({"id": "a1", "choose": {"version": 1}}, "bad_choose"),
    ({"id": "a1", "choose": {"version": "1", "number": 1}}, "bad_choose"),
    ({"id": "a1", "choose": {"version": 1.5, "number": 1}}, "bad_choose"),
    ({"id": "a1", "choose": {"version": True, "number": 1}}, "bad_choose"),
    ({"id": "a1", "choose": {"version": 1, "number": True}}, "bad_choose"),
    ({"id": "a1", "choose": {"version": 1, "number": 0}}, "bad_choose"),
    ({"id": "a1", "choose": {"version": -1, "number": 1}}, "bad_choose"),
    ({"id": "a1", "choose": {"version": 2**40, "number": 1}}, "bad_choose"),
]


@pytest.mark.parametrize(("body", "reason"), BAD_BODIES, ids=lambda value: str(value)[:40])
async def test_bad_bodies_are_refused_kindly(side: Side, body: Any, reason: str) -> None:
    before = metrics.refused.values.get(("web", reason), 0)
    answer = await side.post(await side.session(), body)
    assert answer.status_code == 400
    assert answer.json() == {"error": REFUSALS[reason][1], "reason": reason}
    assert metrics.refused.values["web", reason] == before + 1
    assert await side.stored() == []


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Bearer short", "Basic " + "x" * 43, "Bearer " + "x" * 42, "Bearer " + "x" * 129],
)
async def test_no_session_or_a_malformed_one(side: Side, header: str) -> None:
    answer = await side.post(None, {"id": "a1", "text": "x"}, headers={"Authorization": header})
    assert (answer.status_code, answer.json()["reason"]) == (401, "no_session")
    assert answer.headers["www-authenticate"] == "Bearer"
    answer = await side.http.get(f"{PREFIX}/replies", headers={"Authorization": header})
    assert answer.status_code == 401
    assert await side.stored() == []


async def test_the_address_of_a_chat_opens_nothing(side: Side, session: str) -> None:
    """Whoever has read the database holds addresses; used as a session one leads to another, empty chat."""
    await side.send()
    assert (await side.replies(address_of(session))).json()["replies"] == []


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonp"])
async def test_other_content_types(side: Side, kind: str) -> None:
    answer = await side.post(await side.session(), {"id": "a1", "text": "x"}, headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()["reason"]) == (415, "not_json_type")


async def test_a_charset_may_be_named(side: Side) -> None:
    headers = {"Content-Type": "Application/JSON; charset=utf-8"}
    assert (await side.post(await side.session(), {"id": "a1", "text": "x"}, headers=headers)).status_code == 200


async def test_a_huge_body_is_refused_as_soon_as_it_is_known(side: Side) -> None:
    session = await side.session()
    answer = await side.post(session, {"id": "a1", "text": "x" * limits.BODY_BYTES})
    assert (answer.status_code, answer.json()["reason"]) == (413, "too_large")

    sent = 0

    async def endless() -> Any:
        nonlocal sent
        while True:
            sent += 8_192
            yield b"x" * 8_192

    headers = {"Authorization": f"Bearer {session}", "Content-Type": "application/json"}
    answer = await side.http.post(f"{PREFIX}/messages", content=endless(), headers=headers)
    assert answer.status_code == 413
    assert sent <= limits.BODY_BYTES + 16_384
    assert await side.stored() == []


async def test_an_outage_is_told_and_the_repeat_is_taken(side: Side) -> None:
    session = await side.session()
    side.down = Unavailable()
    answer = await side.post(session, {"id": "a1", "text": "halo"})
    assert (answer.status_code, answer.json()["reason"]) == (503, "unavailable")
    assert int(answer.headers["retry-after"]) >= limits.RETRY_SECONDS
    side.down = None
    assert (await side.post(session, {"id": "a1", "text": "halo"})).status_code == 200
    assert len(await side.stored()) == 1


async def test_one_session_cannot_flood(sqlite: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MESSAGES_PER_SECOND", 0.001)  # nothing comes back while the test runs
    side = Side(sqlite)
    session, other = await side.session(), await side.session()
    for number in range(limits.MESSAGES_BURST):
        assert (await side.post(session, {"id": str(number), "text": "x"})).status_code == 200
    answer = await side.post(session, {"id": "more", "text": "x"})
    assert (answer.status_code, answer.json()["reason"]) == (429, "too_fast")
    assert int(answer.headers["retry-after"]) >= 1
    assert (await side.post(other, {"id": "1", "text": "x"})).status_code == 200
    await side.http.aclose()


def test_pace_refills() -> None:
    now = 100.0
    pace = Pace(2, 0.5, clock=lambda: now)
    assert [pace.wait("a") for _ in range(3)] == [0, 0, 2.0]
    now += 1
    assert pace.wait("a") == 1.0
    now += 1
    assert pace.wait("a") == 0
    assert pace.wait("b") == 0


async def test_other_methods(side: Side) -> None:
    for path in ("sessions", "messages"):
        assert (await side.http.get(f"{PREFIX}/{path}")).status_code == 405
    assert (await side.http.post(f"{PREFIX}/replies")).status_code == 405
