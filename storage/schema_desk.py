"""The tables of people who answer: agents, their sessions, handed-over conversations, hours, deadlines and reviews (docs/handoff.md, docs/desk.md)."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Date, ForeignKey, Index, Integer, SmallInteger, String, Table, Text, text

from storage.columns import BigId, Instant, Json, agent_column, chat_column, id_column, metadata, moment

_WAITING = "state = 'waiting'"
_ACTIVE = "state = 'active'"
_GOING_ON = "state IN ('waiting', 'active')"

agents = Table(
    "agents",
    metadata,
    id_column(),
    Column("name", String(80), nullable=False, unique=True),  # for colleagues, and to log in
    Column("alias", String(40), nullable=False),  # for citizens
    Column("code", String(8), nullable=False, unique=True),  # by which a citizen checks an agent: "P-4K7M"
    Column("role", String(16), nullable=False),  # agent, supervisor, operator, editor, data_officer, admin
    Column("password_hash", String(200)),  # none: the invitation has not been used
    Column("invite_hash", String(64), unique=True),  # SHA-256 of the one-time link's token
    Column("invite_until", Instant),
    Column("active", Boolean, nullable=False),
    Column("skills", Json, nullable=False),  # topics; none = all
    Column("cap", SmallInteger, nullable=False),  # conversations at once that the queue gives
    Column("availability", String(12), nullable=False),  # available, finishing (keeps, gets none), away
    Column("availability_at", Instant, nullable=False),
    Column("seen_at", Instant),  # heartbeat of the desk's page
    moment("created_at"),
)

handoffs = Table(
    "handoffs",
    metadata,
    id_column(),
    chat_column(),
    Column("case_id", BigId, ForeignKey("cases.id", ondelete="SET NULL")),
    Column("number", String(16), nullable=False),  # of the case
    Column("topic", String(40), nullable=False),
    Column("priority", SmallInteger, nullable=False),  # as of cases
    Column("state", String(12), nullable=False),  # waiting, active, ended, left, closed_out
    Column("wanted_skill", String(40)),
    Column("live", Boolean, nullable=False),  # stays when the others are closed out
    Column("front", Boolean, nullable=False),  # was being served: before all others of its priority
    moment("asked_at"),
    moment("waiting_since"),  # asked, or back in the queue
    agent_column(),
    Column("assigned_at", Instant),  # first
    Column("taken_at", Instant),  # by the present agent
    Column("first_response_at", Instant),
    Column("ended_at", Instant),
    Column("ended_why", String(40)),
    Column("told_at", Instant),  # when the person was last told where they stand
    Column("told_position", SmallInteger),
    Column("rating", SmallInteger),
    Column("rating_note", Text),
    Column("rated_at", Instant),
    Index(
        "uq_handoffs_going_on",
        "chat_id",
        unique=True,
        sqlite_where=text(_GOING_ON),
        postgresql_where=text(_GOING_ON),
    ),
    Index(
        "ix_handoffs_waiting",
        "priority",
        "asked_at",
        sqlite_where=text(_WAITING),
        postgresql_where=text(_WAITING),
    ),
    Index("ix_handoffs_active", "agent_id", sqlite_where=text(_ACTIVE), postgresql_where=text(_ACTIVE)),
    Index("ix_handoffs_asked_at", "asked_at"),
    Index("ix_handoffs_ended_at", "ended_at"),
    Index("ix_handoffs_chat_id", "chat_id", "id"),
)

case_notes = Table(
    "case_notes",  # for colleagues only
    metadata,
    id_column(),
    Column("case_id", BigId, ForeignKey("cases.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("author", String(64), nullable=False),  # "agent:3", "operator:budi"
    Column("text", Text, nullable=False),
    moment("at"),
)

canned = Table(
    "canned",
    metadata,
    id_column(),
    Column("shortcut", String(32), nullable=False, unique=True),
    Column("title", String(80), nullable=False),
    Column("text", Text, nullable=False),  # with {nama}, {petugas}, {kode}, {nomor}
    Column("author", String(64), nullable=False),
    moment("updated_at"),
)

desk_drafts = Table(
    "desk_drafts",
    metadata,
    agent_column(ondelete="CASCADE", primary_key=True, autoincrement=False),
    chat_column(primary_key=True, autoincrement=False),
    Column("text", Text, nullable=False),
    moment("saved_at"),
)

hours = Table(
    "hours",  # when the desk is staffed; several rows a day are split shifts
    metadata,
    id_column(),
    Column("weekday", SmallInteger, nullable=False),  # 0 = Monday
    Column("opens", SmallInteger, nullable=False),  # minutes after midnight
    Column("closes", SmallInteger, nullable=False),
    Column("zone", String(4), nullable=False),
    Column("first_day", Date),  # of a time with hours of its own (Ramadan): then only its rows count
    Column("last_day", Date),
    Index("ix_hours_weekday", "weekday"),
)

closed_days = Table(
    "closed_days",  # over the library's holidays
    metadata,
    Column("day", Date, primary_key=True),
    Column("name", String(120), nullable=False),
    Column("closed", Boolean, nullable=False),  # false: the desk is open although the library has a holiday
    Column("author", String(64), nullable=False),
    moment("at"),
)

sla_rules = Table(
    "sla_rules",
    metadata,
    Column("topic", String(40), primary_key=True),  # "" = any
    Column("priority", SmallInteger, primary_key=True, autoincrement=False),
    Column("first_response_minutes", Integer, nullable=False),  # of a conversation, from asking on
    Column("working_minutes", Integer),  # until a case must be answered: either these …
    Column("working_days", SmallInteger),  # … or days, by the end of the last one
)

quality_reviews = Table(
    "quality_reviews",
    metadata,
    id_column(),
    Column("handoff_id", BigId, ForeignKey("handoffs.id", ondelete="CASCADE"), nullable=False, unique=True),
    Column("why", String(10), nullable=False),  # random, rating
    moment("sampled_at"),
    Column("reviewer_id", BigId, ForeignKey("agents.id", ondelete="SET NULL")),
    Column("reviewed_at", Instant),
    Column("answers", Json),  # {question: true | false | null (does not apply)}, the six of storage/quality.py
    Column("note", Text),
    Index(
        "ix_quality_reviews_open",
        "sampled_at",
        sqlite_where=text("reviewed_at IS NULL"),
        postgresql_where=text("reviewed_at IS NULL"),
    ),
)

desk_sessions = Table(
    "desk_sessions",
    metadata,
    Column("token_hash", String(64), primary_key=True),  # SHA-256; the token stands in the browser's cookie alone
    agent_column(ondelete="CASCADE", nullable=False, index=True),
    moment("created_at"),
    moment("seen_at"),
)

desk_logins = Table(
    "desk_logins",  # wrong passwords, by account and by address
    metadata,
    Column("key", String(80), primary_key=True),
    Column("wrong", SmallInteger, nullable=False),
    moment("since"),  # the first of these wrong passwords
    Column("locked_until", Instant),
)
