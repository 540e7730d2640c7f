"""What people have asked for about their data: the list by deadline, and one request with its proof."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection
from starlette.responses import Response

from bot.desk.visit import Visit
from bot.privacy import requests
from handlers import register
from storage import data_requests, desk_view
from storage.database import database_now

KINDS = {
    "access": "Lihat data",
    "correction": "Koreksi",
    "withdrawal": "Tarik persetujuan",
    "restriction": "Batasi pemakaian",
    "erasure": "Hapus",
}
STATES = {"open": "Menunggu", "done": "Sudah dikerjakan", "refused": "Tidak bisa dikerjakan", "": "Semua"}
LEGAL = (
    "Data orang lain ikut terbuka (pasal 33)",
    "Membahayakan keamanan atau kesehatan pemohon atau orang lain (pasal 33)",
    "Pertahanan dan keamanan nasional (pasal 33)",
    "Data wajib disimpan menurut undang-undang",
    "Pemohon belum terbukti pemilik data",
)
_LOOKED = "permintaan data"


async def listed(visit: Visit) -> Response:
    """Open requests, the overdue first; closed ones by the filter."""
    state = visit.asked("state", "open") if visit.asked("state", "open") in STATES else "open"

    def work(connection: Connection) -> dict[str, Any]:
        counts = data_requests.counts(connection, visit.now)
        return {"rows": data_requests.listed(connection, state=state), "counts": counts}

    found = await visit.read(work)
    return visit.page("requests.html", **found, state=state, STATES=STATES, KINDS=KINDS)


async def show(visit: Visit) -> Response:
    """One request; the look is logged, because the person's words stand in it."""
    return await _page(visit)


async def _page(visit: Visit, *, status: int = 200, problem: str = "") -> Response:
    number = visit.request.path_params["number"][:16]

    def work(connection: Connection) -> dict[str, Any] | None:
        row = data_requests.by_number(connection, number)
        if row is None:
            return None
        if row["chat_id"] is not None:
            ids = {"chat_id": row["chat_id"], "participant_id": row["participant_id"]}
            desk_view.log_look(
                connection, actor=visit.actor, what=_LOOKED, now=visit.now, quiet=desk_view.SAME_LOOK, **ids
            )
        return {"row": row, "aliases": desk_view.aliases(connection)}

    found = await visit.desk.database.write(work)
    if found is None:
        return visit.missing()
    proven = found["row"]["done_at"] is not None and data_requests.intact(found["row"])
    shown = {"KINDS": KINDS, "STATES": STATES, "LEGAL": LEGAL, "labels": register.tables(visit.content)}
    return visit.page("request.html", status, **found, **shown, proven=proven, problem=problem, sent=visit.sent)


async def done(visit: Visit) -> Response:
    """Closes it as done, with what was done as the person reads it."""
    return await _close(visit, visit.sent.get("told", ""), refused=False)


async def refuse(visit: Visit) -> Response:
    """Closes it with the legal reason."""
    reason = visit.sent.get("reason", "").strip() or visit.sent.get("law", "")
    return await _close(visit, reason, refused=True)


async def _close(visit: Visit, said: str, *, refused: bool) -> Response:
    told = " ".join(said.split())[:300]
    number = visit.request.path_params["number"][:16]

    def work(connection: Connection) -> bool:
        row = data_requests.by_number(connection, number)
        if row is None:
            return False
        now = database_now(connection)
        requests.close(connection, visit.content, row, by=visit.actor, told=told, refused=refused, now=now)
        return True

    if not told:
        return await _page(
            visit, status=422, problem="Tulis alasan hukumnya." if refused else "Tulis apa yang dikerjakan."
        )
    try:
        there = await visit.write(work, sends=True)
    except ValueError:
        return await _page(visit, status=409, problem="Permintaan ini sudah ditutup.")
    return visit.go("/requests", done="request_refused" if refused else "request_done") if there else visit.missing()
