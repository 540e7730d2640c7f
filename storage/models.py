"""Versions of the model: candidates with their report, the published one, and those that were published before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, insert, select, update

from storage.schema import model_files, models

KEPT_CANDIDATES = 10  # never published; those that were published are all kept


_REASONS = {
    "unknown": "there is no such model",
    "no_candidate": "it is no candidate",
    "worse": "it is worse than the published one: {detail}",
    "outdated": "it was compared with a model that is not the published one now; train again",
    "never_used": "it was never published, or is published now",
    "shipped": "the shipped model is in use already",
}


class NotPublishableError(ValueError):
    """A model may not be published."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(_REASONS[reason].format(detail=detail))
        self.reason, self.detail = reason, detail


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A model as the training leaves it."""

    name: str
    code: str
    seed: str
    taught: int
    compared_with: int | None
    report: Mapping[str, Any]
    worse: str
    packed: bytes


def keep(connection: Connection, made: Made, now: datetime) -> int:
    """Adds a candidate; returns its number. The oldest candidates beyond the limit go."""
    values = {
        "name": made.name,
        "code": made.code,
        "seed": made.seed,
        "taught": made.taught,
        "compared_with": made.compared_with,
        "report": dict(made.report),
        "worse": made.worse[:200],
    }
    statement = insert(models).values(**values, state="candidate", created_at=now)
    key = int(connection.execute(statement).inserted_primary_key[0])  # type: ignore[index]
    connection.execute(insert(model_files).values(model_id=key, packed=made.packed))
    newest = (
        select(models.c.id).where(models.c.state == "candidate").order_by(models.c.id.desc()).limit(KEPT_CANDIDATES)
    )
    kept = list(connection.execute(newest).scalars())
    connection.execute(delete(models).where(models.c.state == "candidate", models.c.id.not_in(kept)))
    return key


def listed(connection: Connection) -> list[RowMapping]:
    """All versions without their files, newest first."""
    return list(connection.execute(select(models).order_by(models.c.id.desc())).mappings())


def get(connection: Connection, key: int) -> RowMapping | None:
    """One version."""
    return connection.execute(select(models).where(models.c.id == key)).mappings().first()


def published(connection: Connection) -> RowMapping | None:
    """The published version; None: the shipped model is used."""
    return connection.execute(select(models).where(models.c.state == "published")).mappings().first()


def packed(connection: Connection, key: int) -> bytes:
    """A version's files."""
    return bytes(connection.execute(select(model_files.c.packed).where(model_files.c.model_id == key)).scalar_one())


def publish(connection: Connection, key: int, *, by: str, now: datetime) -> None:
    """Publishes a candidate. NotPublishableError where it is worse, is none, or was compared with a model that is not the published one any more."""
    row = _locked(connection, key)
    present = published(connection)
    if row["state"] != "candidate":
        raise NotPublishableError("no_candidate")
    if row["worse"]:
        raise NotPublishableError("worse", row["worse"])
    in_use = present["id"] if present and present["code"] == row["code"] else None  # of other code: the shipped one is
    if row["compared_with"] != in_use:
        raise NotPublishableError("outdated")
    _switch(connection, key, by, now)


def roll_back(connection: Connection, key: int | None, *, by: str, now: datetime) -> None:
    """Goes back to a version that was published before; None: to the shipped model. NotPublishableError for any other."""
    if key is not None and _locked(connection, key)["state"] != "former":
        raise NotPublishableError("never_used")
    if key is None and published(connection) is None:
        raise NotPublishableError("shipped")
    _switch(connection, key, by, now)


def _locked(connection: Connection, key: int) -> RowMapping:
    """The row; all rows are locked, so that two people never publish at once."""
    rows = connection.execute(select(models).order_by(models.c.id).with_for_update()).mappings().all()
    row = next((one for one in rows if one["id"] == key), None)
    if row is None:
        raise NotPublishableError("unknown")
    return row


def _switch(connection: Connection, key: int | None, by: str, now: datetime) -> None:
    connection.execute(update(models).where(models.c.state == "published").values(state="former"))
    if key is not None:
        values = {"state": "published", "published_at": now, "published_by": by}
        connection.execute(update(models).where(models.c.id == key).values(**values))
