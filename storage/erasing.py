"""Erasing a whole chat or record over every table, counted table by table; and the ledger by which it is done again after a restore."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Table, and_, func, or_, select, update

from storage import data_requests, people, privacy
from storage.privacy_rules import RULES
from storage.schema import (
    campaign_numbers,
    chats,
    erasures,
    identities,
    import_rows,
    imports,
    metadata,
    participants,
    sms_pieces,
)

_RECORD_IMPORTS = ("participants", "enrolments", "incentives")


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """Rows erased (or emptied) by table, and what stays, each with its reason."""

    counts: dict[str, int]
    stays: dict[str, str] = field(default_factory=dict)


def rows_of(
    table: Table, *, chat_id: int | None = None, participant_id: int | None = None
) -> ColumnElement[bool] | None:
    """Which rows of a table belong to a chat or a record; None where none can."""
    column, parent = RULES[table.name].parent
    if chat_id is not None:
        if table is chats:
            return chats.c.id == chat_id
        if "chat_id" in table.c:
            return table.c.chat_id == chat_id
        if parent:
            above = metadata.tables[parent]
            return table.c[column].in_(select(above.c.id).where(above.c.chat_id == chat_id))
    if participant_id is not None:
        if table is participants:
            return participants.c.id == participant_id
        if "participant_id" in table.c:
            return table.c.participant_id == participant_id
    return None


def _counted(connection: Connection, **whose: int) -> dict[str, int]:
    found = {}
    for table in metadata.sorted_tables:
        if (mine := rows_of(table, **whose)) is not None:
            number = connection.execute(select(func.count()).select_from(table).where(mine)).scalar_one()
            found[table.name] = int(number)
    return found


def erase_chat(connection: Connection, chat_id: int, now: datetime) -> Erased:
    """Erases a chat with its address; while it is locked after wrong proofs the bare address stays, or a new chat would lift the lock."""
    chat = connection.execute(select(chats).where(chats.c.id == chat_id)).mappings().one()
    if people.locked_until(connection, chat_id, now):
        erased = privacy.erase(connection, chat_id, now)
        return Erased(counts=erased, stays={"chats": RULES["proofs"].why, "proofs": RULES["proofs"].why})
    before = _counted(connection, chat_id=chat_id)
    lines = select(func.count()).select_from(campaign_numbers).where(privacy.listed(chat_id))
    before["campaign_numbers"] = int(connection.execute(lines).scalar_one())
    asked, wishes = before.pop("data_requests"), data_requests.forget_wishes(connection, chat_id)
    source = f"{chat['channel']}:{chat['account']}"
    pieces = and_(sms_pieces.c.source == source, sms_pieces.c.address == chat["address"])
    before["sms_pieces"] = connection.execute(sms_pieces.delete().where(pieces)).rowcount
    privacy.erase_whole(connection, chat_id, now)
    stays = {"data_requests": RULES["data_requests"].why} if asked else {}
    if before["taught"]:
        stays["model_files"] = "models learnt with these words until one is made without them: `pandu nlu retrain`"
    return Erased(counts=_some({**before, "data_requests": wishes}), stays=stays | {"erasures": RULES["erasures"].why})


def erase_record(connection: Connection, participant_id: int, now: datetime) -> Erased:
    """Erases an imported record with what hangs on it. Chats that were linked stay, without the link; so do cases, as the chat's."""
    record = connection.execute(select(participants).where(participants.c.id == participant_id)).mappings().one()
    before = _counted(connection, participant_id=participant_id)
    kept = {name: before.pop(name) for name in ("cases", "data_requests")}
    kinds = select(imports.c.id).where(imports.c.kind.in_(_RECORD_IMPORTS))
    staged = and_(import_rows.c.key == record["record_key"], import_rows.c.import_id.in_(kinds))
    before["import_rows"] = connection.execute(import_rows.delete().where(staged)).rowcount
    connection.execute(participants.delete().where(participants.c.id == participant_id))
    stays = {
        "chats": "a chat's own data: erase it by --chat",
        "import": "the operator's file: take the row out there, or the next import brings it back",
        "erasures": RULES["erasures"].why,
    }
    if kept["cases"]:
        stays["cases"] = "the report of a chat, no longer joined to the record"
    return Erased(counts=_some(before), stays=stays)


def _some(counts: dict[str, int]) -> dict[str, int]:
    return {name: number for name, number in counts.items() if number}


def tried(connection: Connection, work: Callable[[], Any]) -> Any:
    """What `work` would return, with everything that it did taken back."""
    point = connection.begin_nested()
    try:
        return work()
    finally:
        point.rollback()


def chats_on(connection: Connection, phone: str) -> list[int]:
    """The chats in which that number ("+62…") is vouched for, or whose address it is."""
    vouched = select(identities.c.chat_id).where(
        identities.c.kind == "phone", identities.c.value == phone, identities.c.vouched
    )
    bare = phone.removeprefix("+")
    here = or_(chats.c.id.in_(vouched), chats.c.address.in_((phone, bare)), chats.c.reach.in_((phone, bare)))
    return list(connection.execute(select(chats.c.id).where(here).order_by(chats.c.id)).scalars())


# -- the ledger ---------------------------------------------------------------------------------------------------


def note(
    connection: Connection, *, key: str, kind: str, digest: str, key_id: str, whole: bool, number: str, now: datetime
) -> None:
    """Writes an erasure into the ledger; in the transaction that erases."""
    row = {"id": key, "kind": kind, "digest": digest, "key_id": key_id, "whole": whole, "number": number, "at": now}
    connection.execute(erasures.insert().values(row))


def unfiled(connection: Connection, limit: int = 500) -> list[RowMapping]:
    """Erasures that do not stand in the file outside the database yet, oldest first."""
    statement = select(erasures).where(erasures.c.filed_at.is_(None)).order_by(erasures.c.at, erasures.c.id)
    return list(connection.execute(statement.limit(limit)).mappings())


def unfiled_since(connection: Connection, before: datetime) -> int:
    """How many erasures of before that moment do not stand in the file."""
    old = select(func.count()).where(erasures.c.filed_at.is_(None), erasures.c.at < before)
    return int(connection.execute(old).scalar_one())


def filed(connection: Connection, keys: Sequence[str], now: datetime) -> None:
    """Marks erasures that stand in the file."""
    connection.execute(update(erasures).where(erasures.c.id.in_(keys)).values(filed_at=now))


def known(connection: Connection) -> set[str]:
    """The keys of all erasures of this database."""
    return set(connection.execute(select(erasures.c.id)).scalars())


def addresses(connection: Connection, after: int, limit: int) -> list[RowMapping]:
    """A page of chats with what names them and when they last gave a sign of life, by key."""
    c = chats.c
    statement = select(c.id, c.channel, c.account, c.address, c.seen_at.label("alive_at")).where(c.id > after)
    return list(connection.execute(statement.order_by(c.id).limit(limit)).mappings())


def record_keys(connection: Connection, after: int, limit: int) -> list[RowMapping]:
    """A page of records with the operator's key and when they were imported last, by key."""
    p = participants.c
    statement = select(p.id, p.record_key, p.imported_at.label("alive_at")).where(p.id > after)
    return list(connection.execute(statement.order_by(p.id).limit(limit)).mappings())
