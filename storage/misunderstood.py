"""What was not understood, for the editors: the text only with consent, otherwise the count by topic."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, func, or_, select, update

from storage import restrictions
from storage.schema import consents, messages, misunderstood, taught

PURPOSE = "improve"
OPEN = None
STATES = ("taught", "done", "not_ours", "aside")  # what an editor has made of it

_agreed = select(consents.c.id).where(
    consents.c.chat_id == bindparam("chat_id"),
    consents.c.purpose == PURPOSE,
    consents.c.withdrawn_at.is_(None),
    or_(consents.c.until.is_(None), consents.c.until > bindparam("now")),
)

_readable = (misunderstood.c.text.is_not(None), ~restrictions.holds(misunderstood.c.chat_id))
"""A text is there, and its person has not had the use of their data restricted since."""


def note(
    connection: Connection,
    *,
    chat_id: int,
    topic: str,
    text: str | None,
    outcome: str,
    now: datetime,
    channel: str | None = None,
    answer: str | None = None,
) -> None:
    """Adds one; `text` is masked already and dropped unless the chat consents to "improve".

    `outcome`: clarify, refuse, or feedback, where a person says that an answer was wrong; `answer`: what was answered with.

    Nothing of a chat whose use is restricted.
    """
    if restrictions.restricted(connection, chat_id):
        return
    agreed = connection.execute(_agreed, {"chat_id": chat_id, "now": now}).first()
    row = {
        "chat_id": chat_id if agreed else None,
        "topic": topic,
        "text": text if agreed else None,
        "outcome": outcome,
        "at": now,
        "channel": channel,
        "answer": answer,
    }
    connection.execute(misunderstood.insert(), row)


def question(connection: Connection, chat_id: int, intent: str) -> str | None:
    """What the chat asked last that was answered with an intent; None where the log does not tell."""
    mine = (messages.c.chat_id == chat_id, messages.c.author == "person", messages.c.intent == intent)
    return connection.execute(select(messages.c.text).where(*mine).order_by(messages.c.id.desc()).limit(1)).scalar()


def texts(connection: Connection, state: str | None, *, limit: int) -> list[RowMapping]:
    """The newest of a state whose text may be read; None: still to be looked at."""
    statement = (
        select(misunderstood)
        .where(_in_state(state), *_readable)
        .order_by(misunderstood.c.at.desc(), misunderstood.c.id.desc())
        .limit(limit)
    )
    return list(connection.execute(statement).mappings())


def counts(connection: Connection, state: str | None, *, since: datetime) -> list[RowMapping]:
    """How often each topic was the best guess, by outcome, where there is no text; the most frequent first."""
    times = func.count().label("times")
    statement = (
        select(misunderstood.c.topic, misunderstood.c.outcome, times, func.max(misunderstood.c.at).label("last"))
        .where(_in_state(state), misunderstood.c.text.is_(None), misunderstood.c.at >= since)
        .group_by(misunderstood.c.topic, misunderstood.c.outcome)
        .order_by(times.desc(), misunderstood.c.topic)
    )
    return list(connection.execute(statement).mappings())


def some(connection: Connection, ids: Sequence[int]) -> list[RowMapping]:
    """The items of these keys whose text may be read, oldest first."""
    statement = select(misunderstood).where(misunderstood.c.id.in_(ids), *_readable)
    return list(connection.execute(statement.order_by(misunderstood.c.id)).mappings())


def handle(connection: Connection, ids: Sequence[int], state: str | None, *, by: str, now: datetime) -> int:
    """Says what became of items; None opens them again. Returns how many there were."""
    values: dict[str, Any] = {"state": state, "handled_by": by, "handled_at": now}
    return connection.execute(update(misunderstood).where(misunderstood.c.id.in_(ids)).values(values)).rowcount


def forget(connection: Connection, chat_id: int) -> int:
    """A chat has withdrawn its consent: its texts go, and what was taught in its words; the counts stay. Returns how many texts."""
    mine = update(misunderstood).where(misunderstood.c.chat_id == chat_id)
    gone: int = connection.execute(mine.values(text=None, chat_id=None)).rowcount
    connection.execute(taught.delete().where(taught.c.chat_id == chat_id))
    return gone


def _in_state(state: str | None) -> Any:
    return misunderstood.c.state.is_(None) if state is None else misunderstood.c.state == state
