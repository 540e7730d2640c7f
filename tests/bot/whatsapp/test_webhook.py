"""The webhook: what is believed, what is refused, and that nothing is answered 200 before it is committed."""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from httpx import ASGITransport, AsyncClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from starlette.applications import Starlette

from bot import metrics
from bot.channel import Unavailable
from bot.receiver import Receiver
from bot.wake import Wake
from bot.whatsapp import limits
from handlers.messages import Inbound
from storage import schema
from storage.database import Database
from tests.bot.whatsapp.conftest import PATH, VERIFY, Door, intake, payload, signature
from tests.bot.whatsapp.test_receive import wild


async def stored(database: Database) -> list[str]:
    rows = schema.inbox.c
    return await database.read(lambda c: [r.payload["text"] for r in c.execute(select(rows.payload).order_by(rows.id))])


async def test_a_message_is_committed_before_200(door: Door) -> None:
    assert (await door.post("text")).status_code == 200
    assert await stored(door.database) == ["prakerja gelombang 72 kapan buka min?"]


async def test_all_of_a_body_is_committed(door: Door) -> None:
    assert (await door.post("many")).status_code == 200
    assert await stored(door.database) == ["satu", "dua", "tiga", "empat", "lima"]
    assert metrics.deliveries.values == {("whatsapp", "delivered"): 1, ("whatsapp", "read"): 1}


async def test_a_repeat_is_stored_once(door: Door) -> None:
    for _ in range(3):
        assert (await door.post("text")).status_code == 200
    assert len(await stored(door.database)) == 1


async def test_concurrent_deliveries_share_their_transactions_and_lose_nothing(door: Door) -> None:
    await asyncio.gather(*(door.says(str(i), f"wamid.{i}", phone=f"62811{i % 7:07}") for i in range(40)))
    assert sorted(await stored(door.database), key=int) == [str(i) for i in range(40)]


@pytest.mark.parametrize(
    "signed",
    [
        "",
        "sha256=",
        "sha256=" + "0" * 64,
        signature(b"another body"),
        signature(json.dumps(payload("text")).encode(), "another secret"),
        signature(json.dumps(payload("text")).encode()).removeprefix("sha256="),
    ],
    ids=["none", "empty", "zeros", "other body", "other secret", "no prefix"],
)
async def test_a_forged_signature_is_401(door: Door, signed: str) -> None:
    assert (await door.post("text", signed=signed)).status_code == 401
    assert await stored(door.database) == []
    assert metrics.refused.values == {("whatsapp", "wrong signature"): 1}


async def test_a_signature_that_is_no_ascii_is_401(door: Door) -> None:
    body = json.dumps(payload("text")).encode()
    for raw in ("sha256=é".encode("latin-1"), "sha256=–".encode()):
        answer = await door.client.post(PATH, content=body, headers=[(limits.SIGNATURE_HEADER.encode(), raw)])
        assert answer.status_code == 401


async def test_no_app_secret_believes_nobody(database: Database) -> None:
    application = Starlette(routes=list(intake(database, app_secret="").routes(_nothing)))
    async with AsyncClient(transport=ASGITransport(application), base_url="http://pandu") as client:
        signed = {limits.SIGNATURE_HEADER: signature(b"{}", "")}
        assert (await client.post(PATH, content=b"{}", headers=signed)).status_code == 401


async def _nothing(events: Sequence[Inbound]) -> None:
    """Stores nothing."""


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\x80\x81", b"[1]", b"null", b"[" * 100_000, b'{"x":' + b"9" * 5000 + b"}"]
)
async def test_what_is_no_json_object_is_400(door: Door, body: bytes) -> None:
    assert (await door.post(body)).status_code == 400


async def test_too_large_is_413_and_the_largest_is_taken(door: Door) -> None:
    def padded(size: int) -> bytes:
        body = json.dumps(payload("text")).encode()
        return body[:-1] + b', "x": "' + b"x" * (size - len(body) - 9) + b'"}'

    async def chunks(body: bytes) -> AsyncIterator[bytes]:
        for start in range(0, len(body), 65_536):
            yield body[start : start + 65_536]

    largest, larger = padded(limits.WEBHOOK_BODY_BYTES), padded(limits.WEBHOOK_BODY_BYTES + 1)
    assert len(largest) == limits.WEBHOOK_BODY_BYTES
    assert (await door.post(larger)).status_code == 413
    answer = await door.client.post(PATH, content=chunks(larger), headers={limits.SIGNATURE_HEADER: signature(larger)})
    assert answer.status_code == 413
    assert (await door.post(largest)).status_code == 200


