"""What goes out: rows for files, a page at a time, and the deliveries of the outgoing webhook."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, and_, bindparam, or_, select, true, update

from storage import identity
from storage.database import database_now
from storage.schema import (
    access_log,
    cases,
    chats,
    hook_deliveries,
    identity_numbers,
    links,
    participants,
    registrations,
)

KINDS = ("registrations", "links", "cases")
STATES = {"registrations": (), "links": ("active", "ended"), "cases": ("open", "waiting", "closed")}
LOGGED = "ekspor"  # what the person reads in the list of who looked
LOGGED_IDENTITY = "NIK dan KK (ekspor)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which rows: made since a moment, of a region (its code, or the first two digits: a province), in a state."""

    since: datetime | None = None
    region: str = ""
    state: str = ""


# -- files --------------------------------------------------------------------------------------------------------


def page(
    connection: Connection, kind: str, only: Filter, after: int, limit: int, *, opened: bool = False
) -> list[RowMapping]:
    """The next rows by their key. That records of participants were taken out is logged with the reading, and so is it
    where NIK and KK are going to be `opened`."""
    statement = {"registrations": _registrations, "links": _links, "cases": _cases}[kind](only)
    rows = list(connection.execute(statement, {"after": after, "limit": limit}).mappings())
    seen = sorted({row["participant_id"] for row in rows if row.get("participant_id")})
    if seen:
        now = database_now(connection)
        looks = [{"at": now, "actor": "cli", "participant_id": key, "what": LOGGED} for key in seen]
        connection.execute(access_log.insert(), looks)
    if opened:
        sealed = [row["chat_id"] for row in rows if row["sealed"]]
        identity.log_looks(connection, sealed, actor="cli", what=LOGGED_IDENTITY, now=database_now(connection))
    return rows


def _paged(statement: Select[Any], key: Any, created: Any, region: Any, only: Filter) -> Select[Any]:
    wanted: list[ColumnElement[bool]] = [key > bindparam("after")]
    if only.since:
        wanted.append(created >= only.since)
    if only.region:
        wanted.append(region == only.region if len(only.region) == 4 else region.startswith(only.region))
    return statement.where(*wanted).order_by(key).limit(bindparam("limit"))


def _registrations(only: Filter) -> Select[Any]:
    rows = registrations.c
    statement = select(rows.id, rows.number, chats.c.channel, rows.created_at, rows.kept_until, rows.data)
    statement = statement.add_columns(
        rows.chat_id, identity_numbers.c.sealed, identity_numbers.c.key_id, identity_numbers.c.nik_hash
    )
    statement = statement.join(chats, chats.c.id == rows.chat_id)
    statement = statement.outerjoin(identity_numbers, identity_numbers.c.chat_id == rows.chat_id)
    return _paged(statement, rows.id, rows.created_at, rows.data["region"].as_string(), only)


def _links(only: Filter) -> Select[Any]:
    rows = links.c
    statement = select(
        rows.id,
        rows.participant_id,
        participants.c.record_key,
        participants.c.region,
        chats.c.channel,
        rows.level,
        rows.method,
        rows.created_at,
        rows.ended_at,
        rows.ended_why,
    )
    statement = statement.join(participants, participants.c.id == rows.participant_id).join(
        chats, chats.c.id == rows.chat_id
    )
    if only.state:
        statement = statement.where(rows.ended_at.is_(None) if only.state == "active" else rows.ended_at.is_not(None))
    return _paged(statement, rows.id, rows.created_at, participants.c.region, only)


def _cases(only: Filter) -> Select[Any]:
    rows = cases.c
    statement = select(
        rows.id,
        rows.participant_id,
        rows.number,
        rows.topic,
        rows.priority,
        rows.state,
        rows.created_at,
        rows.updated_at,
        rows.due_at,
        rows.closed_at,
        chats.c.channel,
        participants.c.record_key,
        participants.c.region,
        rows.story,
    )
    statement = statement.join(chats, chats.c.id == rows.chat_id)
    statement = statement.outerjoin(participants, participants.c.id == rows.participant_id)
    if only.state:
        statement = statement.where(rows.state == only.state)
    return _paged(statement, rows.id, rows.created_at, participants.c.region, only)


# -- the outgoing webhook -----------------------------------------------------------------------------------------


def enqueue_hook(connection: Connection, *, number: str, event_id: str, now: datetime) -> None:
    """Has a registration delivered; in the transaction that writes it. The data itself is read when it is sent."""
    key = connection.execute(select(registrations.c.id).where(registrations.c.number == number)).scalar_one()
    waiting = and_(
        hook_deliveries.c.registration_id == key, hook_deliveries.c.state == "pending", hook_deliveries.c.attempts == 0
    )
    if connection.execute(select(hook_deliveries.c.id).where(waiting)).first() is None:
        row = {"event_id": event_id, "registration_id": key, "state": "pending", "not_before": now, "created_at": now}
        connection.execute(hook_deliveries.insert().values(row))


def claim_hooks(connection: Connection, *, token: str, now: datetime, lease: timedelta, limit: int) -> list[RowMapping]:
    """Takes deliveries that are due, with what they tell; a lease that ran out frees them again."""
    free = or_(hook_deliveries.c.lease_until.is_(None), hook_deliveries.c.lease_until < now)
    due = (
        select(hook_deliveries.c.id)
        .where(hook_deliveries.c.state == "pending", hook_deliveries.c.not_before <= now, free)
        .order_by(hook_deliveries.c.not_before)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    ids = list(connection.execute(due).scalars())
    if not ids:
        return []
    taken = {"owner": token, "lease_until": now + lease, "attempts": hook_deliveries.c.attempts + 1}
    connection.execute(update(hook_deliveries).where(hook_deliveries.c.id.in_(ids)).values(taken))
    statement = (
        select(hook_deliveries, registrations.c.number, registrations.c.data, registrations.c.kept_until)
        .add_columns(registrations.c.created_at.label("registered_at"), chats.c.channel)
        .join(registrations, registrations.c.id == hook_deliveries.c.registration_id)
        .join(chats, chats.c.id == registrations.c.chat_id)
        .where(hook_deliveries.c.id.in_(ids))
    )
    return list(connection.execute(statement.order_by(hook_deliveries.c.id)).mappings())


def mark_hook(
    connection: Connection,
    delivery_id: int,
    *,
    token: str,
    state: str,
    reason: str | None,
    not_before: datetime | None,
    now: datetime,
) -> None:
    """Records what became of a delivery of ours: delivered, failed, or pending until `not_before`."""
    values: dict[str, Any] = {"state": state, "reason": reason and reason[:200], "owner": None, "lease_until": None}
    values |= {"not_before": not_before} if state == "pending" else {"done_at": now}
    own = and_(hook_deliveries.c.id == delivery_id, hook_deliveries.c.owner == token)
    connection.execute(update(hook_deliveries).where(own).values(values))


def delete_done_hooks(connection: Connection, *, before: datetime, limit: int) -> int:
    """Deletes a small batch of deliveries that ended before a moment; returns how many."""
    old = (
        select(hook_deliveries.c.id)
        .where(hook_deliveries.c.state != "pending", hook_deliveries.c.done_at < before)
        .limit(limit)
    )
    return connection.execute(hook_deliveries.delete().where(hook_deliveries.c.id.in_(old))).rowcount


def hooks(connection: Connection) -> Sequence[RowMapping]:
    """The last deliveries, newest first, for whoever looks after them."""
    return (
        connection.execute(select(hook_deliveries).where(true()).order_by(hook_deliveries.c.id.desc()).limit(50))
        .mappings()
        .all()
    )
