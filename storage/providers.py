"""The operator's dated list of training institutions."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, RowMapping, func, select

from storage.schema import providers

MOST = 10_000  # names that are compared for one question


def everything(connection: Connection) -> list[RowMapping]:
    """All institutions that any list has named, the newest list's first."""
    statement = select(providers).order_by(providers.c.as_of.desc(), providers.c.id).limit(MOST)
    return list(connection.execute(statement).mappings())


def newest(connection: Connection) -> datetime | None:
    """The moment of which the newest list speaks; None where there is no list."""
    return connection.execute(select(func.max(providers.c.as_of))).scalar()
