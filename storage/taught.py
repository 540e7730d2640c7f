"""Training messages that editors have added: rows beside the YAML files, learnt with them by the next model."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, RowMapping, select, update

from storage import restrictions
from storage.schema import taught


def add(
    connection: Connection, *, text: str, intent: str, author: str, now: datetime, chat_id: int | None = None
) -> int:
    """Adds one, checked by the caller; `chat_id`: whose words they are. Returns its key."""
    row = {"text": text, "intent": intent, "author": author, "state": "active", "at": now, "chat_id": chat_id}
    return int(connection.execute(taught.insert().values(row)).inserted_primary_key[0])  # type: ignore[index]


def active(connection: Connection) -> list[RowMapping]:
    """All that the next model learns, oldest first; nobody's words who has had the use of their data restricted."""
    statement = select(taught).where(taught.c.state == "active", ~restrictions.holds(taught.c.chat_id))
    statement = statement.order_by(taught.c.id)
    return list(connection.execute(statement).mappings())


def withdraw(connection: Connection, key: int) -> bool:
    """Takes one back; the next model does not learn it. False where there is none."""
    statement = update(taught).where(taught.c.id == key, taught.c.state == "active").values(state="withdrawn")
    return bool(connection.execute(statement).rowcount)
