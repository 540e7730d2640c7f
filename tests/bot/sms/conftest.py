"""A whole Pandu between a fake gateway and its database: webhook → inbox → worker → outbox → gateway."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from starlette.applications import Starlette

from bot import app, metrics
from bot.effects import Parts
from bot.receiver import Receiver
from bot.sender import Sender
from bot.sms import config as config_file
from bot.sms.send import SmsChannel
from bot.sms.spec import Config
from bot.sms.webhook import path_of
from bot.wake import Wake
from bot.worker import Worker
from handlers import catalogue, short
from handlers.turn import Policy
from storage.database import Database
from tests.conftest import NOW
from tests.fakes.sms import KEY, SECRET, USER, FakeAndroid, FakeHttp, FakeSms, Sent, serve
from tests.fakes.telegram import on_loopback

SAMPLES = Path(__file__).parents[3] / "docs" / "samples" / "sms"
PERSON = "+6281200000007"
WORDS = short.words(catalogue.load())


@pytest.fixture(autouse=True)
def _counters(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counters start at nothing and are put back."""
    for counter in (metrics.ignored, metrics.refused, metrics.deliveries):
        monkeypatch.setattr(counter, "values", {})


@pytest.fixture(scope="session")
def parts() -> Parts:
    return Parts(
        engine=app.EmbeddedEngine.load(),
        catalogue=catalogue.load(),
        policy=Policy(operator="Dinas Contoh"),
        new_id=lambda n: "7" * n,
    )


def config_of(fake: FakeSms, **changes: object) -> Config:
    """The sample file of the fake's kind, with its address."""
    if isinstance(fake, FakeAndroid):
        read = config_file.load(SAMPLES / "android.yml")
        assert read.android
        return replace(read, android=replace(read.android, url=fake.base), **changes)  # type: ignore[arg-type]
    read = config_file.load(SAMPLES / "json.yml")
    assert read.sending
    return replace(read, sending=replace(read.sending, url=f"{fake.base}/v2/messages"), **changes)  # type: ignore[arg-type]


def channel_of(config: Config, database: Database, *, cap: float = 0.0, seconds: float = 9.0) -> SmsChannel:
    return SmsChannel(
        config, database, words=WORDS, key=KEY, user=USER, webhook_secret=SECRET, sealing_key=bytes(32), cap=cap,
        seconds=seconds, clock=lambda _: NOW,
    )  # fmt: skip


@dataclass
class Line:
    """Pandu on the line. `say` is a person's SMS; the answer is what the gateway got."""

    fake: FakeSms
    channel: SmsChannel
    database: Database
    receiver: Receiver
    worker: Worker
    sender: Sender

    async def say(self, text: str, *, sender: str = PERSON) -> list[Sent]:
        """Writes, and lets Pandu answer."""
        before = len(self.fake.sent)
        if isinstance(self.fake, FakeAndroid):
            assert await self.fake.text(sender, text) == 200
        else:
            assert isinstance(self.fake, FakeHttp)
            item = {"from": sender, "body": text, "id": f"m{before}-{text[:20]}", "received_at": NOW.isoformat()}
            assert await self.fake.deliver([item]) == 200
        await self.settle()
        return self.fake.sent[before:]

    async def settle(self) -> None:
        """Works until nothing waits."""
        while await self.worker.run_once() or await self.sender.drain():
            pass


@asynccontextmanager
async def on_line(fake: FakeSms, database: Database, parts: Parts, **options: float) -> AsyncIterator[Line]:
    """Everything started; the webhook on a loopback port."""
    fake.clock = NOW.timestamp
    async with serve(fake):
        config = config_of(fake, price=Decimal(350), rate=0.0)
        channel = channel_of(config, database, **options)
        wake = Wake(database)
        receiver = Receiver(database, wake, clock=lambda _: NOW)
        worker = Worker(database, parts, wake, clock=lambda _: NOW)
        sender = Sender(database, channel, wake, clock=lambda _: NOW)
        async with on_loopback(Starlette(routes=list(channel.routes(receiver.receive)))) as base:
            fake.hook = base + path_of(config)
            yield Line(fake, channel, database, receiver, worker, sender)
        await channel.close()


@pytest.fixture(autouse=True)
def _now_is_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """The webhook asks the database for the time."""

    async def then(self: Database) -> datetime:
        return NOW.astimezone(UTC)

    monkeypatch.setattr(Database, "now", then)
