"""Erasing over every store with a receipt, and erasing again from a restored backup."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from bot.ids import new_id
from bot.privacy.whose import Whose
from handlers import data_requests as receipts
from handlers.secure import key_id
from handlers.turn import Policy
from storage import chats, data_requests, erasing, people, privacy
from storage.erasing import Erased
from storage.privacy_rules import RULES

_PAGE = 1_000
_REMEMBERED = timedelta(days=RULES["erasures"].days or 0)  # how long a database knows what it has erased


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What was (or would be) erased of one chat or record."""

    what: str  # "chat 12", "record A-1"
    number: str  # "" in a dry run
    counts: Mapping[str, int]
    stays: Mapping[str, str]
    proof: str = ""  # hash

    def to_json(self) -> dict[str, Any]:
        """As a machine reads it."""
        named = {"what": self.what, "number": self.number or None, "proof": self.proof or None}
        return {**named, "erased": dict(self.counts), "stays": dict(self.stays)}


def would_erase(connection: Connection, whose: Whose, now: datetime) -> list[Receipt]:
    """The dry run: exactly what `erase` would count, with everything taken back."""
    found: list[Receipt] = erasing.tried(connection, lambda: [_bare(one) for one in _erased(connection, whose, now)])
    return found


def _bare(one: tuple[str, Mapping[str, Any], Erased]) -> Receipt:
    return Receipt(what=one[0], number="", counts=one[2].counts, stays=one[2].stays)


def _erased(connection: Connection, whose: Whose, now: datetime) -> Iterable[tuple[str, Mapping[str, Any], Erased]]:
    for chat in whose.chats:
        yield f"chat {chat['id']}", dict(chat), erasing.erase_chat(connection, chat["id"], now)
    if whose.record is not None:
        record = whose.record
        yield f"record {record['record_key']}", dict(record), erasing.erase_record(connection, record["id"], now)


def erase(connection: Connection, policy: Policy, whose: Whose, *, by: str, now: datetime) -> list[Receipt]:
    """Erases, closes a request with the proof, and notes it in the ledger, all in the caller's transaction."""
    done = []
    for what, row, erased in _erased(connection, whose, now):
        kind, named = ("chat", receipts.address_of(row)) if "address" in row else ("record", str(row["record_key"]))
        number = receipts.number(connection, new_id)
        request = data_requests.receive(connection, number=number, kind=data_requests.ERASURE, via=by, now=now)
        proof = data_requests.done(connection, request, by=by, what="erasure", now=now, counts=erased.counts)
        receipts.note_erasure(
            connection,
            policy,
            kind=kind,
            named=named,
            whole="chats" not in erased.stays,
            receipt_number=number,
            key=secrets.token_hex(13),
            now=now,
        )
        done.append(Receipt(what=what, number=number, counts=erased.counts, stays=erased.stays, proof=proof))
    return done


# -- after a restore ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Reapplied:
    """What `reapply` did with the ledger's lines."""

    known: int = 0  # stood in the database: the backup was made after them
    erased: int = 0  # chats and records erased again
    absent: int = 0  # were not in the backup
    keyless: int = 0  # made with a look-up key that is not configured: nobody can tell
    counts: Mapping[str, int] = field(default_factory=dict)


def reapply(
    connection: Connection, lines: Iterable[Mapping[str, Any]], policy: Policy, now: datetime, *, dry_run: bool = False
) -> Reapplied:
    """Erases again what the ledger file names and a restored database still holds; in the caller's transaction.

    `lines`: of `bot.privacy.ledger.read`. Lines that the database itself knows were erased before the backup was made. Can be repeated.
    """
    if dry_run:
        found: Reapplied = erasing.tried(connection, lambda: reapply(connection, lines, policy, now))
        return found
    mine = erasing.known(connection)
    given = list(lines)
    missing = {str(line["id"]): line for line in given if line["id"] not in mine}
    keys = {key_id(key): key for key in policy.lookup_keys}
    readable = {(one["kind"], one["digest"]): one for one in missing.values() if one["key_id"] in keys}
    counts: Counter[str] = Counter()
    erased = 0
    for line, key in _found(connection, readable, keys, now):
        counts.update(_again(connection, line, key, now))
        erased += 1
    for line in missing.values():
        if line["key_id"] in keys:
            _noted(connection, line, now)
    keyless = len(missing) - sum(1 for one in missing.values() if one["key_id"] in keys)
    absent = len(missing) - keyless - erased
    return Reapplied(known=len(given) - len(missing), erased=erased, absent=absent, keyless=keyless, counts=counts)


def _found(
    connection: Connection,
    wanted: Mapping[tuple[str, str], Mapping[str, Any]],
    keys: Mapping[str, bytes],
    now: datetime,
) -> list[tuple[Mapping[str, Any], int]]:
    """The lines whose chat or record is there, with its key."""
    used = {line["key_id"] for line in wanted.values()}
    found = []
    for kind, page in (("chat", erasing.addresses), ("record", erasing.record_keys)):
        after = 0
        while wanted and (rows := page(connection, after, _PAGE)):
            after = rows[-1]["id"]
            for row in rows:
                named = receipts.address_of(row) if kind == "chat" else str(row["record_key"])
                for name in used:
                    line = wanted.get((kind, receipts.digest(kind, named, keys[name])))
                    if line is not None and not _came_back(line, row, now):
                        found.append((line, int(row["id"])))
    return found


def _came_back(line: Mapping[str, Any], row: Mapping[Any, Any], now: datetime) -> bool:
    """Whether a chat or record went on after its erasure, of which the database knows no more because its own ledger ends after a time."""
    erased_at = datetime.fromisoformat(line["at"])
    return erased_at < now - _REMEMBERED and row["alive_at"] > erased_at


def _again(connection: Connection, line: Mapping[str, Any], key: int, now: datetime) -> Mapping[str, int]:
    if line["kind"] == "record":
        return erasing.erase_record(connection, key, now).counts if people.get(connection, key) else {}
    if chats.get(connection, key) is None:
        return {}
    return erasing.erase_chat(connection, key, now).counts if line["whole"] else privacy.erase(connection, key, now)


def _noted(connection: Connection, line: Mapping[str, Any], now: datetime) -> None:
    erasing.note(
        connection,
        key=str(line["id"]),
        kind=line["kind"],
        digest=line["digest"],
        key_id=line["key_id"],
        whole=bool(line["whole"]),
        number=line["number"],
        now=datetime.fromisoformat(line["at"]).astimezone(UTC),
    )
    erasing.filed(connection, [str(line["id"])], now)
