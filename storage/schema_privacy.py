"""The tables of the data officer (docs/privacy.md): requests, restrictions, and the ledger of erasures."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, String, Table, Text, text

from storage.columns import BigId, Instant, Json, metadata

_OPEN = "state = 'open'"
_HOLDS = "ended_at IS NULL"
_UNFILED = "filed_at IS NULL"


def _whose(name: str, table: str, *, ondelete: str) -> Column[int]:
    return Column(name, BigId, ForeignKey(f"{table}.id", ondelete=ondelete), index=True)


data_requests = Table(
    "data_requests",  # every right that a person has used, from receipt to proof (UU 27/2022, arts. 5–13)
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("number", String(16), nullable=False, unique=True),
    Column("kind", String(12), nullable=False),  # access, correction, withdrawal, restriction, erasure
    _whose("chat_id", "chats", ondelete="SET NULL"),  # the request outlives what it asked to erase
    _whose("participant_id", "participants", ondelete="SET NULL"),
    Column("via", String(64), nullable=False),  # "chat", "operator:<name>", "agent:<id>"
    Column("wish", Text),  # masked, in the person's words; emptied by an erasure
    Column("state", String(8), nullable=False),  # open, done, refused
    Column("received_at", Instant, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("done_at", Instant),
    Column("done_by", String(64)),
    Column("refusal", String(400)),  # the legal reason
    Column("proof", Json),  # {"what": …, "counts": {table: rows}}; no personal data
    Column("proof_hash", String(64)),  # SHA-256 over number, kind, times and proof
    Index("ix_data_requests_open", "due_at", sqlite_where=text(_OPEN), postgresql_where=text(_OPEN)),
    Index("ix_data_requests_received_at", "received_at"),
)

restrictions = Table(
    "restrictions",  # a chat or a record that is only answered and kept (UU 27/2022, art. 11)
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    _whose("chat_id", "chats", ondelete="CASCADE"),
    _whose("participant_id", "participants", ondelete="CASCADE"),
    Column("number", String(16), nullable=False),  # of the request
    Column("since", Instant, nullable=False),
    Column("ended_at", Instant),
    Index("ix_restrictions_holding", "chat_id", sqlite_where=text(_HOLDS), postgresql_where=text(_HOLDS)),
)

erasures = Table(
    "erasures",  # what was erased, by keyed hash alone, so that it is erased again from a restored backup
    metadata,
    Column("id", String(32), primary_key=True),
    Column("kind", String(8), nullable=False),  # chat, record
    Column("digest", String(64), nullable=False),  # keyed hash of the address or of the record's key
    Column("key_id", String(16), nullable=False),  # of the look-up key that it was made with
    Column("whole", Boolean, nullable=False),  # the chat with its address; false: the bare address stayed
    Column("number", String(16), nullable=False),  # the receipt
    Column("at", Instant, nullable=False),
    Column("filed_at", Instant),  # when it was written to the file outside the database
    Index("ix_erasures_unfiled", "at", sqlite_where=text(_UNFILED), postgresql_where=text(_UNFILED)),
)
