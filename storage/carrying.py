"""A preparation goes on in another chat: one-time codes, and what moves with it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, select, update

from storage import consents
from storage.schema import carry_codes, chats, conversations, identity_looks, registrations
from storage.schema import consents as consent_rows


def make_code(connection: Connection, code_hash: str, *, chat_id: int, now: datetime, expires_at: datetime) -> None:
    """Notes a code of a chat; earlier ones stay good, and using one uses up all."""
    row = {"code_hash": code_hash, "chat_id": chat_id, "created_at": now, "expires_at": expires_at}
    connection.execute(carry_codes.insert().values(row))


def chat_of(connection: Connection, code_hash: str, now: datetime) -> int | None:
    """The chat that made a code; None for an unknown, used or old one."""
    rows = carry_codes.c
    return connection.execute(
        select(rows.chat_id).where(rows.code_hash == code_hash, rows.expires_at > now)
    ).scalar_one_or_none()


def use_up(connection: Connection, chat_id: int) -> None:
    """Ends all codes of a chat."""
    connection.execute(carry_codes.delete().where(carry_codes.c.chat_id == chat_id))


def delete_old_codes(connection: Connection, *, before: datetime, limit: int) -> int:
    """Deletes a small batch of codes that have run out; returns how many."""
    old = select(carry_codes.c.code_hash).where(carry_codes.c.expires_at < before).limit(limit)
    return connection.execute(carry_codes.delete().where(carry_codes.c.code_hash.in_(old))).rowcount


def address(connection: Connection, chat_id: int) -> RowMapping | None:
    """Where a chat is, whether it has left, and the version of its conversation's owner."""
    statement = (
        select(chats, conversations.c.owner_version)
        .join(conversations, conversations.c.chat_id == chats.c.id)
        .where(chats.c.id == chat_id)
    )
    return connection.execute(statement).mappings().first()


def move(connection: Connection, source: int, target: int, *, purposes: Sequence[str], now: datetime) -> None:
    """Gives the preparation of one chat, its consents and who has looked to another, in place of what that one had."""
    if connection.execute(select(registrations.c.id).where(registrations.c.chat_id == source)).first():
        connection.execute(registrations.delete().where(registrations.c.chat_id == target))
        connection.execute(update(registrations).where(registrations.c.chat_id == source).values(chat_id=target))
    consents.withdraw(connection, target, now, purposes=purposes)
    given = (consent_rows.c.chat_id == source, consent_rows.c.purpose.in_(purposes))
    connection.execute(update(consent_rows).where(*given).values(chat_id=target))
    connection.execute(update(identity_looks).where(identity_looks.c.chat_id == source).values(chat_id=target))


def state_if_free(connection: Connection, chat_id: int) -> dict[str, Any] | None:
    """The state of a conversation, locked; None where somebody is working on it (waiting could end in a deadlock)."""
    rows = conversations.c
    statement = select(rows.state).where(rows.chat_id == chat_id).with_for_update(skip_locked=True)
    state: dict[str, Any] | None = connection.execute(statement).scalar_one_or_none()
    return state
