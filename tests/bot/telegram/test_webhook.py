"""The webhook: what is believed, what is refused, and what Telegram does then."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator

import pytest
from httpx import ASGITransport, AsyncClient
from starlette.applications import Starlette

from bot import metrics
from bot.telegram import limits
from bot.telegram.send import TelegramChannel
from handlers.messages import Kind
from tests.bot.channel_contract import Inbox
from tests.bot.telegram.conftest import SECRET, ask
from tests.bot.telegram.test_receive import payload
from tests.fakes.telegram import TOKEN, FakeTelegram, run_app

PATH = "/telegram/123456789"
UPDATE = json.dumps(payload("text")).encode()


@pytest.fixture
async def pushed(fake: FakeTelegram) -> AsyncIterator[TelegramChannel]:
    made = TelegramChannel(TOKEN, api=fake.base, mode="webhook", secret=SECRET)
    yield made
    await made.close()


@pytest.fixture
async def web(pushed: TelegramChannel, inbox: Inbox) -> AsyncIterator[AsyncClient]:
    application = Starlette(routes=list(pushed.routes(inbox)))
    async with AsyncClient(transport=ASGITransport(application), base_url="http://pandu") as client:
        yield client


def headers(secret: str | bytes = SECRET) -> list[tuple[bytes, bytes]]:
    raw = secret.encode() if isinstance(secret, str) else secret
    return [(limits.SECRET_HEADER.encode(), raw), (b"content-type", b"application/json")]


async def test_an_update_is_committed_before_200(web: AsyncClient, inbox: Inbox) -> None:
    assert (await web.post(PATH, content=UPDATE, headers=headers())).status_code == 200
    assert [(event.kind, event.chat) for event in inbox.events] == [(Kind.TEXT, "7001")]


@pytest.mark.parametrize("secret", ["", "wrong", SECRET + "x", SECRET[:-1], "é".encode("latin-1"), "\u2013".encode()])
async def test_a_forged_secret_is_401(web: AsyncClient, inbox: Inbox, secret: str | bytes) -> None:
    assert (await web.post(PATH, content=UPDATE, headers=headers(secret))).status_code == 401
    assert not inbox.batches
    assert metrics.refused.values == {("telegram", "wrong secret"): 1}


async def test_no_secret_configured_believes_nobody(fake: FakeTelegram, inbox: Inbox) -> None:
    open_door = TelegramChannel(TOKEN, api=fake.base, mode="webhook", secret="")
    application = Starlette(routes=list(open_door.routes(inbox)))
    async with AsyncClient(transport=ASGITransport(application), base_url="http://pandu") as client:
        assert (await client.post(PATH, content=UPDATE, headers=headers(""))).status_code == 401
        assert (await client.post(PATH, content=UPDATE)).status_code == 401
    assert not inbox.batches
    await open_door.close()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\x80\x81\xff\x00",
        b'"text"',
        b"[1]",
        b"null",
        b"[" * 100_000,
        b'{"update_id": ' + b"9" * 5000 + b"}",
    ],
    ids=["empty", "cut", "binary", "string", "list", "null", "deep", "endless number"],
)
async def test_what_is_no_json_object_is_400(web: AsyncClient, inbox: Inbox, body: bytes) -> None:
    assert (await web.post(PATH, content=body, headers=headers())).status_code == 400
    assert not inbox.batches


@pytest.mark.parametrize("name", ["unknown", "no_from", "no_chat", "no_content", "group", "channel_post", "pinned"])
async def test_unwanted_updates_are_200_and_counted(web: AsyncClient, inbox: Inbox, name: str) -> None:
    assert (await web.post(PATH, content=json.dumps(payload(name)), headers=headers())).status_code == 200
    assert not inbox.batches
    assert sum(metrics.ignored.values.values()) == 1


async def test_too_large_is_413(web: AsyncClient, inbox: Inbox) -> None:
    large = b'{"update_id": 1, "x": "' + b"x" * limits.WEBHOOK_BODY_BYTES + b'"}'

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(large), 65_536):
            yield large[start : start + 65_536]

    assert (await web.post(PATH, content=large, headers=headers())).status_code == 413
    assert (await web.post(PATH, content=chunks(), headers=headers())).status_code == 413
    assert not inbox.batches


async def test_an_absent_database_is_503_with_retry_after(web: AsyncClient, inbox: Inbox) -> None:
    inbox.away = 1
    answer = await web.post(PATH, content=UPDATE, headers=headers())
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert (await web.post(PATH, content=UPDATE, headers=headers())).status_code == 200
    assert len(inbox.events) == 1


async def test_a_repeated_update_is_the_same_event(web: AsyncClient, inbox: Inbox) -> None:
    for _ in range(2):
        assert (await web.post(PATH, content=UPDATE, headers=headers())).status_code == 200
    assert len({event.event_id for event in inbox.events}) == 1  # the inbox's unique key does the rest


async def test_only_post_and_only_our_bot(web: AsyncClient) -> None:
    assert (await web.get(PATH)).status_code == 405
    assert (await web.post("/telegram/1", content=UPDATE, headers=headers())).status_code == 404


def test_a_polling_channel_has_no_route(channel: TelegramChannel, inbox: Inbox) -> None:
    assert channel.routes(inbox) == []


async def test_a_caller_that_hangs_up_leaves_nothing(pushed: TelegramChannel, inbox: Inbox) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    async with run_app(Starlette(routes=list(pushed.routes(inbox))), listener):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\n{limits.SECRET_HEADER}: {SECRET}\r\nContent-Length: 500\r\n\r\n"
        writer.write(head.encode() + UPDATE[:20])
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        async with AsyncClient() as client:
            answer = await client.post(f"http://127.0.0.1:{port}{PATH}", content=UPDATE, headers=headers())
        assert answer.status_code == 200
    assert len(inbox.events) == 1


async def test_telegram_delivers_in_order_through_an_outage_and_taps_stop_spinning(
    pushed: TelegramChannel, fake: FakeTelegram, inbox: Inbox
) -> None:
    siti = fake.person(7)
    inbox.away = 2
    listener = socket.create_server(("127.0.0.1", 0))
    async with run_app(Starlette(routes=list(pushed.routes(inbox))), listener):
        url = f"http://127.0.0.1:{listener.getsockname()[1]}{PATH}"
        await pushed.bot.set_webhook(url, secret_token=SECRET, allowed_updates=list(limits.ALLOWED_UPDATES))
        for text in ("satu", "dua", "tiga"):
            siti.says(text)
        await fake.until(lambda: len(inbox.events) == 3)
        await ask(pushed)
        siti.taps(siti.inbox[0], 1)
        await fake.until(lambda: fake.called("answerCallbackQuery"))
    assert [event.text for event in inbox.events[:3]] == ["satu", "dua", "tiga"]
    assert fake.queue.delays == [5, 5]  # our Retry-After
    assert inbox.events[3].choice == "o:1:1"
