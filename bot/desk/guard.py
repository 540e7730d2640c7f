"""Who may come in: every route of the desk passes here, and the table of routes says which roles it lets in."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, RowMapping
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from bot.desk.visit import PREFIX, Desk, Visit, csrf_of
from bot.web import sent_form
from storage import agents, desk_sessions
from storage.database import database_now, is_outage

COOKIE = "pandu_desk"
BEFORE = "pandu_desk_before"  # of somebody who has not logged in: their forms need a forgery token too
MAX_BODY = 64 * 1024
_FIELDS = 400  # the table of hours is the largest form

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}

Run = Callable[[Visit], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the table: what answers an address, and for whom."""

    method: str
    path: str
    run: Run
    roles: frozenset[str] | None  # None: also without a session
    most: int = MAX_BODY  # bytes of what is sent
    raw: bool = False  # a script sends a picture's file as it is, the forgery token in the header X-CSRF


def guarded(desk: Desk, rules: tuple[Rule, ...]) -> list[BaseRoute]:
    """The routes of a table."""
    return [Route(PREFIX + rule.path, _endpoint(desk, rule), methods=[rule.method]) for rule in rules]


def _endpoint(desk: Desk, rule: Rule) -> Callable[[Request], Awaitable[Response]]:
    async def serve(request: Request) -> Response:
        try:
            answer = await _serve(desk, rule, request)
        except Exception as error:
            if not is_outage(error):
                raise
            answer = PlainTextResponse("Basis data sedang tidak dapat dihubungi. Coba lagi sebentar.", 503)
        for name, value in HEADERS.items():
            answer.headers.setdefault(name, value)
        return answer

    return serve


async def _serve(desk: Desk, rule: Rule, request: Request) -> Response:
    token = request.cookies.get(COOKIE, "")
    agent, now = await desk.database.read(partial(_look, token))
    before = request.cookies.get(BEFORE, "")
    if agent is None:
        token = before if 20 <= len(before) <= 100 else secrets.token_urlsafe(24)
    visit = Visit(desk=desk, request=request, token=token, agent=agent, now=now)
    if request.method == "POST":
        taken = await (_file if rule.raw else _form)(visit, rule)
        if taken is None:
            return visit.note("Formulir kedaluwarsa", "Muat ulang halaman, lalu coba lagi.", 403)
        visit = replace(visit, **taken)
    if rule.roles is not None:
        if agent is None:
            return _to_login(visit)
        if agent["role"] not in rule.roles:
            return visit.note("Tidak diizinkan", "Peran Anda tidak membuka halaman ini.", 403)
        if not visit.part and desk_sessions.is_due(agent["session_seen_at"], now):
            await desk.database.write(partial(_touch, token, agent["id"]))
    answer = await rule.run(visit)
    if agent is None and before != token and rule.roles is None and COOKIE not in answer.headers.get("set-cookie", ""):
        set_cookie(answer, visit, BEFORE, token)
    return answer


def _is_same(given: str, wanted: str) -> bool:
    """In constant time; as bytes, since what is given may hold anything."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode())


def _look(token: str, connection: Connection) -> tuple[RowMapping | None, datetime]:
    now = database_now(connection)
    return (desk_sessions.find(connection, token, now) if token else None), now


def _touch(token: str, agent_id: int, connection: Connection) -> None:
    now = database_now(connection)
    desk_sessions.touch(connection, token, now)
    agents.beat(connection, agent_id, now)  # without scripts there is no other heartbeat


def _to_login(visit: Visit) -> Response:
    if visit.part or visit.request.method == "POST":
        return visit.note("Sesi berakhir", "Masuk lagi, lalu lanjutkan. Draf Anda tersimpan.", 401)
    url = visit.request.url
    back = url.path.removeprefix(PREFIX) + (f"?{url.query}" if url.query else "")
    return visit.go(f"/login?next={quote(back, safe='')}")


def set_cookie(answer: Response, visit: Visit, name: str, value: str) -> None:
    """A cookie that no script reads and no other site sends; `Secure` wherever people come by https."""
    secure = visit.desk.https or visit.request.url.scheme == "https"
    answer.set_cookie(name, value, path=PREFIX, httponly=True, samesite="lax", secure=secure)


def drop_cookie(answer: Response, name: str) -> None:
    """Takes a cookie back."""
    answer.delete_cookie(name, path=PREFIX, httponly=True, samesite="lax")


async def _file(visit: Visit, rule: Rule) -> dict[str, Any] | None:
    """A file that a script sends. Nothing of it is read before it is known that one who may has sent it: it is large, and stands in memory."""
    request, agent = visit.request, visit.agent
    ours = sent_form.from_own_page(request) and _is_same(request.headers.get("x-csrf", ""), csrf_of(visit.token))
    if not ours:
        return None
    if agent is None or agent["role"] not in (rule.roles or ()):
        return {}
    file = await sent_form.body(request, most=rule.most, kind="image/")
    return None if file is None else {"file": file}


async def _form(visit: Visit, rule: Rule) -> dict[str, Any] | None:
    """The fields of a form that one of our pages has sent, with its token."""
    sent = await _sent(visit.request, rule.most)
    if (
        sent is None
        or not sent_form.from_own_page(visit.request)
        or not _is_same(sent.pop("csrf", ""), csrf_of(visit.token))
    ):
        return None
    return {"sent": sent}


async def _sent(request: Request, most: int) -> dict[str, str] | None:
    """The form's fields; None where the body is too large or no form."""
    found = await sent_form.fields(request, most=most, count=_FIELDS)
    if found is None:
        return None
    return {name: values[-1].replace("\r\n", "\n").replace("\0", "") for name, values in found.items()}
