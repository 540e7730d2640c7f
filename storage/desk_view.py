"""What the desk's pages show of conversations, cases and people, and who has looked at them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, and_, func, or_, select

from storage.schema import (
    access_log,
    agents,
    case_notes,
    cases,
    chats,
    conversations,
    handoffs,
    messages,
    outbox,
    participants,
)

SAME_LOOK = timedelta(minutes=10)  # a page drawn again within this time is the same look


# -- one conversation ---------------------------------------------------------------------------------------------


def talk(connection: Connection, chat_id: int, limit: int = 60) -> list[dict[str, Any]]:
    """The last messages of a chat, oldest first, each with what became of its sending (`sent`: a row of the outbox, or None)."""
    found = connection.execute(
        select(messages).where(messages.c.chat_id == chat_id).order_by(messages.c.id.desc()).limit(limit)
    ).mappings()
    rows = [dict(row) for row in found][::-1]
    if not rows:
        return []
    o = outbox
    sent = connection.execute(
        select(
            o.c.id,
            o.c.state,
            o.c.reason,
            o.c.delivery,
            o.c.delivery_reason,
            o.c.attempts,
            o.c.created_at,
            o.c.done_at,
            o.c.payload,
            o.c.author,
        )
        .where(o.c.chat_id == chat_id, o.c.created_at >= rows[0]["at"])
        .order_by(o.c.id)
    ).mappings()
    by_id: dict[int, RowMapping] = {}
    by_text: dict[tuple[datetime, str], RowMapping] = {}  # the bot's own: log and outbox are written in one transaction
    for row in sent:
        by_id[row["id"]] = row
        by_text[row["created_at"], row["payload"]["text"]] = row
    for said in rows:
        said["sent"] = by_id.get(said["outbox_id"]) or by_text.get((said["at"], said["text"]))
    return rows


def last_questions(connection: Connection, chat_id: int, limit: int = 4) -> list[str]:
    """The person's last messages, newest first."""
    statement = select(messages.c.text).where(messages.c.chat_id == chat_id, messages.c.author == "person")
    return list(connection.execute(statement.order_by(messages.c.id.desc()).limit(limit)).scalars())


def handoffs_of(connection: Connection, chat_id: int, limit: int = 10) -> list[RowMapping]:
    """The chat's requests for a person, newest first, with the agent's alias."""
    statement = (
        select(handoffs, agents.c.alias)
        .outerjoin(agents, agents.c.id == handoffs.c.agent_id)
        .where(handoffs.c.chat_id == chat_id)
        .order_by(handoffs.c.id.desc())
        .limit(limit)
    )
    return list(connection.execute(statement).mappings())


def cases_of(connection: Connection, chat_id: int, participant_id: int | None, limit: int = 10) -> list[RowMapping]:
    """Cases of this chat, and of the same participant in other chats, newest first."""
    whose = cases.c.chat_id == chat_id
    if participant_id is not None:
        whose = or_(whose, cases.c.participant_id == participant_id)
    return list(connection.execute(select(cases).where(whose).order_by(cases.c.id.desc()).limit(limit)).mappings())


def notes_of(connection: Connection, case_ids: Sequence[int]) -> list[RowMapping]:
    """The colleagues' notes on these cases, oldest first."""
    statement = select(case_notes).where(case_notes.c.case_id.in_(case_ids)).order_by(case_notes.c.id)
    return list(connection.execute(statement).mappings()) if case_ids else []


def owner(connection: Connection, chat_id: int) -> str:
    """Who speaks in a chat: "bot" or "agent:<id>"."""
    found = connection.execute(select(conversations.c.owner).where(conversations.c.chat_id == chat_id)).scalar()
    return str(found or "bot")


# -- people and looks ---------------------------------------------------------------------------------------------


def aliases(connection: Connection) -> dict[int, str]:
    """Agent → alias, also of those who have left."""
    return {row.id: row.alias for row in connection.execute(select(agents.c.id, agents.c.alias))}


def colleagues(connection: Connection, roles: Collection[str]) -> list[RowMapping]:
    """Active agents of these roles with the number of conversations they have, by alias."""
    load = (
        select(func.count()).where(handoffs.c.agent_id == agents.c.id, handoffs.c.state == "active").scalar_subquery()
    )
    statement = select(agents, load.label("load")).where(agents.c.active, agents.c.role.in_(roles))
    return list(connection.execute(statement.order_by(agents.c.alias)).mappings())


