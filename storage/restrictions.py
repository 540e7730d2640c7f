"""Restricted processing: the data of a chat or record are kept and the person is answered, nothing else is done with them (UU 27/2022, art. 11)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, exists, or_, select, update

from storage.schema import data_requests, links, restrictions


def holds(chat_id: Any) -> ColumnElement[bool]:
    """Whether the chat of that column or key is restricted, by itself or by the record it is linked to."""
    linked = select(links.c.participant_id).where(links.c.chat_id == chat_id, links.c.ended_at.is_(None))
    linked = linked.correlate_except(
        links
    )  # by itself it would read the asking table anew: any record's restriction, everybody's
    concerned = or_(restrictions.c.chat_id == chat_id, restrictions.c.participant_id.in_(linked))
    return exists(select(restrictions.c.id).where(restrictions.c.ended_at.is_(None), concerned))


def of_record(participant_id: Any) -> ColumnElement[bool]:
    """Whether the record of that column or key is restricted."""
    mine = (restrictions.c.participant_id == participant_id, restrictions.c.ended_at.is_(None))
    return exists(select(restrictions.c.id).where(*mine))


def restricted(connection: Connection, chat_id: int) -> bool:
    """Whether a chat is restricted now."""
    return bool(connection.execute(select(holds(chat_id))).scalar())


def begin(
    connection: Connection, *, number: str, now: datetime, chat_id: int | None = None, participant_id: int | None = None
) -> int:
    """Restricts a chat, a record, or both, by a request's number; returns how many began."""
    begun = 0
    for name, key in (("chat_id", chat_id), ("participant_id", participant_id)):
        if key is None or _running(connection, name, key):
            continue
        connection.execute(restrictions.insert().values({name: key, "number": number, "since": now}))
        begun += 1
    return begun


def _running(connection: Connection, name: str, key: int) -> bool:
    mine = (restrictions.c[name] == key, restrictions.c.ended_at.is_(None))
    return connection.execute(select(restrictions.c.id).where(*mine)).first() is not None


def end_own(connection: Connection, chat_id: int, now: datetime) -> int:
    """Lifts what was asked for in this chat, of the chat and of a record; another chat of a record lifts nothing of it. Returns how many ended."""
    asked = select(data_requests.c.number).where(data_requests.c.chat_id == chat_id)
    mine = or_(restrictions.c.chat_id == chat_id, restrictions.c.number.in_(asked))
    statement = update(restrictions).where(restrictions.c.ended_at.is_(None), mine).values(ended_at=now)
    return connection.execute(statement).rowcount


def end(connection: Connection, *, now: datetime, chat_id: int | None = None, participant_id: int | None = None) -> int:
    """Lifts the restriction of a chat, a record, or both; returns how many ended."""
    mine = []
    if chat_id is not None:
        mine.append(restrictions.c.chat_id == chat_id)
    if participant_id is not None:
        mine.append(restrictions.c.participant_id == participant_id)
    statement = update(restrictions).where(restrictions.c.ended_at.is_(None), or_(*mine)).values(ended_at=now)
    return connection.execute(statement).rowcount if mine else 0
