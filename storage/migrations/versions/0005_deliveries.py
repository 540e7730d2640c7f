"""What platforms tell about sent messages and their price, templates, notes for operators; windows and people who move.

Revision ID: 0005
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

from storage.schema import BigId, Instant, Json

revision = "0005"
down_revision = "0002"
branch_labels = None
depends_on = None

_KNOWN = sa.text("platform_id IS NOT NULL")
_HELD = sa.text("state = 'held'")
_INITIATED = sa.text("template IS NOT NULL")


def upgrade() -> None:
    op.add_column("chats", sa.Column("reach", sa.String(length=160), nullable=True))
    op.add_column("chats", sa.Column("window_until", Instant(), nullable=True))
    op.add_column("messages", sa.Column("media", Json, nullable=True))
    op.add_column("outbox", sa.Column("delivery", sa.String(length=10), nullable=True))
    op.add_column("outbox", sa.Column("delivery_at", Instant(), nullable=True))
    op.add_column("outbox", sa.Column("delivery_reason", sa.String(length=200), nullable=True))
    op.add_column("outbox", sa.Column("charged", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("outbox", sa.Column("template", sa.String(length=64), nullable=True))
    op.create_index(
        "ix_outbox_template", "outbox", ["created_at"], sqlite_where=_INITIATED, postgresql_where=_INITIATED
    )
    op.create_index("ix_outbox_held", "outbox", ["expires_at"], sqlite_where=_HELD, postgresql_where=_HELD)
    op.create_index(
        "ix_outbox_platform", "outbox", ["source", "platform_id"], sqlite_where=_KNOWN, postgresql_where=_KNOWN
    )
    op.create_table(
        "early_deliveries",
        sa.Column("source", sa.String(length=84), nullable=False),
        sa.Column("platform_id", sa.String(length=160), nullable=False),
        sa.Column("delivery", sa.String(length=10), nullable=False),
        sa.Column("delivery_at", Instant(), nullable=False),
        sa.Column("delivery_reason", sa.String(length=200), nullable=True),
        sa.Column("charged", sa.Boolean(), nullable=False),
        sa.Column("noted_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("source", "platform_id", name=op.f("pk_early_deliveries")),
    )
    op.create_index("ix_early_deliveries_noted_at", "early_deliveries", ["noted_at"])
    op.create_table(
        "charges",
        sa.Column("source", sa.String(length=84), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("category", sa.String(length=40), nullable=False),
        sa.Column("messages", sa.BigInteger(), nullable=False),
        sa.Column("billable", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", "month", "category", name=op.f("pk_charges")),
    )
    op.create_table(
        "templates",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=512), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=False),
        sa.Column("platform_id", sa.String(length=40), nullable=True),
        sa.Column("category", sa.String(length=24), nullable=False),
        sa.Column("status", sa.String(length=24), nullable=False),
        sa.Column("quality", sa.String(length=16), server_default="", nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=True),
        sa.Column("body", sa.Text(), server_default="", nullable=False),
        sa.Column("components", Json, nullable=True),
        sa.Column("variables", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("synced_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_templates")),
        sa.UniqueConstraint("account", "name", "language", name=op.f("uq_templates_account_name_language")),
    )
    op.create_table(
        "channel_notes",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("source", sa.String(length=84), nullable=False),
        sa.Column("key", sa.String(length=160), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("seen_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_channel_notes")),
        sa.UniqueConstraint("source", "key", name=op.f("uq_channel_notes_source_key")),
    )
