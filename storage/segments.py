"""Filters kept under a name."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from storage import audience_filter
from storage.schema import segments


def save(connection: Connection, name: str, tree: Mapping[str, Any], *, author: str, now: datetime) -> None:
    """Keeps a filter under a name; campaigns keep their own copy of it."""
    audience_filter.condition(tree, now)
    connection.execute(segments.delete().where(segments.c.name == name))
    connection.execute(segments.insert().values(name=name, filter=dict(tree), author=author, saved_at=now))


def saved(connection: Connection) -> list[dict[str, Any]]:
    """All of them, by name."""
    return [dict(row) for row in connection.execute(select(segments).order_by(segments.c.name)).mappings()]


def delete(connection: Connection, name: str) -> bool:
    """Forgets one; False where there is none."""
    return connection.execute(segments.delete().where(segments.c.name == name)).rowcount == 1
