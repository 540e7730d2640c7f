"""Consents: purpose, exact wording, when and until when (UU 27/2022, arts. 20–22; facts section 11)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, RowMapping, func, or_, select, update

from storage.schema import consents


def give(
    connection: Connection, chat_id: int, *, purpose: str, wording: str, now: datetime, until: datetime | None
) -> None:
    """Notes a consent; the same wording given again only moves the end."""
    former = active(connection, chat_id, purpose, now)
    if former is not None and former["wording"] == wording:
        connection.execute(update(consents).where(consents.c.id == former["id"]).values(until=until))
        return
    withdraw(connection, chat_id, now, purposes=(purpose,))
    connection.execute(
        consents.insert().values(chat_id=chat_id, purpose=purpose, wording=wording, given_at=now, until=until)
    )


def active(connection: Connection, chat_id: int, purpose: str, now: datetime) -> RowMapping | None:
    """The consent for a purpose that holds now."""
    statement = (
        select(consents)
        .where(consents.c.chat_id == chat_id, consents.c.purpose == purpose, _holds(now))
        .order_by(consents.c.id.desc())
    )
    return connection.execute(statement.limit(1)).mappings().first()


def all_active(connection: Connection, chat_id: int, now: datetime) -> list[RowMapping]:
    """Every consent that holds now, oldest first."""
    statement = select(consents).where(consents.c.chat_id == chat_id, _holds(now)).order_by(consents.c.id)
    return list(connection.execute(statement).mappings())


def withdraw(connection: Connection, chat_id: int, now: datetime, *, purposes: Sequence[str] | None = None) -> int:
    """Ends consents (all, or those for some purposes); the rows stay as evidence. Returns how many."""
    statement = update(consents).where(consents.c.chat_id == chat_id, consents.c.withdrawn_at.is_(None))
    if purposes is not None:
        statement = statement.where(consents.c.purpose.in_(purposes))
    return connection.execute(statement.values(withdrawn_at=now)).rowcount


def _holds(now: datetime) -> ColumnElement[bool]:
    return consents.c.withdrawn_at.is_(None) & or_(consents.c.until.is_(None), consents.c.until > now)


def overview(connection: Connection, now: datetime) -> list[RowMapping]:
    """By purpose and wording: how many hold, were withdrawn, ran out; and when the first and last were given."""
    withdrawn = consents.c.withdrawn_at.is_not(None)
    statement = (
        select(
            consents.c.purpose,
            consents.c.wording,
            func.count().filter(_holds(now)).label("holding"),
            func.count().filter(withdrawn).label("withdrawn"),
            func.count().filter(~withdrawn, consents.c.until <= now).label("over"),
            func.min(consents.c.given_at).label("first"),
            func.max(consents.c.given_at).label("last"),
        )
        .group_by(consents.c.purpose, consents.c.wording)
        .order_by(consents.c.purpose, func.max(consents.c.given_at).desc())
    )
    return list(connection.execute(statement).mappings())
