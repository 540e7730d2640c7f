"""The shared screen of an office (docs/kiosk.md): its page, its sessions of twenty minutes, and the QR to go on at home.

A session's chat is made when the session begins, so that its end is kept by the server whatever becomes of the page.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.effects import Parts
from bot.webchat import limits
from bot.webchat.pace import Pace
from bot.webchat.page import Page
from bot.webchat.receive import KIOSK, PREFIX, address_of, answered, new_session, session_address
from bot.webchat.refusals import NO_STORE, RefusedError
from bot.webchat.replies import ACCOUNT, CHANNEL
from handlers import registration_carry
from handlers.kiosk import FETCHED_WITHIN, LASTS
from storage import kiosk
from storage.database import Database, database_now

_EVERYBODY = "kiosk"  # one pace for the opening of sessions


class Kiosk:
    """The routes of the shared screen."""

    def __init__(self, database: Database, parts: Callable[[], Parts]) -> None:
        """`parts`: policy and ids of this service at present."""
        self._database = database
        self._parts = parts
        self._page = Page(part="kiosk.html", kiosk=True)
        self._pace = Pace(limits.KIOSK_BURST, limits.KIOSK_PER_SECOND)

    def routes(self) -> Sequence[Route]:
        """The page, and what it asks for."""
        return [
            Route("/kiosk", self._page.show, methods=["GET"]),
            Route(f"{PREFIX}/kiosk/sessions", answered(self.begin), methods=["POST"]),
            Route(f"{PREFIX}/kiosk/carry", answered(self.carry), methods=["POST"]),
            Route(f"{PREFIX}/kiosk/end", answered(self.end), methods=["POST"]),
        ]

    async def begin(self, _request: Request) -> Response:
        """A new session with its seconds."""
        if seconds := self._pace.wait(_EVERYBODY):
            raise RefusedError("too_fast", retry_after=seconds)
        session = new_session(KIOSK)
        await self._database.write(partial(_begin, address_of(session)))
        told = {"session": session, "seconds": int(LASTS.total_seconds())}
        return JSONResponse(told, 201, NO_STORE)

    async def carry(self, request: Request) -> Response:
        """A code for what is noted, and the QR that opens it on the person's own phone."""
        code = await self._database.write(partial(self._carry, session_address(request)))
        base = self._parts().policy.web_chat_url
        url = f"{base}#lanjut={code}" if base else None
        qr = _qr(url) if url else None
        hours = int(FETCHED_WITHIN.total_seconds() // 3600)
        return JSONResponse({"code": code, "url": url, "qr": qr, "hours": hours}, headers=NO_STORE)

    async def end(self, request: Request) -> Response:
        """Ends the session at once; a repeat changes nothing."""
        await self._database.write(partial(_end, session_address(request)))
        return JSONResponse({"ended": True}, headers=NO_STORE)

    def _carry(self, address: str, connection: Connection) -> str:
        now = database_now(connection)
        chat_id = _chat(connection, address, now)
        if chat_id is None:
            raise RefusedError("kiosk_over")
        if registration_carry.source(connection, chat_id, now) is None:
            raise RefusedError("nothing_to_carry")
        policy, new_id = self._parts().policy, self._parts().new_id
        return registration_carry.make_code(connection, policy, new_id, chat_id=chat_id, now=now, lasts=FETCHED_WITHIN)


def _qr(url: str) -> str:
    """The QR of an address as a `data:` address, with the quiet zone of four modules that readers need."""
    import segno  # a service whose screens never take anything home does without it

    return segno.make(url, error="m", micro=False).svg_data_uri(border=4)


def _begin(address: str, connection: Connection) -> None:
    now = database_now(connection)
    kiosk.begin(connection, (CHANNEL, ACCOUNT, address), now=now, until=now + LASTS)


def _end(address: str, connection: Connection) -> None:
    now = database_now(connection)
    if (chat_id := _chat(connection, address, now)) is not None:
        kiosk.end(connection, chat_id, now)


def _chat(connection: Connection, address: str, now: datetime) -> int | None:
    row = kiosk.running(connection, (CHANNEL, ACCOUNT, address), now)
    return int(row["id"]) if row else None
