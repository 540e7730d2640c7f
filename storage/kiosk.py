"""Chats of a shared screen in an office: a session with an end, after which nothing is left but what is being taken home."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, RowMapping, func, select

from storage import chats, inbox, privacy
from storage.schema import carry_codes, cases, conversations, drafts, identity_numbers, registrations
from storage.schema import chats as chat_rows
from storage.schema import consents as consent_rows

_TAKEN_HOME = (drafts, registrations, identity_numbers, consent_rows, carry_codes)
_LOOK_AGAIN = timedelta(days=1)  # at a chat that has an open case


def begin(connection: Connection, place: tuple[str, str, str], *, now: datetime, until: datetime) -> int:
    """Opens the chat of a new session; returns its key."""
    chat_id = inbox.chat_at(connection, place, now)
    chats.change(connection, chat_id, kiosk_until=until)
    return chat_id


def running(connection: Connection, place: tuple[str, str, str], now: datetime) -> RowMapping | None:
    """The chat of a session that has not ended; else None."""
    row = chats.find(connection, *place)
    return row if row is not None and row["kiosk_until"] is not None and row["kiosk_until"] > now else None


def end(connection: Connection, chat_id: int, now: datetime) -> None:
    """Ends a session: everything goes, but for a preparation that may still be fetched by its code, until the code's end.

    What stays can be reached by the session no more, since the chat loses its address. A case that is still open (danger
    to a life) keeps its chat until it is closed.
    """
    rows = carry_codes.c
    fetched_until = connection.execute(
        select(func.max(rows.expires_at)).where(rows.chat_id == chat_id, rows.expires_at > now)
    ).scalar()
    open_case = select(cases.c.id).where(cases.c.chat_id == chat_id, cases.c.state != "closed")
    if connection.execute(open_case).first():
        chats.change(connection, chat_id, kiosk_until=now + _LOOK_AGAIN, address=f"ended:{chat_id}")
    elif fetched_until:
        privacy.erase(connection, chat_id, now, keep=_TAKEN_HOME)
        forget = conversations.update().where(conversations.c.chat_id == chat_id)
        connection.execute(forget.values(state=None))
        chats.change(connection, chat_id, kiosk_until=fetched_until, address=f"ended:{chat_id}")
    else:
        privacy.erase_whole(connection, chat_id, now)


def end_due(connection: Connection, *, now: datetime, limit: int) -> int:
    """Ends a small batch of sessions whose time is over, and erases what was not fetched; returns how many."""
    due = select(chat_rows.c.id).where(chat_rows.c.kiosk_until.is_not(None), chat_rows.c.kiosk_until <= now)
    found = list(connection.execute(due.order_by(chat_rows.c.kiosk_until).limit(limit)).scalars())
    for chat_id in found:
        end(connection, chat_id, now)
    return len(found)
