"""Prepared registrations: what a person has noted with Pandu; never a registration with the programme."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, select, update

from storage.schema import registrations


def save(
    connection: Connection, chat_id: int, *, number: str, data: Mapping[str, Any], now: datetime, kept_until: datetime
) -> str:
    """Writes the chat's preparation; an earlier one is replaced and keeps its number. Returns the number that holds."""
    values = {"data": dict(data), "created_at": now, "kept_until": kept_until}
    former = connection.execute(
        update(registrations)
        .where(registrations.c.chat_id == chat_id)
        .values(**values)
        .returning(registrations.c.number)
    ).first()
    if former is not None:
        return str(former.number)
    connection.execute(registrations.insert().values(chat_id=chat_id, number=number, **values))
    return number


def amend(connection: Connection, chat_id: int, data: Mapping[str, Any]) -> None:
    """Changes what the chat's preparation holds; its number and its time stay."""
    connection.execute(update(registrations).where(registrations.c.chat_id == chat_id).values(data=dict(data)))


def of_chat(connection: Connection, chat_id: int, now: datetime) -> RowMapping | None:
    """The chat's preparation, unless its time is over."""
    statement = select(registrations).where(registrations.c.chat_id == chat_id, registrations.c.kept_until > now)
    return connection.execute(statement.order_by(registrations.c.id.desc()).limit(1)).mappings().first()


def number_taken(connection: Connection, number: str) -> bool:
    """Whether a preparation number is in use."""
    return connection.execute(select(registrations.c.id).where(registrations.c.number == number)).first() is not None


def delete(connection: Connection, chat_id: int) -> int:
    """Erases the chat's preparation; returns how many rows."""
    return connection.execute(registrations.delete().where(registrations.c.chat_id == chat_id)).rowcount


def delete_expired(connection: Connection, *, now: datetime, limit: int) -> int:
    """Erases a small batch whose time is over; returns how many."""
    old = select(registrations.c.id).where(registrations.c.kept_until <= now).limit(limit)
    return connection.execute(registrations.delete().where(registrations.c.id.in_(old))).rowcount
