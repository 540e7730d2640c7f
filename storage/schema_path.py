"""The tables of a message's path: what came in, the chats waiting for a worker, what goes out, and who holds which lease (docs/path-of-a-message.md)."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from storage.columns import BigId, Instant, Json, chat_column, id_column, metadata, moment

_UNSENT = "state IN ('pending', 'sending')"

conversations = Table(
    "conversations",
    metadata,
    chat_column(primary_key=True),
    Column("owner", String(32), nullable=False, server_default="bot"),  # "bot" or "agent:<id>"
    Column("owner_version", Integer, nullable=False, server_default="0"),
    Column("state", Json),
    moment("updated_at"),
)

messages = Table(
    "messages",
    metadata,
    id_column(),
    chat_column(),
    Column("author", String(32), nullable=False),  # person, bot, agent:<id>, campaign:<id>
    Column("text", Text, nullable=False),  # masked
    Column("media", Json),  # what came with it, for an agent to open: {"id", "kind", "mime", "name", "sha256"}
    Column("inbox_id", BigId, index=True),  # the event it came with or answers; events are deleted earlier than the log
    Column("intent", String(40)),
    Column("second", String(40)),
    Column("confidence", Float),
    Column("handler", String(40)),
    Column(
        "step", String(80)
    ),  # of a journey, where the person's message has led: "registration/birth_date", "registration/end"
    Column("model", String(64)),
    Column("content", String(64)),
    Column("outbox_id", BigId),  # of an agent's message: where its delivery stands, as long as the outbox keeps it
    moment("at"),
    Index("ix_messages_chat_id_id", "chat_id", "id"),
)

inbox = Table(
    "inbox",
    metadata,
    id_column(),
    chat_column(),
    Column("source", String(84), nullable=False),  # "<channel>:<account>"
    Column("event_id", String(160), nullable=False),
    Column("payload", Json),
    Column("state", String(10), nullable=False),  # pending, done, dead, rejected
    Column("attempts", SmallInteger, nullable=False, server_default="0"),
    Column("error", Text),
    moment("sent_at"),
    moment("received_at"),
    Column("done_at", Instant),
    UniqueConstraint("source", "event_id"),
    Index(
        "ix_inbox_pending",
        "chat_id",
        "id",
        sqlite_where=text("state = 'pending'"),
        postgresql_where=text("state = 'pending'"),
    ),
    Index("ix_inbox_done", "done_at", sqlite_where=text("state = 'done'"), postgresql_where=text("state = 'done'")),
    Index(
        "ix_inbox_troubled",
        "id",
        sqlite_where=text("state IN ('dead', 'rejected')"),
        postgresql_where=text("state IN ('dead', 'rejected')"),
    ),
)

queue = Table(
    "queue",
    metadata,
    chat_column(primary_key=True),
    Column("pending", Integer, nullable=False),
    moment("ready_at"),  # while claimed: the end of the lease
    Column("owner", String(40)),
    Index("ix_queue_ready", "ready_at", sqlite_where=text("pending > 0"), postgresql_where=text("pending > 0")),
)

outbox = Table(
    "outbox",
    metadata,
    id_column(),
    chat_column(),
    Column("source", String(84), nullable=False),  # "<channel>:<account>" it leaves by
    Column("lane", SmallInteger, nullable=False),  # 0 replies, 1 broadcasts and reminders
    Column("author", String(32), nullable=False, server_default="bot"),
    Column("payload", Json, nullable=False),
    Column(
        "state", String(10), nullable=False
    ),  # pending, sending, held, accepted, failed, unknown, cancelled, expired
    Column("owner_version", Integer, nullable=False),
    Column("cancellable", Boolean, nullable=False),
    Column("passes_agent", Boolean, nullable=False),
    Column("attempts", SmallInteger, nullable=False, server_default="0"),
    moment("not_before"),
    moment("expires_at"),
    Column("owner", String(40)),
    Column("lease_until", Instant),
    Column("platform_id", String(160)),
    Column("reason", String(200)),
    Column("template", String(64)),  # the approved wording it left in: it has opened a conversation of ours
    Column("delivery", String(10)),  # sent, delivered, read, played, failed: what the platform has said since
    Column("delivery_at", Instant),
    Column("delivery_reason", String(200)),
    Column("charged", Boolean, nullable=False, server_default=text("false")),  # stands in `charges`
    moment("created_at"),
    Column("done_at", Instant),
    Index("ix_outbox_unsent", "source", "lane", "id", sqlite_where=text(_UNSENT), postgresql_where=text(_UNSENT)),
    Index("ix_outbox_order", "chat_id", "lane", "id", sqlite_where=text(_UNSENT), postgresql_where=text(_UNSENT)),
    Index(
        "ix_outbox_lease",
        "lease_until",
        sqlite_where=text("state = 'sending'"),
        postgresql_where=text("state = 'sending'"),
    ),
    Index(
        "ix_outbox_done",
        "done_at",
        sqlite_where=text("done_at IS NOT NULL"),
        postgresql_where=text("done_at IS NOT NULL"),
    ),
    Index("ix_outbox_chat_id_id", "chat_id", "id"),
    Index(
        "ix_outbox_platform",
        "source",
        "platform_id",
        sqlite_where=text("platform_id IS NOT NULL"),
        postgresql_where=text("platform_id IS NOT NULL"),
    ),
    Index("ix_outbox_held", "expires_at", sqlite_where=text("state = 'held'"), postgresql_where=text("state = 'held'")),
    Index(
        "ix_outbox_template",
        "created_at",
        sqlite_where=text("template IS NOT NULL"),
        postgresql_where=text("template IS NOT NULL"),
    ),
)

early_deliveries = Table(
    "early_deliveries",  # reports about messages that are not known by this id: our own mark comes later, or never
    metadata,
    Column("source", String(84), primary_key=True),
    Column("platform_id", String(160), primary_key=True),
    Column("delivery", String(10), nullable=False),
    moment("delivery_at"),
    Column("delivery_reason", String(200)),
    Column("charged", Boolean, nullable=False),
    moment("noted_at"),
    Index("ix_early_deliveries_noted_at", "noted_at"),
)

charges = Table(
    "charges",  # the ledger of what the platforms bill
    metadata,
    Column("source", String(84), primary_key=True),
    Column("month", String(7), primary_key=True),  # "2026-11", in UTC
    Column("category", String(40), primary_key=True),  # marketing, utility, authentication, service …; sms
    Column("messages", BigInteger, nullable=False),
    Column("billable", BigInteger, nullable=False),  # of them; of SMS, parts
)

templates = Table(
    "templates",  # the message templates that a platform holds for us, as it last told
    metadata,
    id_column(),
    Column("account", String(64), nullable=False),  # of WhatsApp the business account, not the number
    Column("name", String(512), nullable=False),
    Column("language", String(16), nullable=False),
    Column("platform_id", String(40)),
    Column("category", String(24), nullable=False),  # utility, marketing, authentication
    Column("status", String(24), nullable=False),  # approved, pending, rejected, paused, disabled …
    Column("quality", String(16), nullable=False, server_default=""),  # green, yellow, red, unknown
    Column("reason", String(200)),  # of a rejection or pause
    Column("body", Text, nullable=False, server_default=""),
    Column("components", Json),  # none: only its state has been told so far
    Column("variables", SmallInteger, nullable=False, server_default="0"),  # of the body
    moment("synced_at"),
    UniqueConstraint("account", "name", "language"),
)

channel_notes = Table(
    "channel_notes",  # what operators must know of a channel account
    metadata,
    id_column(),
    Column("source", String(84), nullable=False),
    Column("key", String(160), nullable=False),  # the same thing told again is no second note
    Column("kind", String(40), nullable=False),  # quality, tier, account, template, cap, error
    Column("text", Text, nullable=False),
    moment("at"),
    Column("seen_at", Instant),
    UniqueConstraint("source", "key"),
)

budgets = Table(
    "budgets",
    metadata,
    Column("source", String(84), primary_key=True),
    Column("permits", Float, nullable=False),
    moment("refilled_at"),
    Column("account_blocked_until", Instant),
    Column("broadcast_blocked_until", Instant),
)

leases = Table(
    "leases",
    metadata,
    Column("name", String(84), primary_key=True),
    Column("owner", String(40), nullable=False),
    moment("until"),
    Column("data", Json),  # the poller keeps its offset here
)

progress = Table(
    "progress",
    metadata,
    Column("name", String(32), primary_key=True),  # of a job in the background
    Column("data", Json, nullable=False),  # how far it has come
    moment("at"),
)

sms_pieces = Table(
    "sms_pieces",  # parts of a long SMS that came one by one, until all are there: sealed, for a minute at most
    metadata,
    Column("source", String(84), primary_key=True),
    Column("address", String(160), primary_key=True),
    Column("reference", String(64), primary_key=True),
    Column("number", SmallInteger, primary_key=True),
    Column("total", SmallInteger, nullable=False),
    Column("event_id", String(160), nullable=False),
    Column("text", LargeBinary, nullable=False),  # sealed: half an identity number cannot be masked
    moment("sent_at"),
    moment("at"),
    Index("ix_sms_pieces_at", "at"),
)
