"""The sending half against the Graph server of tests/fakes: a channel alone, or the whole path from phone to phone."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from starlette.applications import Starlette

from bot import effects
from bot.channel import Outcome
from bot.effects import Parts
from bot.receiver import Receiver
from bot.sender import Sender
from bot.settings import Settings
from bot.wake import Wake
from bot.whatsapp.send import WhatsAppChannel
from bot.worker import Worker
from handlers import catalogue
from handlers.messages import Reply, state_from_json
from handlers.templates import wanted
from handlers.turn import Policy
from storage.database import Database
from tests.bot.engines import StubEngine
from tests.fakes.telegram import run_app
from tests.fakes.whatsapp import ACCOUNT_ID, APP_ID, NUMBER_ID, SECRET, TOKEN, VERIFY, FakeWhatsApp, serve
from tests.fakes.whatsapp_people import Person

START = datetime(2026, 1, 15, 3, 0, tzinfo=UTC)  # 10.00 WIB; before the real clock, which the webhook looks at
SITI = "6281200000007"
SOURCE = f"whatsapp:{NUMBER_ID}"


class Clock:
    """Stands still until it is moved; seconds for the fake, moments for the database."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now.timestamp()

    def of(self, connection: object) -> datetime:
        return self.now

    def later(self, **time: float) -> None:
        self.now += timedelta(**time)


def settings_for(fake: FakeWhatsApp, **more: Any) -> Settings:
    return Settings(
        whatsapp_token=TOKEN,
        whatsapp_number_id=NUMBER_ID,
        whatsapp_account_id=ACCOUNT_ID,
        whatsapp_app_id=APP_ID,
        whatsapp_app_secret=SECRET,
        whatsapp_verify_token=VERIFY,
        whatsapp_api=fake.base,
        operator="Dinas Contoh",
        **more,
    )


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def fake(clock: Clock) -> AsyncIterator[FakeWhatsApp]:
    async with serve(clock=clock) as server:
        server.reviews = "APPROVED"
        server.person(SITI).written = clock()
        yield server


class Rig:
    """One of each part over a database, the webhook on a real port, and Siti's phone."""

    def __init__(self, database: Database, fake: FakeWhatsApp, clock: Clock, **settings: Any) -> None:
        self.database, self.fake, self.clock = database, fake, clock
        self.settings = settings_for(fake, **settings)
        self.catalogue = catalogue.load()
        parts = Parts(engine=StubEngine(), catalogue=self.catalogue, policy=Policy(), new_id=lambda n: "7" * n)
        self.wake = Wake(database)
        self.channel = WhatsAppChannel(self.settings, database, self.catalogue, clock=clock, now=clock.of)
        self.receiver = Receiver(database, self.wake, clock=clock.of)
        self.worker = Worker(database, parts, self.wake, clock=clock.of)
        self.sender = Sender(database, self.channel, self.wake, clock=clock.of, chance=random.Random(1))
        self.siti: Person = fake.person(SITI)

    async def settle(self) -> None:
        """Until nothing is under way any more, on either side."""
        while True:
            await self.fake.webhook.settled()
            if not (await self.worker.run_once() or await self.sender.drain()):
                break

    async def marks(self) -> None:
        """Until the read marks have been asked for."""
        while self.channel._reading._under_way:
            await asyncio.wait(list(self.channel._reading._under_way))

    async def rows(self, table: Any, *columns: str) -> list[tuple[Any, ...]]:
        chosen = [table.c[name] for name in columns]
        order = table.c.id if "id" in table.c else chosen[0]
        return await self.database.read(lambda c: [tuple(row) for row in c.execute(select(*chosen).order_by(order))])

    async def approve(self) -> None:
        """Everything that we want is held and approved by Meta, and we know it."""
        from bot.whatsapp.templates import submit

        for want in wanted(self.catalogue).values():
            await submit(self.channel.graph, ACCOUNT_ID, want)
        await self.channel.sync()

    @property
    def texts(self) -> list[str]:
        return [sent.text for sent in self.siti.inbox]


@asynccontextmanager
async def rigged(database: Database, fake: FakeWhatsApp, clock: Clock, **settings: Any) -> AsyncIterator[Rig]:
    made = Rig(database, fake, clock, **settings)
    app = Starlette(routes=list(made.channel.routes(made.receiver.receive)))
    listener = socket.create_server(("127.0.0.1", 0))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(effects, "state_from_json", lambda data: replace(state_from_json(data), greeted=True))
        async with run_app(app, listener):
            fake.hook(f"http://127.0.0.1:{listener.getsockname()[1]}/whatsapp/{NUMBER_ID}")
            yield made
            await fake.webhook.settled()
            await made.channel.close()


@pytest.fixture
async def rig(database: Database, fake: FakeWhatsApp, clock: Clock) -> AsyncIterator[Rig]:
    async with rigged(database, fake, clock) as made:
        yield made


@pytest.fixture
async def channel(fake: FakeWhatsApp, clock: Clock, tmp_path: Path) -> AsyncIterator[WhatsAppChannel]:
    """A channel that only sends; its database is never asked."""
    database = Database(f"sqlite:///{tmp_path}/never.db")
    made = WhatsAppChannel(settings_for(fake), database, catalogue.load(), clock=clock)
    yield made
    await made.close()
    await database.close()


async def send(
    channel: WhatsAppChannel, reply: Reply | str, *, to: str = f"+{SITI}", lane: int = 0, key: int = 1
) -> Outcome:
    return await channel.send(to, Reply(text=reply) if isinstance(reply, str) else reply, lane=lane, key=key)
