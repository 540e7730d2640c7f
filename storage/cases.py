"""Cases: what a person has reported, or handed to a human."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, RowMapping, select

from storage.schema import cases

DANGER, URGENT, NORMAL = 0, 1, 2


def create(
    connection: Connection,
    *,
    number: str,
    chat_id: int,
    topic: str,
    priority: int,
    story: str,
    now: datetime,
    due_at: datetime,
    participant_id: int | None = None,
) -> None:
    """Opens a case; `number` is "L-XXXXXX", the story masked, `due_at` when it must be answered (`handlers.desk_calendar`)."""
    connection.execute(
        cases.insert().values(
            number=number,
            chat_id=chat_id,
            participant_id=participant_id,
            topic=topic,
            priority=priority,
            state="open",
            story=story,
            history=[{"at": now.isoformat(), "actor": "bot", "what": "opened"}],
            created_at=now,
            updated_at=now,
            due_at=due_at,
        )
    )


def find(connection: Connection, number: str, chat_id: int) -> RowMapping | None:
    """The case of that number, if it is this chat's own."""
    return (
        connection.execute(select(cases).where(cases.c.number == number, cases.c.chat_id == chat_id)).mappings().first()
    )


def by_number(connection: Connection, number: str) -> RowMapping | None:
    """The case of that number, whosever it is; for operators."""
    return connection.execute(select(cases).where(cases.c.number == number)).mappings().first()


def latest(
    connection: Connection, chat_id: int, *, topic: str | None = None, only_open: bool = False
) -> RowMapping | None:
    """The chat's newest case, of a topic or of any."""
    statement = select(cases).where(cases.c.chat_id == chat_id).order_by(cases.c.id.desc()).limit(1)
    if topic:
        statement = statement.where(cases.c.topic == topic)
    if only_open:
        statement = statement.where(cases.c.state != "closed")
    return connection.execute(statement).mappings().first()


def add_history(
    connection: Connection, case_id: int, *, actor: str, what: str, now: datetime, state: str | None = None
) -> None:
    """Appends to a case's history, and sets its state: open, waiting or closed."""
    row = connection.execute(
        select(cases.c.history, cases.c.state).where(cases.c.id == case_id).with_for_update()
    ).one()
    entry = {"at": now.isoformat(), "actor": actor, "what": what}
    changed = state or row.state
    connection.execute(
        cases.update()
        .where(cases.c.id == case_id)
        .values(
            history=[*row.history, entry], state=changed, updated_at=now, closed_at=now if changed == "closed" else None
        )
    )