def log_look(
    connection: Connection,
    *,
    actor: str,
    chat_id: int | None,
    participant_id: int | None,
    what: str,
    now: datetime,
    quiet: timedelta = timedelta(0),
    reason: str | None = None,
) -> None:
    """Notes that somebody has looked at a conversation or record, or (both None) taken a list along; `quiet`: a page drawn again so soon is the same look."""
    a = access_log
    recent = and_(a.c.actor == actor, a.c.chat_id == chat_id, a.c.what == what, a.c.at > now - quiet)
    if not quiet or connection.execute(select(a.c.id).where(recent).limit(1)).first() is None:
        row = {"at": now, "actor": actor, "chat_id": chat_id, "participant_id": participant_id, "what": what}
        row |= {"reason": reason and reason[:200]}
        connection.execute(a.insert().values(row))


def looks(
    connection: Connection,
    *,
    limit: int,
    actor: str = "",
    chat_id: int | None = None,
    record: str = "",
    what: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[RowMapping]:
    """The last looks at personal data, newest first, with the record's and the chat's name."""
    a = access_log
    statement = (
        select(a, participants.c.record_key, chats.c.name.label("chat_name"), chats.c.channel)
        .outerjoin(participants, participants.c.id == a.c.participant_id)
        .outerjoin(chats, chats.c.id == a.c.chat_id)
        .order_by(a.c.id.desc())
        .limit(limit)
    )
    if actor:
        statement = statement.where(a.c.actor == actor)
    if chat_id is not None:
        statement = statement.where(a.c.chat_id == chat_id)
    if record:
        statement = statement.where(participants.c.record_key == record)
    if what:
        statement = statement.where(a.c.what == what)
    if since is not None:
        statement = statement.where(a.c.at >= since)
    if until is not None:
        statement = statement.where(a.c.at < until)
    return list(connection.execute(statement).mappings())


def kinds_of_looks(connection: Connection) -> list[str]:
    """What has been looked at, for the filter."""
    return list(connection.execute(select(access_log.c.what).distinct().order_by(access_log.c.what)).scalars())


# -- cases ----------------------------------------------------------------------------------------------------------


def cases_list(
    connection: Connection, *, state: str, topic: str, agent_id: int | None, order: str, limit: int
) -> list[RowMapping]:
    """Cases by state ("" for all), topic and agent, by due time, priority or age, with the person's name and the agent's alias."""
    orders = {
        "due": (cases.c.due_at, cases.c.id),
        "priority": (cases.c.priority, cases.c.created_at),
        "new": (cases.c.id.desc(),),
    }
    statement = (
        select(cases, chats.c.name.label("person"), chats.c.channel, chats.c.zone, agents.c.alias)
        .join(chats, chats.c.id == cases.c.chat_id)
        .outerjoin(agents, agents.c.id == cases.c.agent_id)
        .order_by(*orders[order])
        .limit(limit)
    )
    if state == "open":
        statement = statement.where(cases.c.state != "closed")
    elif state:
        statement = statement.where(cases.c.state == state)
    if topic:
        statement = statement.where(cases.c.topic == topic)
    if agent_id is not None:
        statement = statement.where(cases.c.agent_id == agent_id)
    return list(connection.execute(statement).mappings())


def case_topics(connection: Connection) -> list[str]:
    """Topics that there are cases of."""
    return list(connection.execute(select(cases.c.topic).distinct().order_by(cases.c.topic)).scalars())


def said_last(connection: Connection, chat_id: int, author: str) -> RowMapping | None:
    """The chat's newest message, if that author said it."""
    statement = select(messages).where(messages.c.chat_id == chat_id).order_by(messages.c.id.desc()).limit(1)
    row = connection.execute(statement).mappings().first()
    return row if row and row["author"] == author else None


def talk_between(connection: Connection, chat_id: int, since: datetime, until: datetime | None) -> list[RowMapping]:
    """A chat's messages of one conversation, from shortly before it was asked for to its end; at most 200."""
    statement = select(messages).where(messages.c.chat_id == chat_id, messages.c.at > since - timedelta(minutes=30))
    if until is not None:
        statement = statement.where(messages.c.at <= until + timedelta(minutes=5))
    return list(connection.execute(statement.order_by(messages.c.id).limit(200)).mappings())
