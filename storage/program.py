"""The programme's dated rows: its state, incident lines and facts. One person asks, another approves; what has an end lapses by itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, select, update

from storage import content_log
from storage.editing import RefusedError, beginning
from storage.schema import program_rows

STATE, NOTICE, FACT = "state", "notice", "fact"
ASKED, APPROVED, REFUSED, ENDED = "asked", "approved", "refused", "ended"


def ask(
    connection: Connection,
    *,
    kind: str,
    key: str,
    value: str,
    reason: str,
    asked_by: str,
    now: datetime,
    valid_from: datetime | None = None,
    valid_to: datetime | None = None,
    source: Mapping[str, str] | None = None,
) -> int:
    """Asks for a row; nothing changes until another person approves it. Returns its id."""
    statement = program_rows.insert().values(
        kind=kind,
        key=key,
        value=value,
        source=dict(source) if source else None,
        reason=reason,
        valid_from=valid_from,
        valid_to=valid_to,
        state=ASKED,
        asked_by=asked_by,
        asked_at=now,
    )
    made = connection.execute(statement).inserted_primary_key
    assert made is not None  # noqa: S101 - an insert of one row has a key
    return int(made[0])


def get(connection: Connection, row_id: int) -> RowMapping | None:
    """One row."""
    return connection.execute(select(program_rows).where(program_rows.c.id == row_id)).mappings().first()


def approve(connection: Connection, row_id: int, *, by: str, now: datetime) -> None:
    """The second person's yes. Raises `RefusedError` for the same person, an ended row, or one that does not wait."""
    row = _waiting(connection, row_id)
    if row["asked_by"] == by:
        raise RefusedError("same_person")
    begins = beginning(row, now)
    _set(connection, row_id, state=APPROVED, decided_by=by, decided_at=now, valid_from=begins)
    content_log.note_row(
        connection, {**row, "valid_from": begins}, content_log.PUBLISHED, reason=row["reason"], actor=by, now=now
    )


def refuse(connection: Connection, row_id: int, *, by: str, now: datetime) -> None:
    """A no, or the asker's own second thought. Raises `RefusedError`."""
    _waiting(connection, row_id)
    _set(connection, row_id, state=REFUSED, decided_by=by, decided_at=now)


def end(connection: Connection, row_id: int, *, by: str, reason: str, now: datetime) -> None:
    """Ends an approved row before its time: what held before it holds again. Raises `RefusedError`."""
    row = _locked(connection, row_id)
    if row is None or row["state"] != APPROVED:
        raise RefusedError("not_published")
    _set(connection, row_id, state=ENDED, ended_by=by, ended_at=now)
    content_log.note_row(connection, row, content_log.ENDED, reason=reason, actor=by, now=now)


def approved(connection: Connection) -> list[RowMapping]:
    """Every row that may hold at some time; of those that hold together, the strongest first: what began last."""
    found = connection.execute(
        select(program_rows)
        .where(program_rows.c.state == APPROVED)
        .order_by(program_rows.c.kind, program_rows.c.key, program_rows.c.valid_from.desc(), program_rows.c.id.desc())
    )
    return list(found.mappings())


def listed(connection: Connection, *, limit: int = 100) -> list[RowMapping]:
    """Rows of every state, newest first; those that wait before all others."""
    waiting = (program_rows.c.state == ASKED).desc()
    found = connection.execute(select(program_rows).order_by(waiting, program_rows.c.id.desc()).limit(limit))
    return list(found.mappings())


def _locked(connection: Connection, row_id: int) -> RowMapping | None:
    found = connection.execute(select(program_rows).where(program_rows.c.id == row_id).with_for_update())
    return found.mappings().first()


def _waiting(connection: Connection, row_id: int) -> RowMapping:
    row = _locked(connection, row_id)
    if row is None or row["state"] != ASKED:
        raise RefusedError("not_open")
    return row


def _set(connection: Connection, row_id: int, **values: Any) -> None:
    connection.execute(update(program_rows).where(program_rows.c.id == row_id).values(**values))
