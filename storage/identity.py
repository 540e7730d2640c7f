"""NIK and KK of preparations: sealed, with keyed hashes for look-up, kept as long as the preparation; and who has opened them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, func, null, select, update

from storage.inbox import insert_for
from storage.schema import identity_looks, identity_numbers


def save(
    connection: Connection, chat_id: int, *, values: Mapping[str, Any], now: datetime, kept_until: datetime
) -> None:
    """Keeps the numbers of a chat in place of former ones; values: sealed, key_id, nik_hash, kk_hash."""
    row = {**values, "created_at": now, "kept_until": kept_until}
    statement = insert_for(connection)(identity_numbers).values(chat_id=chat_id, **row)
    connection.execute(statement.on_conflict_do_update(index_elements=["chat_id"], set_=row))


def get(connection: Connection, chat_id: int, now: datetime) -> RowMapping | None:
    """The numbers of a chat, unless their time is over."""
    rows = identity_numbers
    statement = select(rows).where(rows.c.chat_id == chat_id, rows.c.kept_until > now)
    return connection.execute(statement).mappings().first()


def keep_until(connection: Connection, chat_id: int, until: datetime) -> None:
    """Keeps the numbers as long as the preparation that they belong to."""
    connection.execute(update(identity_numbers).where(identity_numbers.c.chat_id == chat_id).values(kept_until=until))


def delete(connection: Connection, chat_id: int) -> int:
    """Erases the chat's numbers; returns how many rows. Who has opened them stays told."""
    return connection.execute(identity_numbers.delete().where(identity_numbers.c.chat_id == chat_id)).rowcount


def delete_expired(connection: Connection, *, now: datetime, limit: int) -> int:
    """Erases a small batch whose time is over; returns how many."""
    old = select(identity_numbers.c.chat_id).where(identity_numbers.c.kept_until <= now).limit(limit)
    return connection.execute(identity_numbers.delete().where(identity_numbers.c.chat_id.in_(old))).rowcount


# -- who has opened them ------------------------------------------------------------------------------------------


def log_looks(connection: Connection, chat_ids: Sequence[int], *, actor: str, what: str, now: datetime) -> None:
    """Notes that somebody has opened the numbers of these chats; actor as in `people.log_access`."""
    if chat_ids:
        rows = [{"chat_id": chat_id, "at": now, "actor": actor, "what": what} for chat_id in chat_ids]
        connection.execute(identity_looks.insert(), rows)


def looks(connection: Connection, chat_id: int, limit: int = 10) -> list[RowMapping]:
    """The last looks, newest first, in the columns of `people.accesses`."""
    rows = identity_looks.c
    last = func.max(rows.at)
    statement = (
        select(rows.actor, rows.what, null().label("reason"), last.label("at"), func.count().label("times"))
        .where(rows.chat_id == chat_id)
        .group_by(rows.actor, rows.what)
        .order_by(last.desc())
        .limit(limit)
    )
    return list(connection.execute(statement).mappings())


# -- keys ---------------------------------------------------------------------------------------------------------


def key_counts(connection: Connection) -> dict[str, int]:
    """How many rows are sealed under which key."""
    rows = identity_numbers.c
    found = connection.execute(select(rows.key_id, func.count()).group_by(rows.key_id).order_by(rows.key_id))
    return {str(key): int(count) for key, count in found}


def sealed_under(connection: Connection, key_id: str, limit: int) -> list[RowMapping]:
    """A batch of rows sealed under a key, locked, so that nobody replaces one meanwhile."""
    rows = identity_numbers
    statement = select(rows).where(rows.c.key_id == key_id).order_by(rows.c.chat_id).limit(limit).with_for_update()
    return list(connection.execute(statement).mappings())


def reseal(connection: Connection, chat_id: int, values: Mapping[str, Any]) -> None:
    """The same numbers sealed under another key; values: sealed, key_id, nik_hash, kk_hash."""
    connection.execute(update(identity_numbers).where(identity_numbers.c.chat_id == chat_id).values(**values))
