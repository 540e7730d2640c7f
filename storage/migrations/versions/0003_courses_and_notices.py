"""Groups of similar people, the list of institutions, messages about imported changes, and how far their jobs have come.

Revision ID: 0003
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

from storage.schema import BigId, Instant, Json

revision = "0003"
down_revision = "0001"
branch_labels = None
depends_on = None

_WAITING = sa.text("first_change IS NOT NULL")


def upgrade() -> None:
    op.add_column("chats", sa.Column("similar", sa.Boolean(), server_default=sa.text("true"), nullable=False))
    op.create_table(
        "progress",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("data", Json, nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_progress")),
    )
    op.create_table(
        "course_groups",
        sa.Column("place", sa.String(length=4), nullable=False),
        sa.Column("band", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("course_id", BigId, autoincrement=False, nullable=False),
        sa.Column("finished", sa.Integer(), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("as_of", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["course_id"], ["courses.id"], name=op.f("fk_course_groups_course_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("place", "band", "course_id", name=op.f("pk_course_groups")),
    )
    op.create_index(op.f("ix_course_groups_course_id"), "course_groups", ["course_id"], unique=False)
    op.create_table(
        "providers",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("provider_key", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=160), nullable=False),
        sa.Column("other_names", sa.String(length=400), server_default="", nullable=False),
        sa.Column("region", sa.String(length=4), nullable=True),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("as_of", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_providers")),
        sa.UniqueConstraint("provider_key", name=op.f("uq_providers_provider_key")),
    )
    op.create_table(
        "notices",
        sa.Column("chat_id", BigId, nullable=False),
        sa.Column("first_change", BigId, nullable=True),
        sa.Column("sent_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["chat_id"], ["chats.id"], name=op.f("fk_notices_chat_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("chat_id", name=op.f("pk_notices")),
    )
    op.create_index("ix_notices_waiting", "notices", ["chat_id"], sqlite_where=_WAITING, postgresql_where=_WAITING)
