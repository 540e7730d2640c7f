"""The tables of teaching: messages that editors have added, models made from them, and the jobs that make them (docs/teaching.md)."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, SmallInteger, String, Table, Text

from storage.columns import BigId, Instant, Json, id_column, metadata, moment

taught = Table(
    "taught",
    metadata,
    id_column(),
    Column("text", Text, nullable=False),
    Column("intent", String(40), nullable=False),
    Column("author", String(64), nullable=False),  # "agent:3", "operator:budi"
    Column("state", String(10), nullable=False),  # active, withdrawn
    moment("at"),
    # whose words they are: they go when the person erases their data or withdraws the consent
    Column("chat_id", BigId, ForeignKey("chats.id", ondelete="CASCADE"), index=True),
)

models = Table(
    "models",
    metadata,
    id_column(),
    Column("name", String(64), nullable=False),  # as each row of `messages` names it: "embedded-<hash>"
    Column("code", String(16), nullable=False),  # hash of the code and word lists that it needs
    Column("seed", String(16), nullable=False),  # hash of these and the training files
    Column("taught", Integer, nullable=False),  # how many taught messages it has learnt
    Column("compared_with", BigId),  # the model that it was measured against; none: the shipped one
    Column("report", Json, nullable=False),  # gains and losses (nlu/verdict.py)
    Column("worse", String(200), nullable=False),  # why it may not be published; "" where it may
    Column("state", String(10), nullable=False),  # candidate, published, former (was published once)
    moment("created_at"),
    Column("published_at", Instant),
    Column("published_by", String(64)),
)

model_files = Table(
    "model_files",  # apart, so that lists never read megabytes
    metadata,
    Column("model_id", BigId, ForeignKey("models.id", ondelete="CASCADE"), primary_key=True),
    Column("packed", LargeBinary, nullable=False),
)

training_jobs = Table(
    "training_jobs",
    metadata,
    id_column(),
    Column("state", String(10), nullable=False),  # waiting, running, done, failed
    Column("asked_by", String(64), nullable=False),
    moment("asked_at"),
    Column("attempts", SmallInteger, nullable=False, server_default="0"),
    Column("owner", String(40)),
    Column("lease_until", Instant),
    Column("progress", String(200), nullable=False, server_default=""),
    Column("finished_at", Instant),
    Column("error", String(300)),
    Column("model_id", BigId, ForeignKey("models.id", ondelete="SET NULL")),
    Index("ix_training_jobs_state", "state"),
)

misunderstood = Table(
    "misunderstood",
    metadata,
    id_column(),
    Column("chat_id", BigId, ForeignKey("chats.id", ondelete="SET NULL")),
    Column("topic", String(40), nullable=False),  # best guess
    Column("text", Text),  # only with the person's recorded consent
    Column("outcome", String(10), nullable=False),  # clarify (asked back), refuse, feedback ("jawaban ini salah")
    moment("at"),
    Column("channel", String(16)),
    Column("answer", String(40)),  # the intent or the rule that was answered with, where there was an answer
    Column("state", String(10)),  # none: still to be looked at; taught, done, not_ours, aside
    Column("handled_by", String(64)),
    Column("handled_at", Instant),
    Index("ix_misunderstood_state", "state", "at"),
    Index("ix_misunderstood_chat_id", "chat_id"),
)
