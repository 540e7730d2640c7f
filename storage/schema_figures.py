"""Tables of the figures (docs/figures.md): how visits go on now, and what has happened each day, without anybody's name, number or words."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Date, ForeignKey, Index, Integer, String, Table

from storage.columns import BigId, Instant, Json, metadata

visits = Table(
    "visits",  # the present or last visit of a chat, until it is known whether the person comes back
    metadata,
    Column("chat_id", BigId, ForeignKey("chats.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("began_at", Instant, nullable=False),
    Column("last_at", Instant, nullable=False),
    Column("channel", String(16), nullable=False),
    Column("region", String(2), nullable=False),  # code of the province; "" unknown
    Column("topic", String(40), nullable=False),  # of the last question; "" none yet
    Column("confirmed", Boolean, nullable=False),  # the person's last word was thanks
    Column("steps", Json, nullable=False),  # steps of journeys that have been counted for this visit
    Index("ix_visits_last_at", "last_at"),
)

daily = Table(
    "daily",  # counts by day (WIB)
    metadata,
    Column("day", Date, primary_key=True),
    Column("measure", String(12), primary_key=True),
    Column("key", String(80), primary_key=True),  # a topic, a step, an outcome
    Column("channel", String(16), primary_key=True),
    Column("region", String(2), primary_key=True),
    Column("count", BigInteger().with_variant(Integer, "sqlite"), nullable=False),
)
