"""The tables of the editors: what has changed in the content, whole contents by their label, dated rows, people's word on answers."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, String, Table, Text, text

from storage.columns import BigId, Instant, Json, id_column, metadata, moment

content_events = Table(
    "content_events",  # its highest id and count are what every process polls; the public change log reads it
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("kind", String(10), nullable=False),  # answer, state, notice, fact
    Column("key", String(40), nullable=False),  # intent, topic, name of a fact; "" for the state
    Column("action", String(12), nullable=False),  # published, rolled_back, withdrawn, ended
    Column("version_id", BigId),  # of answer_versions or program_rows; no foreign key: the log outlives them
    Column("reason", String(300), nullable=False),  # public
    Column("valid_from", Instant),
    Column("valid_to", Instant),
    Column("actor", String(64), nullable=False),  # never shown in public
    Column("at", Instant, nullable=False),
)

content_versions = Table(
    "content_versions",  # what `messages.content` names
    metadata,
    Column("label", String(64), primary_key=True),
    Column("parts", Json, nullable=False),  # {"files": hash, "answers": {intent: version}, "program": [ids]}
    Column("made_at", Instant, nullable=False),
)

program_rows = Table(
    "program_rows",  # state, incident lines and facts with their dates, each asked for by one person and approved by another
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("kind", String(10), nullable=False),  # state, notice, fact
    Column("key", String(40), nullable=False),  # "" for the state, a topic or "" (all) of a notice, the name of a fact
    Column("value", Text, nullable=False),
    Column("source", Json),  # {name, date, url}
    Column("reason", String(300), nullable=False),
    Column("valid_from", Instant),  # none: from the approval on
    Column("valid_to", Instant),
    Column("state", String(10), nullable=False),  # asked, approved, refused, ended
    Column("asked_by", String(64), nullable=False),
    Column("asked_at", Instant, nullable=False),
    Column("decided_by", String(64)),
    Column("decided_at", Instant),
    Column("ended_by", String(64)),
    Column("ended_at", Instant),
    Index("ix_program_rows_state", "state"),
)

answer_feedback = Table(
    "answer_feedback",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("chat_id", BigId, ForeignKey("chats.id", ondelete="SET NULL"), index=True),  # only with consent
    Column("intent", String(40), nullable=False),
    Column("version_id", BigId, ForeignKey("answer_versions.id", ondelete="SET NULL")),  # none: the files' own answer
    Column("content", String(64), nullable=False),
    Column("channel", String(16), nullable=False),
    Column("remark", Text),  # masked, only with the person's recorded consent
    Column("state", String(6), nullable=False),  # open, done
    Column("at", Instant, nullable=False),
    Column("done_at", Instant),
    Column("done_by", String(64)),
    Index(
        "ix_answer_feedback_open",
        "intent",
        sqlite_where=text("state = 'open'"),
        postgresql_where=text("state = 'open'"),
    ),
)

answer_versions = Table(
    "answer_versions",
    metadata,
    id_column(),
    Column("intent", String(40), nullable=False, index=True),
    Column("body", Json, nullable=False),
    Column("author", String(64), nullable=False),
    Column(
        "state", String(12), nullable=False
    ),  # draft, review, published, withdrawn; replaced and lapsed follow from the dates
    moment("created_at"),
    Column("published_at", Instant),
    Column("writers", Json),  # everybody whose hand is in it; none of them may be its second reader
    Column("reader", String(64)),
    Column("reason", String(300), nullable=False, server_default=""),  # public, in the log of changes
    Column("note", String(500), nullable=False, server_default=""),  # of the reader who gave it back
    Column("revision", Integer, nullable=False, server_default="1"),  # a save over a colleague's is refused
    Column("valid_from", Instant),
    Column("valid_to", Instant),
    Column("ended_at", Instant),
    Index(
        "ix_answer_versions_open",  # one at a time is written on
        "intent",
        unique=True,
        sqlite_where=text("state IN ('draft', 'review')"),
        postgresql_where=text("state IN ('draft', 'review')"),
    ),
)
