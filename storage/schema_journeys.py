"""The tables of what a conversation leaves behind: drafts, reminders, notices, registrations, identity numbers, codes and forms, cases."""

from __future__ import annotations

from sqlalchemy import Column, Index, LargeBinary, SmallInteger, String, Table, Text, UniqueConstraint, text

from storage.columns import BigId, Instant, Json, chat_column, id_column, metadata, moment, participant_column

drafts = Table(
    "drafts",
    metadata,
    chat_column(primary_key=True),
    Column("form", String(32), primary_key=True),
    Column("step", String(32), nullable=False),
    Column("data", Json, nullable=False),
    moment("updated_at"),
    moment("expires_at"),
    Column("reminded_at", Instant),
)

reminders = Table(
    "reminders",
    metadata,
    id_column(),
    chat_column(),
    Column("key", String(80), nullable=False),  # what was reminded of: "draft:registration", "buy_by:2024-08-30:7"
    moment("at"),
    UniqueConstraint("chat_id", "key"),
)

notices = Table(
    "notices",  # messages about a person's own imported changes: what waits, and when the last one went
    metadata,
    chat_column(primary_key=True),
    Column("first_change", BigId),  # the first change that has not been told; none: nothing waits
    Column("sent_at", Instant),
    Index(
        "ix_notices_waiting",
        "chat_id",
        sqlite_where=text("first_change IS NOT NULL"),
        postgresql_where=text("first_change IS NOT NULL"),
    ),
)

registrations = Table(
    "registrations",
    metadata,
    id_column(),
    chat_column(index=True),
    Column("number", String(16), nullable=False, unique=True),
    Column("data", Json, nullable=False),
    moment("created_at"),
    moment("kept_until"),
)

identity_numbers = Table(
    "identity_numbers",  # NIK and KK of a preparation, where the operator has a lawful transfer
    metadata,
    chat_column(primary_key=True),
    Column("sealed", LargeBinary, nullable=False),  # AES-GCM with the key named by key_id, bound to the chat
    Column("key_id", String(16), nullable=False),
    Column("nik_hash", String(64), nullable=False, index=True),  # keyed hashes, for look-up
    Column("kk_hash", String(64), nullable=False),
    moment("created_at"),
    moment("kept_until"),
)

identity_looks = Table(
    "identity_looks",  # who has opened them; the person can ask
    metadata,
    id_column(),
    chat_column(index=True),
    moment("at"),
    Column("actor", String(64), nullable=False),
    Column("what", String(64), nullable=False),
)

carry_codes = Table(
    "carry_codes",  # one-time codes by which a preparation goes on in another chat
    metadata,
    Column("code_hash", String(64), primary_key=True),  # keyed; the code itself is told once and not kept
    chat_column(index=True),
    moment("created_at"),
    moment("expires_at"),
)

secure_forms = Table(
    "secure_forms",
    metadata,
    Column("key", String(64), primary_key=True),
    chat_column(),
    Column("purpose", String(32), nullable=False),
    Column("fields", Json, nullable=False),
    moment("created_at"),
    moment("expires_at"),
    Column("used_at", Instant),
    Column("sealed", LargeBinary),  # AES-GCM with the key named by key_id; erased after use
    Column("key_id", String(16)),
)

cases = Table(
    "cases",
    metadata,
    id_column(),
    Column("number", String(16), nullable=False, unique=True),
    chat_column(index=True),
    participant_column(nullable=True, ondelete="SET NULL"),
    Column("topic", String(40), nullable=False),
    Column("priority", SmallInteger, nullable=False),  # 0 danger, 1 urgent, 2 normal
    Column("state", String(16), nullable=False),  # open, waiting, closed
    Column("story", Text, nullable=False),
    Column("history", Json, nullable=False),  # [{"at", "actor", "what"}]
    moment("created_at"),
    moment("updated_at"),
    moment("due_at"),
    Column("closed_at", Instant),
    Column("resolution", String(12)),  # answered, forwarded, yours (only the person can do it)
    Column("told", Text),  # what the person was told at the end
    Column("agent_id", BigId),  # who has taken it on; agents are switched off, never deleted
    Index("ix_cases_state_priority", "state", "priority", "created_at"),
)
