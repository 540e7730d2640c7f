"""Offices that help with a registration, and the parts of a long SMS until all have come.

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

from storage.schema import BigId, Instant

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "offices",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("region", sa.String(length=4), nullable=False),
        sa.Column("address", sa.String(length=120), nullable=False),
        sa.Column("hours", sa.String(length=60), server_default="", nullable=False),
        sa.Column("checked_on", sa.Date(), nullable=True),
        sa.Column("as_of", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_offices")),
        sa.UniqueConstraint("name", "region", name=op.f("uq_offices_name_region")),
    )
    op.create_index("ix_offices_region", "offices", ["region"])
    op.create_table(
        "sms_pieces",
        sa.Column("source", sa.String(length=84), nullable=False),
        sa.Column("address", sa.String(length=160), nullable=False),
        sa.Column("reference", sa.String(length=64), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("total", sa.SmallInteger(), nullable=False),
        sa.Column("event_id", sa.String(length=160), nullable=False),
        sa.Column("text", sa.LargeBinary(), nullable=False),
        sa.Column("sent_at", Instant(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("source", "address", "reference", "number", name=op.f("pk_sms_pieces")),
    )
    op.create_index("ix_sms_pieces_at", "sms_pieces", ["at"])
