"""When the desk is staffed, which days it is closed, and how soon answers are due: rows that operators edit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import Column, ColumnElement, Connection, RowMapping, or_, select

from storage.inbox import insert_for
from storage.schema import closed_days, hours, sla_rules


def shifts(connection: Connection) -> list[RowMapping]:
    """All shifts: weekday (0 = Monday), opens and closes in minutes after midnight, zone, first_day and last_day of a time of its own."""
    order = (hours.c.first_day, hours.c.weekday, hours.c.opens)
    return list(connection.execute(select(hours).order_by(*order)).mappings())


def set_shifts(
    connection: Connection,
    weekdays: Sequence[int],
    spans: Sequence[tuple[int, int]],
    *,
    zone: str = "WIB",
    first_day: date | None = None,
    last_day: date | None = None,
) -> None:
    """Writes the shifts of these weekdays over the former ones of the same period; no spans: closed on these days."""
    for opens, closes in spans:
        if not 0 <= opens < closes <= 24 * 60:
            raise ValueError(f"a shift from minute {opens} to {closes}: it must begin before it ends, within one day")
    period = (_same(hours.c.first_day, first_day), _same(hours.c.last_day, last_day))
    connection.execute(hours.delete().where(hours.c.weekday.in_(weekdays), *period))
    rows = [
        {"weekday": day, "opens": a, "closes": b, "zone": zone, "first_day": first_day, "last_day": last_day}
        for day in weekdays
        for a, b in spans
    ]
    if rows:
        connection.execute(hours.insert(), rows)


def _same(column: Column[date], value: date | None) -> ColumnElement[bool]:
    return column.is_(None) if value is None else column == value


def clear_period(connection: Connection, first_day: date, last_day: date) -> int:
    """Deletes the shifts of a time of its own; returns how many rows."""
    period = (hours.c.first_day == first_day, hours.c.last_day == last_day)
    return connection.execute(hours.delete().where(*period)).rowcount


def days(connection: Connection, *, since: date | None = None) -> list[RowMapping]:
    """What operators have entered over the library's holidays, by day."""
    statement = select(closed_days).order_by(closed_days.c.day)
    return list(connection.execute(statement.where(closed_days.c.day >= since) if since else statement).mappings())


def set_day(connection: Connection, day: date, *, name: str, closed: bool, author: str, now: datetime) -> None:
    """Enters a day: closed, or open although it is a holiday."""
    values = {"name": name, "closed": closed, "author": author, "at": now}
    statement = insert_for(connection)(closed_days).values(day=day, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["day"], set_=values))


def clear_day(connection: Connection, day: date) -> bool:
    """Forgets an entered day: the library decides again."""
    return bool(connection.execute(closed_days.delete().where(closed_days.c.day == day)).rowcount)


# -- how soon -----------------------------------------------------------------------------------------------------


def rules(connection: Connection) -> list[RowMapping]:
    """All rules; topic "" is any topic."""
    return list(connection.execute(select(sla_rules).order_by(sla_rules.c.topic, sla_rules.c.priority)).mappings())


def rule(connection: Connection, topic: str, priority: int) -> RowMapping | None:
    """The rule of a topic and priority, else the one of any topic."""
    statement = select(sla_rules).where(
        or_(sla_rules.c.topic == topic, sla_rules.c.topic == ""), sla_rules.c.priority == priority
    )
    found = list(connection.execute(statement.order_by(sla_rules.c.topic.desc())).mappings())
    return found[0] if found else None


def set_rule(
    connection: Connection,
    *,
    topic: str,
    priority: int,
    first_response_minutes: int,
    working_minutes: int | None = None,
    working_days: int | None = None,
) -> None:
    """Writes a rule; a case is due after working minutes or at the end of a working day, exactly one of them."""
    if (working_minutes is None) == (working_days is None):
        raise ValueError("a rule has either working minutes or working days")
    values = {"first_response_minutes": first_response_minutes}
    either = {"working_minutes": working_minutes, "working_days": working_days}
    statement = insert_for(connection)(sla_rules).values(topic=topic, priority=priority, **values, **either)
    connection.execute(statement.on_conflict_do_update(index_elements=["topic", "priority"], set_={**values, **either}))