@pytest.mark.parametrize("name", ["another_number", "another_account", "another_object", "group", "field_of_tomorrow"])
async def test_what_is_not_ours_is_200_and_counted(door: Door, name: str) -> None:
    assert (await door.post(name)).status_code == 200
    assert await stored(door.database) == []
    assert sum(metrics.ignored.values.values()) == 1


class Away:
    """A database that is away for some calls."""

    def __init__(self, database: Database, times: int) -> None:
        self._database = database
        self.times = times

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    async def write(self, work: Any) -> Any:
        if self.times:
            self.times -= 1
            raise OSError("away")
        return await self._database.write(work)


@pytest.mark.parametrize("name", ["status_delivered", "template_status"])
async def test_statuses_and_changes_are_503_while_the_database_is_away(sqlite: Database, name: str) -> None:
    away = Away(sqlite, 1)
    application = Starlette(routes=list(intake(away).routes(_nothing)))  # type: ignore[arg-type]
    async with AsyncClient(transport=ASGITransport(application), base_url="http://pandu") as client:
        door = Door(sqlite, client)
        answer = await door.post(name)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert (await door.post(name)).status_code == 200


async def test_messages_are_503_while_the_database_is_away_and_the_rest_is_committed(sqlite: Database) -> None:
    async def away(events: Sequence[Inbound]) -> None:
        raise Unavailable

    application = Starlette(routes=list(intake(sqlite).routes(away)))
    async with AsyncClient(transport=ASGITransport(application), base_url="http://pandu") as client:
        assert (await Door(sqlite, client).post("many")).status_code == 503
    early = await sqlite.read(lambda c: c.execute(select(schema.early_deliveries.c.platform_id)).scalars().all())
    assert sorted(early) == ["wamid.b", "wamid.ours"]


# -- the challenge ------------------------------------------------------------------------------------------------


async def test_the_challenge_comes_back_bare(door: Door) -> None:
    asked = {"hub.mode": "subscribe", "hub.verify_token": VERIFY, "hub.challenge": "1158201444"}
    answer = await door.client.get(PATH, params=asked)
    assert (answer.status_code, answer.text) == (200, "1158201444")
    assert answer.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize(
    "other",
    [
        {"hub.verify_token": "kata-lain"},
        {"hub.verify_token": "é–"},
        {"hub.verify_token": ""},
        {"hub.mode": "unsubscribe"},
        {"hub.challenge": "1" * 5000},
    ],
)
async def test_a_wrong_challenge_is_403(door: Door, other: dict[str, str]) -> None:
    asked = {"hub.mode": "subscribe", "hub.verify_token": VERIFY, "hub.challenge": "1", **other}
    assert (await door.client.get(PATH, params=asked)).status_code == 403


async def test_another_number_has_no_door(door: Door) -> None:
    assert (await door.client.post("/whatsapp/1", content=b"{}")).status_code == 404


# -- anything -----------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(bad=wild, name=st.sampled_from(["text", "image", "system", "status", "contacts", "errors"]))
def test_no_body_is_500_nor_loses_the_good_message(sqlite_template: Path, bad: Any, name: str) -> None:
    async def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(sqlite_template, f"{folder}/p.db")
            database = Database(f"sqlite:///{folder}/p.db")
            receiver = Receiver(database, Wake(database))
            application = Starlette(routes=list(intake(database).routes(receiver.receive)))
            async with AsyncClient(transport=ASGITransport(application), base_url="http://pandu") as client:
                body = payload("text")
                value = body["entry"][0]["changes"][0]["value"]
                odd = {**value["messages"][0], "id": "wamid.odd", "type": name, name: bad}
                value["messages"] = [bad, odd, *value["messages"]]
                value |= {"statuses": [bad], "errors": [bad]}
                for field in ("message_template_status_update", "account_update", "user_preferences"):
                    body["entry"][0]["changes"].append({"field": field, "value": bad})
                assert (await Door(database, client).post(body)).status_code == 200
            assert "prakerja gelombang 72 kapan buka min?" in await stored(database)
            await database.close()

    asyncio.run(run())
