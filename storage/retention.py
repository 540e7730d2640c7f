"""How long what is kept: the rules of `storage.privacy_rules`, counted and enforced in small batches."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, func, select, text, tuple_

from storage.privacy_rules import RULES
from storage.schema import metadata


def names() -> list[str]:
    """The tables that have a time of their own."""
    return [name for name, rule in RULES.items() if rule.clock]


def line(name: str) -> str:
    """The table's line in docs/privacy.md."""
    rule = RULES[name]
    kept = f"{rule.days} days after `{rule.clock}`" if rule.days else f"until `{rule.clock}`" if rule.clock else "–"
    return f"| `{name}` | {rule.erasure} | {kept} | {rule.why} |"


def _over(name: str, now: datetime) -> ColumnElement[bool]:
    rule, table = RULES[name], metadata.tables[name]
    old = table.c[rule.clock] < now - timedelta(days=rule.days or 0)
    return and_(old, text(rule.only)) if rule.only else old


def due(connection: Connection, now: datetime) -> dict[str, int]:
    """How many rows are over by table, where there are any."""
    found = {}
    for name in names():
        table = metadata.tables[name]
        over = select(func.count()).select_from(table).where(_over(name, now))
        if number := int(connection.execute(over).scalar_one()):
            found[name] = number
    return found


def delete(connection: Connection, name: str, *, now: datetime, limit: int) -> int:
    """Deletes a small batch of a table's rows whose time is over; returns how many."""
    table = metadata.tables[name]
    key = _key(table)
    old = select(*table.primary_key.columns).where(_over(name, now)).limit(limit)
    return connection.execute(table.delete().where(key.in_(old))).rowcount


def _key(table: Table) -> ColumnElement[Any]:
    columns = list(table.primary_key.columns)
    if len(columns) > 1:
        return tuple_(*columns)
    return columns[0]
