"""What was not understood, for the editors: the text only with consent, otherwise the count by topic."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, bindparam, select

from storage import restrictions
from storage.schema import consents, misunderstood

_agreed = select(consents.c.id).where(
    consents.c.chat_id == bindparam("chat_id"), consents.c.purpose == "improve", consents.c.withdrawn_at.is_(None)
)


def note(connection: Connection, *, chat_id: int, topic: str, text: str, outcome: str, now: datetime) -> None:
    """Adds one; `text` is masked already and dropped unless the chat consents to "improve". Nothing of a chat whose use is restricted."""
    if restrictions.restricted(connection, chat_id):
        return
    agreed = connection.execute(_agreed, {"chat_id": chat_id}).first()
    row = {
        "chat_id": chat_id if agreed else None,
        "topic": topic,
        "text": text if agreed else None,
        "outcome": outcome,
        "at": now,
    }
    connection.execute(misunderstood.insert(), row)
