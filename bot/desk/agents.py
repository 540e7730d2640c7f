"""Accounts: who may come in, with which role. Passwords are set by their owners alone, over a one-time link."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection
from starlette.responses import Response

from bot.desk.look import ROLES
from bot.desk.visit import PREFIX, Visit, is_whole
from storage import agents, desk_sessions
from storage.database import database_now

INVITED = timedelta(hours=48)
_CAPS = range(1, 21)


async def show(visit: Visit) -> Response:
    """All accounts with their forms."""
    return await _page(visit)


async def _page(visit: Visit, *, status: int = 200, problem: str = "", link: str = "", whose: str = "") -> Response:
    rows = await visit.read(agents.listed)
    shown = {"link": link, "whose": whose, "sent": visit.sent}
    return visit.page("agents.html", status, rows=rows, problem=problem, **shown)


def _typed(visit: Visit) -> dict[str, Any]:
    """Alias, role, skills and cap as typed; ValueError with a sentence."""
    alias, role, cap = visit.sent.get("alias", "").strip(), visit.sent.get("role", ""), visit.sent.get("cap", "")
    if not 2 <= len(alias) <= 40:
        raise ValueError("Alias: 2–40 huruf.")
    if role not in ROLES:
        raise ValueError("Pilih peran.")
    if not is_whole(cap) or int(cap) not in _CAPS:
        raise ValueError("Batas percakapan: 1–20.")
    known = visit.content.files["reports"]["topics"]  # what the queue sorts by
    skills = [skill.strip() for skill in visit.sent.get("skills", "").split(",") if skill.strip()]
    if unknown := [skill for skill in skills if skill not in known]:
        raise ValueError(f"Topik tidak dikenal: {', '.join(unknown)}. Yang ada: {', '.join(known)}.")
    return {"alias": alias, "role": role, "cap": int(cap), "skills": skills}


async def add(visit: Visit) -> Response:
    """A new account; the page shows its one-time link once."""
    name = visit.sent.get("name", "").strip()
    try:
        if not 2 <= len(name) <= 80:
            raise ValueError("Nama: 2–80 huruf.")
        typed = _typed(visit)
    except ValueError as error:
        return await _page(visit, status=422, problem=str(error))
    new_id, token = visit.desk.parts().new_id, secrets.token_urlsafe(32)

    def work(connection: Connection) -> bool:
        if agents.by_name(connection, name):
            return False
        now = database_now(connection)
        while agents.has_code(connection, code := f"P-{new_id(4)}"):
            pass
        key = agents.add(connection, name=name, code=code, now=now, **typed)
        agents.invite(connection, key, invite_hash=_hash(token), until=now + INVITED)
        return True

    if not await visit.write(work):
        return await _page(visit, status=422, problem=f"Sudah ada petugas bernama {name}.")
    return await _page(visit, link=_address(visit, token), whose=name)


async def change(visit: Visit) -> Response:
    """Another alias, role, cap or skills; another role ends the sessions. Nobody takes the admin's role from themselves."""
    key = visit.number("agent")
    agent = await visit.read(partial(agents.get, agent_id=key))
    if agent is None:
        return visit.missing()
    try:
        typed = _typed(visit)
        if key == visit.me["id"] and typed["role"] != visit.me["role"]:
            raise ValueError("Peran sendiri tidak bisa diubah sendiri.")
    except ValueError as error:
        return await _page(visit, status=422, problem=str(error))

    def work(connection: Connection) -> None:
        agents.change(connection, key, **typed)
        if agent["role"] != typed["role"]:
            desk_sessions.end_all(connection, key)

    await visit.write(work)
    return visit.go("/agents", done="saved")


async def link(visit: Visit) -> Response:
    """A new one-time link: a forgotten password, or one that ran out."""
    key, token = visit.number("agent"), secrets.token_urlsafe(32)
    agent = await visit.read(partial(agents.get, agent_id=key))
    if agent is None or not agent["active"]:
        return visit.missing()
    await visit.write(lambda c: agents.invite(c, key, invite_hash=_hash(token), until=database_now(c) + INVITED))
    return await _page(visit, link=_address(visit, token), whose=agent["name"])


async def off(visit: Visit) -> Response:
    """Ends an account and its sessions at once."""
    key = visit.number("agent")
    if key == visit.me["id"]:
        return await _page(visit, status=422, problem="Akun sendiri tidak bisa dimatikan sendiri.")

    def work(connection: Connection) -> None:
        agents.switch_off(connection, key, database_now(connection))
        desk_sessions.end_all(connection, key)

    await visit.write(work)
    return visit.go("/agents", done="saved")


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _address(visit: Visit, token: str) -> str:
    url = visit.request.url
    scheme = "https" if visit.desk.https else url.scheme
    return f"{scheme}://{url.netloc}{PREFIX}/invite/{token}"
