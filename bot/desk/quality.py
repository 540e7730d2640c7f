"""Reading conversations again: two of a hundred and every low rating, with six questions."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection
from starlette.responses import Response

from bot.desk import topics
from bot.desk.visit import Visit
from nlu.masking import mask
from storage import desk_view, quality
from storage.database import database_now

QUESTIONS = {
    "understood": "Pertanyaan warga dipahami?",
    "correct": "Jawabannya benar dan bertanggal?",
    "complete": "Semua yang ditanyakan dijawab?",
    "kind": "Nadanya ramah dan sabar?",
    "safe": "Tidak ada rahasia atau nomor yang diminta?",
    "closed": "Penutupnya jelas: apa yang terjadi berikutnya?",
}
ANSWERS = {"yes": True, "no": False, "none": None}
WHY = {"random": "acak", "rating": "nilai rendah"}


async def show(visit: Visit) -> Response:
    """What is still to be read."""
    rows = await visit.read(quality.unread)
    names = topics.names(visit.content)
    return visit.page("quality.html", rows=rows, topics=names, WHY=WHY)


async def read(visit: Visit) -> Response:
    """One conversation with the form."""
    return await _page(visit)


async def _page(visit: Visit, *, status: int = 200, problem: str = "") -> Response:
    key = visit.number("review")

    def work(connection: Connection) -> dict[str, Any] | None:
        row = next((one for one in quality.unread(connection, limit=1_000) if one["id"] == key), None)
        if row is None:
            return None
        talk = desk_view.talk_between(connection, row["chat_id"], row["asked_at"], row["ended_at"])
        return {"review": row, "talk": talk, "aliases": desk_view.aliases(connection)}

    found = await visit.read(work)
    if found is None:
        return visit.missing()
    ids = {"actor": visit.actor, "chat_id": found["review"]["chat_id"], "participant_id": None}
    await visit.desk.database.write(
        lambda c: desk_view.log_look(c, **ids, what="mutu", now=database_now(c), quiet=desk_view.SAME_LOOK)
    )
    return visit.page(
        "quality_read.html", status, **found, QUESTIONS=QUESTIONS, WHY=WHY, sent=visit.sent, problem=problem
    )


async def save(visit: Visit) -> Response:
    """Keeps the six answers."""
    given = {name: visit.sent.get(name, "") for name in QUESTIONS}
    if any(value not in ANSWERS for value in given.values()):
        return await _page(visit, status=422, problem="Jawab keenam pertanyaan.")
    answers, said = (
        {name: ANSWERS[value] for name, value in given.items()},
        mask(visit.sent.get("note", "")[:1000]).text,
    )
    await visit.write(
        lambda c: quality.review(
            c, visit.number("review"), reviewer_id=visit.me["id"], answers=answers, note=said, now=database_now(c)
        )
    )
    return visit.go("/quality", done="reviewed")
