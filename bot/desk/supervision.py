"""The supervisor's page: what goes on now, and how a span of days went, in all and by agent."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import Connection
from starlette.responses import Response

from bot.desk import live, topics
from bot.desk.visit import Visit
from storage import agents, desk_queue, supervision
from storage.database import database_now

SPANS = {"1": "Hari ini", "7": "7 hari", "30": "30 hari"}


async def show(visit: Visit) -> Response:
    """Figures only: no names of people, no texts."""
    asked = visit.asked("days")
    days = asked if asked in SPANS else "1"

    def work(connection: Connection) -> dict[str, Any]:
        now = database_now(connection)
        since = now - timedelta(days=int(days))
        waiting = [row for row in desk_queue.going_on(connection) if row["state"] == "waiting"]
        seen = live.look(connection, frozenset())  # first: what is committed meanwhile must stir the page
        return {
            "present": supervision.present(connection, now),
            "figures": supervision.figures(connection, since, now),
            "by_agent": supervision.by_agent(connection, since, now),
            "colleagues": [
                row for row in agents.listed(connection, only_active=True) if row["role"] in agents.ANSWERING
            ],
            "waiting_by_topic": _by_topic(waiting),
            "seen": seen,
        }

    found = await visit.read(work)
    seen = found.pop("seen")
    return visit.page(
        "supervision_now.html" if visit.part else "supervision.html",
        **found,
        days=days,
        SPANS=SPANS,
        topics=topics.names(visit.content),
        since=seen.mark(agent_id=visit.me["id"], chat=None, queue=True),
        waiting=seen.waiting,
        out=visit.now - agents.OUT,
    )


def _by_topic(rows: list[dict[str, Any]]) -> list[tuple[str, int, Any]]:
    """(topic, how many wait, since when the first), the most first."""
    found: dict[str, list[Any]] = {}
    for row in rows:
        found.setdefault(row["topic"], []).append(row["asked_at"])
    return sorted(((topic, len(asked), min(asked)) for topic, asked in found.items()), key=lambda one: -one[1])
