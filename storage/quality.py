"""Conversations that a supervisor reads again: two of a hundred, and each that was rated 1 or 2."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, RowMapping, select, update

from storage import restrictions
from storage.inbox import insert_for
from storage.schema import agents, chats, handoffs, quality_reviews

QUESTIONS = ("understood", "correct", "complete", "kind", "safe", "closed")
"""Was the question understood; the answer right and dated; all of it answered; the tone kind; no secret asked; a clear end."""

ONE_OF = 50  # 2 %
LOW = 2  # ratings up to this are always read


def sample(connection: Connection, handoff_id: int, now: datetime, *, rating: int | None = None) -> bool:
    """Marks a conversation for reading if chance (by its number, so that a rerun decides alike) or its rating says so."""
    drawn = int.from_bytes(hashlib.sha256(f"quality:{handoff_id}".encode()).digest()[:4]) % ONE_OF == 0
    low = rating is not None and rating <= LOW
    if not (drawn or low) or _restricted(connection, handoff_id):
        return False
    values = {"handoff_id": handoff_id, "why": "rating" if low else "random", "sampled_at": now}
    connection.execute(insert_for(connection)(quality_reviews).on_conflict_do_nothing().values(values))
    return True


def _restricted(connection: Connection, handoff_id: int) -> bool:
    mine = select(restrictions.holds(handoffs.c.chat_id)).where(handoffs.c.id == handoff_id)
    return bool(connection.execute(mine).scalar())


def unread(connection: Connection, limit: int = 100) -> list[RowMapping]:
    """What is still to be read, oldest first, with chat_id, number, agent_id, alias, channel, rating and rating_note."""
    statement = (
        select(
            quality_reviews,
            handoffs.c.chat_id,
            handoffs.c.number,
            handoffs.c.topic,
            handoffs.c.agent_id,
            handoffs.c.asked_at,
            handoffs.c.ended_at,
            handoffs.c.rating,
            handoffs.c.rating_note,
            agents.c.alias,
            chats.c.channel,
        )
        .join(handoffs, handoffs.c.id == quality_reviews.c.handoff_id)
        .join(chats, chats.c.id == handoffs.c.chat_id)
        .outerjoin(agents, agents.c.id == handoffs.c.agent_id)
        .where(quality_reviews.c.reviewed_at.is_(None), ~restrictions.holds(handoffs.c.chat_id))
        .order_by(quality_reviews.c.sampled_at)
        .limit(limit)
    )
    return list(connection.execute(statement).mappings())


def review(
    connection: Connection,
    review_id: int,
    *,
    reviewer_id: int,
    answers: Mapping[str, bool | None],
    note: str,
    now: datetime,
) -> None:
    """Keeps the six answers (None: does not apply). ValueError for a missing or unknown question."""
    if set(answers) != set(QUESTIONS):
        raise ValueError(f"six answers are wanted: {', '.join(QUESTIONS)}")
    values = {"reviewer_id": reviewer_id, "answers": dict(answers), "note": note or None, "reviewed_at": now}
    connection.execute(update(quality_reviews).where(quality_reviews.c.id == review_id).values(values))
