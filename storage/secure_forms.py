"""One-time keys of the secure form. The values lie here only sealed, and only until the conversation has taken them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, RowMapping, select, update

from storage.schema import chats, secure_forms


def create(
    connection: Connection,
    key: str,
    *,
    chat_id: int,
    purpose: str,
    fields: Sequence[str],
    now: datetime,
    expires_at: datetime,
) -> None:
    """A new key for a chat; earlier ones of the chat that were not used stop working."""
    connection.execute(
        update(secure_forms)
        .where(secure_forms.c.chat_id == chat_id, secure_forms.c.used_at.is_(None), secure_forms.c.expires_at > now)
        .values(expires_at=now)
    )
    row = {
        "key": key,
        "chat_id": chat_id,
        "purpose": purpose,
        "fields": list(fields),
        "created_at": now,
        "expires_at": expires_at,
    }
    connection.execute(secure_forms.insert().values(row))


def open_key(connection: Connection, *, chat_id: int, purpose: str, fields: Sequence[str], now: datetime) -> str | None:
    """The key of a form that this chat has open for the same purpose and fields."""
    statement = select(secure_forms.c.key, secure_forms.c.fields).where(
        secure_forms.c.chat_id == chat_id,
        secure_forms.c.purpose == purpose,
        secure_forms.c.used_at.is_(None),
        secure_forms.c.expires_at > now,
    )
    return next((row.key for row in connection.execute(statement) if row.fields == list(fields)), None)


def get(connection: Connection, key: str) -> RowMapping | None:
    """The form with the address of its chat (channel, account, address), whatever its state."""
    statement = (
        select(secure_forms, chats.c.channel, chats.c.account, chats.c.address)
        .join(chats, chats.c.id == secure_forms.c.chat_id)
        .where(secure_forms.c.key == key)
    )
    return connection.execute(statement).mappings().first()


def submit(connection: Connection, key: str, *, sealed: bytes, key_id: str, now: datetime) -> bool:
    """Uses the key up and keeps the sealed values; False if it is unknown, used or expired."""
    done = connection.execute(
        update(secure_forms)
        .where(secure_forms.c.key == key, secure_forms.c.used_at.is_(None), secure_forms.c.expires_at > now)
        .values(used_at=now, sealed=sealed, key_id=key_id)
    )
    return bool(done.rowcount)


def take(connection: Connection, key: str, chat_id: int) -> RowMapping | None:
    """The sealed values (purpose, sealed, key_id) of a form that this chat has sent, once: they are erased here."""
    row = (
        connection.execute(
            select(secure_forms.c.purpose, secure_forms.c.sealed, secure_forms.c.key_id).where(
                secure_forms.c.key == key, secure_forms.c.chat_id == chat_id, secure_forms.c.sealed.is_not(None)
            )
        )
        .mappings()
        .first()
    )
    if row is not None:
        connection.execute(update(secure_forms).where(secure_forms.c.key == key).values(sealed=None))
    return row


def delete_old(connection: Connection, *, before: datetime, limit: int) -> int:
    """Deletes a small batch of forms that ended before `before`, values included; returns how many."""
    old = select(secure_forms.c.key).where(secure_forms.c.expires_at < before).limit(limit)
    return connection.execute(secure_forms.delete().where(secure_forms.c.key.in_(old))).rowcount
