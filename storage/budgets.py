"""How many messages a channel account may send now: one budget, filled by time, and the pauses that its platform demands."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, bindparam, select, update

from storage.inbox import insert_for
from storage.schema import budgets

_budget = select(budgets).where(budgets.c.source == bindparam("source")).with_for_update()


def allowance(connection: Connection, *, source: str, now: datetime, rate: float, limit: int) -> tuple[int, int]:
    """(messages allowed now, of them for broadcasts); refills the bucket. Nothing is allowed while the account is blocked."""
    row = connection.execute(_budget, {"source": source}).mappings().first()
    if row is None:
        first = {"source": source, "permits": rate / 5, "refilled_at": now}
        connection.execute(insert_for(connection)(budgets).on_conflict_do_nothing().values(first))
        row = connection.execute(_budget, {"source": source}).mappings().one()
    if row["account_blocked_until"] and row["account_blocked_until"] > now:
        return 0, 0
    broadcasts = 0 if row["broadcast_blocked_until"] and row["broadcast_blocked_until"] > now else limit
    if not rate:
        return limit, broadcasts
    # A bucket of a fifth of a second keeps a sliding second within the rate.
    passed = max(0.0, (now - row["refilled_at"]).total_seconds())
    permits = min(max(1.0, rate / 5), row["permits"] + passed * rate)
    connection.execute(update(budgets).where(budgets.c.source == source).values(permits=permits, refilled_at=now))
    whole = min(limit, int(permits))
    return whole, min(broadcasts, whole)


def spend(connection: Connection, source: str, count: int) -> None:
    """Takes so many permits out of the bucket."""
    connection.execute(update(budgets).where(budgets.c.source == source).values(permits=budgets.c.permits - count))


def block(connection: Connection, *, source: str, scope: str, until: datetime) -> None:
    """Stops an account (scope "account") or its broadcasts ("lane") until a moment, as a platform's retry_after demands."""
    column = "account_blocked_until" if scope == "account" else "broadcast_blocked_until"
    statement = insert_for(connection)(budgets).values(
        {"source": source, "permits": 0.0, "refilled_at": until, column: until}
    )
    connection.execute(statement.on_conflict_do_update(index_elements=["source"], set_={column: until}))
