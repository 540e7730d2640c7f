"""The secure form: a one-time page of ours for numbers that may not stand in a chat (design, rule 4). Its link is signed.

GET never uses the link up, since platforms fetch previews of links; only a valid POST does. The page works without
scripts and on old phones. Forgery from another site is kept off by the unguessable key, and by the origin where a
browser tells it. Because the page sends `Referrer-Policy: no-referrer`, browsers give `Origin: null` for its own form
(Fetch standard, "append a request Origin header"), so that value is taken unless `Sec-Fetch-Site` speaks against it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial

from sqlalchemy import Connection, RowMapping
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from bot.channel import Receive, Unavailable
from bot.effects import Parts
from bot.web import secure_page, sent_form
from handlers import secure
from handlers.messages import Inbound, Kind
from handlers.turn import ZONES
from storage import secure_forms
from storage.database import Database, database_now, is_outage

_PATH = "/f/{key:str}"
_LINK = re.compile(r"[0-9A-Za-z]{32,88}")
MAX_BODY = 8 * 1024
_FIELDS = 20
_CONFIRMED = "confirm"
_KEPT_PLAIN = ("registration",)  # purposes whose numbers go on to a lawful receiver: sealed, not hashed

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        f"default-src 'none'; style-src '{secure_page.STYLE_HASH}'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def secure_form_routes(database: Database, receive: Receive, parts: Callable[[], Parts]) -> list[BaseRoute]:
    """The page's routes, `/f/<key>`; what is sent goes to `receive` as an event of the chat that has the key."""
    form = _SecureForm(database=database, receive=receive, now_parts=parts)
    return [Route(_PATH, form.show, methods=["GET"]), Route(_PATH, form.send, methods=["POST"])]


async def submit(database: Database, parts: Parts, key: str, values: Mapping[str, str], *, now: datetime) -> None:
    """What the page does with typed values, for the terminal: checks, seals and keeps them, but brings no event.

    Raises ValueError, with a sentence, where the key is unknown, used or expired, or a value does not fit.
    """
    row, _, draft = await database.read(partial(_look, key))
    if row is None:
        raise ValueError(parts.catalogue.text("secure_page_unknown"))
    checked = secure.check(row["fields"], values, _day(now), draft)
    if checked.errors:
        raise ValueError(" ".join(parts.catalogue.text(text) for text in checked.errors.values()))
    if not await database.write(partial(_keep, row, checked, parts, now)):
        raise ValueError(parts.catalogue.text("secure_page_gone"))


@dataclass(frozen=True, slots=True, kw_only=True)
class _SecureForm:
    database: Database
    receive: Receive
    now_parts: Callable[[], Parts]

    @property
    def parts(self) -> Parts:
        """The present ones: new content swaps them."""
        return self.now_parts()

    @property
    def page(self) -> secure_page.Page:
        """The page in today's words."""
        return secure_page.Page(catalogue=self.parts.catalogue, policy=self.parts.policy)

    async def show(self, request: Request) -> Response:
        """The empty form; changes nothing."""
        try:
            row, now, _ = await self.database.read(partial(_look, self._key(request)))
        except Exception as error:
            if not is_outage(error):
                raise
            return self._note("later", 503)
        if row is None:
            return self._note("unknown", 404)
        if row["used_at"] is not None or row["expires_at"] <= now:
            return self._note("gone", 410)
        return _html(self.page.form(row), 200)

    async def send(self, request: Request) -> Response:
        """Checks, seals and hands over; the link is used up only when everything is right."""
        if not sent_form.from_own_page(request) or (typed := await _typed(request)) is None:
            return self._note("refused", 403)
        try:
            return await self._accept(self._key(request), typed)
        except Unavailable:
            return self._note("later", 503)
        except Exception as error:
            if not is_outage(error):
                raise
            return self._note("later", 503)

    def _key(self, request: Request) -> str | None:
        """The form's key, if the link is one of ours."""
        link = request.path_params["key"]
        return secure.key_of(link, self.parts.policy) if _LINK.fullmatch(link) else None

    async def _accept(self, key: str | None, typed: Mapping[str, str]) -> Response:
        row, now, draft = await self.database.read(partial(_look, key))
        if row is None:
            return self._note("unknown", 404)
        if row["used_at"] is not None and row["sealed"] is not None:
            return await self._hand_over(
                row
            )  # sent before, but the event may not have been stored: the same event again
        if row["used_at"] is not None or row["expires_at"] <= now:
            return self._note("gone", 410)
        checked = secure.check(row["fields"], typed, _day(now), draft)
        if checked.errors or (checked.doubts and _CONFIRMED not in typed):
            return _html(self.page.form(row, typed=typed, checked=checked), 422)
        if not await self.database.write(partial(_keep, row, checked, self.parts, now)):
            return self._note("gone", 410)
        return await self._hand_over(row)

    async def _hand_over(self, row: RowMapping) -> Response:
        """One event a key: its id makes a repeat harmless."""
        event = Inbound(
            channel=row["channel"],
            account=row["account"],
            event_id=f"form:{row['key']}",
            chat=row["address"],
            sender=row["address"],
            kind=Kind.FORM,
            sent_at=await self.database.now(),
            form=row["key"],
        )
        await self.receive([event])
        return self._note("sent", 200)

    def _note(self, what: str, status: int) -> Response:
        return _html(self.page.note(what), status)


def _html(text: str, status: int) -> Response:
    return HTMLResponse(text, status_code=status, headers=HEADERS)


def _look(key: str | None, connection: Connection) -> tuple[RowMapping | None, datetime, secure.Noted]:
    now = database_now(connection)
    row = secure_forms.get(connection, key) if key else None
    return row, now, secure.noted(connection, row, now) if row else secure.Noted()


def _keep(row: RowMapping, checked: secure.Checked, parts: Parts, now: datetime, connection: Connection) -> bool:
    key, sealing = row["key"], parts.policy.sealing_key
    values = secure.sealable(checked.values, parts.policy, plain=row["purpose"] in _KEPT_PLAIN)
    sealed = secure.seal(values, sealing, bound_to=key)
    return secure_forms.submit(connection, key, sealed=sealed, key_id=secure.key_id(sealing), now=now)


def _day(now: datetime) -> date:
    return now.astimezone(ZONES["WIB"]).date()


async def _typed(request: Request) -> dict[str, str] | None:
    """The form's fields; None where the body is too large or no form."""
    found = await sent_form.fields(request, most=MAX_BODY, count=_FIELDS)
    return None if found is None else {name: values[0] for name, values in found.items()}
