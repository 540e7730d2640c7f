"""SMS on the page with phones: the SIM of a village office, and people with old telephones."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

from starlette.types import Receive, Scope, Send

from tests.fakes.phone import Phones
from tests.fakes.sms import FakeAndroid, Sent

REPEATS = (0, 1, 2, 4, 8, 16)  # seconds before each attempt of a webhook: the app gives up in the end


class SmsWithPhones(FakeAndroid):
    """The telephone's server with the page at /_/phone."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.carrier = SmsCarrier(self)
        self.phones = Phones(self.carrier)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith("/_/phone"):
            return await self.phones(scope, receive, send)
        return await super().__call__(scope, receive, send)

    def take(self, id_: str, to: str, text: str) -> None:
        super().take(id_, to, text)
        self.carrier.arrived(self.sent[-1])
        self.phones.changed()


class SmsCarrier:
    """People as phones."""

    look: str = "sms"
    bot: str = "the office's SIM"
    acts: tuple[str, ...] = ()

    def __init__(self, fake: FakeAndroid) -> None:
        self.fake = fake
        self.names: dict[str, str] = {}
        self.logs: dict[str, list[dict[str, Any]]] = {}
        self._numbers = itertools.count(1)
        self._under_way: set[asyncio.Task[None]] = set()
        self._off: dict[str, list[Sent]] = {}  # phones without signal, and what waits for them

    def phones(self) -> list[dict[str, str]]:
        """Everybody."""
        return [{"id": number, "name": name, "number": number} for number, name in self.names.items()]

    def add(self, name: str) -> None:
        """Somebody new."""
        self.names[f"+{6281200000007 + len(self.names)}"] = name

    def screen(self, phone: str) -> dict[str, Any]:
        """Both sides in order."""
        return {"messages": list(self.logs.get(phone, [])), "keyboard": [], "note": ""}

    def picture(self, _name: str) -> None:
        """An SMS has none."""

    def act(self, phone: str, act: str, args: dict[str, Any]) -> None:
        """Typing is all there is."""
        if act != "say":
            raise ValueError(act)
        number = next(self._numbers)
        entry = {"id": f"own-{number}", "mine": True, "text": args["text"], "at": self.fake.clock(), "state": "sent"}
        self.logs.setdefault(phone, []).append(entry | {"options": []})
        self._later(self._delivered(phone, args["text"], number))

    async def _delivered(self, phone: str, text: str, number: int) -> None:
        for seconds in REPEATS:
            await asyncio.sleep(seconds)
            try:
                if await self.fake.text(phone, text, event_id=f"hook-{number}", messageId=f"m{number}") == 200:
                    return
            except OSError:
                continue

    def arrived(self, sent: Sent) -> None:
        """One of ours is on the air; the phone reports it when it has a signal."""
        parts = f"{sent.parts} part" + "s" * (sent.parts > 1)
        entry = {"id": sent.id, "mine": False, "text": sent.text, "at": self.fake.clock(), "options": []}
        self.logs.setdefault(sent.to, []).append(entry | {"state": "sent", "category": parts})
        if sent.to in self._off:
            self._off[sent.to].append(sent)
        else:
            self._report(sent)

    def _report(self, sent: Sent) -> None:
        for entry in self.logs[sent.to]:
            if entry["id"] == sent.id:
                entry["state"] = "delivered"
        self._later(self._told(sent))

    async def _told(self, sent: Sent) -> None:
        try:
            await self.fake.report(sent, "delivered")
        except OSError:  # reports are hints: the app does not insist
            return

    def signal(self, phone: str, *, on: bool) -> None:
        """What waited on the air is delivered."""
        if on:
            for sent in self._off.pop(phone, []):
                self._report(sent)
        else:
            self._off.setdefault(phone, [])

    def _later(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def settled(self) -> None:
        """Until nothing is under way to Pandu."""
        while self._under_way:
            await asyncio.gather(*list(self._under_way))
