"""Fixtures of the channel's tests: the fake Bot API server and a channel that talks to it."""

from __future__ import annotations

import functools
import ssl
from collections.abc import AsyncIterator, Iterator

import pytest

from bot import metrics
from bot.channel import Accepted, Outcome
from bot.telegram.send import TelegramChannel
from handlers.messages import Option, Reply
from tests.bot.channel_contract import Inbox
from tests.fakes.telegram import TOKEN, FakeTelegram, serve

SECRET = "rahasia-webhook_1"


@pytest.fixture(scope="session", autouse=True)
def _one_tls_context() -> Iterator[None]:
    """aiogram reads all certificates for each client (50 ms), also where no TLS is spoken."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ssl, "create_default_context", functools.cache(ssl.create_default_context))
        yield


@pytest.fixture(autouse=True)
def _counters(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counters start at nothing and are put back."""
    for counter in (metrics.ignored, metrics.refused):
        monkeypatch.setattr(counter, "values", {})


async def send(
    channel: TelegramChannel, reply: Reply | str, *, chat: str = "7", lane: int = 0, key: int = 1
) -> Outcome:
    """Sends a reply, or a text alone, to person 7."""
    return await channel.send(chat, Reply(text=reply) if isinstance(reply, str) else reply, lane=lane, key=key)


async def ask(channel: TelegramChannel) -> None:
    """Shows person 7 one button: `o:1:1`."""
    question = Reply(text="?", version=1, options=(Option(label="Ya", action="answer:ya"),))
    assert isinstance(await channel.send("7", question, lane=0, key=99), Accepted)


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
async def fake() -> AsyncIterator[FakeTelegram]:
    async with serve() as server:
        server.person(7)
        yield server


@pytest.fixture
async def channel(fake: FakeTelegram) -> AsyncIterator[TelegramChannel]:
    made = TelegramChannel(TOKEN, api=fake.base, contact_label="Bagikan nomor saya", form_label="Buka formulir")
    yield made
    await made.close()
