"""The operator's dated list of offices that help with a registration."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, RowMapping, select

from storage.schema import offices


def near(connection: Connection, region: str) -> RowMapping | None:
    """An office of a kabupaten or kota, else one of its province, of the newest list; None where there is neither."""
    if own := _one(connection, offices.c.region == region):
        return own
    return _one(connection, offices.c.region.startswith(region[:2], autoescape=True))


def _one(connection: Connection, where: ColumnElement[bool]) -> RowMapping | None:
    statement = select(offices).where(where).order_by(offices.c.as_of.desc(), offices.c.id).limit(1)
    return connection.execute(statement).mappings().first()
