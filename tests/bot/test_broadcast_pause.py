"""Stopped from elsewhere at random rows while sender and feeding are at work: what people got and what the ledger says are the same, row by row."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest

from bot.sender import IN_FLIGHT
from bot.telegram.send import TelegramChannel
from storage import campaign_run
from storage.database import Database
from tests.bot.test_broadcast import NOON, Stage
from tests.fakes.telegram import TOKEN, serve

CROWD = 300


@pytest.fixture(name="stage")
async def _stage(database: Database) -> AsyncIterator[Stage]:
    async with serve() as fake:
        made = Stage(database, fake, failure_rate=1, block_rate=1)
        await made.channel.close()
        made.channel = TelegramChannel(
            TOKEN, api=fake.base, rate=0, seconds=120
        )  # on a busy machine an answer may take long
        made.restart()
        yield made
        await made.channel.close()


@asynccontextmanager
async def at_work(stage: Stage) -> AsyncIterator[None]:
    """Feeding and sending as their processes do it, side by side; in the end what is on its way is waited for, as on SIGTERM."""

    async def feed() -> None:
        while True:
            await stage.loop.step()
            await asyncio.sleep(0)

    feeding, sending = asyncio.create_task(feed()), asyncio.create_task(stage.sender.run())
    try:
        yield
    finally:
        feeding.cancel()
        await asyncio.gather(feeding, return_exceptions=True)
        stage.sender.stop()
        await sending


async def compared(stage: Stage, rest: str) -> set[int]:
    """Who got it; everybody else's row is in the state `rest`."""
    got = stage.got()
    assert set(got.values()) <= {1}
    assert {row["chat_id"]: row["state"] for row in await stage.rows()} == {
        number: "accepted" if number in got else rest for number in range(1, CROWD + 1)
    }
    return set(got)


@pytest.mark.parametrize(("seed", "last"), [(1, "resume"), (2, "resume"), (3, "cancel")])
async def test_stopped_again_and_again_and_by_another_process(
    stage: Stage, database: Database, seed: int, last: str
) -> None:
    elsewhere = Database(database.url)
    acts = {
        name: partial(getattr(campaign_run, name), actor="operator:a", now=NOON)
        for name in ("pause", "resume", "cancel")
    }
    await stage.people(CROWD)
    key = await stage.campaign()
    await stage.start(key)
    stops = sorted(random.Random(seed).sample(range(1, CROWD - IN_FLIGHT - 1), 3))
    for at in stops:
        async with at_work(stage):
            await stage.fake.until(lambda at=at: len(stage.fake.sent) >= at, timeout=60)
            ended_by = "cancel" if at == stops[-1] and last == "cancel" else "pause"
            await elsewhere.write(partial(acts[ended_by], campaign_id=key))
            had = len(stage.fake.sent)
        assert len(stage.fake.sent) <= had + IN_FLIGHT
        await stage.loop.step()
        await compared(stage, "cancelled" if ended_by == "cancel" else "pending")
        if ended_by == "pause":
            await elsewhere.write(partial(acts["resume"], campaign_id=key))
        stage.restart()
    await stage.go_on()
    await elsewhere.close()
    assert await compared(stage, "cancelled") == set(range(1, CROWD + 1)) or last == "cancel"
    assert await stage.state() == ("done" if last == "resume" else "cancelled")
