"""The desk: sessions, wrong passwords, and looks at conversations that no record belongs to.

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

from storage.schema import BigId, Instant

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "desk_sessions",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("agent_id", BigId, nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("seen_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["agent_id"], ["agents.id"], name=op.f("fk_desk_sessions_agent_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_desk_sessions")),
    )
    op.create_index(op.f("ix_desk_sessions_agent_id"), "desk_sessions", ["agent_id"])
    op.create_table(
        "desk_logins",
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("wrong", sa.SmallInteger(), nullable=False),
        sa.Column("since", Instant(), nullable=False),
        sa.Column("locked_until", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_desk_logins")),
    )
    with op.batch_alter_table("access_log", schema=None) as batch_op:
        batch_op.alter_column("participant_id", existing_type=BigId, nullable=True)
        batch_op.add_column(sa.Column("chat_id", BigId, nullable=True))
        batch_op.create_foreign_key(op.f("fk_access_log_chat_id"), "chats", ["chat_id"], ["id"], ondelete="CASCADE")
        batch_op.create_index(op.f("ix_access_log_chat_id"), ["chat_id"], unique=False)
