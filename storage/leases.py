"""Leases: a named job belongs to one owner until a moment."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection, or_, select

from storage.database import database_now
from storage.inbox import insert_for
from storage.schema import leases


def take(connection: Connection, *, name: str, owner: str, lease: timedelta) -> bool:
    """Takes or renews a lease by the database's clock; False while somebody else holds it."""
    now = database_now(connection)
    statement = insert_for(connection)(leases).values(name=name, owner=owner, until=now + lease)
    result = connection.execute(
        statement.on_conflict_do_update(
            index_elements=["name"],
            set_={"owner": owner, "until": now + lease},
            where=or_(leases.c.owner == owner, leases.c.until < now),
        )
    )
    return result.rowcount == 1


def is_held(connection: Connection, name: str) -> bool:
    """Whether somebody holds a lease now."""
    found = select(leases.c.name).where(leases.c.name == name, leases.c.until >= database_now(connection))
    return connection.execute(found).first() is not None


def drop(connection: Connection, *, name: str, owner: str) -> None:
    """Gives a lease up at once."""
    connection.execute(leases.delete().where(leases.c.name == name, leases.c.owner == owner))
