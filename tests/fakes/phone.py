"""A page with phones: a developer chats as several people against a running bot, over any of the fake platforms.

The platform gives a `Carrier`; the page (phone.html) asks `/_/phone/state` and posts to `/_/phone/act`.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import Receive, Scope, Send

from tests.fakes.pictures import Stored

PAGE = Path(__file__).with_name("phone.html")
PATIENCE = 25.0  # seconds that a question for news may wait


class Carrier(Protocol):
    """What a platform lets a phone do and shows on it."""

    look: str  # telegram, whatsapp, sms
    bot: str  # whom one writes to
    acts: tuple[str, ...]  # what else than typing the phone can send

    def phones(self) -> list[dict[str, str]]:
        """{"id", "name", "number"} of everybody."""

    def add(self, name: str) -> None:
        """One more phone."""

    def screen(self, phone: str) -> dict[str, Any]:
        """{"messages": […], "keyboard": […], "note": "…"}; a message: mine, text, picture, at, state, options, list, link, wish."""

    def picture(self, name: str) -> Stored | None:
        """The picture that a message names as `picture`."""

    def act(self, phone: str, act: str, args: dict[str, Any]) -> None:
        """The person does something: say, tap, press (a key of the keyboard), or one of `acts`."""

    def signal(self, phone: str, *, on: bool) -> None:
        """The phone has a signal again, or loses it."""


class Phones:
    """The page's server. A phone without signal keeps its screen and what was done on it until the signal is back."""

    def __init__(self, carrier: Carrier) -> None:
        self.carrier = carrier
        self.version = 1
        self._changed = asyncio.Event()
        self._asleep: dict[str, tuple[dict[str, Any], list[dict[str, Any]]]] = {}  # frozen screen, what waits

    def changed(self) -> None:
        """Something is new on some phone."""
        self.version += 1
        self._changed.set()
        self._changed = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        await (await self._answer(request))(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        match request.method, request.url.path.removeprefix("/_/phone"):
            case "GET", "" | "/":
                return HTMLResponse(PAGE.read_text(encoding="utf-8"))
            case "GET", "/state":
                await self._news(int(request.query_params.get("seen", "0")))
                return JSONResponse(self.state())
            case "GET", path if path.startswith("/picture/"):
                found = self.carrier.picture(path.removeprefix("/picture/"))
                return Response(found.data, media_type=found.mime) if found else Response(status_code=404)
            case "POST", "/act":
                return self._act(json.loads(await request.body()))
        return Response(status_code=404)

    async def _news(self, seen: int) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                while self.version == seen:
                    await self._changed.wait()
        except TimeoutError:
            pass

    def state(self) -> dict[str, Any]:
        """Everything that the page shows."""
        carrier = self.carrier
        phones = [{**phone, **self._shown(phone["id"])} for phone in carrier.phones()]
        told = {"look": carrier.look, "bot": carrier.bot, "acts": carrier.acts}
        return {"version": self.version, **told, "phones": phones}

    def _shown(self, phone: str) -> dict[str, Any]:
        if phone not in self._asleep:
            return {"online": True, **self.carrier.screen(phone)}
        screen, waiting = self._asleep[phone]
        later = [{"mine": True, "text": _wish(act), "state": "waits"} for act in waiting]
        return {"online": False, **screen, "messages": [*screen["messages"], *later]}

    def _act(self, wish: dict[str, Any]) -> Response:
        phone, act = str(wish.pop("phone", "")), str(wish.pop("act"))
        try:
            if act == "add":
                self.carrier.add(str(wish["name"]))
            elif act == "signal":
                self._signal(phone, on=bool(wish["on"]))
            elif phone in self._asleep:
                self._asleep[phone][1].append({"act": act, **wish})
            else:
                self.carrier.act(phone, act, wish)
        except (KeyError, IndexError, ValueError, AttributeError) as error:
            return JSONResponse({"problem": f"{type(error).__name__}: {error}"}, 400)
        self.changed()
        return JSONResponse({})

    def _signal(self, phone: str, *, on: bool) -> None:
        if not on:
            self._asleep.setdefault(phone, (self.carrier.screen(phone), []))
        self.carrier.signal(phone, on=on)
        if on:
            for wish in self._asleep.pop(phone, ({}, []))[1]:
                self.carrier.act(phone, wish.pop("act"), wish)


def _wish(wish: dict[str, Any]) -> str:
    return str(wish.get("text") or wish["act"])
