"""How many messages a channel account may send now: one budget, filled by time, and the pauses that its platform demands."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import Connection, RowMapping, bindparam, select, update

from storage.inbox import insert_for
from storage.schema import budgets

PAID: Final = ":paid"  # behind the account: the bucket of announcements that are paid for
_budget = select(budgets).where(budgets.c.source == bindparam("source")).with_for_update()


def allowance(
    connection: Connection, *, source: str, now: datetime, rate: float, limit: int, paid: float = 0.0
) -> tuple[int, int]:
    """(messages allowed now, of them for broadcasts); refills the bucket. Nothing is allowed while the account is blocked.

    `paid`: messages a second that broadcasts have for themselves; the second number is of their own bucket then, beside the first.
    """
    row = _row(connection, source, rate, now)
    if row["account_blocked_until"] and row["account_blocked_until"] > now:
        return 0, 0
    whole = _permits(connection, row, now, rate, limit) if rate else limit
    if row["broadcast_blocked_until"] and row["broadcast_blocked_until"] > now:
        return whole, 0
    if not paid:
        return whole, whole
    return whole, _permits(connection, _row(connection, source + PAID, paid, now), now, paid, limit)


def _row(connection: Connection, source: str, rate: float, now: datetime) -> RowMapping:
    row = connection.execute(_budget, {"source": source}).mappings().first()
    if row is None:
        first = {"source": source, "permits": rate / 5, "refilled_at": now}
        connection.execute(insert_for(connection)(budgets).on_conflict_do_nothing().values(first))
        row = connection.execute(_budget, {"source": source}).mappings().one()
    return row


def _permits(connection: Connection, row: RowMapping, now: datetime, rate: float, limit: int) -> int:
    # A bucket of a fifth of a second keeps a sliding second within the rate.
    passed = max(0.0, (now - row["refilled_at"]).total_seconds())
    permits = min(max(1.0, rate / 5), row["permits"] + passed * rate)
    mine = budgets.c.source == row["source"]
    connection.execute(update(budgets).where(mine).values(permits=permits, refilled_at=now))
    return min(limit, int(permits))


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
