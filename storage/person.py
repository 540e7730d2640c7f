"""Everything kept about a chat or record, row by row, for the copy that the person may ask for (UU 27/2022, arts. 6, 7 and 13)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, LargeBinary, select

from storage.erasing import rows_of
from storage.privacy_rules import RULES
from storage.schema import metadata

_MACHINE = frozenset((
    "id", "owner", "owner_version", "lease_until", "platform_id", "token_hash", "code", "code_hash", "key",
    "key_id", "nik_hash", "kk_hash", "parent_id", "inbox_id", "outbox_id", "chat_id", "participant_id",
    "digit_run", "passes_agent", "cancellable", "attempts", "event_id", "payload", "source", "lane",
    "invite_hash", "fields", "model", "content", "agent_id", "case_id", "handoff_id", "import_id", "course_id",
    "registration_id", "reviewer_id", "unvouched_locked_until", "proof_hash",
))  # fmt: skip
"""Columns of the machinery, keys of other rows, and hashes: they tell a person nothing, or open something."""

_COLLEAGUES = frozenset(
    ("case_notes", "quality_reviews", "desk_drafts", "queue", "budgets", "inbox", "outbox", "hook_deliveries")
)
"""Colleagues' notes about the work, and copies of what `messages` holds: only counted."""

MOST = 10_000  # rows of a table


def gather(connection: Connection, *, chat_id: int | None = None, participant_id: int | None = None) -> dict[str, Any]:
    """{table: [{column: value}]} of what is kept; {table: count} where rows are only counted. Nothing sealed, no hash."""
    found: dict[str, Any] = {}
    for table in metadata.sorted_tables:
        mine = rows_of(table, chat_id=chat_id, participant_id=participant_id)
        if mine is None or RULES[table.name].erasure == "none":
            continue
        shown = [
            column for column in table.c if column.name not in _MACHINE and not isinstance(column.type, LargeBinary)
        ]
        first = next(iter(table.primary_key.columns))
        rows = connection.execute(select(*shown).where(mine).order_by(first).limit(MOST)).mappings().all()
        if rows and table.name in _COLLEAGUES:
            found[table.name] = len(rows)
        elif rows:
            found[table.name] = [{name: _plain(value) for name, value in row.items()} for row in rows]
    return found


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime | date) else value
