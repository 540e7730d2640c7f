"""Log-in, log-out and the one-time link by which an agent sets a password. There is no default password anywhere."""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from urllib.parse import unquote
from weakref import WeakValueDictionary

from sqlalchemy import Connection
from starlette.responses import Response

from bot.desk import passwords
from bot.desk.guard import BEFORE, COOKIE, drop_cookie, set_cookie
from bot.desk.visit import Visit
from storage import agents, desk_sessions
from storage.database import database_now

_turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
_INSIDE = re.compile(r"/(?!/)[^\\\s]{0,300}")  # an address of the desk's own, never another site's


def _next(visit: Visit) -> str:
    wanted = visit.sent.get("next") or unquote(visit.asked("next", "/"))
    return wanted if _INSIDE.fullmatch(wanted) and not wanted.startswith(("/login", "/logout")) else "/"


async def login_page(visit: Visit) -> Response:
    """The form; whoever is in already goes on."""
    if visit.agent:
        return visit.go("/")
    return visit.page("login.html", next=_next(visit), name="", wrong="", demo=visit.desk.demo)


async def login(visit: Visit) -> Response:
    """Checks name and password; the session is always a new one."""
    name, password = visit.sent.get("name", "").strip()[:120], visit.sent.get("password", "")
    address = visit.request.client.host if visit.request.client else "?"
    keys = desk_sessions.throttle_keys(name, address)
    async with _one_at_a_time(keys):
        return await _checked(visit, name, password, keys)


@asynccontextmanager
async def _one_at_a_time(keys: Iterable[str]) -> AsyncIterator[None]:
    """Tries of an account or an address follow each other in this process: of many sent together all would be checked before the first is counted."""
    async with AsyncExitStack() as held:
        for key in sorted(keys):
            await held.enter_async_context(_turns.setdefault(key, asyncio.Lock()))
        yield


async def _checked(visit: Visit, name: str, password: str, keys: dict[str, int]) -> Response:
    if until := await visit.read(partial(desk_sessions.locked_until, keys=list(keys), now=visit.now)):
        minutes = int((until - visit.now).total_seconds() // 60) + 1
        return _again(visit, name, f"Terlalu banyak percobaan. Coba lagi dalam {minutes} menit.", 429)
    agent = await visit.read(partial(agents.by_name, name=name))
    right = await passwords.is_right(agent["password_hash"] if agent else None, password)
    if agent is None or not right or not agent["active"]:
        await visit.write(partial(desk_sessions.wrong, allowed=keys, now=visit.now))
        return _again(visit, name, "Nama atau kata sandi salah.", 401)
    return await _enter(visit, agent["id"], _next(visit), list(keys))


def _again(visit: Visit, name: str, wrong: str, status: int) -> Response:
    return visit.page("login.html", status, next=_next(visit), name=name, wrong=wrong, demo=visit.desk.demo)


async def _enter(visit: Visit, agent_id: int, path: str, keys: list[str]) -> Response:
    token = secrets.token_urlsafe(32)
    former = visit.request.cookies.get(COOKIE, "")

    def work(connection: Connection) -> None:
        now = database_now(connection)
        desk_sessions.end(connection, former)
        desk_sessions.open_session(connection, token, agent_id=agent_id, now=now)
        desk_sessions.forgive(connection, keys)
        agents.beat(connection, agent_id, now)

    await visit.write(work)
    answer = visit.go(path)
    set_cookie(answer, visit, COOKIE, token)
    drop_cookie(answer, BEFORE)
    return answer


async def logout(visit: Visit) -> Response:
    """Ends the session; who was answering is away from now on."""

    def work(connection: Connection) -> None:
        desk_sessions.end(connection, visit.token)
        agents.switch(connection, visit.me["id"], agents.AWAY, database_now(connection))

    await visit.write(work)
    answer = visit.go("/login")
    drop_cookie(answer, COOKIE)
    return answer


def _hash(visit: Visit) -> str:
    return hashlib.sha256(visit.request.path_params["token"].encode()).hexdigest()


async def invite_page(visit: Visit) -> Response:
    """The page behind a one-time link. Opening it uses nothing up: messengers fetch links for their previews."""
    agent = await visit.read(partial(agents.invited, invite_hash=_hash(visit), now=visit.now))
    if agent is None:
        return visit.note(
            "Tautan tidak berlaku", "Tautan ini sudah dipakai atau kedaluwarsa. Minta yang baru ke admin.", 410
        )
    return visit.page("invite.html", invited=agent, wrong="", shortest=passwords.SHORTEST)


async def accept_invite(visit: Visit) -> Response:
    """Sets the password, ends the agent's other sessions and logs in."""
    agent = await visit.read(partial(agents.invited, invite_hash=_hash(visit), now=visit.now))
    if agent is None:
        return visit.note(
            "Tautan tidak berlaku", "Tautan ini sudah dipakai atau kedaluwarsa. Minta yang baru ke admin.", 410
        )
    password = visit.sent.get("password", "")
    wrong = ""
    if password != visit.sent.get("again", ""):
        wrong = "Kedua kata sandi tidak sama."
    elif len(password) > passwords.LONGEST or len(password) < passwords.SHORTEST:
        wrong = f"Kata sandi minimal {passwords.SHORTEST} huruf."
    elif agent["name"].lower() in password.lower() or len(set(password)) < 5:
        wrong = "Kata sandi terlalu mudah ditebak."
    if wrong:
        return visit.page("invite.html", 422, invited=agent, wrong=wrong, shortest=passwords.SHORTEST)
    stored = await passwords.hashed(password)

    def work(connection: Connection) -> bool:
        now = database_now(connection)
        if not agents.accept(connection, invite_hash=_hash(visit), password_hash=stored, now=now):
            return False
        desk_sessions.end_all(connection, agent["id"])
        return True

    if not await visit.write(work):
        return visit.note("Tautan tidak berlaku", "Tautan ini baru saja dipakai.", 410)
    return await _enter(visit, agent["id"], "/", list(desk_sessions.throttle_keys(agent["name"], "")))
