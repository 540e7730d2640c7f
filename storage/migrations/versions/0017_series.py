"""Announcements: a repeated one and all that follow it are one series, and a person may get that once.

Revision ID: 0017
Revises: 0016
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("campaigns", sa.Column("series_id", sa.BigInteger(), nullable=True))
    op.add_column("campaigns", sa.Column("once", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    # those before them stand in the chain of what followed what
    op.execute(
        "WITH RECURSIVE chain(id, first) AS ("
        "SELECT id, id FROM campaigns WHERE follows_id IS NULL "
        "UNION ALL SELECT c.id, chain.first FROM campaigns c JOIN chain ON c.follows_id = chain.id) "
        "UPDATE campaigns SET series_id = (SELECT first FROM chain WHERE chain.id = campaigns.id) "
        "WHERE follows_id IS NOT NULL"
    )
