"""Models for editors: what has been taught, training in the background, what was gained and lost, publishing and going back (docs/teaching.md)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection
from starlette.responses import Response

from bot import teaching
from bot.desk.visit import Visit
from storage import models, taught, training_jobs
from storage.database import database_now

JOB_STATES = {"waiting": "menunggu", "running": "berjalan", "done": "selesai", "failed": "gagal"}
STATES = {"candidate": "calon", "published": "dipakai", "former": "pernah dipakai"}
TOTALS = {
    "accuracy": "Ketepatan",
    "in_scope_accuracy": "Ketepatan pertanyaan kita",
    "oos_recall": "Di luar topik dikenali",
    "false_refusal": "Pertanyaan kita ditolak",
    "ece": "Selisih keyakinan",
}
PROBLEMS = {
    "unknown": "Model itu tidak ada.",
    "no_candidate": "Model itu bukan calon.",
    "worse": "Model itu lebih buruk dari yang dipakai: {detail}.",
    "outdated": "Model itu dibandingkan dengan model yang sudah tidak dipakai. Latih lagi.",
    "never_used": "Model itu belum pernah dipakai, atau sedang dipakai.",
    "shipped": "Model bawaan sudah dipakai.",
}
SHOWN = 100  # taught messages on the page


async def show(visit: Visit) -> Response:
    """Everything on one page."""
    return await _page(visit)


async def _page(visit: Visit, *, status: int = 200, problem: str = "") -> Response:
    def work(connection: Connection) -> dict[str, Any]:
        return {
            "jobs": training_jobs.latest(connection),
            "versions": models.listed(connection),
            "rows": taught.active(connection),
        }

    found = await visit.read(work)
    rows = found.pop("rows")
    engine = visit.desk.parts().engine
    return visit.page(
        "models.html",
        status,
        **found,
        rows=rows[: -SHOWN - 1 : -1],
        count=len(rows),
        published=next((row for row in found["versions"] if row["state"] == "published"), None),
        engine=engine.version,
        topics=teaching.intents(visit.content),
        problem=problem,
        JOB_STATES=JOB_STATES,
        STATES=STATES,
        TOTALS=TOTALS,
    )


async def train(visit: Visit) -> Response:
    """Asks for a model; whichever process leads makes it."""
    await visit.write(lambda c: training_jobs.ask(c, by=visit.actor, now=database_now(c)))
    return visit.go("/models", done="model_training")


async def publish(visit: Visit) -> Response:
    """A candidate that is not worse becomes the model."""
    return await _switch(
        visit, lambda c, key: models.publish(c, key or 0, by=visit.actor, now=database_now(c)), "model_published"
    )


async def roll_back(visit: Visit) -> Response:
    """Back to a version that was used before, or to the shipped one (0)."""
    return await _switch(
        visit, lambda c, key: models.roll_back(c, key, by=visit.actor, now=database_now(c)), "model_back"
    )


async def _switch(visit: Visit, deed: Any, done: str) -> Response:
    key = visit.number("model") or None
    try:
        await visit.write(lambda c: deed(c, key))
    except models.NotPublishableError as error:
        return await _page(visit, status=409, problem=PROBLEMS[error.reason].format(detail=error.detail))
    return visit.go("/models", done=done)


async def withdraw(visit: Visit) -> Response:
    """Takes a taught message back; the next model does not learn it."""
    if not await visit.write(lambda c: taught.withdraw(c, visit.number("taught"))):
        return visit.missing()
    return visit.go("/models", done="removed")
