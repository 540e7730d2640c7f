"""Agents: who may answer, what they can do, whether they are there. Switched off, never deleted: their words stay theirs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, func, select, update

from storage.schema import agents, handoffs, hours

ROLES = ("agent", "supervisor", "operator", "editor", "data_officer", "admin")
ANSWERING = ("agent", "supervisor", "admin")  # roles that talk to people
AVAILABLE, FINISHING, AWAY = "available", "finishing", "away"
CAP = 4  # conversations at once, unless said otherwise
OUT = timedelta(minutes=2)  # without a heartbeat, or away, for so long: the agent has dropped out


def add(
    connection: Connection,
    *,
    name: str,
    alias: str,
    code: str,
    role: str,
    now: datetime,
    skills: Sequence[str] = (),
    cap: int = CAP,
) -> int:
    """A new agent without a password, away; returns the key. ValueError for a role that there is none of or a name that is taken."""
    if role not in ROLES:
        raise ValueError(f"role {role}: one of {', '.join(ROLES)}")
    if by_name(connection, name):
        raise ValueError(f"there is an agent {name} already")
    values = {"name": name, "alias": alias, "code": code, "role": role, "skills": list(skills), "cap": cap}
    values |= {"active": True, "availability": AWAY, "availability_at": now, "created_at": now}
    return int(connection.execute(agents.insert().values(values).returning(agents.c.id)).scalar_one())


def get(connection: Connection, agent_id: int) -> RowMapping | None:
    """The agent by key."""
    return connection.execute(select(agents).where(agents.c.id == agent_id)).mappings().first()


def by_name(connection: Connection, name: str) -> RowMapping | None:
    """The agent by name, in any case of letters."""
    statement = select(agents).where(func.lower(agents.c.name) == name.lower())
    return connection.execute(statement).mappings().first()


def by_code(connection: Connection, code: str) -> RowMapping | None:
    """The agent whom a citizen asks about; None for one who is switched off."""
    statement = select(agents).where(agents.c.code == code, agents.c.active)
    return connection.execute(statement).mappings().first()


def has_code(connection: Connection, code: str) -> bool:
    """Whether a code was ever given away; none is given twice."""
    return connection.execute(select(agents.c.id).where(agents.c.code == code)).first() is not None


def listed(connection: Connection, *, only_active: bool = False) -> list[RowMapping]:
    """All agents by name, with `load`: how many conversations each has now."""
    statement = select(agents, _load().label("load")).order_by(agents.c.name)
    if only_active:
        statement = statement.where(agents.c.active)
    return list(connection.execute(statement).mappings())


def change(connection: Connection, agent_id: int, **values: object) -> None:
    """Sets columns: alias, role, skills, cap, active, password_hash."""
    connection.execute(update(agents).where(agents.c.id == agent_id).values(values))


def switch_off(connection: Connection, agent_id: int, now: datetime) -> None:
    """Ends an agent's access, the invitation too; conversations go back to the queue with the next look (`ownership.drop_out`)."""
    values = {"active": False, "availability": AWAY, "availability_at": now, "invite_hash": None, "invite_until": None}
    connection.execute(update(agents).where(agents.c.id == agent_id).values(**values, password_hash=None))


# -- the invitation ---------------------------------------------------------------------------------------------------


def invite(connection: Connection, agent_id: int, *, invite_hash: str, until: datetime) -> None:
    """Keeps the hash (SHA-256, hex) of a one-time link's token; an older link no longer counts."""
    values = {"invite_hash": invite_hash, "invite_until": until}
    connection.execute(update(agents).where(agents.c.id == agent_id).values(values))


def invited(connection: Connection, invite_hash: str, now: datetime) -> RowMapping | None:
    """The agent whom an unused link belongs to."""
    return connection.execute(select(agents).where(_open_invitation(invite_hash, now))).mappings().first()


def accept(connection: Connection, *, invite_hash: str, password_hash: str, now: datetime) -> int | None:
    """Uses the link up and sets the password; returns the agent's key, None where the link does not count any more."""
    statement = (
        update(agents)
        .where(_open_invitation(invite_hash, now))
        .values(password_hash=password_hash, invite_hash=None, invite_until=None)
        .returning(agents.c.id)
    )
    return connection.execute(statement).scalar()


def _open_invitation(invite_hash: str, now: datetime) -> ColumnElement[bool]:
    return and_(agents.c.invite_hash == invite_hash, agents.c.invite_until > now, agents.c.active)


# -- being there ------------------------------------------------------------------------------------------------------


def switch(connection: Connection, agent_id: int, availability: str, now: datetime) -> None:
    """Sets availability: available, finishing (keeps what there is, gets nothing new) or away; it counts as a heartbeat too."""
    if availability not in (AVAILABLE, FINISHING, AWAY):
        raise ValueError(f"availability {availability}")
    values = {"availability": availability, "availability_at": now, "seen_at": now}
    connection.execute(update(agents).where(agents.c.id == agent_id).values(values))


def beat(connection: Connection, agent_id: int, now: datetime) -> None:
    """The agent's page is open; call it twice a minute."""
    connection.execute(update(agents).where(agents.c.id == agent_id).values(seen_at=now))


def is_out(now: datetime) -> ColumnElement[bool]:
    """Whether an agent has dropped out: switched off, page closed, or away, each for longer than `OUT`."""
    gone = func.coalesce(agents.c.seen_at, agents.c.availability_at) < now - OUT
    away = and_(agents.c.availability == AWAY, agents.c.availability_at < now - OUT)
    return gone | away | agents.c.active.is_(False)


def present(connection: Connection, now: datetime) -> list[RowMapping]:
    """Who may be given conversations now, with `load` and `last_taken` (None: none today), the least loaded first."""
    last = (
        select(func.max(handoffs.c.taken_at))
        .where(handoffs.c.agent_id == agents.c.id, handoffs.c.asked_at > now - timedelta(days=1))
        .scalar_subquery()
    )
    statement = select(agents, _load().label("load"), last.label("last_taken")).where(
        agents.c.availability == AVAILABLE, agents.c.role.in_(ANSWERING), ~is_out(now)
    )
    rows = list(connection.execute(statement).mappings())
    return sorted(rows, key=lambda row: (row["load"], row["last_taken"] or row["created_at"], row["id"]))


def _load() -> ColumnElement[int]:
    mine = and_(handoffs.c.agent_id == agents.c.id, handoffs.c.state == "active")
    return select(func.count()).select_from(handoffs).where(mine).scalar_subquery()


def staffed(connection: Connection) -> bool:
    """Whether this installation has a desk: somebody who answers, and hours."""
    somebody = select(agents.c.id).where(agents.c.active, agents.c.role.in_(ANSWERING)).exists()
    return bool(connection.execute(select(somebody & select(hours.c.id).exists())).scalar())
