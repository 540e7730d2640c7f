"""Preparations: NIK and KK, sealed, and who has opened them; codes by which one goes on in another chat; shared
screens.

Revision ID: 0002
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

from storage.schema import BigId, Instant

revision = "0002"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "identity_numbers",
        sa.Column("chat_id", BigId, autoincrement=False, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.Column("nik_hash", sa.String(length=64), nullable=False),
        sa.Column("kk_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("kept_until", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["chat_id"], ["chats.id"], name=op.f("fk_identity_numbers_chat_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("chat_id", name=op.f("pk_identity_numbers")),
    )
    op.create_index(op.f("ix_identity_numbers_nik_hash"), "identity_numbers", ["nik_hash"])
    op.create_table(
        "identity_looks",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("chat_id", BigId, nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("what", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["chat_id"], ["chats.id"], name=op.f("fk_identity_looks_chat_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_looks")),
    )
    op.create_index(op.f("ix_identity_looks_chat_id"), "identity_looks", ["chat_id"])
    op.create_table(
        "carry_codes",
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("chat_id", BigId, nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["chat_id"], ["chats.id"], name=op.f("fk_carry_codes_chat_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("code_hash", name=op.f("pk_carry_codes")),
    )
    op.create_index(op.f("ix_carry_codes_chat_id"), "carry_codes", ["chat_id"])
    op.add_column("chats", sa.Column("kiosk_until", Instant(), nullable=True))
    op.create_index(
        "ix_chats_kiosk",
        "chats",
        ["kiosk_until"],
        sqlite_where=sa.text("kiosk_until IS NOT NULL"),
        postgresql_where=sa.text("kiosk_until IS NOT NULL"),
    )
