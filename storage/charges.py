"""What the platforms bill: messages counted by channel account, month and category.

The counts come from the platforms' own reports (`storage.deliveries`) or, where there are none, from the sender. Money
is an estimate: counts times list prices that the caller knows (WhatsApp: bot/whatsapp/prices.yml).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal

from sqlalchemy import Connection, RowMapping, select

from storage.inbox import insert_for
from storage.schema import charges


def month_of(moment: datetime) -> str:
    """The month that a moment is counted in: "2026-11", in UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m")


def add(connection: Connection, source: str, *, category: str, at: datetime, messages: int = 1, billable: int) -> None:
    """Counts messages of a category in the month of `at`; `billable`: how many of them (of SMS: parts) cost money."""
    row = {"source": source, "month": month_of(at), "category": category[:40]}
    statement = insert_for(connection)(charges).values(**row, messages=messages, billable=billable)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=list(row),
            set_={
                "messages": charges.c.messages + statement.excluded.messages,
                "billable": charges.c.billable + statement.excluded.billable,
            },
        )
    )


def of_month(connection: Connection, source: str, month: str) -> list[RowMapping]:
    """The counts of an account in a month ("2026-11"), by category."""
    where = (charges.c.source == source, charges.c.month == month)
    return list(connection.execute(select(charges).where(*where).order_by(charges.c.category)).mappings())


def months(connection: Connection, source: str) -> list[str]:
    """The months that anything was counted in, the newest first."""
    statement = select(charges.c.month).where(charges.c.source == source).distinct().order_by(charges.c.month.desc())
    return list(connection.execute(statement).scalars())


def estimate(connection: Connection, source: str, month: str, prices: Mapping[str, Decimal]) -> Decimal:
    """What a month costs by list prices, in their currency; a category without a price counts at the dearest one."""
    dearest = max(prices.values(), default=Decimal(0))
    rows = of_month(connection, source, month)
    return sum((row["billable"] * prices.get(row["category"], dearest) for row in rows), Decimal(0))
