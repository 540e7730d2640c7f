"""People's "this answer is wrong": counted by answer version, the remark only with the person's recorded consent."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, RowMapping, case, func, select, update

from storage import consents, restrictions
from storage.schema import answer_feedback

OPEN, DONE = "open", "done"


def note(
    connection: Connection,
    *,
    chat_id: int,
    intent: str,
    version_id: int | None,
    content: str,
    channel: str,
    remark: str,
    now: datetime,
) -> None:
    """Adds one; `remark` is masked already; it and the chat are dropped unless the chat consents to "improve" and its use is not restricted."""
    agreed = consents.active(connection, chat_id, "improve", now) and not restrictions.restricted(connection, chat_id)
    connection.execute(
        answer_feedback.insert().values(
            chat_id=chat_id if agreed else None,
            intent=intent,
            version_id=version_id,
            content=content,
            channel=channel,
            remark=(remark or None) if agreed else None,
            state=OPEN,
            at=now,
        )
    )


def listed(
    connection: Connection, *, intent: str | None = None, state: str | None = OPEN, limit: int = 200
) -> list[RowMapping]:
    """Rows (id, intent, version_id, content, channel, remark, state, at, done_at, done_by), newest first; None: any.

    Without the remark of whoever has had the use of their data restricted.
    """
    f = answer_feedback.c
    shown = [column for column in f if column.name != "remark"]
    remark = case((~restrictions.holds(f.chat_id), f.remark)).label("remark")
    statement = select(*shown, remark).order_by(f.id.desc()).limit(limit)
    if intent is not None:
        statement = statement.where(answer_feedback.c.intent == intent)
    if state is not None:
        statement = statement.where(answer_feedback.c.state == state)
    return list(connection.execute(statement).mappings())


def forget(connection: Connection, chat_id: int) -> int:
    """A chat has withdrawn its consent: its remarks go, the counts stay. Returns how many rows."""
    mine = update(answer_feedback).where(answer_feedback.c.chat_id == chat_id)
    return connection.execute(mine.values(remark=None, chat_id=None)).rowcount


def open_counts(connection: Connection) -> dict[str, int]:
    """How many are open, by intent."""
    found = connection.execute(
        select(answer_feedback.c.intent, func.count())
        .where(answer_feedback.c.state == OPEN)
        .group_by(answer_feedback.c.intent)
    )
    return {row[0]: int(row[1]) for row in found}


def version_counts(connection: Connection, intent: str) -> dict[int | None, int]:
    """How many of any state each version of an answer has; None: the files' own answer."""
    found = connection.execute(
        select(answer_feedback.c.version_id, func.count())
        .where(answer_feedback.c.intent == intent)
        .group_by(answer_feedback.c.version_id)
    )
    return {row[0]: int(row[1]) for row in found}


def settle(connection: Connection, feedback_id: int, *, done: bool, by: str, now: datetime) -> bool:
    """Marks one as done, or open again; False where there is none."""
    values = (
        {"state": DONE, "done_at": now, "done_by": by} if done else {"state": OPEN, "done_at": None, "done_by": None}
    )
    statement = update(answer_feedback).where(answer_feedback.c.id == feedback_id).values(**values)
    return connection.execute(statement).rowcount == 1


def settle_all(connection: Connection, intent: str, *, by: str, now: datetime) -> int:
    """Marks every open one of an answer as done; returns how many."""
    statement = (
        update(answer_feedback)
        .where(answer_feedback.c.intent == intent, answer_feedback.c.state == OPEN)
        .values(state=DONE, done_at=now, done_by=by)
    )
    return connection.execute(statement).rowcount
