"""What the desk's pages show of the queue, and marks by which a page knows that something has changed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, func, literal_column, select

from storage.handoffs import ORDER
from storage.schema import (
    agents,
    case_notes,
    cases,
    chats,
    conversations,
    handoffs,
    messages,
    outbox,
    sla_rules,
)

_GOING_ON = handoffs.c.state.in_([literal_column("'waiting'"), literal_column("'active'")])


# -- the queue ----------------------------------------------------------------------------------------------------


def going_on(connection: Connection, *, agent_id: int | None = None) -> list[dict[str, Any]]:
    """Every request that waits or is being served (of one agent alone), in the queue's order: with the chat, the agent's alias, due time,
    `last_words` of the person, whether they are `unanswered`, and the newest message's key."""
    last = _newest().scalar_subquery()
    person = _newest(messages.c.author == "person").scalar_subquery()
    asked = messages.c.intent.is_distinct_from(
        "human_agent"
    )  # "mau bicara dengan petugas" tells nobody what it is about
    words = _newest(messages.c.author == "person", asked).scalar_subquery()
    answered = _newest(messages.c.author.startswith("agent:")).scalar_subquery()
    statement = (
        select(
            handoffs,
            chats.c.name.label("person"),
            chats.c.channel,
            chats.c.zone,
            chats.c.formal,
            agents.c.alias,
            last.label("last_id"),
            messages.c.text.label("last_words"),
            (person > func.coalesce(answered, 0)).label("unanswered"),
        )
        .join(chats, chats.c.id == handoffs.c.chat_id)
        .outerjoin(agents, agents.c.id == handoffs.c.agent_id)
        .outerjoin(messages, messages.c.id == words)
        .where(_GOING_ON)
        .order_by(*ORDER)
    )
    if agent_id is not None:
        statement = statement.where(handoffs.c.agent_id == agent_id)
    rules = first_response_rules(connection)
    return [{**row, "due_at": due(row, rules)} for row in connection.execute(statement).mappings()]


def _newest(*where: ColumnElement[bool]) -> Select[tuple[int]]:
    """The key of the newest message of a request's chat."""
    of_chat = select(func.max(messages.c.id)).where(messages.c.chat_id == handoffs.c.chat_id, *where)
    return of_chat.correlate(handoffs)


def first_response_rules(connection: Connection) -> dict[tuple[str, int], timedelta]:
    """(topic, priority) → how long a first answer may take; topic "" is any."""
    return {
        (row.topic, row.priority): timedelta(minutes=row.first_response_minutes)
        for row in connection.execute(select(sla_rules))
    }


def due(row: RowMapping, rules: dict[tuple[str, int], timedelta]) -> datetime | None:
    """When the first answer of a request is due; None once it was given, or where no rule says so."""
    if row["first_response_at"]:
        return None
    allowed = rules.get((row["topic"], row["priority"])) or rules.get(("", row["priority"]))
    return row["asked_at"] + allowed if allowed else None


# -- marks --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What is going on in a chat, as far as a page must know to be drawn again."""

    agent_id: int | None
    waiting: bool
    text: str


def queue_marks(connection: Connection) -> dict[int, Mark]:
    """Chat → mark, of every request that goes on."""
    h = handoffs.c
    rows = connection.execute(
        select(
            h.id, h.chat_id, h.state, h.agent_id, h.priority, h.front, _newest().scalar_subquery().label("last")
        ).where(_GOING_ON)
    )
    return {
        row.chat_id: Mark(
            agent_id=row.agent_id,
            waiting=row.state == "waiting",
            text=f"{row.id}:{row.state}:{row.agent_id}:{row.priority}:{row.front}:{row.last}",
        )
        for row in rows
    }


def chat_marks(connection: Connection, chat_ids: Collection[int]) -> dict[int, str]:
    """Chat → mark, of the conversations that pages show: messages, deliveries, owner, notes."""
    if not chat_ids:
        return {}
    c, o = conversations.c, outbox.c
    said = select(func.max(messages.c.id)).where(messages.c.chat_id == c.chat_id)
    noted = (
        select(func.max(case_notes.c.id))
        .join(cases, cases.c.id == case_notes.c.case_id)
        .where(cases.c.chat_id == c.chat_id)
    )
    shown = (c.chat_id, c.owner_version, said.scalar_subquery(), noted.scalar_subquery())
    found = {row[0]: row[1:] for row in connection.execute(select(*shown).where(c.chat_id.in_(chat_ids)))}
    sent = select(
        o.chat_id,
        func.max(o.id),
        func.count(o.done_at),
        func.max(o.done_at),
        func.sum(o.attempts),
        func.max(o.delivery_at),
    )
    for row in connection.execute(sent.where(o.chat_id.in_(chat_ids)).group_by(o.chat_id)):
        found[row[0]] = (*found[row[0]], *row[1:])
    return {chat: ":".join(map(str, values)) for chat, values in found.items()}
