"""What has changed in the content: the mark that every process polls, the public log, whole contents by their label."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, func, select

from storage.inbox import insert_for
from storage.schema import content_events, content_versions

PUBLISHED, ROLLED_BACK, WITHDRAWN, ENDED = "published", "rolled_back", "withdrawn", "ended"


def mark(connection: Connection) -> tuple[int, int]:
    """What every commit of a change alters: the highest number, and how many there are; (0, 0) before the first.

    The number alone would not do: on PostgreSQL a change may be committed after one with a higher number.
    """
    highest, count = connection.execute(select(func.max(content_events.c.id), func.count())).one()
    return highest or 0, count


def note_row(
    connection: Connection, row: Mapping[Any, Any], action: str, *, reason: str, actor: str, now: datetime
) -> None:
    """Adds the change of a version of an answer, or of a dated row (whose kind and key stand in it); in the transaction that makes it."""
    what = {"kind": row["kind"], "key": row["key"]} if "kind" in row else {"kind": "answer", "key": row["intent"]}
    connection.execute(
        content_events.insert().values(
            **what,
            action=action,
            version_id=row["id"],
            reason=reason,
            actor=actor,
            at=now,
            valid_from=row["valid_from"],
            valid_to=row["valid_to"],
        )
    )


def listed(connection: Connection, *, limit: int = 200, before: int | None = None) -> list[RowMapping]:
    """Changes, newest first; `before`: the id that a former page ended with."""
    statement = select(content_events).order_by(content_events.c.id.desc()).limit(limit)
    if before is not None:
        statement = statement.where(content_events.c.id < before)
    return list(connection.execute(statement).mappings())


def keep_version(connection: Connection, label: str, parts: Mapping[str, Any], now: datetime) -> None:
    """Keeps what a label stands for, once."""
    row = {"label": label, "parts": dict(parts), "made_at": now}
    connection.execute(insert_for(connection)(content_versions).on_conflict_do_nothing(), row)


def version(connection: Connection, label: str) -> RowMapping | None:
    """What a message log row's `content` stands for."""
    found = connection.execute(select(content_versions).where(content_versions.c.label == label))
    return found.mappings().first()
