"""The tables of announcements: campaigns, the ledger of their recipients, where their sending stands, and their pictures (docs/broadcast.md)."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Date, Float, ForeignKey, Index, Integer, LargeBinary, String, Table, Text, text

from storage.columns import BigId, Instant, Json, metadata


def _campaign() -> Column[int]:
    return Column(
        "campaign_id",
        BigId,
        ForeignKey("campaigns.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    )


campaigns = Table(
    "campaigns",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("name", String(80), nullable=False, unique=True),
    Column("state", String(12), nullable=False),  # draft, scheduled, running, paused, cancelled, done
    Column("kind", String(12), nullable=False),  # news, wave (a wave has opened)
    Column("topic", String(32)),  # of subscriptions: only its subscribers, and its stop ends it
    Column("content", Json, nullable=False),  # handlers/announcement.py
    Column("audience", Json, nullable=False),  # storage/audience.py
    Column("sources", Json, nullable=False),  # channel accounts that it may leave by, the preferred first
    Column("official_source", String(300)),  # the official page that says so, of a wave
    Column("valid_until", Instant),  # afterwards nothing of it may go any more
    Column("spread_hours", Float, nullable=False, server_default="0"),  # over which it is spread at least
    Column("starts_at", Instant),
    Column("repeat", String(8)),  # daily, weekly, monthly
    Column("follows_id", BigId, ForeignKey("campaigns.id", ondelete="SET NULL")),  # of a repeated one: the one before
    Column("series_id", BigId),  # of all that follow a first one: its key, as long as the ledgers stand
    Column("once", Boolean, nullable=False, server_default=text("false")),  # a person gets one of the series
    Column("created_by", String(64), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("approved_by", String(64)),
    Column("approved_size", Integer),  # what the second person saw
    Column("frozen_at", Instant),
    Column("frozen_size", Integer),
    Column("ended_at", Instant),
    Column("paused_why", String(200)),
    Column("ramp_from", Instant),  # of the last start or resume: the pace grows from there, failures count from there
    Column("paced_at", Instant),  # until when `credit` has been reckoned
    Column("credit", Float, nullable=False, server_default="0"),  # messages that the pace allows now
    Column("tried", Float, nullable=False, server_default="0"),  # recent outcomes, fading: of them …
    Column("failed", Float, nullable=False, server_default="0"),
    Column("gone", Float, nullable=False, server_default="0"),  # … people who have blocked us
    Index(
        "ix_campaigns_live",
        "id",
        sqlite_where=text("state IN ('scheduled', 'running')"),
        postgresql_where=text("state IN ('scheduled', 'running')"),
    ),
)

campaign_recipients = Table(
    "campaign_recipients",  # the ledger. No foreign key to chats: rows come by the million; none on the state: it changes
    metadata,
    _campaign(),
    Column("n", Integer, primary_key=True, autoincrement=False),  # in the order of sending
    Column("chat_id", BigId),  # none: a number of a file that may not be written to
    Column("source", String(84), nullable=False),  # "<channel>:<account>"; of a number without a chat ""
    Column("zone", String(4), nullable=False),
    Column("state", String(10), nullable=False),  # storage/ledger.py
    Column("reason", String(200)),
    Column("outbox_id", BigId),
    Column("at", Instant, nullable=False),  # of the last change
    Index("uq_campaign_recipients_chat", "chat_id", "campaign_id", unique=True),
    sqlite_with_rowid=False,
)

campaign_lanes = Table(
    "campaign_lanes",  # recipients of one channel account and zone stand together: first … last; `fed`: gone into the outbox
    metadata,
    _campaign(),
    Column("source", String(84), primary_key=True),
    Column("zone", String(4), primary_key=True),
    Column("first", Integer, nullable=False),
    Column("last", Integer, nullable=False),
    Column("fed", Integer, nullable=False),
)

campaign_flights = Table(
    "campaign_flights",  # messages in the outbox whose end does not stand in the ledger yet
    metadata,
    Column("outbox_id", BigId, primary_key=True, autoincrement=False),
    Column("campaign_id", BigId, nullable=False),
    Column("n", Integer, nullable=False),
    Index("ix_campaign_flights_campaign_id", "campaign_id", "n"),
)

campaign_late = Table(
    "campaign_late",  # failures that a platform told after it had taken the message, until the loop has weighed them
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("campaign_id", BigId, nullable=False),
    Column("n", Integer, nullable=False),
    Column("sent_at", Instant, nullable=False),
)

campaign_numbers = Table(
    "campaign_numbers",  # an audience from a file; of each number who agreed, when, and with which words
    metadata,
    _campaign(),
    Column("line", Integer, primary_key=True, autoincrement=False),
    Column("phone", String(20)),
    Column("problem", String(40)),  # no_consent, bad_number, duplicate
    Column("consent_source", String(200)),
    Column("consent_on", Date),
    Column("consent_wording", Text),
    Column("chat_id", BigId, index=True),
    sqlite_with_rowid=False,
)

campaign_acts = Table(
    "campaign_acts",  # who did what
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("campaign_id", BigId, ForeignKey("campaigns.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("at", Instant, nullable=False),
    Column("actor", String(64), nullable=False),  # "operator:budi", "agent:3", "pandu"
    Column("what", String(40), nullable=False),
    Column("note", String(300)),
)

campaign_progress = Table(
    "campaign_progress",  # how many were settled in each minute, for throughput and the chart
    metadata,
    _campaign(),
    Column("minute", Instant, primary_key=True),
    Column("accepted", Integer, nullable=False),
    Column("other", Integer, nullable=False),
)

chat_tags = Table(
    "chat_tags",  # words that operators put on chats, to reach the same people again
    metadata,
    Column("chat_id", BigId, ForeignKey("chats.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("tag", String(40), primary_key=True),
    Column("author", String(64), nullable=False),
    Column("at", Instant, nullable=False),
    Index("ix_chat_tags_tag", "tag", "chat_id"),
)

segments = Table(
    "segments",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("filter", Json, nullable=False),
    Column("author", String(64), nullable=False),
    Column("saved_at", Instant, nullable=False),
)

pictures = Table(
    "pictures",  # of announcements, small enough for a weak phone (bot/picture_files.py); campaigns name them in their content
    metadata,
    Column("sha256", String(64), primary_key=True),  # of `jpeg`, in hexadecimal
    Column("jpeg", LargeBinary, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("author", String(64), nullable=False),
    Column("at", Instant, nullable=False),  # last put down or named by a draft; unused ones go a day after it
)

picture_uploads = Table(
    "picture_uploads",  # under which id a platform holds a picture, so that it is handed over once and not a million times
    metadata,
    Column("source", String(84), primary_key=True),  # "<channel>:<account>"
    Column("sha256", String(64), ForeignKey("pictures.sha256", ondelete="CASCADE"), primary_key=True),
    Column("platform_id", Text, nullable=False),
    Column("until", Instant),  # when the platform forgets it; none: never
)
