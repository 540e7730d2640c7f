"""Announcements: campaigns, the ledger of their recipients, audiences from files, who did what, saved segments.

Revision ID: 0014
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op

from storage.schema import BigId, Instant, Json

revision = "0014"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "campaign_flights",
        sa.Column("outbox_id", BigId, autoincrement=False, nullable=False),
        sa.Column("campaign_id", BigId, nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("outbox_id", name=op.f("pk_campaign_flights")),
    )
    op.create_index("ix_campaign_flights_campaign_id", "campaign_flights", ["campaign_id", "n"], unique=False)
    op.create_table(
        "campaigns",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("topic", sa.String(length=32), nullable=True),
        sa.Column("content", Json, nullable=False),
        sa.Column("audience", Json, nullable=False),
        sa.Column("sources", Json, nullable=False),
        sa.Column("official_source", sa.String(length=300), nullable=True),
        sa.Column("valid_until", Instant(), nullable=True),
        sa.Column("spread_hours", sa.Float(), server_default="0", nullable=False),
        sa.Column("starts_at", Instant(), nullable=True),
        sa.Column("repeat", sa.String(length=8), nullable=True),
        sa.Column("follows_id", BigId, nullable=True),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("approved_by", sa.String(length=64), nullable=True),
        sa.Column("approved_size", sa.Integer(), nullable=True),
        sa.Column("frozen_at", Instant(), nullable=True),
        sa.Column("frozen_size", sa.Integer(), nullable=True),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.Column("paused_why", sa.String(length=200), nullable=True),
        sa.Column("ramp_from", Instant(), nullable=True),
        sa.Column("paced_at", Instant(), nullable=True),
        sa.Column("credit", sa.Float(), server_default="0", nullable=False),
        sa.Column("tried", sa.Float(), server_default="0", nullable=False),
        sa.Column("failed", sa.Float(), server_default="0", nullable=False),
        sa.Column("gone", sa.Float(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["follows_id"], ["campaigns.id"], name=op.f("fk_campaigns_follows_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaigns")),
        sa.UniqueConstraint("name", name=op.f("uq_campaigns_name")),
    )
    op.create_index(
        "ix_campaigns_live",
        "campaigns",
        ["id"],
        unique=False,
        sqlite_where=sa.text("state IN ('scheduled', 'running')"),
        postgresql_where=sa.text("state IN ('scheduled', 'running')"),
    )
    op.create_table(
        "segments",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("filter", Json, nullable=False),
        sa.Column("author", sa.String(length=64), nullable=False),
        sa.Column("saved_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_segments")),
    )
    op.create_table(
        "campaign_acts",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("campaign_id", BigId, nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("what", sa.String(length=40), nullable=False),
        sa.Column("note", sa.String(length=300), nullable=True),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name=op.f("fk_campaign_acts_campaign_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign_acts")),
    )
    op.create_index(op.f("ix_campaign_acts_campaign_id"), "campaign_acts", ["campaign_id"], unique=False)
    op.create_table(
        "campaign_lanes",
        sa.Column("campaign_id", BigId, autoincrement=False, nullable=False),
        sa.Column("source", sa.String(length=84), nullable=False),
        sa.Column("zone", sa.String(length=4), nullable=False),
        sa.Column("first", sa.Integer(), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.Column("fed", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name=op.f("fk_campaign_lanes_campaign_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("campaign_id", "source", "zone", name=op.f("pk_campaign_lanes")),
    )
    op.create_table(
        "campaign_numbers",
        sa.Column("campaign_id", BigId, autoincrement=False, nullable=False),
        sa.Column("line", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("phone", sa.String(length=20), nullable=True),
        sa.Column("problem", sa.String(length=40), nullable=True),
        sa.Column("consent_source", sa.String(length=200), nullable=True),
        sa.Column("consent_on", sa.Date(), nullable=True),
        sa.Column("consent_wording", sa.Text(), nullable=True),
        sa.Column("chat_id", BigId, nullable=True),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name=op.f("fk_campaign_numbers_campaign_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("campaign_id", "line", name=op.f("pk_campaign_numbers")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_campaign_numbers_chat_id"), "campaign_numbers", ["chat_id"], unique=False)
    op.create_table(
        "campaign_progress",
        sa.Column("campaign_id", BigId, autoincrement=False, nullable=False),
        sa.Column("minute", Instant(), nullable=False),
        sa.Column("accepted", sa.Integer(), nullable=False),
        sa.Column("other", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name=op.f("fk_campaign_progress_campaign_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("campaign_id", "minute", name=op.f("pk_campaign_progress")),
    )
    op.create_table(
        "campaign_recipients",
        sa.Column("campaign_id", BigId, autoincrement=False, nullable=False),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("chat_id", BigId, nullable=True),
        sa.Column("source", sa.String(length=84), nullable=False),
        sa.Column("zone", sa.String(length=4), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=True),
        sa.Column("outbox_id", BigId, nullable=True),
        sa.Column("at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name=op.f("fk_campaign_recipients_campaign_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("campaign_id", "n", name=op.f("pk_campaign_recipients")),
        sqlite_with_rowid=False,
    )
    op.create_index("uq_campaign_recipients_chat", "campaign_recipients", ["chat_id", "campaign_id"], unique=True)
