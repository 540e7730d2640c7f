"""One visit of a page: who is there, what was sent, and how to answer."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import Connection, RowMapping
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from bot import campaign_means, pack
from bot.campaign_means import Ways
from bot.desk import look, roles
from bot.desk.counts import Counts
from bot.effects import Parts
from bot.pack import Pack
from bot.wake import DESK, INBOX, OUTBOX, Wake
from handlers.catalogue import Catalogue
from storage.database import Database, T

PREFIX = "/desk"


def is_whole(text: str) -> bool:
    """Whether what a form or an address carries is a whole number that fits a key ("²" counts as a digit, but is none)."""
    return text.isascii() and text.isdigit() and len(text) < 19


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What the pages need of the program."""

    database: Database
    wake: Wake
    parts: Callable[[], Parts]  # the present ones: a new model or content swaps them
    own_host: str = ""  # our pages', that may stand in messages beside .go.id and the operator's listed ones
    https: bool = False  # people reach it by https, whatever stands between
    pack: Pack = pack.SHIPPED
    counts: Counts = field(default_factory=Counts)  # what is dear to count, of this process
    ways: Ways = campaign_means.NONE  # by what announcements leave; none: nothing is configured
    demo: tuple[tuple[str, str], ...] = ()  # name and password of the demo's accounts, shown on its log-in page


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A request that has passed the guard."""

    desk: Desk
    request: Request
    token: str  # of the session, or of the page before it
    agent: RowMapping | None
    now: datetime
    sent: Mapping[str, str] = field(default_factory=dict)  # fields of a form
    file: bytes = b""  # what a script has sent instead of a form

    @property
    def me(self) -> RowMapping:
        """The agent; the guard lets nobody else in where one is needed."""
        assert self.agent is not None  # noqa: S101 - the route table has let nobody else in
        return self.agent

    @property
    def actor(self) -> str:
        """As logs and owners name the agent."""
        return f"agent:{self.me['id']}"

    @property
    def csrf(self) -> str:
        """What each form of the page must carry."""
        return csrf_of(self.token)

    @property
    def part(self) -> bool:
        """Whether the page's script asks for a part of the page it already shows."""
        return "x-part" in self.request.headers

    @property
    def content(self) -> Catalogue:
        """The catalogue as it is now."""
        return self.desk.parts().catalogue

    @property
    def link_hosts(self) -> tuple[str, ...]:
        """The hosts beside .go.id that may stand in messages at present."""
        listed = self.desk.parts().policy.link_hosts
        return (*listed, self.desk.own_host) if self.desk.own_host else listed

    @property
    def here(self) -> str:
        """The page's path below the desk."""
        return self.request.url.path.removeprefix(PREFIX) or "/"

    @property
    def back(self) -> str:
        """The page that a form leads back to: where a form was refused, the page it stood on has another address."""
        known = self.request.path_params
        if self.request.method == "GET":
            return self.here
        if "chat" in known:
            return f"/chat/{known['chat']}"
        first, key = self.here.split("/")[1], known.get("number", known.get("id"))
        return f"/{first}" if key is None else f"/{first}/{key}"

    @property
    def answers(self) -> bool:
        """Whether the agent talks to people."""
        return self.me["role"] in roles.ANSWERS

    @property
    def menu(self) -> list[dict[str, object]]:
        """The entries for the agent's role; `here` where the page belongs to one."""
        mine = [item for item in roles.MENU if self.me["role"] in item.roles]
        return [
            {"path": item.path, "title": item.title, "key": item.key, "here": item.leads_to(self.here)} for item in mine
        ]

    def number(self, name: str) -> int:
        """A key in the path; far ones find nothing."""
        return min(int(self.request.path_params[name]), 2**62)

    def asked(self, name: str, default: str = "") -> str:
        """A value of the address."""
        return self.request.query_params.get(name, default)[:200]

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Asks the database."""
        return await self.desk.database.read(work)

    async def write(self, work: Callable[[Connection], T], *, sends: bool = False) -> T:
        """Changes the database, then wakes the pages, and the sender where something is to be sent."""
        found = await self.desk.database.write(work)
        self.desk.wake.notify(DESK)
        if sends:
            self.desk.wake.notify(OUTBOX)
            self.desk.wake.notify(INBOX)
        return found

    def page(self, template: str, status: int = 200, /, **values: Any) -> Response:
        """A page, or the part of it that the script has asked for."""
        shown = {"visit": self, "me": self.agent, "csrf": self.csrf, "now": self.now, "part": self.part, **values}
        return HTMLResponse(look.render(template, shown), status_code=status)

    def note(self, title: str, text: str, status: int) -> Response:
        """A page of one sentence."""
        return self.page("note.html", status, title=title, text=text)

    def missing(self) -> Response:
        """Nothing is at this address."""
        return self.note("Tidak ditemukan", "Halaman atau data ini tidak ada.", 404)

    def go(self, path: str, **query: str) -> Response:
        """To another page, by GET."""
        asked = f"?{urlencode(query)}" if query else ""
        return RedirectResponse(f"{PREFIX}{path}{asked}", status_code=303)


def csrf_of(token: str) -> str:
    """The forgery token of a session: nothing that can be turned back into the session's own."""
    return hmac.new(token.encode(), b"pandu desk form", hashlib.sha256).hexdigest()
