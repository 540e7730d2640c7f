"""How far a job in the background has come."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from storage.inbox import insert_for
from storage.schema import progress


def get(connection: Connection, name: str) -> dict[str, Any]:
    """What the job has kept; {} before its first run."""
    return dict(connection.execute(select(progress.c.data).where(progress.c.name == name)).scalar() or {})


def keep(connection: Connection, name: str, data: Mapping[str, Any], now: datetime) -> None:
    """Keeps it for the next run."""
    statement = insert_for(connection)(progress).values(name=name, data=dict(data), at=now)
    connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"data": dict(data), "at": now}))
