"""Editors: versions of answers with reader, reason and dates; the content's versions and changes; dated rows; people's word on answers.

Revision ID: 0009
Revises: 0013
"""

import sqlalchemy as sa
from alembic import op

from storage.schema import BigId, Instant, Json

revision = "0009"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("answer_versions", schema=None) as batch_op:
        batch_op.add_column(sa.Column("writers", Json, nullable=True))
        batch_op.add_column(sa.Column("reader", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("reason", sa.String(length=300), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("note", sa.String(length=500), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("revision", sa.Integer(), nullable=False, server_default="1"))
        batch_op.add_column(sa.Column("valid_from", Instant(), nullable=True))
        batch_op.add_column(sa.Column("valid_to", Instant(), nullable=True))
        batch_op.add_column(sa.Column("ended_at", Instant(), nullable=True))
        batch_op.create_index(
            "ix_answer_versions_open",
            ["intent"],
            unique=True,
            sqlite_where=sa.text("state IN ('draft', 'review')"),
            postgresql_where=sa.text("state IN ('draft', 'review')"),
        )
    op.create_table(
        "content_events",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("key", sa.String(length=40), nullable=False),
        sa.Column("action", sa.String(length=12), nullable=False),
        sa.Column("version_id", BigId, nullable=True),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("valid_from", Instant(), nullable=True),
        sa.Column("valid_to", Instant(), nullable=True),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_content_events")),
    )
    op.create_table(
        "content_versions",
        sa.Column("label", sa.String(length=64), nullable=False),
        sa.Column("parts", Json, nullable=False),
        sa.Column("made_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("label", name=op.f("pk_content_versions")),
    )
    op.create_table(
        "program_rows",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("key", sa.String(length=40), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("source", Json, nullable=True),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("valid_from", Instant(), nullable=True),
        sa.Column("valid_to", Instant(), nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("asked_by", sa.String(length=64), nullable=False),
        sa.Column("asked_at", Instant(), nullable=False),
        sa.Column("decided_by", sa.String(length=64), nullable=True),
        sa.Column("decided_at", Instant(), nullable=True),
        sa.Column("ended_by", sa.String(length=64), nullable=True),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_program_rows")),
    )
    op.create_index("ix_program_rows_state", "program_rows", ["state"])
    op.create_table(
        "answer_feedback",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("chat_id", BigId, nullable=True),
        sa.Column("intent", sa.String(length=40), nullable=False),
        sa.Column("version_id", BigId, nullable=True),
        sa.Column("content", sa.String(length=64), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("remark", sa.Text(), nullable=True),
        sa.Column("state", sa.String(length=6), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("done_at", Instant(), nullable=True),
        sa.Column("done_by", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(
            ["chat_id"], ["chats.id"], name=op.f("fk_answer_feedback_chat_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["version_id"], ["answer_versions.id"], name=op.f("fk_answer_feedback_version_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_answer_feedback")),
    )
    op.create_index(op.f("ix_answer_feedback_chat_id"), "answer_feedback", ["chat_id"])
    op.create_index(
        "ix_answer_feedback_open",
        "answer_feedback",
        ["intent"],
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )
