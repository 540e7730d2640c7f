"""The data officer: requests with their proof, restrictions, the ledger of erasures.

Revision ID: 0011
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

from storage.schema import BigId, Instant, Json

revision = "0011"
down_revision = "0009"
branch_labels = None
depends_on = None


def _partial(name: str, table: str, column: str, where: str) -> None:
    op.create_index(name, table, [column], sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def upgrade() -> None:
    op.create_table(
        "data_requests",
        sa.Column("id", BigId, nullable=False, autoincrement=True),
        sa.Column("number", sa.String(length=16), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("chat_id", BigId, nullable=True),
        sa.Column("participant_id", BigId, nullable=True),
        sa.Column("via", sa.String(length=64), nullable=False),
        sa.Column("wish", sa.Text(), nullable=True),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("received_at", Instant(), nullable=False),
        sa.Column("due_at", Instant(), nullable=False),
        sa.Column("done_at", Instant(), nullable=True),
        sa.Column("done_by", sa.String(length=64), nullable=True),
        sa.Column("refusal", sa.String(length=400), nullable=True),
        sa.Column("proof", Json, nullable=True),
        sa.Column("proof_hash", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["chat_id"], ["chats.id"], name=op.f("fk_data_requests_chat_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(
            ["participant_id"], ["participants.id"], name=op.f("fk_data_requests_participant_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_data_requests")),
        sa.UniqueConstraint("number", name=op.f("uq_data_requests_number")),
    )
    op.create_index(op.f("ix_data_requests_chat_id"), "data_requests", ["chat_id"])
    op.create_index(op.f("ix_data_requests_participant_id"), "data_requests", ["participant_id"])
    _partial("ix_data_requests_open", "data_requests", "due_at", "state = 'open'")
    op.create_index("ix_data_requests_received_at", "data_requests", ["received_at"])
    op.create_table(
        "restrictions",
        sa.Column("id", BigId, nullable=False, autoincrement=True),
        sa.Column("chat_id", BigId, nullable=True),
        sa.Column("participant_id", BigId, nullable=True),
        sa.Column("number", sa.String(length=16), nullable=False),
        sa.Column("since", Instant(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["chat_id"], ["chats.id"], name=op.f("fk_restrictions_chat_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["participant_id"], ["participants.id"], name=op.f("fk_restrictions_participant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_restrictions")),
    )
    op.create_index(op.f("ix_restrictions_chat_id"), "restrictions", ["chat_id"])
    op.create_index(op.f("ix_restrictions_participant_id"), "restrictions", ["participant_id"])
    _partial("ix_restrictions_holding", "restrictions", "chat_id", "ended_at IS NULL")
    op.create_table(
        "erasures",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.Column("whole", sa.Boolean(), nullable=False),
        sa.Column("number", sa.String(length=16), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("filed_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasures")),
    )
    _partial("ix_erasures_unfiled", "erasures", "at", "filed_at IS NULL")
