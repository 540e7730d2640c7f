"""Announcements: their pictures, and under which ids platforms hold them.

Revision ID: 0016
Revises: 0015
"""

import sqlalchemy as sa
from alembic import op

from storage.schema import Instant

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "pictures",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("jpeg", sa.LargeBinary(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("author", sa.String(length=64), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_pictures")),
    )
    op.create_table(
        "picture_uploads",
        sa.Column("source", sa.String(length=84), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("platform_id", sa.Text(), nullable=False),
        sa.Column("until", Instant(), nullable=True),
        sa.ForeignKeyConstraint(
            ["sha256"], ["pictures.sha256"], name=op.f("fk_picture_uploads_sha256"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("source", "sha256", name=op.f("pk_picture_uploads")),
    )
