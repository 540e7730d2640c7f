"""Versions of answers: written, read by a second person, published with dates, withdrawn. Texts are the staff's; no personal data."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, func, select, update
from sqlalchemy.exc import IntegrityError

from storage import content_log
from storage.schema import answer_versions

DRAFT, REVIEW, PUBLISHED, WITHDRAWN = "draft", "review", "published", "withdrawn"
OPEN = (DRAFT, REVIEW)


class RefusedError(ValueError):
    """A step that is not allowed now; `str` is its key: stale, same_person, not_open, not_published, ended; problems and reason (handlers.editing_acts)."""


def get(connection: Connection, version_id: int) -> RowMapping | None:
    """One version."""
    found = connection.execute(select(answer_versions).where(answer_versions.c.id == version_id))
    return found.mappings().first()


def open_version(connection: Connection, intent: str) -> RowMapping | None:
    """The draft of an answer, or what waits for its second reader; at most one."""
    found = connection.execute(
        select(answer_versions).where(answer_versions.c.intent == intent, answer_versions.c.state.in_(OPEN))
    )
    return found.mappings().first()


def open_versions(connection: Connection) -> dict[str, RowMapping]:
    """All drafts, by intent."""
    found = connection.execute(select(answer_versions).where(answer_versions.c.state.in_(OPEN)))
    return {row["intent"]: row for row in found.mappings()}


def history(connection: Connection, intent: str) -> list[RowMapping]:
    """Every version of an answer, newest first."""
    found = connection.execute(
        select(answer_versions).where(answer_versions.c.intent == intent).order_by(answer_versions.c.id.desc())
    )
    return list(found.mappings())


def published(connection: Connection) -> list[RowMapping]:
    """Every version that may hold at some time, the strongest of an answer first: what began last wins while it lasts."""
    found = connection.execute(
        select(answer_versions)
        .where(answer_versions.c.state == PUBLISHED)
        .order_by(answer_versions.c.intent, answer_versions.c.valid_from.desc(), answer_versions.c.id.desc())
    )
    return list(found.mappings())


def published_before(connection: Connection, row: Mapping[Any, Any]) -> RowMapping | None:
    """The version of the same answer that was published before this one."""
    found = connection.execute(
        select(answer_versions)
        .where(
            answer_versions.c.intent == row["intent"],
            answer_versions.c.id != row["id"],
            answer_versions.c.published_at <= row["published_at"],
        )
        .order_by(answer_versions.c.published_at.desc(), answer_versions.c.id.desc())
        .limit(1)
    )
    return found.mappings().first()


def holds(row: Mapping[Any, Any], now: datetime) -> bool:
    """Whether a row's dates hold now."""
    begun = row["valid_from"] is None or row["valid_from"] <= now
    return begun and (row["valid_to"] is None or now < row["valid_to"])


def writers(row: Mapping[Any, Any]) -> list[str]:
    """Everybody who has had a hand in a version."""
    return list(row["writers"] or [row["author"]])


def save(
    connection: Connection,
    intent: str,
    body: Mapping[str, Any],
    *,
    author: str,
    reason: str,
    valid_from: datetime | None,
    valid_to: datetime | None,
    revision: int,
    now: datetime,
) -> int:
    """Writes the draft of an answer, 0 being the `revision` of a new one; takes it back from review.

    Returns the version's id. Raises `RefusedError("stale")` where somebody else has saved meanwhile.
    """
    row = _locked(connection, intent)
    if (row["revision"] if row else 0) != revision:
        raise RefusedError("stale")
    values = {
        "body": dict(body),
        "author": author,
        "reason": reason,
        "valid_from": valid_from,
        "valid_to": valid_to,
        "state": DRAFT,
    }
    if row is None:
        statement = answer_versions.insert().values(
            **values, intent=intent, writers=[author], created_at=now, revision=1
        )
        try:
            with connection.begin_nested():
                key = connection.execute(statement).inserted_primary_key
        except IntegrityError:  # a colleague began at the same moment
            raise RefusedError("stale") from None
        assert key is not None  # noqa: S101 - an insert of one row has a key
        return int(key[0])
    _set(connection, row, **values, writers=list(dict.fromkeys([*writers(row), author])), revision=revision + 1)
    return int(row["id"])


