"""Telegram keeps the contract of all channels, in webhook mode against the fake Bot API."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from typing import Any, ClassVar

import httpx
import pytest
from starlette.applications import Starlette

from bot.telegram import limits
from bot.telegram.send import TelegramChannel
from handlers.messages import Kind
from tests.bot.channel_contract import ChannelContract, Inbox, Shown, Side
from tests.bot.telegram.conftest import SECRET
from tests.fakes.telegram import TOKEN, FakeTelegram, run_app, serve
from tests.fakes.telegram_phone import PLACE, STICKER, VOICE

DOCUMENT = {"file_id": "d1", "file_unique_id": "d1", "file_name": "surat.pdf", "mime_type": "application/pdf"}
FAULTS: dict[str, dict[str, Any]] = {
    "throttled": {"status": 429, "description": "Too Many Requests: retry after 3", "parameters": {"retry_after": 3}},
    "fault": {},
    "cut": {"kind": "cut_after"},
    "gone": {"status": 403, "description": "Forbidden: bot was blocked by the user"},
    "revoked": {"status": 401, "description": "Unauthorized"},
    "refused": {"status": 400, "description": "Bad Request: message is too long"},
}


class TelegramSide(Side):
    """Person 7."""

    address = "7"

    def __init__(self, fake: FakeTelegram, channel: TelegramChannel, url: str) -> None:
        self.fake, self.channel, self.inbox, self.url = fake, channel, Inbox(), url
        self.siti = fake.person(7)

    async def says(self, text: str) -> None:
        self.siti.says(text)
        await self._delivered()

    async def _delivered(self) -> None:
        await self.fake.until(lambda: not self.fake.queue.waiting)

    async def does(self, what: str) -> None:
        match what:
            case "image":
                self.siti.sends_photo("ini")
            case "contact" | "other_contact":
                self.siti.shares_contact(own=what == "contact")
            case "forward":
                self.siti.says("sebarkan", forward=True)
            case "unknown":
                self.siti.sends(content_of_tomorrow={"x": 1})
            case _:
                content: dict[str, Any] = {"voice": VOICE, "document": DOCUMENT, "sticker": STICKER, "location": PLACE}
                self.siti.sends(**{what: content[what]})
        await self._delivered()

    async def taps(self, place: int, message: int) -> None:
        self.siti.taps(self.siti.inbox[message], place)
        await self._delivered()

    async def says_twice(self, text: str) -> None:
        update = self.siti.says(text)
        await self._delivered()
        async with httpx.AsyncClient() as client:
            again = await client.post(self.url, json=update, headers={limits.SECRET_HEADER: SECRET})
        assert again.status_code == 200

    def shown(self) -> list[Shown]:
        return [Shown(one.text, tuple(button["text"] for button in one.buttons)) for one in self.siti.inbox]

    def refusals(self) -> list[Any]:
        return [call for call in self.fake.calls if call.status not in (0, 200)]

    def fails(self, how: str) -> None:
        self.fake.fail(**FAULTS[how])


@pytest.fixture
async def side() -> AsyncIterator[Side]:
    async with serve() as fake:
        channel, listener = TelegramChannel(TOKEN, api=fake.base, mode="webhook", secret=SECRET), _listener()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/telegram/{channel.account}"
        made = TelegramSide(fake, channel, url)
        async with run_app(Starlette(routes=list(channel.routes(made.inbox))), listener):
            hook = {"url": url, "secret_token": SECRET, "max_connections": 40, "error": None}
            fake.queue.webhook = hook
            yield made
            await channel.close()
            await fake.queue.close()


def _listener() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


class TestTelegram(ChannelContract):
    """Everything that a private chat has."""

    kinds: ClassVar[dict[str, Kind]] = {
        "image": Kind.IMAGE,
        "voice": Kind.VOICE,
        "document": Kind.DOCUMENT,
        "sticker": Kind.STICKER,
        "location": Kind.LOCATION,
        "contact": Kind.CONTACT,
        "other_contact": Kind.CONTACT,
        "forward": Kind.TEXT,
    }
