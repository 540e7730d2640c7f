"""Announcements on Telegram for Stars: faster than the free rate, replies never, and where Stars are lacking nothing is lost."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from bot.telegram.send import TelegramChannel
from handlers.messages import Reply
from storage import campaign_run, campaigns, channel_notes, outbox
from storage.database import Database
from tests.bot.test_broadcast import NOON, PEOPLE, Stage, fake  # noqa: F401 - a fixture
from tests.bot.test_broadcast_series import settle
from tests.fakes.telegram import TOKEN, FakeTelegram

BY = {"actor": "operator:a"}


@pytest.fixture
async def stage(database: Database, fake: FakeTelegram) -> AsyncIterator[Stage]:  # noqa: F811
    made = Stage(database, fake, failure_rate=1)
    await made.channel.close()
    made.channel = TelegramChannel(TOKEN, api=fake.base, rate=25, paid_rate=1000, database=database)
    made.restart()
    fake.flood.on = True
    yield made
    await made.channel.close()


async def reply(stage: Stage, chat: int) -> None:
    draft = outbox.Draft(
        chat_id=chat,
        source=stage.source,
        payload=Reply(text="Jawaban").to_json(),
        owner_version=0,
        expires_at=stage.now + timedelta(hours=1),
    )
    await stage.database.write(partial(outbox.enqueue, drafts=[draft], now=stage.now))


def faults(stage: Stage, status: int, description: str, times: int, **parameters: Any) -> None:
    stage.fake.fail(times, status=status, description=description, parameters=parameters)


async def test_announcements_go_past_the_free_rate_and_replies_stay_within_it(stage: Stage) -> None:
    await stage.people()
    key = await stage.campaign()
    await stage.start(key)
    await stage.loop.step()
    await reply(stage, 1)
    await settle(stage)
    assert await stage.states(key) == {"accepted": PEOPLE}
    paid = [sent.text.startswith("Halo") for sent in stage.fake.sent if sent.paid]
    assert (len(paid), all(paid)) == (PEOPLE, True)
    assert [sent.text for sent in stage.fake.sent if not sent.paid] == ["Jawaban"]
    assert stage.fake.flood.refused == 0, "150 at once are more than 30, and were paid for"


async def test_where_stars_are_lacking_it_pauses_and_nobody_is_lost(stage: Stage) -> None:
    await stage.people(20)
    key = await stage.campaign()
    await stage.start(key)
    for _ in range(2):  # resumed without Stars it pauses once more, on the same day too
        faults(stage, 400, "Bad Request: BALANCE_TOO_LOW", 20)
        await settle(stage)
        assert await stage.state(key) == "paused"
        assert await stage.states(key) == {"pending": 20}
        stage.now += timedelta(minutes=5)
        stage.fake.faults.clear()
        await reply(stage, 1)
        await stage.sender.drain()
        await stage.database.write(partial(campaign_run.resume, campaign_id=key, **BY, now=stage.now))
    why = (await stage.database.read(partial(campaigns.acts, campaign_id=key)))[-2]["note"]
    assert "BALANCE_TOO_LOW" in why
    assert "at least 10,000 Stars" in why
    assert len(await stage.database.read(channel_notes.unseen)) == 1
    await settle(stage)
    assert await stage.states(key) == {"accepted": 20}
    answers = [sent.chat for sent in stage.fake.sent if sent.text == "Jawaban"]
    assert answers == [1, 1], "replies went meanwhile"
    assert len(stage.fake.sent) == 22


async def test_slowed_down_although_paid_for_replies_go_on_and_somebody_is_told(stage: Stage) -> None:
    await stage.people(5)
    key = await stage.campaign()
    await stage.start(key)
    faults(stage, 429, "Too Many Requests: retry after 7", 5, retry_after=7)
    await settle(stage)
    assert (await stage.state(key), await stage.states(key)) == ("paused", {"pending": 5})
    await reply(stage, 1)
    await stage.sender.drain()
    assert [sent.text for sent in stage.fake.sent] == ["Jawaban"]


async def test_one_who_wants_stars_for_being_written_to_is_one_who_fails(stage: Stage) -> None:
    await stage.people(3)
    key = await stage.campaign()
    await stage.start(key)
    faults(stage, 400, "Bad Request: ALLOW_PAYMENT_REQUIRED_50", 1)
    await settle(stage)
    assert (await stage.state(key), await stage.states(key)) == ("done", {"accepted": 2, "failed": 1})


async def test_without_the_setting_nothing_is_paid_for(stage: Stage) -> None:
    await stage.channel.close()
    stage.channel = TelegramChannel(TOKEN, api=stage.fake.base, rate=0, database=stage.database)
    stage.restart()
    await stage.people(2)
    key = await stage.campaign()
    await stage.start(key)
    await settle(stage)
    assert [sent.paid for sent in stage.fake.sent] == [False, False]
    assert all("allow_paid_broadcast" not in call.arguments for call in stage.fake.calls)
    assert stage.now == NOON