def submit(connection: Connection, intent: str, *, revision: int) -> None:
    """Gives the draft to a second reader. Raises `RefusedError`."""
    row = _open(connection, intent, revision)
    _set(connection, row, state=REVIEW, note="", revision=revision + 1)


def give_back(connection: Connection, intent: str, *, revision: int, reader: str, note: str) -> None:
    """The second reader wants something changed. Raises `RefusedError`."""
    row = _open(connection, intent, revision)
    _set(connection, row, state=DRAFT, note=note, reader=reader, revision=revision + 1)


def discard(connection: Connection, intent: str, *, revision: int) -> None:
    """Throws the draft away. Raises `RefusedError`."""
    row = _open(connection, intent, revision)
    connection.execute(answer_versions.delete().where(answer_versions.c.id == row["id"]))


def publish(connection: Connection, intent: str, *, revision: int, reader: str, now: datetime) -> int:
    """Publishes what waits for its reader, who must have no hand in it. Returns its id; raises `RefusedError`."""
    row = _open(connection, intent, revision)
    if row["state"] != REVIEW:
        raise RefusedError("not_open")
    if reader in writers(row):
        raise RefusedError("same_person")
    begins = beginning(row, now)
    _set(connection, row, state=PUBLISHED, reader=reader, published_at=now, valid_from=begins)
    content_log.note_row(
        connection, {**row, "valid_from": begins}, content_log.PUBLISHED, reason=row["reason"], actor=reader, now=now
    )
    return int(row["id"])


def roll_back(connection: Connection, version_id: int, *, actor: str, reason: str, now: datetime) -> int:
    """Publishes an old version again as a new one, at once: two people have read it before. Returns the new id; raises `RefusedError`."""
    row = get(connection, version_id)
    if row is None or row["published_at"] is None:
        raise RefusedError("not_published")
    values = {
        "intent": row["intent"],
        "body": row["body"],
        "author": row["author"],
        "writers": row["writers"],
        "reader": row["reader"],
        "reason": reason,
        "state": PUBLISHED,
        "created_at": now,
        "published_at": now,
        "valid_from": now,
    }
    key = connection.execute(answer_versions.insert().values(**values)).inserted_primary_key
    assert key is not None  # noqa: S101 - an insert of one row has a key
    made = {**row, "id": int(key[0]), "valid_from": now, "valid_to": None}
    content_log.note_row(connection, made, content_log.ROLLED_BACK, reason=reason, actor=actor, now=now)
    return int(key[0])


def withdraw(connection: Connection, version_id: int, *, actor: str, reason: str, now: datetime) -> None:
    """Takes a published version out: what held before it holds again. Raises `RefusedError`."""
    done = connection.execute(
        update(answer_versions)
        .where(answer_versions.c.id == version_id, answer_versions.c.state == PUBLISHED)
        .values(state=WITHDRAWN, ended_at=now)
    )
    row = get(connection, version_id)
    if done.rowcount != 1 or row is None:
        raise RefusedError("not_published")
    content_log.note_row(connection, row, content_log.WITHDRAWN, reason=reason, actor=actor, now=now)


def version_counts(connection: Connection) -> dict[str, int]:
    """How many published versions each answer has had."""
    found = connection.execute(
        select(answer_versions.c.intent, func.count())
        .where(answer_versions.c.published_at.is_not(None))
        .group_by(answer_versions.c.intent)
    )
    return {row[0]: int(row[1]) for row in found}


def beginning(row: Mapping[Any, Any], now: datetime) -> datetime:
    """When a dated row begins that a second person approves now. Raises `RefusedError` where it would have ended by then."""
    begins = max(row["valid_from"] or now, now)
    if row["valid_to"] is not None and row["valid_to"] <= begins:
        raise RefusedError("ended")
    return begins


def _locked(connection: Connection, intent: str) -> RowMapping | None:
    statement = select(answer_versions).where(answer_versions.c.intent == intent, answer_versions.c.state.in_(OPEN))
    return connection.execute(statement.with_for_update()).mappings().first()


def _open(connection: Connection, intent: str, revision: int) -> RowMapping:
    row = _locked(connection, intent)
    if row is None:
        raise RefusedError("not_open")
    if row["revision"] != revision:
        raise RefusedError("stale")
    return row


def _set(connection: Connection, row: Mapping[Any, Any], **values: Any) -> None:
    connection.execute(update(answer_versions).where(answer_versions.c.id == row["id"]).values(**values))
