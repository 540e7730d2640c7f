"""Conversations that we have opened ourselves, with an approved template: platforms limit the people so reached in a day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, bindparam, func, select, update

from storage.schema import outbox

_MISSED = ("failed", "cancelled", "expired")
_as_template = update(outbox).where(outbox.c.id == bindparam("row_id")).values(template=bindparam("name"))


def note(connection: Connection, names: Mapping[int, str]) -> None:
    """These messages leave in an approved wording: its name, by id."""
    if names:
        connection.execute(_as_template, [{"row_id": row, "name": name} for row, name in sorted(names.items())])


def people(connection: Connection, channel: str, since: datetime, *, made_since: datetime) -> int:
    """How many people of a channel, over all its accounts, were reached so since a moment, or are about to be.

    `made_since`: messages made earlier cannot have left since then.
    """
    reached = (outbox.c.done_at.is_(None)) | (outbox.c.done_at >= since)
    statement = select(func.count(outbox.c.chat_id.distinct())).where(
        outbox.c.template.is_not(None),
        outbox.c.created_at >= made_since,
        outbox.c.source.startswith(f"{channel}:"),
        outbox.c.state.not_in((*_MISSED, "held")),
        reached,
    )
    return int(connection.execute(statement).scalar_one())
