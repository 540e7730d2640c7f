"""What an outcome means beyond its own message: the account or lane waits, the person has left, the operator is told.

For what a platform says at once (`bot.sender`) and what it says later of a message that it had taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from bot.channel import Down, Failed, Gone, Outcome, Shut, Throttled
from storage import budgets, channel_notes, chats, outbox, subscriptions

DOWN_PAUSE = timedelta(seconds=30)  # a dead account is probed with one message this often


def draw(connection: Connection, source: str, row: Mapping[str, Any], outcome: Outcome, now: datetime) -> None:
    """Writes the consequences; `row`: a message of the outbox."""
    match outcome:
        case Throttled(seconds=seconds, scope=("lane" | "account") as scope):
            budgets.block(connection, source=source, scope=scope, until=now + timedelta(seconds=seconds))
        case Down():
            budgets.block(connection, source=source, scope="account", until=now + DOWN_PAUSE)
        case Gone(opted_out=True):  # answers to their own questions go on
            subscriptions.stop(connection, row["chat_id"], now)
        case Gone():
            outbox.stop_chat(connection, row["chat_id"], now)
        case Shut():
            chats.shut_window(connection, row["chat_id"], sent=row["created_at"], now=now)
    if told := _told(outcome):
        same = told.partition(":")[0] if isinstance(outcome, Down) else told  # a platform words one fault in many ways
        key = f"{now:%Y-%m-%d} {same}"
        if not channel_notes.add(connection, source, kind="error", key=key, text=told, at=now):
            channel_notes.still(connection, source, key=key, at=now)


def _told(outcome: Outcome) -> str:
    """What operators must know, once a day; "" for what is everyday."""
    match outcome:
        case Down(reason=reason):
            return reason
        case Throttled(note=note) | Failed(note=note) | Gone(note=note):
            return note
    return ""
