"""One person's data: the dry run of an erasure first, then a copy or, after a second confirmation, the erasure."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection
from starlette.responses import HTMLResponse, Response

from bot.desk.visit import Visit
from bot.privacy import erase as erasing
from bot.privacy import export, whose
from handlers import register
from storage import desk_view, people
from storage.database import database_now

WAYS = {"chat": "Nomor chat atau laporan (L-…)", "phone": "Nomor telepon (+62…)", "record": "Kunci data peserta"}
SURE = "HAPUS"
_SOUGHT = "pencarian data"  # as the access log names it


async def ask(visit: Visit) -> Response:
    """The form by which a person is found; a number never stands in an address."""
    return await _page(visit)


async def _page(visit: Visit, *, status: int = 200, problem: str = "", **more: Any) -> Response:
    shown = {"found": None, "receipts": [], "erased": False, **more}
    labels = register.tables(visit.content)
    return visit.page(
        "person.html", status, WAYS=WAYS, SURE=SURE, sent=visit.sent, problem=problem, labels=labels, **shown
    )


def _named(visit: Visit) -> dict[str, str]:
    way = visit.sent.get("way", "")
    return {way: visit.sent.get("who", "").strip()[:64]} if way in WAYS else {}


async def find(visit: Visit) -> Response:
    """What would be erased and what would stay, table by table; that somebody was looked for is logged."""
    return await _found(visit)


async def _found(visit: Visit, *, status: int = 200, problem: str = "") -> Response:
    def work(connection: Connection) -> tuple[whose.Whose, list[erasing.Receipt]]:
        found, now = whose.find(connection, **_named(visit)), database_now(connection)
        receipts = erasing.would_erase(connection, found, now)
        _log(visit, connection, found, now)
        return found, receipts

    try:
        found, receipts = await visit.desk.database.write(work)
    except ValueError:
        return await _page(visit, status=422, problem="Tidak ditemukan. Periksa cara dan nomornya.")
    return await _page(visit, status=status, problem=problem, found=found, receipts=receipts)


def _log(visit: Visit, connection: Connection, found: whose.Whose, now: datetime) -> None:
    logged: dict[str, Any] = {"actor": visit.actor, "what": _SOUGHT, "now": now}
    for chat_id in found.chat_ids:
        desk_view.log_look(connection, chat_id=chat_id, participant_id=None, quiet=desk_view.SAME_LOOK, **logged)
    if found.record is not None:
        people.log_access(connection, participant_id=found.record["id"], **logged)


async def copy(visit: Visit) -> Response:
    """The copy as a page or as JSON, to save and hand over; logged with its reason."""
    reason = " ".join(visit.sent.get("reason", "").split())

    def work(connection: Connection) -> dict[str, Any]:
        found = whose.find(connection, **_named(visit))
        return export.export(connection, found, by=visit.actor, reason=reason, now=database_now(connection))

    if len(reason) < 8:
        return await _found(visit, status=422, problem="Tulis untuk siapa dan mengapa (paling sedikit 8 huruf).")
    try:
        made = await visit.write(work)
    except ValueError:
        return await _found(visit)
    if visit.sent.get("as") == "json":
        return _file(Response(export.as_json(made), media_type="application/json"), "salinan-data.json")
    labels, columns = register.tables(visit.content), register.columns(visit.content)
    page = export.page(made, labels, columns, visit.desk.parts().policy.operator)
    return _file(HTMLResponse(page), "salinan-data.html")


def _file(answer: Response, name: str) -> Response:
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


async def erase(visit: Visit) -> Response:
    """Erases for good, once the word has been typed; the page shows the receipts."""
    policy = visit.desk.parts().policy

    def work(connection: Connection) -> tuple[whose.Whose, list[erasing.Receipt]]:
        found = whose.find(connection, **_named(visit))
        return found, erasing.erase(connection, policy, found, by=visit.actor, now=database_now(connection))

    if visit.sent.get("sure", "").strip().upper() != SURE:
        return await _found(visit, status=422, problem=f"Ketik {SURE} untuk menghapus.")
    try:
        found, receipts = await visit.write(work)
    except ValueError:
        return await _found(visit)
    return await _page(visit, found=found, receipts=receipts, erased=True)
