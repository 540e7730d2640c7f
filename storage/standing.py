"""How things stand, in numbers for those who watch: each is one look at a small or partial index, cheap enough for every few seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, literal_column, select

from storage import agents, backup, data_requests, erasing, inbox, migrate
from storage.database import database_now
from storage.schema import budgets, handoffs, hook_deliveries, leases, outbox
from storage.schema import inbox as inbox_table

LANES = {0: "replies", 1: "broadcasts"}
_FORGOTTEN = timedelta(days=1)  # a job that nobody has held for so long has been taken out of the settings
_FILED_WITHIN = timedelta(hours=1)  # it takes seconds
_PEOPLE = (
    select(handoffs.c.state, func.count(), func.min(handoffs.c.waiting_since))
    .where(handoffs.c.state.in_([literal_column("'waiting'"), literal_column("'active'")]))  # the index's own words
    .group_by(handoffs.c.state)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Messages of one account and lane that are not sent yet."""

    source: str
    lane: str
    state: str  # pending, sending, held
    count: int
    age: float  # seconds since the oldest might have gone; 0 for held ones


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One moment."""

    schema: str | None
    inbox_events: int
    inbox_age: float
    troubled: dict[str, int]  # dead, rejected
    outbox: list[Waiting]
    budgets: dict[str, float]  # permits left by account
    blocked: dict[tuple[str, str], float]  # (account, scope) → seconds it is still blocked
    handoffs: dict[str, int]  # waiting, active
    handoff_wait: float
    agents: int
    leases: dict[str, bool]
    hooks: int
    data_requests: dict[str, int]  # open, and of these overdue
    unfiled: int  # erasures that have waited an hour for the file outside the database
    backup_age: float | None


def look(connection: Connection) -> Standing:
    """Everything at once, in the caller's transaction."""
    now = database_now(connection)
    events, oldest = inbox.waiting(connection)
    budget_rows = connection.execute(select(budgets)).all()
    made = backup.last_made(connection)
    people = {state: (count, since) for state, count, since in connection.execute(_PEOPLE)}
    return Standing(
        schema=migrate.current(connection),
        inbox_events=int(events),
        inbox_age=_since(oldest, now),
        troubled=_troubled(connection),
        outbox=_outbox(connection, now),
        budgets={row.source: row.permits for row in budget_rows},
        blocked={
            (row.source, scope): _since(now, until)
            for row in budget_rows
            for scope, until in (("all", row.account_blocked_until), ("broadcasts", row.broadcast_blocked_until))
            if until
        },
        handoffs={state: people.get(state, (0, None))[0] for state in ("waiting", "active")},
        handoff_wait=_since(people.get("waiting", (0, None))[1], now),
        agents=len(agents.present(connection, now)),
        leases={
            row.name: row.until > now for row in connection.execute(select(leases)) if row.until > now - _FORGOTTEN
        },
        hooks=_hooks(connection),
        data_requests=data_requests.counts(connection, now),
        unfiled=erasing.unfiled_since(connection, now - _FILED_WITHIN),
        backup_age=_since(made, now) if made else None,
    )


def _since(then: datetime | None, now: datetime | None) -> float:
    return max(0.0, (now - then).total_seconds()) if then and now else 0.0


def _troubled(connection: Connection) -> dict[str, int]:
    wanted = inbox_table.c.state.in_([literal_column("'dead'"), literal_column("'rejected'")])  # the index's own words
    rows = connection.execute(select(inbox_table.c.state, func.count()).where(wanted).group_by(inbox_table.c.state))
    return {"dead": 0, "rejected": 0, **{row[0]: row[1] for row in rows}}


def _outbox(connection: Connection, now: datetime) -> list[Waiting]:
    table = outbox.c
    counts = select(table.source, table.lane, table.state, func.count(), func.min(table.not_before))
    grouped = counts.group_by(table.source, table.lane, table.state)
    unsent = table.state.in_([literal_column("'pending'"), literal_column("'sending'")])
    rows: list[Sequence[Any]] = [
        *connection.execute(grouped.where(unsent)),
        *connection.execute(grouped.where(table.state == literal_column("'held'"))),
    ]
    return [
        Waiting(
            source=source,
            lane=LANES[lane],
            state=state,
            count=count,
            age=0.0 if state == "held" else _since(since, now),
        )
        for source, lane, state, count, since in rows
    ]


def _hooks(connection: Connection) -> int:
    pending = hook_deliveries.c.state == literal_column("'pending'")
    return int(connection.execute(select(func.count()).select_from(hook_deliveries).where(pending)).scalar_one())
