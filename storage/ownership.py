"""Who speaks: the queue gives a conversation to an agent, an agent takes, passes on, gives back or ends one (design, rule 5).

Each function locks the conversation first (lock order: chats by id), then changes the request and the owner in one
transaction. One waiting request goes to one agent, whoever else reaches for it at the same moment.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, RowMapping, Select, func, literal, select, update

from storage import agents, chats, desk_texts, handoffs, quality
from storage.handoffs import ACTIVE, ENDED, WAITING, RefusedError
from storage.schema import Instant
from storage.schema import agents as agent_rows
from storage.schema import handoffs as table

BOT = "bot"
_rows = table.c


def owner_of(agent_id: int) -> str:
    """As `conversations.owner` and the outbox name an agent."""
    return f"agent:{agent_id}"


def assign_next(connection: Connection, now: datetime) -> RowMapping | None:
    """Gives the first of the queue for whom somebody is free to the agent with the least load; the request as it is now.

    None: nobody waits, nobody is free, or somebody else was quicker (ask again). An agent is free while below their cap;
    where an agent with the wanted skill is there, only such a one is given the conversation.
    """
    present = agents.present(connection, now)
    if all(agent["load"] >= agent["cap"] for agent in present):
        return None
    for row in handoffs.waiting(connection):
        if (agent := _best(present, row["wanted_skill"])) is not None:
            return _given(connection, row, agent["id"], now)
    return None


def _best(present: Sequence[RowMapping], skill: str | None) -> RowMapping | None:
    skilled = [one for one in present if skill is None or not one["skills"] or skill in one["skills"]]
    return next((one for one in skilled or present if one["load"] < one["cap"]), None)


def _given(connection: Connection, row: RowMapping, agent_id: int, now: datetime) -> RowMapping | None:
    chats.lock_conversations(connection, [row["chat_id"]])
    connection.execute(select(agent_rows.c.id).where(agent_rows.c.id == agent_id).with_for_update())
    free = any(one["id"] == agent_id and one["load"] < one["cap"] for one in agents.present(connection, now))
    return _to_agent(connection, row["id"], agent_id, now, was=WAITING) if free else None


def _to_agent(
    connection: Connection, handoff_id: int, agent_id: int, now: datetime, *, was: str, carry: bool = False
) -> RowMapping | None:
    values = {"state": ACTIVE, "agent_id": agent_id, "taken_at": now, "front": False}
    first = func.coalesce(_rows.assigned_at, literal(now, Instant()))
    statement = update(table).where(_rows.id == handoff_id, _rows.state == was).values(**values, assigned_at=first)
    row = connection.execute(statement.returning(table)).mappings().first()
    if row is not None:
        chats.take_over(connection, row["chat_id"], owner=owner_of(agent_id), now=now, carry=carry)
    return row


# -- by hand ----------------------------------------------------------------------------------------------------------


def take(
    connection: Connection, handoff_id: int, agent_id: int, now: datetime, *, from_another: bool = False
) -> RowMapping:
    """An agent takes a waiting request; `from_another`: also one that a colleague has (whose unsent words are cancelled).

    Raises RefusedError: gone, mine, or taken (with who has it).
    """
    row = _locked(connection, handoff_id)
    if row["state"] == ACTIVE and row["agent_id"] == agent_id:
        raise RefusedError("mine", agent_id)
    if row["state"] == ACTIVE and not from_another:
        raise RefusedError("taken", row["agent_id"])
    return _there(_to_agent(connection, handoff_id, agent_id, now, was=row["state"]))


def open_by_agent(connection: Connection, case: RowMapping, agent_id: int, now: datetime) -> RowMapping:
    """An agent begins a conversation from a case (a row of `cases`). Raises RefusedError: busy, where one goes on in that chat."""
    chats.lock_conversations(connection, [case["chat_id"]])
    if (there := handoffs.going_on(connection, case["chat_id"])) is not None:
        raise RefusedError("busy", there["agent_id"])
    values = {"chat_id": case["chat_id"], "number": case["number"], "topic": case["topic"]}
    row = handoffs.join(connection, **values, case_id=case["id"], priority=case["priority"], live=True, now=now)
    return _there(_to_agent(connection, row["id"], agent_id, now, was=WAITING))


def transfer(
    connection: Connection,
    handoff_id: int,
    agent_id: int,
    now: datetime,
    *,
    note: str,
    to_agent: int | None = None,
    to_skill: str | None = None,
) -> RowMapping:
    """Passes a conversation on with a note: to a colleague who is there, or to the front of the queue for a skill.

    Raises RefusedError: gone, taken (it is not the agent's), away (the colleague is not there).
    """
    row = _owned(connection, handoff_id, agent_id)
    if to_agent is not None:
        there = select(agent_rows.c.id).where(agent_rows.c.id == to_agent, ~agents.is_out(now))
        if connection.execute(there).first() is None:
            raise RefusedError("away", to_agent)
        passed = _to_agent(connection, handoff_id, to_agent, now, was=ACTIVE, carry=True)
    else:
        passed = _to_queue(connection, handoff_id, now, wanted_skill=to_skill)
    if row["case_id"]:
        desk_texts.note(connection, row["case_id"], author=owner_of(agent_id), text=note, now=now)
    return _there(passed)


def give_back(connection: Connection, handoff_id: int, agent_id: int, now: datetime) -> RowMapping:
    """Puts a conversation back to the front of the queue. Raises RefusedError: gone, taken."""
    _owned(connection, handoff_id, agent_id)
    return _there(_to_queue(connection, handoff_id, now))


def end(connection: Connection, handoff_id: int, agent_id: int, now: datetime, *, why: str = "agent") -> RowMapping:
    """Ends a conversation; the bot answers again. Raises RefusedError: gone, taken."""
    row = _owned(connection, handoff_id, agent_id)
    return _ended(connection, row, now, why)


def leave(connection: Connection, chat_id: int, now: datetime, *, why: str = "person") -> RowMapping | None:
    """The person goes, from the queue or from the conversation; the request as it is now, None where there was none."""
    chats.lock_conversations(connection, [chat_id])
    row = handoffs.going_on(connection, chat_id)
    if row is None:
        return None
    if row["state"] == ACTIVE:
        return _ended(connection, row, now, why)
    handoffs.close(connection, row["id"], state=handoffs.LEFT, why=why, now=now)
    return handoffs.get(connection, row["id"])


def drop_out(connection: Connection, now: datetime, *, limit: int = 50) -> list[RowMapping]:
    """Conversations of agents who are not there any more go back to the front of the queue; the requests as they are now."""
    found = connection.execute(
        select(_rows.id, _rows.chat_id)
        .join(agent_rows, agent_rows.c.id == _rows.agent_id)
        .where(_rows.state == ACTIVE, agents.is_out(now))
        .order_by(_rows.chat_id)
        .limit(limit)
    ).all()
    chats.lock_conversations(connection, [row.chat_id for row in found])
    out = select(agent_rows.c.id).where(agents.is_out(now))
    dropped = [_to_queue(connection, row.id, now, only_of=out) for row in found]
    return [row for row in dropped if row is not None]


def _to_queue(
    connection: Connection,
    handoff_id: int,
    now: datetime,
    *,
    wanted_skill: str | None = None,
    only_of: Select[tuple[int]] | None = None,
) -> RowMapping | None:
    """To the front of the queue; meanwhile the bot answers. What the agent has written still goes out."""
    statement = update(table).where(_rows.id == handoff_id, _rows.state == ACTIVE)
    if only_of is not None:
        statement = statement.where(_rows.agent_id.in_(only_of))
    values: dict[str, object] = {"state": WAITING, "agent_id": None, "front": True, "waiting_since": now}
    if wanted_skill:
        values["wanted_skill"] = wanted_skill
    row = connection.execute(statement.values(values).returning(table)).mappings().first()
    if row is not None:
        chats.take_over(connection, row["chat_id"], owner=BOT, now=now, carry=True)
    return row


def _ended(connection: Connection, row: RowMapping, now: datetime, why: str) -> RowMapping:
    values = {"state": ENDED, "ended_at": now, "ended_why": why}
    statement = update(table).where(_rows.id == row["id"]).values(values).returning(table)
    ended = connection.execute(statement).mappings().one()
    quality.sample(connection, row["id"], now)
    chats.take_over(connection, row["chat_id"], owner=BOT, now=now, carry=True)
    return ended


def _there(row: RowMapping | None) -> RowMapping:
    if row is None:
        raise RefusedError("gone")
    return row


def _locked(connection: Connection, handoff_id: int) -> RowMapping:
    """The request that goes on, with its conversation locked. Raises RefusedError: gone."""
    row = handoffs.get(connection, handoff_id)
    if row is not None:
        chats.lock_conversations(connection, [row["chat_id"]])
        row = handoffs.get(connection, handoff_id)  # as it is under the lock
    if row is None or row["state"] not in handoffs.GOING_ON:
        raise RefusedError("gone")
    return row


def _owned(connection: Connection, handoff_id: int, agent_id: int) -> RowMapping:
    row = _locked(connection, handoff_id)
    if row["state"] != ACTIVE:
        raise RefusedError("bot")
    if row["agent_id"] != agent_id:
        raise RefusedError("taken", row["agent_id"])
    return row
