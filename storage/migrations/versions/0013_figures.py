"""Figures: the step that a message has led to, visits, counts by day.

Revision ID: 0013
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

from storage.schema import BigId, Instant, Json

revision = "0013"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("messages", sa.Column("step", sa.String(length=80), nullable=True))
    op.create_table(
        "visits",
        sa.Column("chat_id", BigId, autoincrement=False, nullable=False),
        sa.Column("began_at", Instant(), nullable=False),
        sa.Column("last_at", Instant(), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("region", sa.String(length=2), nullable=False),
        sa.Column("topic", sa.String(length=40), nullable=False),
        sa.Column("confirmed", sa.Boolean(), nullable=False),
        sa.Column("steps", Json, nullable=False),
        sa.ForeignKeyConstraint(["chat_id"], ["chats.id"], name=op.f("fk_visits_chat_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("chat_id", name=op.f("pk_visits")),
    )
    op.create_index(op.f("ix_visits_last_at"), "visits", ["last_at"])
    op.create_table(
        "daily",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("measure", sa.String(length=12), nullable=False),
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("region", sa.String(length=2), nullable=False),
        sa.Column("count", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("day", "measure", "key", "channel", "region", name=op.f("pk_daily")),
    )
