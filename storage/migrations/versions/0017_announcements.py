"""Announcements: failures that platforms tell late.

Revision ID: 0017
Revises: 0014
"""

import sqlalchemy as sa
from alembic import op

from storage.schema import BigId, Instant

revision = "0017"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "campaign_late",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("campaign_id", BigId, nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("sent_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign_late")),
    )
