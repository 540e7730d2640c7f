"""What the tables are made of: the one metadata, a moment, JSON and the columns that many tables share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import JSON, BigInteger, Column, DateTime, Dialect, ForeignKey, Integer, MetaData, TypeDecorator
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Instant(TypeDecorator[datetime]):
    """A moment in UTC: TIMESTAMPTZ on PostgreSQL, whole microseconds since 1970 on SQLite (compares and indexes as a number)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(BigInteger() if dialect.name == "sqlite" else DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None or dialect.name != "sqlite":
            return value
        return (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None or dialect.name != "sqlite":
            return value  # type: ignore[no-any-return]
        moment: datetime = _EPOCH + value * _MICROSECOND
        return moment


BigId = BigInteger().with_variant(Integer, "sqlite")  # a BIGINT key does not count up by itself on SQLite
Json = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def id_column() -> Column[int]:
    return Column("id", BigId, primary_key=True, autoincrement=True)


def chat_column(**options: Any) -> Column[int]:
    return Column("chat_id", BigId, ForeignKey("chats.id", ondelete="CASCADE"), nullable=False, **options)


def participant_column(*, nullable: bool = False, ondelete: str = "CASCADE") -> Column[int]:
    return Column("participant_id", BigId, ForeignKey("participants.id", ondelete=ondelete), nullable=nullable)


def moment(name: str, *, nullable: bool = False) -> Column[datetime]:
    return Column(name, Instant, nullable=nullable)


def agent_column(*, ondelete: str = "SET NULL", **options: Any) -> Column[int]:
    return Column("agent_id", BigId, ForeignKey("agents.id", ondelete=ondelete), **options)
