"""Late masking: an identity number that was typed in parts is removed from every table its parts have reached (design, rule 4)."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Table, select, update

from storage.schema import conversations, drafts, inbox, messages, outbox

HIDDEN = "••••••••"
_FRAGMENT = re.compile(r"\d(?:[\s.,\-_/]?\d){2,}")


def mask_parts(connection: Connection, chat_id: int, inbox_ids: Sequence[int]) -> None:
    """Masks the parts in the events themselves, the log, the bot's own words, the conversation's state and its drafts."""
    fragments: set[str] = set()
    for row in connection.execute(select(inbox.c.id, inbox.c.payload).where(inbox.c.id.in_(inbox_ids))).all():
        if row.payload:
            text = str(row.payload.get("text", ""))
            fragments |= {match[0] for match in _FRAGMENT.finditer(text)}
            payload = {
                **row.payload,
                "text": _FRAGMENT.sub(HIDDEN, text),
                "masked": sorted({*row.payload.get("masked", ()), "nik"}),
            }
            connection.execute(update(inbox).where(inbox.c.id == row.id).values(payload=payload))
    if fragments:
        pattern = re.compile("|".join(map(re.escape, sorted(fragments, key=len, reverse=True))))
        since = min(inbox_ids)
        _texts(connection, chat_id, since, pattern)
        _json(connection, conversations, "state", chat_id, pattern)
        _json(connection, drafts, "data", chat_id, pattern)
        _json(connection, outbox, "payload", chat_id, pattern)


def _texts(connection: Connection, chat_id: int, since: int, pattern: re.Pattern[str]) -> None:
    rows = connection.execute(
        select(messages.c.id, messages.c.text).where(messages.c.chat_id == chat_id, messages.c.inbox_id >= since)
    ).all()
    for row in rows:
        if pattern.search(row.text):
            connection.execute(
                update(messages).where(messages.c.id == row.id).values(text=pattern.sub(HIDDEN, row.text))
            )


def _json(connection: Connection, table: Table, column: str, chat_id: int, pattern: re.Pattern[str]) -> None:
    keys = list(table.primary_key.columns)
    for row in (
        connection.execute(select(*keys, table.c[column].label("value")).where(table.c.chat_id == chat_id))
        .mappings()
        .all()
    ):
        raw = json.dumps(row["value"], ensure_ascii=False)
        if row["value"] and pattern.search(raw):
            clean: Any = json.loads(pattern.sub(HIDDEN, raw))
            connection.execute(update(table).where(*(key == row[key.name] for key in keys)).values({column: clean}))
