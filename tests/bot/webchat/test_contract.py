"""The web chat keeps the contract of all channels: the page's own interface over HTTP, replies through the outbox."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from typing import Any, ClassVar

import httpx
import pytest

from bot.channel import Accepted, Failed, Outcome
from bot.webchat.receive import address_of
from handlers.messages import Reply
from storage.database import Database
from tests.bot.channel_contract import ChannelContract, Inbox, Shown
from tests.bot.channel_contract import Side as Contracted
from tests.bot.webchat.conftest import Side


class WebSide(Contracted):
    """One page with its session."""

    def __init__(self, side: Side, session: str) -> None:
        self.side, self.session, self.inbox, self.channel = side, session, Inbox(), side.channel
        self._numbers = itertools.count(1)
        self._answers: list[httpx.Response] = []
        self._seen: list[dict[str, Any]] = []
        self._next = ""
        side.heard = self.inbox

    @property
    def address(self) -> str:
        return address_of(self.session)

    async def _posts(self, body: dict[str, Any]) -> None:
        """The page asks again until its message is stored."""
        answer = await self.side.post(self.session, body)
        while answer.status_code == 503:
            answer = await self.side.post(self.session, body)
        assert answer.status_code in (200, 400, 429), answer.text

    async def says(self, text: str) -> None:
        await self._posts({"id": f"m{next(self._numbers)}", "text": text})

    async def says_twice(self, text: str) -> None:
        number = next(self._numbers)
        for _ in range(2):
            await self._posts({"id": f"m{number}", "text": text})

    async def does(self, what: str) -> None:
        await self._posts({"id": f"m{next(self._numbers)}", what: {"x": 1}})

    async def taps(self, place: int, message: int) -> None:
        option = self._seen[message]["options"][place - 1]
        choose = {"version": self._seen[message]["version"], "number": option["number"]}
        await self._posts({"id": f"m{next(self._numbers)}", "choose": choose})

    async def send(self, reply: Reply, *, lane: int = 0, key: int = 1, to: str | None = None) -> Outcome:
        if to is not None:
            return await self.channel.send(to, reply, lane=lane, key=key)
        await self.side.say(self.session, reply, lane=lane)
        await self.side.send()
        answer = await self.side.replies(self.session, self._next)
        self._answers.append(answer)
        found = answer.json()
        self._seen, self._next = [*self._seen, *found["replies"]], found["next"]
        return Accepted() if found["replies"] else Failed("nothing to say")

    def shown(self) -> list[Shown]:
        labels = [tuple(option["label"] for option in one.get("options", [])) for one in self._seen]
        return [Shown(one["text"], taps) for one, taps in zip(self._seen, labels, strict=True)]

    def refusals(self) -> list[Any]:
        return [answer for answer in self._answers if answer.status_code != 200]

    def fails(self, how: str) -> None:
        raise NotImplementedError(how)


@pytest.fixture
async def side(sqlite: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Contracted]:
    monkeypatch.setattr("bot.webchat.limits.READS_BURST", 1_000_000)  # hundreds of replies come within a second here
    monkeypatch.setattr("bot.webchat.limits.MESSAGES_BURST", 1_000_000)
    made = Side(sqlite)
    yield WebSide(made, await made.session())
    await made.channel.close()
    await made.http.aclose()


class TestWebChat(ChannelContract):
    """A page sends text and taps alone, and fetches what is there: nothing in between can refuse."""

    verdicts: ClassVar[dict[str, Any]] = {}
    shows_nothing = Accepted, Failed
