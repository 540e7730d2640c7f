"""The queue: who waits and who is being served, filtered and live; taking the next one; being there or away."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import Connection
from starlette.responses import Response

from bot.desk import live, topics
from bot.desk.speaking import stay
from bot.desk.visit import PREFIX, Visit
from handlers import desk_acts, desk_calendar, telling
from storage import agents, desk_queue, handoffs
from storage.database import database_now

TABS = {"waiting": "Menunggu", "mine": "Milik saya", "active": "Sedang dilayani", "all": "Semua"}
LONGER = {"": "Berapa pun", "5": "> 5 mnt", "15": "> 15 mnt", "30": "> 30 mnt", "60": "> 1 jam"}
ORDERS = {"queue": "Antrean", "wait": "Terlama", "due": "Tenggat"}
_FAR = timedelta(days=3650)
_SHOWN = 100  # more than anybody reads; the rest is reached by the filters


def _belongs(show: str, me: int) -> Callable[[Mapping[str, Any]], bool]:
    match show:
        case "waiting":
            return lambda row: row["state"] == handoffs.WAITING
        case "mine":
            return lambda row: row["agent_id"] == me and row["state"] == handoffs.ACTIVE
        case "active":
            return lambda row: row["state"] == handoffs.ACTIVE
    return lambda row: True


def _sorted(rows: Sequence[dict[str, Any]], order: str, now: datetime) -> list[dict[str, Any]]:
    if order == "wait":
        return sorted(rows, key=lambda row: row["asked_at"])
    if order == "due":
        return sorted(rows, key=lambda row: row["due_at"] or now + _FAR)
    return list(rows)


def _pick(visit: Visit, name: str, among: Mapping[str, str]) -> str:
    asked = visit.asked(name)
    return asked if asked in among else next(iter(among))


async def show(visit: Visit) -> Response:
    """The page, or its list alone."""

    def work(connection: Connection) -> tuple[live.Seen, list[dict[str, Any]], desk_calendar.Calendar]:
        # the marks come first: what is committed meanwhile must stir the page, not be taken for shown
        return live.look(connection, frozenset()), desk_queue.going_on(connection), desk_calendar.load(connection)

    seen, everybody, times = await visit.read(work)
    me, now = visit.me["id"], visit.now
    asked = {"show": _pick(visit, "show", TABS), "topic": visit.asked("topic")}
    asked |= {"longer": _pick(visit, "longer", LONGER), "order": _pick(visit, "order", ORDERS)}
    rows = [row for row in everybody if _belongs(asked["show"], me)(row)]
    if asked["topic"]:
        rows = [row for row in rows if row["topic"] == asked["topic"]]
    if asked["longer"]:
        rows = [row for row in rows if now - row["asked_at"] > timedelta(minutes=int(asked["longer"]))]
    rows = _sorted(rows, asked["order"], now)[:_SHOWN]
    for row in rows:
        row["late"] = row["due_at"] is not None and row["due_at"] < now
        row["v"] = f"{row['state']}{row['agent_id']}{row['last_id']}{row['priority']}{row['front']}{row['late']}"

    def link(**changed: str) -> str:
        return f"{PREFIX}/?{urlencode({k: v for k, v in {**asked, **changed}.items() if v})}"

    names = topics.names(visit.content)
    return visit.page(
        "queue_parts.html" if visit.part else "queue.html",
        rows=rows,
        counts={key: sum(map(_belongs(key, me), everybody)) for key in TABS},
        topics={
            key: names.get(key, key) for key in sorted({row["topic"] for row in everybody} | {asked["topic"]} - {""})
        },
        TABS=TABS,
        LONGER=LONGER,
        ORDERS=ORDERS,
        link=link,
        part_url=link(),
        since=seen.mark(agent_id=me, chat=None, queue=True),
        waiting=seen.waiting,
        closed=_closed(times, visit.now),
        **asked,
    )


def _closed(times: desk_calendar.Calendar, now: datetime) -> str:
    """What agents must know outside the hours; "" within them."""
    if times.is_open(now):
        return ""
    opening = times.opening(now)
    begins = f" Mulai lagi {telling.moment_in('WIB', opening, now)}." if opening else " Jam layanan belum diatur."
    return f"Di luar jam layanan.{begins} Warga yang meminta petugas sekarang mendapat nomor laporan."


async def take_next(visit: Visit) -> Response:
    """The first who waits and whom this agent may serve."""
    row = await visit.write(partial(_next, visit), sends=True)
    return visit.go(f"/chat/{row}", done="taken") if row else visit.go("/", done="empty")


def _next(visit: Visit, connection: Connection) -> int | None:
    now = database_now(connection)
    for row in handoffs.waiting(connection):
        try:
            desk_acts.take(connection, visit.content, row["id"], visit.me["id"], now)
        except handoffs.RefusedError:
            continue
        stay(connection, visit)
        return int(row["chat_id"])
    return None


async def availability(visit: Visit) -> Response:
    """Available, finishing what there is, or away."""
    wanted = visit.sent.get("availability", "")
    if wanted in (agents.AVAILABLE, agents.FINISHING, agents.AWAY):
        await visit.write(lambda c: agents.switch(c, visit.me["id"], wanted, database_now(c)))
    back = visit.sent.get("back", "/")
    return visit.go(back if back.startswith("/") and not back.startswith("//") and "?" not in back else "/")
