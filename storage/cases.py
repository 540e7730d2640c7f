"""Cases: what a person has reported, or handed to a human."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, select

from storage.schema import cases, chats

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
) -> RowMapping:
    """Opens a case and returns it; `number` is "L-XXXXXX", the story masked, `due_at` when it must be answered (`handlers.desk_calendar`)."""
    statement = cases.insert().values(
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
    return connection.execute(statement.returning(cases)).mappings().one()


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


def add_story(connection: Connection, case_id: int, *, story: str, now: datetime) -> None:
    """Puts more of the story behind what a case has already, unless it holds it."""
    former = connection.execute(select(cases.c.story).where(cases.c.id == case_id).with_for_update()).scalar_one()
    if story not in former:
        values = {"story": story if former in story else f"{former}\n—\n{story}", "updated_at": now}
        connection.execute(cases.update().where(cases.c.id == case_id).values(values))


def settle(connection: Connection, case_id: int, *, actor: str, resolution: str, told: str, now: datetime) -> None:
    """Keeps how a case ended and what the person was told; a forwarded one stays open."""
    state = "open" if resolution == "forwarded" else "closed"
    add_history(connection, case_id, actor=actor, what=f"{resolution}: {told}", now=now, state=state)
    connection.execute(cases.update().where(cases.c.id == case_id).values(resolution=resolution, told=told))


def corrected(connection: Connection, case_id: int, *, actor: str, told: str, now: datetime) -> None:
    """Keeps what the person was told instead; the history keeps both."""
    add_history(connection, case_id, actor=actor, what=f"corrected: {told}", now=now)
    connection.execute(cases.update().where(cases.c.id == case_id).values(told=told))


def change(connection: Connection, case_id: int, *, actor: str, now: datetime, **values: Any) -> None:
    """Sets priority, due_at, topic, state or agent_id, and says so in the history."""
    shown = ", ".join(f"{name} {_shown(value)}" for name, value in values.items())
    add_history(connection, case_id, actor=actor, what=shown, now=now, state=values.get("state"))
    connection.execute(cases.update().where(cases.c.id == case_id).values(values))


def _shown(value: object) -> str:
    return value.isoformat(timespec="minutes") if isinstance(value, datetime) else str(value)


def listed(
    connection: Connection,
    *,
    state: str | None = None,
    topic: str | None = None,
    agent_id: int | None = None,
    due_before: datetime | None = None,
    limit: int = 200,
) -> list[RowMapping]:
    """Cases by priority, then by when they are due, with the chat's channel and name; `state` "unsettled": all that are not closed."""
    where = [cases.c.state != "closed"] if state == "unsettled" else [cases.c.state == state] if state else []
    where += [cases.c.topic == topic] if topic else []
    where += [cases.c.agent_id == agent_id] if agent_id else []
    where += [cases.c.due_at < due_before] if due_before else []
    statement = select(cases, chats.c.channel, chats.c.name, chats.c.zone).join(chats, chats.c.id == cases.c.chat_id)
    order = (cases.c.priority, cases.c.due_at, cases.c.id)
    return list(connection.execute(statement.where(*where).order_by(*order).limit(limit)).mappings())


def of_chat(connection: Connection, chat_id: int, limit: int = 20) -> list[RowMapping]:
    """A chat's cases, newest first."""
    statement = select(cases).where(cases.c.chat_id == chat_id).order_by(cases.c.id.desc()).limit(limit)
    return list(connection.execute(statement).mappings())


def add_history(
    connection: Connection, case_id: int, *, actor: str, what: str, now: datetime, state: str | None = None
) -> None:
    """Appends to a case's history, and sets its state: open, waiting or closed."""
    row = connection.execute(
        select(cases.c.history, cases.c.state).where(cases.c.id == case_id).with_for_update()
    ).one()
    entry = {"at": now.isoformat(), "actor": actor, "what": what}
    changed = state or row.state
    closed = {"closed_at": now if changed == "closed" else None} if changed != row.state else {}
    connection.execute(
        cases.update()
        .where(cases.c.id == case_id)
        .values(history=[*row.history, entry], state=changed, updated_at=now, **closed)
    )
