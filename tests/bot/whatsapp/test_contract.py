"""WhatsApp keeps the contract of all channels, against the fake Cloud API and its signed webhooks."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from typing import Any, ClassVar

import pytest
from starlette.applications import Starlette

from bot.channel import Outcome
from bot.whatsapp.send import WhatsAppChannel
from handlers import catalogue
from handlers.messages import Kind, Reply
from storage.database import Database
from tests.bot.channel_contract import ChannelContract, Inbox, Shown, Side
from tests.bot.whatsapp.sending.conftest import NUMBER_ID, SITI, Clock, settings_for
from tests.fakes.telegram import run_app
from tests.fakes.whatsapp import FakeWhatsApp, serve
from tests.fakes.whatsapp_phone import PLACE

FAULTS: dict[str, dict[str, Any]] = {
    "throttled": {"code": 130429},
    "fault": {"code": 131000},
    "cut": {"kind": "cut_after"},
    "gone": {"code": 131026},
    "revoked": {"code": 190},
    "refused": {"code": 131009, "details": "Parameter value is not valid"},
}


class WhatsAppSide(Side):
    """Siti, whose window stays open."""

    address = f"+{SITI}"

    def __init__(self, fake: FakeWhatsApp, channel: WhatsAppChannel, clock: Clock) -> None:
        self.fake, self.channel, self.clock, self.inbox = fake, channel, clock, Inbox()
        self.siti = fake.person(SITI)

    async def says(self, text: str) -> None:
        self.siti.says(text)
        await self.fake.webhook.settled()

    async def says_twice(self, text: str) -> None:
        self.fake.webhook.twice = True
        await self.says(text)
        self.fake.webhook.twice = False

    async def does(self, what: str) -> None:
        match what:
            case "image":
                self.siti.sends_image("ini")
            case "voice":
                self.siti.sends_voice()
            case "document":
                self.siti.sends_media("document", "application/pdf", b"%PDF", filename="surat.pdf")
            case "sticker":
                self.siti.sends_media("sticker", "image/webp")
            case "location":
                self.siti.sends("location", PLACE)
            case "reaction":
                self.siti.reacts("wamid.sesuatu")
            case "unsupported":
                self.siti.sends_unsupported()
            case "contact" | "other_contact":
                self.siti.shares_contact(None if what == "contact" else "6281299990000")
            case "forward":
                self.siti.says("sebarkan", forwarded=True)
            case _:
                self.siti.sends("hologram", {"x": 1})
        await self.fake.webhook.settled()

    async def taps(self, place: int, message: int) -> None:
        self.siti.taps(self.siti.inbox[message], place)
        await self.fake.webhook.settled()

    async def send(self, reply: Reply, *, lane: int = 0, key: int = 1, to: str | None = None) -> Outcome:
        self.clock.later(minutes=5)  # whatever the pace asks for
        self.siti.written = self.clock()
        return await super().send(reply, lane=lane, key=key, to=to)

    def shown(self) -> list[Shown]:
        return [Shown(one.text, tuple(button["title"] for button in one.buttons)) for one in self.siti.inbox]

    def refusals(self) -> list[Any]:
        failed = [sent.failure for sent in self.fake.sent if sent.failure]
        return [call for call in self.fake.calls if call.status not in (0, 200)] + failed

    def fails(self, how: str) -> None:
        self.fake.fail(**FAULTS[how])


@pytest.fixture
async def side(sqlite: Database) -> AsyncIterator[Side]:
    clock = Clock()
    async with serve(clock=clock) as fake:
        channel = WhatsAppChannel(settings_for(fake), sqlite, catalogue.load(), clock=clock, now=clock.of)
        made, listener = WhatsAppSide(fake, channel, clock), socket.create_server(("127.0.0.1", 0))
        async with run_app(Starlette(routes=list(channel.routes(made.inbox))), listener):
            fake.hook(f"http://127.0.0.1:{listener.getsockname()[1]}/whatsapp/{NUMBER_ID}")
            yield made
            await fake.webhook.settled()
            await channel.close()


class TestWhatsApp(ChannelContract):
    """A card from the address book is nobody's own number: the sender's number is vouched for anyway."""

    kinds: ClassVar[dict[str, Kind]] = {
        "image": Kind.IMAGE,
        "voice": Kind.VOICE,
        "document": Kind.DOCUMENT,
        "sticker": Kind.STICKER,
        "location": Kind.LOCATION,
        "reaction": Kind.REACTION,
        "unsupported": Kind.UNSUPPORTED,
        "contact": Kind.CONTACT,
        "other_contact": Kind.CONTACT,
        "forward": Kind.TEXT,
    }
