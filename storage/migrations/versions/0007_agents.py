"""Agents and the queue: people who answer, who waits for them, cases' ends, canned replies, hours, quality.

Revision ID: 0007
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

from storage.schema import BigId, Instant, Json

revision = "0007"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "agents",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("alias", sa.String(length=40), nullable=False),
        sa.Column("code", sa.String(length=8), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=True),
        sa.Column("invite_hash", sa.String(length=64), nullable=True),
        sa.Column("invite_until", Instant(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("skills", Json, nullable=False),
        sa.Column("cap", sa.SmallInteger(), nullable=False),
        sa.Column("availability", sa.String(length=12), nullable=False),
        sa.Column("availability_at", Instant(), nullable=False),
        sa.Column("seen_at", Instant(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agents")),
        sa.UniqueConstraint("code", name=op.f("uq_agents_code")),
        sa.UniqueConstraint("invite_hash", name=op.f("uq_agents_invite_hash")),
        sa.UniqueConstraint("name", name=op.f("uq_agents_name")),
    )
    op.create_table(
        "canned",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("shortcut", sa.String(length=32), nullable=False),
        sa.Column("title", sa.String(length=80), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("author", sa.String(length=64), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_canned")),
        sa.UniqueConstraint("shortcut", name=op.f("uq_canned_shortcut")),
    )
    op.create_table(
        "closed_days",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("closed", sa.Boolean(), nullable=False),
        sa.Column("author", sa.String(length=64), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_closed_days")),
    )
    op.create_table(
        "hours",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("weekday", sa.SmallInteger(), nullable=False),
        sa.Column("opens", sa.SmallInteger(), nullable=False),
        sa.Column("closes", sa.SmallInteger(), nullable=False),
        sa.Column("zone", sa.String(length=4), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=True),
        sa.Column("last_day", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hours")),
    )
    op.create_index("ix_hours_weekday", "hours", ["weekday"], unique=False)
    op.create_table(
        "sla_rules",
        sa.Column("topic", sa.String(length=40), nullable=False),
        sa.Column("priority", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("first_response_minutes", sa.Integer(), nullable=False),
        sa.Column("working_minutes", sa.Integer(), nullable=True),
        sa.Column("working_days", sa.SmallInteger(), nullable=True),
        sa.PrimaryKeyConstraint("topic", "priority", name=op.f("pk_sla_rules")),
    )
    op.create_table(
        "desk_drafts",
        sa.Column("agent_id", BigId, autoincrement=False, nullable=False),
        sa.Column("chat_id", BigId, autoincrement=False, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("saved_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=op.f("fk_desk_drafts_agent_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["chat_id"], ["chats.id"], name=op.f("fk_desk_drafts_chat_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("agent_id", "chat_id", name=op.f("pk_desk_drafts")),
    )
    op.create_table(
        "case_notes",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("case_id", BigId, nullable=False),
        sa.Column("author", sa.String(length=64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_notes_case_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_notes")),
    )
    op.create_index(op.f("ix_case_notes_case_id"), "case_notes", ["case_id"], unique=False)
    op.create_table(
        "handoffs",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("chat_id", BigId, nullable=False),
        sa.Column("case_id", BigId, nullable=True),
        sa.Column("number", sa.String(length=16), nullable=False),
        sa.Column("topic", sa.String(length=40), nullable=False),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("wanted_skill", sa.String(length=40), nullable=True),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.Column("front", sa.Boolean(), nullable=False),
        sa.Column("asked_at", Instant(), nullable=False),
        sa.Column("waiting_since", Instant(), nullable=False),
        sa.Column("agent_id", BigId, nullable=True),
        sa.Column("assigned_at", Instant(), nullable=True),
        sa.Column("taken_at", Instant(), nullable=True),
        sa.Column("first_response_at", Instant(), nullable=True),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.Column("ended_why", sa.String(length=40), nullable=True),
        sa.Column("told_at", Instant(), nullable=True),
        sa.Column("told_position", sa.SmallInteger(), nullable=True),
        sa.Column("rating", sa.SmallInteger(), nullable=True),
        sa.Column("rating_note", sa.Text(), nullable=True),
        sa.Column("rated_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=op.f("fk_handoffs_agent_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_handoffs_case_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["chat_id"], ["chats.id"], name=op.f("fk_handoffs_chat_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_handoffs")),
    )
    op.create_index(
        "ix_handoffs_active",
        "handoffs",
        ["agent_id"],
        unique=False,
        sqlite_where=sa.text("state = 'active'"),
        postgresql_where=sa.text("state = 'active'"),
    )
    op.create_index("ix_handoffs_asked_at", "handoffs", ["asked_at"], unique=False)
    op.create_index("ix_handoffs_chat_id", "handoffs", ["chat_id", "id"], unique=False)
    op.create_index("ix_handoffs_ended_at", "handoffs", ["ended_at"], unique=False)
    op.create_index(
        "ix_handoffs_waiting",
        "handoffs",
        ["priority", "asked_at"],
        unique=False,
        sqlite_where=sa.text("state = 'waiting'"),
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_index(
        "uq_handoffs_going_on",
        "handoffs",
        ["chat_id"],
        unique=True,
        sqlite_where=sa.text("state IN ('waiting', 'active')"),
        postgresql_where=sa.text("state IN ('waiting', 'active')"),
    )
    op.create_table(
        "quality_reviews",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("handoff_id", BigId, nullable=False),
        sa.Column("why", sa.String(length=10), nullable=False),
        sa.Column("sampled_at", Instant(), nullable=False),
        sa.Column("reviewer_id", BigId, nullable=True),
        sa.Column("reviewed_at", Instant(), nullable=True),
        sa.Column("answers", Json, nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["handoff_id"], ["handoffs.id"], name=op.f("fk_quality_reviews_handoff_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["reviewer_id"], ["agents.id"], name=op.f("fk_quality_reviews_reviewer_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quality_reviews")),
        sa.UniqueConstraint("handoff_id", name=op.f("uq_quality_reviews_handoff_id")),
    )
    op.create_index(
        "ix_quality_reviews_open",
        "quality_reviews",
        ["sampled_at"],
        unique=False,
        sqlite_where=sa.text("reviewed_at IS NULL"),
        postgresql_where=sa.text("reviewed_at IS NULL"),
    )
    op.add_column("cases", sa.Column("resolution", sa.String(length=12), nullable=True))
    op.add_column("cases", sa.Column("told", sa.Text(), nullable=True))
    op.add_column("cases", sa.Column("agent_id", BigId, nullable=True))
    op.add_column("chats", sa.Column("warned_at", Instant(), nullable=True))
    op.add_column("chats", sa.Column("paused_until", Instant(), nullable=True))
    op.add_column("messages", sa.Column("outbox_id", BigId, nullable=True))
