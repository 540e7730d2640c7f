"""Requests for a person: one row each, from asking to the rating. The queue is the rows that wait, in their order.

States: waiting → active → ended; left (the person went), closed_out (nobody could come: the case stays). Who owns the
conversation is changed in `storage.ownership` alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, case, func, or_, select, update

from storage.schema import agents, cases, chats, handoffs

WAITING, ACTIVE, ENDED, LEFT, CLOSED_OUT = "waiting", "active", "ended", "left", "closed_out"
GOING_ON = (WAITING, ACTIVE)
RATED_WITHIN = timedelta(days=7)

_rows = handoffs.c
_rank = case((_rows.front, 0), else_=1)
ORDER = (_rows.priority, _rank, _rows.asked_at, _rows.id)


class RefusedError(Exception):
    """Why an agent may not do something. `reason`: gone (no such row, or it is over), taken (another agent has it), mine (it is theirs
    already), bot (nobody has taken it), away (the other agent is not there), busy (the chat is with another agent)."""

    def __init__(self, reason: str, agent_id: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.agent_id = agent_id  # who has it


def join(
    connection: Connection,
    *,
    chat_id: int,
    number: str,
    topic: str,
    priority: int,
    live: bool,
    now: datetime,
    case_id: int | None = None,
    wanted_skill: str | None = None,
) -> RowMapping:
    """A place in the queue; who has one keeps it. The caller holds the conversation's lock."""
    if (there := going_on(connection, chat_id)) is not None:
        return there
    values: dict[str, object] = {
        "chat_id": chat_id,
        "case_id": case_id,
        "number": number,
        "topic": topic,
        "priority": priority,
    }
    values |= {
        "state": WAITING,
        "wanted_skill": wanted_skill,
        "live": live,
        "front": False,
        "asked_at": now,
        "waiting_since": now,
    }
    return connection.execute(handoffs.insert().values(values).returning(handoffs)).mappings().one()


def get(connection: Connection, handoff_id: int) -> RowMapping | None:
    """The request by key."""
    return connection.execute(select(handoffs).where(_rows.id == handoff_id)).mappings().first()


def going_on(connection: Connection, chat_id: int) -> RowMapping | None:
    """The chat's request that waits or is being answered."""
    statement = select(handoffs).where(_rows.chat_id == chat_id, _rows.state.in_(GOING_ON))
    return connection.execute(statement).mappings().first()


def any_going_on(connection: Connection) -> bool:
    """Whether anybody waits or is being answered."""
    return connection.execute(select(_rows.id).where(_rows.state.in_(GOING_ON)).limit(1)).first() is not None


def of_those_waiting(connection: Connection, handoff_ids: Sequence[int]) -> set[int]:
    """Which of these requests wait now."""
    statement = select(_rows.id).where(_rows.id.in_(handoff_ids), _rows.state == WAITING)
    return set(connection.execute(statement).scalars())


def last(connection: Connection, chat_id: int) -> RowMapping | None:
    """The chat's newest request, in whatever state."""
    statement = select(handoffs).where(_rows.chat_id == chat_id).order_by(_rows.id.desc()).limit(1)
    return connection.execute(statement).mappings().first()


def waiting(connection: Connection, *, limit: int = 200, topic: str | None = None) -> list[RowMapping]:
    """Who waits, in the queue's order, with the chat's channel, account, name and zone and the case's due_at."""
    where = [_rows.state == WAITING, *([_rows.topic == topic] if topic else [])]
    return _listed(connection, where, ORDER, limit)


def active(connection: Connection, *, agent_id: int | None = None, limit: int = 500) -> list[RowMapping]:
    """What is being answered, of one agent or of all, the longest first; columns as of `waiting`, and the agent's alias."""
    where = [_rows.state == ACTIVE, *([_rows.agent_id == agent_id] if agent_id else [])]
    return _listed(connection, where, (_rows.taken_at, _rows.id), limit)


def of_chat(connection: Connection, chat_id: int, *, limit: int = 20) -> list[RowMapping]:
    """A chat's requests, newest first; columns as of `active`."""
    return _listed(connection, [_rows.chat_id == chat_id], (_rows.id.desc(),), limit)


def _listed(
    connection: Connection, where: Sequence[ColumnElement[bool]], order: Sequence[ColumnElement[object]], limit: int
) -> list[RowMapping]:
    statement = (
        select(
            handoffs,
            chats.c.channel,
            chats.c.account,
            chats.c.name,
            chats.c.zone,
            chats.c.stopped_at,
            cases.c.due_at,
            agents.c.alias,
        )
        .join(chats, chats.c.id == _rows.chat_id)
        .outerjoin(cases, cases.c.id == _rows.case_id)
        .outerjoin(agents, agents.c.id == _rows.agent_id)
        .where(*where)
        .order_by(*order)
        .limit(limit)
    )
    return list(connection.execute(statement).mappings())


def position(connection: Connection, row: RowMapping) -> int:
    """The place in line of a waiting request, from 1."""
    rank = 0 if row["front"] else 1
    same = and_(_rows.priority == row["priority"], _rank == rank)
    before = or_(
        _rows.priority < row["priority"],
        and_(_rows.priority == row["priority"], _rank < rank),
        and_(same, _rows.asked_at < row["asked_at"]),
        and_(same, _rows.asked_at == row["asked_at"], _rows.id < row["id"]),
    )
    counted = select(func.count()).select_from(handoffs).where(_rows.state == WAITING, before)
    return int(connection.execute(counted).scalar_one()) + 1


def told(connection: Connection, handoff_id: int, *, position: int | None, now: datetime) -> None:
    """The person has just been told where they stand."""
    connection.execute(update(handoffs).where(_rows.id == handoff_id).values(told_at=now, told_position=position))


def raise_priority(connection: Connection, handoff_id: int, priority: int) -> None:
    """To a more urgent one (0 is danger); never back."""
    urgent = update(handoffs).where(_rows.id == handoff_id, _rows.priority > priority)
    connection.execute(urgent.values(priority=priority))


def close(connection: Connection, handoff_id: int, *, state: str, why: str, now: datetime) -> bool:
    """Ends a waiting request as `left` or `closed_out`; False where it does not wait any more."""
    statement = (
        update(handoffs)
        .where(_rows.id == handoff_id, _rows.state == WAITING)
        .values(state=state, ended_at=now, ended_why=why)
    )
    return connection.execute(statement).rowcount == 1


def to_rate(connection: Connection, chat_id: int, now: datetime) -> RowMapping | None:
    """The chat's conversation that ended last, if it may still be rated."""
    statement = (
        select(handoffs)
        .where(_rows.chat_id == chat_id, _rows.state == ENDED, _rows.ended_at > now - RATED_WITHIN)
        .order_by(_rows.id.desc())
        .limit(1)
    )
    return connection.execute(statement).mappings().first()


def rate(
    connection: Connection, handoff_id: int, now: datetime, *, rating: int | None = None, note: str | None = None
) -> None:
    """Keeps 1–5, or the words to it (masked)."""
    values = {"rating": rating} if rating is not None else {"rating_note": note}
    connection.execute(update(handoffs).where(_rows.id == handoff_id).values(**values, rated_at=now))
