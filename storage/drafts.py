"""Half-done forms, kept for 30 days after the last answer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, select, tuple_, update

from storage.inbox import insert_for
from storage.schema import drafts


def save(
    connection: Connection,
    chat_id: int,
    form: str,
    *,
    step: str,
    data: Mapping[str, Any],
    now: datetime,
    expires_at: datetime,
    reminded_at: datetime | None = None,
) -> None:
    """Writes the draft of a form over the former one; with `reminded_at` nobody is reminded of it."""
    values = {"step": step, "data": dict(data), "updated_at": now, "expires_at": expires_at, "reminded_at": reminded_at}
    statement = insert_for(connection)(drafts).values(chat_id=chat_id, form=form, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["chat_id", "form"], set_=values))


def amend(connection: Connection, chat_id: int, form: str, data: Mapping[str, Any]) -> None:
    """Changes what a draft holds; its place and its time stay."""
    statement = update(drafts).where(drafts.c.chat_id == chat_id, drafts.c.form == form)
    connection.execute(statement.values(data=dict(data)))


def get(connection: Connection, chat_id: int, form: str, now: datetime) -> RowMapping | None:
    """The draft, unless it has expired."""
    statement = select(drafts).where(drafts.c.chat_id == chat_id, drafts.c.form == form, drafts.c.expires_at > now)
    return connection.execute(statement).mappings().first()


def latest(connection: Connection, chat_id: int, now: datetime) -> RowMapping | None:
    """The draft touched last, whatever its form."""
    statement = select(drafts).where(drafts.c.chat_id == chat_id, drafts.c.expires_at > now)
    return connection.execute(statement.order_by(drafts.c.updated_at.desc()).limit(1)).mappings().first()


def delete(connection: Connection, chat_id: int, form: str) -> None:
    """Forgets the draft."""
    connection.execute(drafts.delete().where(drafts.c.chat_id == chat_id, drafts.c.form == form))


def delete_expired(connection: Connection, *, now: datetime, limit: int) -> int:
    """Deletes a small batch of drafts whose time is over; returns how many."""
    old = select(drafts.c.chat_id, drafts.c.form).where(drafts.c.expires_at <= now).limit(limit)
    return connection.execute(drafts.delete().where(tuple_(drafts.c.chat_id, drafts.c.form).in_(old))).rowcount
