"""Teaching: what becomes of a misunderstood message, taught messages, models and the jobs that make them.

Revision ID: 0010
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op

from storage.schema import BigId, Instant, Json

revision = "0010"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in (
        sa.Column("channel", sa.String(length=16), nullable=True),
        sa.Column("answer", sa.String(length=40), nullable=True),
        sa.Column("state", sa.String(length=10), nullable=True),
        sa.Column("handled_by", sa.String(length=64), nullable=True),
        sa.Column("handled_at", Instant(), nullable=True),
    ):
        op.add_column("misunderstood", column)
    op.create_index(op.f("ix_misunderstood_state"), "misunderstood", ["state", "at"])
    op.create_index(op.f("ix_misunderstood_chat_id"), "misunderstood", ["chat_id"])
    op.create_table(
        "taught",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("intent", sa.String(length=40), nullable=False),
        sa.Column("author", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("chat_id", BigId, nullable=True),
        sa.ForeignKeyConstraint(["chat_id"], ["chats.id"], name=op.f("fk_taught_chat_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_taught")),
    )
    op.create_index(op.f("ix_taught_chat_id"), "taught", ["chat_id"])
    _models()
    _jobs()


def _models() -> None:
    op.create_table(
        "models",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("code", sa.String(length=16), nullable=False),
        sa.Column("seed", sa.String(length=16), nullable=False),
        sa.Column("taught", sa.Integer(), nullable=False),
        sa.Column("compared_with", BigId, nullable=True),
        sa.Column("report", Json, nullable=False),
        sa.Column("worse", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("published_at", Instant(), nullable=True),
        sa.Column("published_by", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_models")),
    )
    op.create_table(
        "model_files",
        sa.Column("model_id", BigId, nullable=False),
        sa.Column("packed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], name=op.f("fk_model_files_model_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("model_id", name=op.f("pk_model_files")),
    )


def _jobs() -> None:
    op.create_table(
        "training_jobs",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("asked_by", sa.String(length=64), nullable=False),
        sa.Column("asked_at", Instant(), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("owner", sa.String(length=40), nullable=True),
        sa.Column("lease_until", Instant(), nullable=True),
        sa.Column("progress", sa.String(length=200), server_default="", nullable=False),
        sa.Column("finished_at", Instant(), nullable=True),
        sa.Column("error", sa.String(length=300), nullable=True),
        sa.Column("model_id", BigId, nullable=True),
        sa.ForeignKeyConstraint(
            ["model_id"], ["models.id"], name=op.f("fk_training_jobs_model_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_training_jobs")),
    )
    op.create_index(op.f("ix_training_jobs_state"), "training_jobs", ["state"])
