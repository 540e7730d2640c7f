"""Whose data: a chat, the chats of a telephone number, or an imported record."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping

from nlu.entities.identity import parse_phone
from storage import cases, chats, erasing, people

_GIVEN = re.compile(r"\+62\d{8,13}")  # as it is stored; the samples' numbers belong to no operator


@dataclass(frozen=True, slots=True, kw_only=True)
class Whose:
    """The chats and records that were meant, and records that only share the number."""

    chats: tuple[RowMapping, ...] = ()
    record: RowMapping | None = None
    also: tuple[str, ...] = ()  # keys of records on the same number: families share one, so they are only named

    @property
    def chat_ids(self) -> list[int]:
        """Keys of the chats."""
        return [int(chat["id"]) for chat in self.chats]


def find(connection: Connection, *, chat: str = "", phone: str = "", record: str = "") -> Whose:
    """`chat`: its number or a case of it; `phone`: "+62…" as a person writes it; `record`: the operator's key. Raises ValueError for none or nobody."""
    if len([one for one in (chat, phone, record) if one]) != 1:
        raise ValueError("say whose data: one of --chat, --phone, --record")
    if record:
        row = people.by_record_key(connection, record)
        if row is None:
            raise ValueError(f"no record {record}")
        return Whose(record=row)
    if phone:
        return _on_number(connection, phone)
    key = _chat_key(connection, chat)
    found = chats.get(connection, key) if key is not None else None
    if found is None:
        raise ValueError(f"no chat or case {chat}")
    return Whose(chats=(found,))


def _chat_key(connection: Connection, named: str) -> int | None:
    if named.isascii() and named.isdigit():
        return int(named) if len(named) < 19 else None
    case = cases.by_number(connection, named.upper())
    return int(case["chat_id"]) if case else None


def _on_number(connection: Connection, typed: str) -> Whose:
    bare = re.sub(r"[\s.-]", "", typed)
    number = parse_phone(typed) or (bare if _GIVEN.fullmatch(bare) else None)
    if number is None:
        raise ValueError(f"{typed} is no Indonesian mobile number")
    also = tuple(str(row["record_key"]) for row in people.by_phone(connection, number))
    found = _rows(connection, erasing.chats_on(connection, number))
    if not found and not also:
        raise ValueError("no chat and no record is known by that number")
    return Whose(chats=tuple(found), also=also)


def _rows(connection: Connection, keys: Sequence[int]) -> list[RowMapping]:
    return [row for key in keys if (row := chats.get(connection, key)) is not None]
