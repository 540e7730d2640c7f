"""Tags: words that operators put on chats, to reach the same people again (docs/broadcast.md)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Select, and_, func, literal, select

from storage import audience_filter
from storage.inbox import insert_for
from storage.schema import chat_tags, chats, identities, links, participants

_TAG: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_BATCH: Final = 500


def checked(tag: str) -> str:
    """The tag; ValueError for what is none."""
    if not _TAG.fullmatch(tag):
        raise ValueError(f"{tag!r} is no tag: 1 to 40 small letters, digits, - and _")
    return tag


def chosen(tree: Mapping[str, Any], now: datetime) -> Select[Any]:
    """The chats that a filter finds."""
    return (
        select(chats.c.id)
        .outerjoin(links, and_(links.c.chat_id == chats.c.id, links.c.ended_at.is_(None)))
        .outerjoin(participants, participants.c.id == links.c.participant_id)
        .where(audience_filter.condition(tree, now))
    )


def with_number(phones: Sequence[str]) -> Select[Any]:
    """The chats in which one of these numbers ("+62…") is vouched for."""
    whose = (identities.c.kind == "phone", identities.c.vouched, identities.c.value.in_(list(phones)))
    return select(identities.c.chat_id.label("id")).where(*whose)


def add(connection: Connection, tag: str, of: Select[Any], *, author: str, now: datetime) -> int:
    """Puts a tag on chats; returns on how many it was not."""
    wanted = of.distinct().subquery()
    known = select(chat_tags.c.chat_id).where(chat_tags.c.chat_id == wanted.c.id, chat_tags.c.tag == checked(tag))
    rows = select(wanted.c.id, literal(tag), literal(author), literal(now, chat_tags.c.at.type)).where(~known.exists())
    made = insert_for(connection)(chat_tags).from_select(["chat_id", "tag", "author", "at"], rows)
    return int(connection.execute(made.on_conflict_do_nothing()).rowcount)


def remove(connection: Connection, tag: str, of: Select[Any] | None) -> int:
    """Takes it off these chats, or off all; returns off how many."""
    mine = chat_tags.c.tag == tag
    wanted = mine if of is None else and_(mine, chat_tags.c.chat_id.in_(of))
    return connection.execute(chat_tags.delete().where(wanted)).rowcount


def counts(connection: Connection) -> dict[str, int]:
    """All tags, each with its number of chats."""
    statement = select(chat_tags.c.tag, func.count()).group_by(chat_tags.c.tag).order_by(chat_tags.c.tag)
    return {row[0]: row[1] for row in connection.execute(statement)}


def of_chat(connection: Connection, chat_id: int) -> list[str]:
    """The tags of a chat."""
    statement = select(chat_tags.c.tag).where(chat_tags.c.chat_id == chat_id).order_by(chat_tags.c.tag)
    return list(connection.execute(statement).scalars())


def in_parts(phones: Sequence[str]) -> list[Sequence[str]]:
    """Numbers in parts that a statement takes."""
    return [phones[at : at + _BATCH] for at in range(0, len(phones), _BATCH)]
