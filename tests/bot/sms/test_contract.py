"""SMS keeps the contract of all channels, through an Android telephone and through an HTTP gateway."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any, ClassVar

import pytest
from starlette.applications import Starlette

from bot import channel as outcomes
from bot.sms.webhook import path_of
from handlers.messages import Kind
from storage.database import Database
from tests.bot.channel_contract import ChannelContract, Inbox, Shown, Side
from tests.bot.sms.conftest import PERSON, channel_of, config_of
from tests.conftest import NOW
from tests.fakes.sms import FakeAndroid, FakeHttp, FakeSms, serve
from tests.fakes.telegram import on_loopback

FAULTS = {"throttled": "429", "fault": "500", "cut": "cut_after", "revoked": "401"}


class SmsSide(Side):
    """A person with an old telephone; the gateway repeats what was not answered with 200."""

    address = PERSON

    def __init__(self, fake: FakeSms, channel: Any) -> None:
        self.fake, self.channel, self.inbox = fake, channel, Inbox()
        self._numbers = itertools.count(1)

    async def says(self, text: str) -> None:
        await self._sends(text, next(self._numbers))

    async def says_twice(self, text: str) -> None:
        number = next(self._numbers)
        for _ in range(2):
            await self._sends(text, number)

    async def _sends(self, text: str, number: int) -> None:
        while await self._posts(text, number) != 200:
            pass

    async def _posts(self, text: str, number: int) -> int:
        if isinstance(self.fake, FakeAndroid):
            return await self.fake.text(PERSON, text, event_id=f"hook-{number}", messageId=f"m{number}")
        assert isinstance(self.fake, FakeHttp)
        item = {"from": PERSON, "body": text, "id": f"m{number}", "received_at": NOW.isoformat()}
        return await self.fake.deliver([item])

    async def does(self, what: str) -> None:
        if isinstance(self.fake, FakeAndroid):
            assert await self.fake.event("mms:received", {"messageId": "x", "sender": PERSON, what: 1}) == 200
        else:
            assert isinstance(self.fake, FakeHttp)
            assert await self.fake.deliver([{what: 1}]) in (200, 400)

    async def taps(self, place: int, message: int) -> None:
        await self.says(str(place))

    def shown(self) -> list[Shown]:
        return [Shown(sent.text) for sent in self.fake.sent]

    def refusals(self) -> list[Any]:
        return self.fake.problems

    def fails(self, how: str) -> None:
        self.fake.faults.append(FAULTS[how])


@pytest.fixture(params=[FakeAndroid, FakeHttp], ids=["telephone", "gateway"])
async def side(request: pytest.FixtureRequest, sqlite: Database) -> AsyncIterator[Side]:
    fake: FakeSms = request.param(clock=NOW.timestamp)
    async with serve(fake):
        config = config_of(fake, price=Decimal(350), rate=0.0)
        channel = channel_of(config, sqlite)
        made = SmsSide(fake, channel)
        async with on_loopback(Starlette(routes=list(channel.routes(made.inbox)))) as base:
            fake.hook = base + path_of(config)
            yield made
        await channel.close()


class TestSms(ChannelContract):
    """Letters alone: options are numbers to type, and no gateway tells at once that a person is gone."""

    kinds: ClassVar[dict[str, Kind]] = {}
    tappable, rest = False, "LANJUT"
    verdicts: ClassVar[dict[str, Any]] = {
        "throttled": outcomes.Throttled,
        "fault": outcomes.Retry,
        "cut": outcomes.Unknown,
        "revoked": outcomes.Down,
    }
