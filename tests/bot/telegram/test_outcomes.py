"""What Telegram says → what the sender is told: one table."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from bot.channel import Accepted, Down, Failed, Gone, Outcome, Retry, Throttled, Unknown
from bot.telegram.outcomes import Flood
from bot.telegram.send import TelegramChannel
from tests.bot.telegram.conftest import send
from tests.fakes.telegram import TOKEN, FakeTelegram


def error(status: int, description: str, **parameters: Any) -> dict[str, Any]:
    return {"status": status, "description": description, "parameters": parameters}


OUTCOMES: list[tuple[dict[str, Any], Outcome]] = [
    (error(429, "Too Many Requests: retry after 7", retry_after=7), Throttled(7, "chat")),
    (error(429, "Too Many Requests"), Throttled(1, "chat")),
    (error(403, "Forbidden: bot was blocked by the user"), Gone("Forbidden: bot was blocked by the user")),
    (error(403, "Forbidden: user is deactivated"), Gone("Forbidden: user is deactivated")),
    (error(400, "Bad Request: chat not found"), Gone("Bad Request: chat not found")),
    (error(400, "Bad Request: message is not modified: specified new …"), Accepted()),
    (error(400, "Bad Request: BUTTON_DATA_INVALID"), Failed("Bad Request: BUTTON_DATA_INVALID")),
    (error(413, "Request Entity Too Large"), Failed("Request Entity Too Large")),
    (error(418, "I'm a teapot"), Failed("I'm a teapot")),
    (error(401, "Unauthorized"), Down("token is not valid (any more): check PANDU_TELEGRAM_TOKEN")),
    (error(404, "Not Found"), Down("token is not valid (any more): check PANDU_TELEGRAM_TOKEN")),
    (
        error(409, "Conflict: terminated by other getUpdates request"),
        Down("another process uses this bot: stop it, or run `pandu telegram setup`"),
    ),
    (error(500, "Internal Server Error"), Retry("Internal Server Error")),
    (error(502, "Bad Gateway"), Retry("Bad Gateway")),
    ({"kind": "html", "status": 502}, Retry("HTTP 502")),
    ({"kind": "html", "status": 200}, Unknown("Failed to decode object")),
    ({"kind": "cut_before"}, Unknown("cut (ServerDisconnectedError)")),
    ({"kind": "cut_after"}, Unknown("cut (ServerDisconnectedError)")),
]


@pytest.mark.parametrize(("fault", "outcome"), OUTCOMES, ids=lambda value: str(value)[:60])
async def test_outcomes(channel: TelegramChannel, fake: FakeTelegram, fault: dict[str, Any], outcome: Outcome) -> None:
    fake.fail(**fault)
    assert await send(channel, "halo") == outcome


async def test_a_time_out_is_unknown(fake: FakeTelegram) -> None:
    hasty = TelegramChannel(TOKEN, api=fake.base, seconds=0.05)
    fake.fail(kind="slow")
    assert await send(hasty, "halo") == Unknown("cut (TimeoutError)")
    assert len(fake.sent) == 1  # it had arrived
    await hasty.close()


async def test_nobody_listening_is_a_retry() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    lonely = TelegramChannel(TOKEN, api=f"http://127.0.0.1:{port}")
    assert await send(lonely, "halo") == Retry("no connection (ClientConnectorError)")
    await lonely.close()


async def test_broken_markup_is_sent_once_more_as_plain_text(channel: TelegramChannel, fake: FakeTelegram) -> None:
    broken = error(400, "Bad Request: can't parse entities: Unsupported start tag")
    fake.fail(**broken)
    assert isinstance(await send(channel, "1 < 2"), Accepted)
    assert fake.sent[-1].text == "1 < 2"
    assert "parse_mode" not in fake.called("sendMessage")[-1].arguments
    fake.fail(2, **broken)
    assert await send(channel, "1 < 2", key=2) == Failed("refused twice")


async def test_a_moved_chat_is_followed_once(channel: TelegramChannel, fake: FakeTelegram) -> None:
    fake.migrated[-5] = -1005
    fake.person(-1005)
    assert isinstance(await send(channel, "halo", chat="-5"), Accepted)
    assert fake.sent[-1].chat == -1005
    fake.migrated[-1005] = -1006
    assert await send(channel, "halo", chat="-5", key=2) == Failed("refused twice")


@pytest.mark.parametrize("address", ["", "siti", "7 8", "1.5", "٣", "@pandu"])
async def test_what_is_no_chat_fails(channel: TelegramChannel, fake: FakeTelegram, address: str) -> None:
    assert await send(channel, "halo", chat=address) == Failed("not a Telegram chat")
    assert not fake.calls


@pytest.mark.parametrize("text", ["", " \n", "\u200b", "\x00", "\ud800"])
async def test_nothing_to_say_fails_without_a_request(channel: TelegramChannel, fake: FakeTelegram, text: str) -> None:
    assert await send(channel, text) == Failed("nothing to say")
    assert not fake.calls


async def test_what_nobody_foresaw_is_unknown_not_raised(
    channel: TelegramChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel, "_text", lambda _reply: 1 / 0)
    assert await send(channel, "halo") == Unknown("ZeroDivisionError")


def test_the_scope_of_a_throttle_grows_with_the_number_of_chats() -> None:
    now = [0.0]
    flood = Flood(lambda: now[0])
    assert flood.throttled(3, "1", 0).scope == "chat"
    assert flood.throttled(3, "1", 1).scope == "lane"
    assert flood.throttled(3, "2", 0).scope == "chat"
    assert flood.throttled(3, "3", 1).scope == "account"
    now[0] = 10.1
    assert flood.throttled(3, "4", 0) == Throttled(3, "chat")
