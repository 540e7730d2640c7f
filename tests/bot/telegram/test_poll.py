"""The poll loop: commit first, offset afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import structlog
from structlog.testing import capture_logs

from bot import metrics
from bot.telegram.send import TelegramChannel
from handlers.messages import Kind
from tests.bot.channel_contract import Inbox
from tests.bot.telegram.conftest import SECRET, ask
from tests.fakes.telegram import TOKEN, FakeTelegram


@asynccontextmanager
async def polling(channel: TelegramChannel, inbox: Inbox) -> AsyncIterator[list[float]]:
    """A running loop; what it slept. The sleeping itself is skipped."""
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        await asyncio.sleep(0)

    channel._sleep = sleep
    task = asyncio.create_task(channel.poll(inbox))
    try:
        yield waits
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


def offsets(fake: FakeTelegram) -> list[int | None]:
    """Offsets asked for, repeats left out."""
    asked = [call.arguments.get("offset") for call in fake.called("getUpdates")]
    asked += [call.arguments.get("offset") for call in fake.called("getUpdates waits")[-1:]]
    found = [int(offset) if offset else None for offset in asked]
    return [offset for place, offset in enumerate(found) if place == 0 or offset != found[place - 1]]


async def test_the_offset_moves_only_after_the_commit(
    channel: TelegramChannel, fake: FakeTelegram, inbox: Inbox
) -> None:
    siti = fake.person(7)
    first, second = siti.says("satu")["update_id"], siti.says("dua")["update_id"]
    async with polling(channel, inbox):
        await fake.until(lambda: len(inbox.events) == 2 and fake.called("getUpdates waits"))
    assert [event.event_id for event in inbox.events] == [str(first), str(second)]
    assert offsets(fake) == [None, second + 1]
    assert not fake.queue.waiting


async def test_an_absent_database_is_asked_again_with_the_same_offset(
    channel: TelegramChannel, fake: FakeTelegram, inbox: Inbox
) -> None:
    inbox.away = 6
    number = fake.person(7).says("halo")["update_id"]
    async with polling(channel, inbox) as waits:
        await fake.until(lambda: inbox.events and fake.called("getUpdates waits"))
    assert inbox.refused == 6
    assert [event.text for event in inbox.events] == ["halo"]
    assert [call.arguments.get("offset") for call in fake.called("getUpdates")] == [None] * 7
    assert offsets(fake) == [None, number + 1]
    assert len(waits) == 6
    assert all(0.5 <= wait <= 10 for wait in waits)


async def test_updates_that_come_while_it_waits(channel: TelegramChannel, fake: FakeTelegram, inbox: Inbox) -> None:
    siti = fake.person(7)
    async with polling(channel, inbox):
        await fake.until(lambda: fake.called("getUpdates waits"))
        siti.says("satu")
        await fake.until(lambda: len(inbox.events) == 1 and len(fake.called("getUpdates waits")) == 2)
        siti.blocks()
        await fake.until(lambda: len(inbox.events) == 2 and len(fake.called("getUpdates waits")) == 3)
    assert [event.kind for event in inbox.events] == [Kind.TEXT, Kind.STOPPED]
    assert fake.called("getUpdates")[0].arguments["timeout"] == 25


async def test_unwanted_updates_are_confirmed_and_counted_alone(
    channel: TelegramChannel, fake: FakeTelegram, inbox: Inbox
) -> None:
    fake.person(7).sends(pinned_message={"message_id": 1})
    fake.queue.push("channel_post", {}, key="channel", lifetime=100)  # before allowed_updates was set
    async with polling(channel, inbox):
        await fake.until(lambda: fake.called("getUpdates waits"))
    assert not inbox.batches
    assert not fake.queue.waiting
    assert metrics.ignored.values == {("telegram", "service message"): 1, ("telegram", "channel_post"): 1}


async def test_a_tap_is_answered_once_it_is_committed(
    channel: TelegramChannel, fake: FakeTelegram, inbox: Inbox
) -> None:
    siti = fake.person(7)
    inbox.away = 1
    await ask(channel)
    siti.taps(siti.inbox[0], 1)
    async with polling(channel, inbox):
        await fake.until(lambda: fake.called("answerCallbackQuery"))
    assert inbox.refused == 1
    assert [event.choice for event in inbox.events] == ["o:1:1"]
    assert not fake.taps


async def test_a_tap_that_cannot_be_answered_harms_nobody(
    channel: TelegramChannel, fake: FakeTelegram, inbox: Inbox
) -> None:
    siti = fake.person(7)
    await ask(channel)
    siti.taps(siti.inbox[0], 1)
    fake.taps.clear()
    structlog.configure(wrapper_class=structlog.BoundLogger)
    with capture_logs() as logs:
        async with polling(channel, inbox):
            await fake.until(lambda: fake.called("answerCallbackQuery"))
            await asyncio.gather(*channel._answers)
    structlog.reset_defaults()
    assert {"event": "telegram tap not answered", "log_level": "debug", "error": "TelegramBadRequest"} in logs
    assert len(inbox.events) == 1


FAULTS = [
    (
        {"status": 409, "description": "Conflict: terminated by other getUpdates request"},
        "another process polls",
        "error",
    ),
    (
        {"status": 409, "description": "Conflict: can't use getUpdates while webhook is active"},
        "a webhook is set",
        "error",
    ),
    ({"status": 401, "description": "Unauthorized"}, "401, the token is not valid", "error"),
    ({"status": 404, "description": "Not Found"}, "401, the token is not valid", "error"),
    ({"status": 429, "description": "Too Many Requests", "parameters": {"retry_after": 3}}, "429", "warning"),
    ({"status": 500}, "no connection", "warning"),
    ({"kind": "html", "status": 502}, "no connection", "warning"),
    ({"kind": "cut_before"}, "no connection", "warning"),
]


@pytest.mark.parametrize(("fault", "words", "level"), FAULTS)
async def test_faults_are_said_clearly_and_waited_out(
    channel: TelegramChannel, fake: FakeTelegram, inbox: Inbox, fault: dict[str, object], words: str, level: str
) -> None:
    fake.fail(3, method="getUpdates", **fault)
    fake.person(7).says("halo")
    with capture_logs() as logs:
        async with polling(channel, inbox) as waits:
            await fake.until(lambda: fake.called("getUpdates waits"))
    assert [event.text for event in inbox.events] == ["halo"]
    assert [line["log_level"] for line in logs] == [level] * 3
    assert all(words in line["event"] for line in logs)
    assert len(waits) == 3
    assert all((3 if words == "429" else 0.5) <= wait <= 10 for wait in waits)
    assert TOKEN not in str(logs)


async def test_a_webhook_channel_does_not_poll(fake: FakeTelegram, inbox: Inbox) -> None:
    pushed = TelegramChannel(TOKEN, api=fake.base, mode="webhook", secret=SECRET)
    await pushed.poll(inbox)
    assert not fake.calls
    await pushed.close()
