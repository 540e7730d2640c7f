"""Requests of people about their data, from receipt to proof: number, deadline, what was done and its hash.

Access, correction, withdrawal and restriction are due within 3 × 24 hours (UU 27/2022, arts. 32, 41 and others: facts section 11);
for erasure the law names no hours, and the same span is kept.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, and_, func, select, update

from storage.schema import chats, data_requests, links, participants

SPAN = timedelta(hours=72)
ACCESS, CORRECTION, WITHDRAWAL, RESTRICTION, ERASURE = "access", "correction", "withdrawal", "restriction", "erasure"
KINDS = (ACCESS, CORRECTION, WITHDRAWAL, RESTRICTION, ERASURE)


def receive(
    connection: Connection,
    *,
    number: str,
    kind: str,
    via: str,
    now: datetime,
    chat_id: int | None = None,
    participant_id: int | None = None,
    wish: str | None = None,
) -> RowMapping:
    """Notes a request; `wish` is masked already. One of the same kind that waits in the same chat is the same request."""
    if chat_id is not None and (waiting := _waiting(connection, chat_id, kind)):
        return waiting
    row: dict[str, Any] = {
        "number": number,
        "kind": kind,
        "via": via,
        "chat_id": chat_id,
        "participant_id": participant_id,
    }
    row |= {"wish": wish, "state": "open", "received_at": now, "due_at": now + SPAN}
    made = connection.execute(data_requests.insert().values(row).returning(data_requests))
    return made.mappings().one()


def _waiting(connection: Connection, chat_id: int, kind: str) -> RowMapping | None:
    mine = (data_requests.c.chat_id == chat_id, data_requests.c.kind == kind, data_requests.c.state == "open")
    return connection.execute(select(data_requests).where(*mine)).mappings().first()


def done(
    connection: Connection,
    request: Mapping[Any, Any],
    *,
    by: str,
    what: str,
    now: datetime,
    counts: Mapping[str, int] | None = None,
) -> str:
    """Closes a request with its proof; returns the proof's hash. `what` is a code or a sentence without personal data."""
    proof = {"what": what, "counts": dict(counts or {})}
    mark = proof_hash(request, proof, now)
    _close(connection, request["id"], state="done", done_at=now, done_by=by, proof=proof, proof_hash=mark)
    return mark


def refuse(connection: Connection, request: Mapping[Any, Any], *, by: str, reason: str, now: datetime) -> str:
    """Closes a request that the law does not let us grant; returns the hash of the refusal."""
    proof = {"what": "refused", "reason": reason[:400], "counts": {}}
    mark = proof_hash(request, proof, now)
    values = {"proof": proof, "proof_hash": mark, "refusal": reason[:400]}
    _close(connection, request["id"], state="refused", done_at=now, done_by=by, **values)
    return mark


def _close(connection: Connection, key: int, **values: Any) -> None:
    still = (data_requests.c.id == key, data_requests.c.state == "open")
    if not connection.execute(update(data_requests).where(*still).values(**values)).rowcount:
        raise ValueError("the request is closed already")


def proof_hash(request: Mapping[Any, Any], proof: Mapping[str, Any], done_at: datetime) -> str:
    """SHA-256 over what the receipt states, so that a changed row is noticed."""
    stated = [request["number"], request["kind"], request["received_at"].isoformat(), done_at.isoformat(), dict(proof)]
    return hashlib.sha256(json.dumps(stated, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def intact(row: Mapping[Any, Any]) -> bool:
    """Whether a closed request still has the proof that it was closed with."""
    return row["done_at"] is not None and proof_hash(row, row["proof"], row["done_at"]) == row["proof_hash"]


def by_number(connection: Connection, number: str) -> RowMapping | None:
    """The request of that number, with the chat's channel and zone, the record's key, and by which proof (`level`) the chat is linked to it."""
    return connection.execute(_told().where(data_requests.c.number == number.upper())).mappings().first()


def listed(connection: Connection, *, state: str = "open", limit: int = 200) -> list[RowMapping]:
    """Open ones by their deadline (the overdue first), closed ones newest first; `state` "" for all."""
    order = data_requests.c.due_at if state == "open" else data_requests.c.id.desc()
    statement = _told().order_by(order, data_requests.c.id).limit(limit)
    return list(connection.execute(statement.where(data_requests.c.state == state) if state else statement).mappings())


def of_chat(connection: Connection, chat_id: int, limit: int = 5) -> list[RowMapping]:
    """The last requests of a chat, newest first."""
    statement = select(data_requests).where(data_requests.c.chat_id == chat_id)
    return list(connection.execute(statement.order_by(data_requests.c.id.desc()).limit(limit)).mappings())


def counts(connection: Connection, now: datetime) -> dict[str, int]:
    """How many are open, and how many of these are overdue."""
    rows = data_requests.c
    asked = select(func.count(), func.count().filter(rows.due_at < now)).where(rows.state == "open")
    waiting, late = connection.execute(asked).one()
    return {"open": int(waiting), "overdue": int(late)}


def forget_wishes(connection: Connection, chat_id: int) -> int:
    """Empties what a chat's requests said in the person's words; number and proof stay as evidence. Returns how many."""
    mine = (data_requests.c.chat_id == chat_id, data_requests.c.wish.is_not(None))
    return connection.execute(update(data_requests).where(*mine).values(wish=None)).rowcount


def number_taken(connection: Connection, number: str) -> bool:
    """Whether a number is in use."""
    return connection.execute(select(data_requests.c.id).where(data_requests.c.number == number)).first() is not None


def _told() -> Any:
    joined = data_requests.outerjoin(chats, chats.c.id == data_requests.c.chat_id)
    joined = joined.outerjoin(participants, participants.c.id == data_requests.c.participant_id)
    same = and_(links.c.chat_id == data_requests.c.chat_id, links.c.participant_id == data_requests.c.participant_id)
    joined = joined.outerjoin(links, and_(same, links.c.ended_at.is_(None)))
    shown = (chats.c.channel, chats.c.zone, participants.c.record_key, links.c.level)
    return select(data_requests, *shown).select_from(joined)
