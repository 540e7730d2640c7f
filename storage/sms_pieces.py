"""Parts of a long SMS that came one by one: kept, sealed, until all are there, for a minute at most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping, select

from storage.inbox import insert_for
from storage.schema import sms_pieces


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part; `reference` is what the parts of a message share."""

    source: str
    address: str
    reference: str
    number: int
    total: int
    event_id: str
    text: bytes  # sealed
    sent_at: datetime


def keep(connection: Connection, part: Part, now: datetime) -> list[RowMapping]:
    """Keeps a part (a repeat changes nothing); returns all of its message in order once the last has come, else []."""
    row = {name: getattr(part, name) for name in Part.__slots__}
    connection.execute(insert_for(connection)(sms_pieces).on_conflict_do_nothing().values(**row, at=now))
    there = _of(connection, part.source, part.address, part.reference)
    return there if len(there) >= part.total else []


def overdue(connection: Connection, source: str, *, before: datetime, limit: int) -> list[list[RowMapping]]:
    """Messages whose other parts have not come: what there is of each, in order."""
    keys = select(sms_pieces.c.address, sms_pieces.c.reference).where(
        sms_pieces.c.source == source, sms_pieces.c.at < before
    )
    found = connection.execute(keys.distinct().limit(limit)).all()
    return [_of(connection, source, address, reference) for address, reference in found]


def drop(connection: Connection, parts: Sequence[RowMapping]) -> None:
    """Forgets parts whose message is in the inbox now."""
    for part in parts:
        same = (sms_pieces.c[name] == part[name] for name in ("source", "address", "reference", "number"))
        connection.execute(sms_pieces.delete().where(*same))


def _of(connection: Connection, source: str, address: str, reference: str) -> list[RowMapping]:
    chosen = (
        sms_pieces.c.source == source,
        sms_pieces.c.address == address,
        sms_pieces.c.reference == reference,
    )
    return list(connection.execute(select(sms_pieces).where(*chosen).order_by(sms_pieces.c.number)).mappings())
