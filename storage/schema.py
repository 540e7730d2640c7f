"""The tables. One metadata for SQLite and PostgreSQL; migrations in `storage/migrations` bring a database to it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Instant(TypeDecorator[datetime]):
    """A moment in UTC: TIMESTAMPTZ on PostgreSQL, whole microseconds since 1970 on SQLite (compares and indexes as a number)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(BigInteger() if dialect.name == "sqlite" else DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None or dialect.name != "sqlite":
            return value
        return (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None or dialect.name != "sqlite":
            return value  # type: ignore[no-any-return]
        moment: datetime = _EPOCH + value * _MICROSECOND
        return moment


BigId = BigInteger().with_variant(Integer, "sqlite")  # a BIGINT key does not count up by itself on SQLite
Json = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def _id() -> Column[int]:
    return Column("id", BigId, primary_key=True, autoincrement=True)


def _chat(**options: Any) -> Column[int]:
    return Column("chat_id", BigId, ForeignKey("chats.id", ondelete="CASCADE"), nullable=False, **options)


def _participant(*, nullable: bool = False, ondelete: str = "CASCADE") -> Column[int]:
    return Column("participant_id", BigId, ForeignKey("participants.id", ondelete=ondelete), nullable=nullable)


def _when(name: str, *, nullable: bool = False) -> Column[datetime]:
    return Column(name, Instant, nullable=nullable)


# -- people -------------------------------------------------------------------------------------------------------

participants = Table(
    "participants",
    metadata,
    _id(),
    Column("record_key", String(64), nullable=False, unique=True),  # the operator's own key of the record
    Column("name", String(120), nullable=False),
    Column("phone", String(20), index=True),  # "+62…"; not unique: families share numbers
    Column("birth_date", Date),
    Column("nik_hash", String(64), index=True),  # keyed hash; the number itself is never stored
    Column("nik_last4", String(4)),
    Column("card_last4", String(4)),
    Column("wave", SmallInteger),
    Column("region", String(4)),  # code of the kabupaten/kota
    Column("membership", String(20), nullable=False),  # applied, selected, active, finished, failed, revoked
    Column("balance", BigInteger),  # whole rupiah
    Column("buy_by", Date),  # last day to buy the first course
    Column("videos_watched", SmallInteger),
    Column("wallet", String(20)),  # bank or e-wallet: bni, ovo, gopay, linkaja, dana
    Column("wallet_masked", String(20)),
    Column("wallet_state", String(20)),  # linked, unlinked, not_upgraded, failed
    Column("unvouched_locked_until", Instant),  # after wrong proofs: chats without a vouched number are locked
    _when("as_of"),  # the moment the imported data speaks of
    _when("imported_at"),
)

chats = Table(
    "chats",
    metadata,
    _id(),
    Column("channel", String(16), nullable=False),
    Column("account", String(64), nullable=False),
    Column("address", String(160), nullable=False),  # the key that the chat began with; stays when the person moves
    Column("reach", String(160)),  # where to send instead of to `address`: the person's number or id has changed
    Column("window_until", Instant),  # free-form messages may be sent until then; only of channels that have a window
    Column("name", String(120), nullable=False, server_default=""),
    Column("formal", Boolean, nullable=False, server_default=text("false")),  # addressed as Bapak/Ibu
    Column("zone", String(4)),  # WIB, WITA, WIT; unknown = WIB
    Column(
        "similar", Boolean, nullable=False, server_default=text("true")
    ),  # suggestions by what similar people finished
    Column("digit_run", Json),  # open run of digits typed over several messages: {"digits", "inbox_ids", "at"}
    _when("created_at"),
    _when("seen_at"),
    Column("stopped_at", Instant),  # the person blocked us on this channel
    Column("kiosk_until", Instant),  # of a shared screen: the end of the session, then of what may be taken home
    Column("warned_at", Instant),  # an agent has asked for a civil tone
    Column("paused_until", Instant),  # until then agents do not talk in this chat; the bot goes on
    UniqueConstraint("channel", "account", "address"),
    Index(
        "ix_chats_kiosk",
        "kiosk_until",
        sqlite_where=text("kiosk_until IS NOT NULL"),
        postgresql_where=text("kiosk_until IS NOT NULL"),
    ),
)

identities = Table(
    "identities",
    metadata,
    _id(),
    _chat(index=True),
    Column("kind", String(16), nullable=False),  # phone, bsuid, telegram, wa_id
    Column("value", String(160), nullable=False),
    Column("vouched", Boolean, nullable=False),  # the platform says so, not the person
    _when("first_seen"),
    _when("last_seen"),
    UniqueConstraint("chat_id", "kind", "value"),
    Index("ix_identities_kind_value", "kind", "value"),
)

links = Table(
    "links",
    metadata,
    _id(),
    _chat(),
    _participant(),
    Column("level", String(2), nullable=False),  # 1, 2a, 2, 3 (design: People and proof)
    Column("method", String(40), nullable=False),
    Column(
        "parent_id", BigId, ForeignKey("links.id", ondelete="SET NULL")
    ),  # the link that vouched for this one (a web code)
    Column("expires_at", Instant),  # of a web chat opened by a code: it may be a shared computer
    _when("created_at"),
    Column("ended_at", Instant),
    Column("ended_why", String(40)),
    Index(
        "uq_links_active_chat",
        "chat_id",
        unique=True,
        sqlite_where=text("ended_at IS NULL"),
        postgresql_where=text("ended_at IS NULL"),
    ),
    Index("ix_links_participant_id", "participant_id"),
)

proofs = Table(
    "proofs",
    metadata,
    _chat(primary_key=True),
    Column("wrong", SmallInteger, nullable=False),
    Column("since", Instant, nullable=False),  # the first of these wrong answers
    Column("locked_until", Instant),
)

number_proofs = Table(
    "number_proofs",  # over all chats that a number was vouched for in; no record need be on the number
    metadata,
    Column("phone", String(20), primary_key=True),
    Column("wrong", SmallInteger, nullable=False),
    Column("since", Instant, nullable=False),  # the first of these wrong answers
    Column("locked_until", Instant),
)

link_codes = Table(
    "link_codes",
    metadata,
    Column("code", String(16), primary_key=True),
    _chat(index=True),
    _when("created_at"),
    _when("expires_at"),
)

access_log = Table(
    "access_log",
    metadata,
    _id(),
    _when("at"),
    Column("actor", String(64), nullable=False),  # "chat:12", "agent:3", "operator:<name>", "cli"
    _participant(nullable=True, ondelete="CASCADE"),
    Column("chat_id", BigId, ForeignKey("chats.id", ondelete="CASCADE"), index=True),  # of a look at a conversation
    Column("what", String(64), nullable=False),
    Column("reason", String(200)),  # of what a person did by hand
    Index("ix_access_log_participant_id", "participant_id"),
)

consents = Table(
    "consents",
    metadata,
    _id(),
    _chat(index=True),
    Column("purpose", String(32), nullable=False),
    Column("wording", Text, nullable=False),
    _when("given_at"),
    Column("until", Instant),
    Column("withdrawn_at", Instant),
)

subscriptions = Table(
    "subscriptions",
    metadata,
    _id(),
    _chat(),
    Column("topic", String(32), nullable=False),
    Column("wording", Text, nullable=False),
    _when("since"),
    Column("ended_at", Instant),
    UniqueConstraint("chat_id", "topic"),
)

# -- the path of a message ----------------------------------------------------------------------------------------

conversations = Table(
    "conversations",
    metadata,
    _chat(primary_key=True),
    Column("owner", String(32), nullable=False, server_default="bot"),  # "bot" or "agent:<id>"
    Column("owner_version", Integer, nullable=False, server_default="0"),
    Column("state", Json),
    _when("updated_at"),
)

messages = Table(
    "messages",
    metadata,
    _id(),
    _chat(),
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
    _when("at"),
    Index("ix_messages_chat_id_id", "chat_id", "id"),
)

inbox = Table(
    "inbox",
    metadata,
    _id(),
    _chat(),
    Column("source", String(84), nullable=False),  # "<channel>:<account>"
    Column("event_id", String(160), nullable=False),
    Column("payload", Json),
    Column("state", String(10), nullable=False),  # pending, done, dead, rejected
    Column("attempts", SmallInteger, nullable=False, server_default="0"),
    Column("error", Text),
    _when("sent_at"),
    _when("received_at"),
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
    _chat(primary_key=True),
    Column("pending", Integer, nullable=False),
    _when("ready_at"),  # while claimed: the end of the lease
    Column("owner", String(40)),
    Index("ix_queue_ready", "ready_at", sqlite_where=text("pending > 0"), postgresql_where=text("pending > 0")),
)

_UNSENT = "state IN ('pending', 'sending')"

outbox = Table(
    "outbox",
    metadata,
    _id(),
    _chat(),
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
    _when("not_before"),
    _when("expires_at"),
    Column("owner", String(40)),
    Column("lease_until", Instant),
    Column("platform_id", String(160)),
    Column("reason", String(200)),
    Column("template", String(64)),  # the approved wording it left in: it has opened a conversation of ours
    Column("delivery", String(10)),  # sent, delivered, read, played, failed: what the platform has said since
    Column("delivery_at", Instant),
    Column("delivery_reason", String(200)),
    Column("charged", Boolean, nullable=False, server_default=text("false")),  # stands in `charges`
    _when("created_at"),
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
    _when("delivery_at"),
    Column("delivery_reason", String(200)),
    Column("charged", Boolean, nullable=False),
    _when("noted_at"),
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
    _id(),
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
    _when("synced_at"),
    UniqueConstraint("account", "name", "language"),
)

channel_notes = Table(
    "channel_notes",  # what operators must know of a channel account
    metadata,
    _id(),
    Column("source", String(84), nullable=False),
    Column("key", String(160), nullable=False),  # the same thing told again is no second note
    Column("kind", String(40), nullable=False),  # quality, tier, account, template, cap, error
    Column("text", Text, nullable=False),
    _when("at"),
    Column("seen_at", Instant),
    UniqueConstraint("source", "key"),
)

budgets = Table(
    "budgets",
    metadata,
    Column("source", String(84), primary_key=True),
    Column("permits", Float, nullable=False),
    _when("refilled_at"),
    Column("account_blocked_until", Instant),
    Column("broadcast_blocked_until", Instant),
)

leases = Table(
    "leases",
    metadata,
    Column("name", String(84), primary_key=True),
    Column("owner", String(40), nullable=False),
    _when("until"),
    Column("data", Json),  # the poller keeps its offset here
)

progress = Table(
    "progress",
    metadata,
    Column("name", String(32), primary_key=True),  # of a job in the background
    Column("data", Json, nullable=False),  # how far it has come
    _when("at"),
)

# -- courses and money (the operator's imported records) ------------------------------------------------------------

courses = Table(
    "courses",
    metadata,
    _id(),
    Column("course_key", String(64), nullable=False, unique=True),
    Column("title", String(200), nullable=False),
    Column("provider", String(120), nullable=False),
    Column("platform", String(40), nullable=False),
    Column("mode", String(12), nullable=False),  # webinar, spl, offline
    Column("region", String(4)),
    Column("topic", String(40), nullable=False, index=True),
    Column("price", BigInteger, nullable=False),
    Column("hours", SmallInteger),
    Column("starts_on", Date),
    Column("summary", Text, nullable=False, server_default=""),
    Column("invented", Boolean, nullable=False, server_default=text("false")),
    _when("as_of"),
    Column("valid_until", Date),
)

enrolments = Table(
    "enrolments",
    metadata,
    _id(),
    _participant(),
    Column("course_id", BigId, ForeignKey("courses.id", ondelete="CASCADE"), nullable=False),
    Column("position", SmallInteger, nullable=False),  # 1 = the first course, the one that earns the incentive
    Column("state", String(20), nullable=False),  # bought, running, finished, certified
    Column("bought_on", Date),
    Column("finished_on", Date),
    Column("certificate_on", Date),
    Column("rated_on", Date),
    Column("reviewed_on", Date),
    _when("as_of"),
    UniqueConstraint("participant_id", "course_id"),
)

incentives = Table(
    "incentives",
    metadata,
    _id(),
    _participant(),
    Column("kind", String(16), nullable=False),  # training, training_2 …, survey_1, survey_2
    Column("amount", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),  # waiting, scheduled, sent, paid, failed
    Column("reason", String(40)),  # a code of handlers/content/unpaid.yml
    Column("scheduled_on", Date),
    Column("paid_on", Date),
    _when("as_of"),
    UniqueConstraint("participant_id", "kind"),
)

course_choices = Table(
    "course_choices",
    metadata,
    _id(),
    _chat(),
    Column("course_id", BigId, ForeignKey("courses.id", ondelete="CASCADE"), nullable=False),
    _when("noted_at"),
    Column("dropped_at", Instant),
    UniqueConstraint("chat_id", "course_id"),
)

course_groups = Table(
    "course_groups",  # what groups of similar people finished: only groups of 50 or more, only counts
    metadata,
    Column("place", String(4), primary_key=True),  # code of the kabupaten or of the province; "" = the whole country
    Column("band", SmallInteger, primary_key=True, autoincrement=False),  # lowest age of the band; 0 = all ages
    Column(
        "course_id",
        BigId,
        ForeignKey("courses.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
        index=True,
    ),
    Column("finished", Integer, nullable=False),
    Column("people", Integer, nullable=False),  # in the group, who finished any course
    _when("as_of"),
)

providers = Table(
    "providers",  # the operator's dated list of training institutions
    metadata,
    _id(),
    Column("provider_key", String(64), nullable=False, unique=True),
    Column("name", String(160), nullable=False),
    Column("other_names", String(400), nullable=False, server_default=""),  # separated by ";"
    Column("region", String(4)),
    Column("state", String(12), nullable=False),  # listed, ended
    Column("valid_until", Date),
    _when("as_of"),
)

offices = Table(
    "offices",  # the operator's dated list of places where people are helped with the registration
    metadata,
    _id(),
    Column("name", String(64), nullable=False),
    Column("region", String(4), nullable=False),
    Column("address", String(120), nullable=False),
    Column("hours", String(60), nullable=False, server_default=""),
    Column("checked_on", Date),  # when somebody last looked; none: the day of the list
    _when("as_of"),
    UniqueConstraint("name", "region"),
    Index("ix_offices_region", "region"),
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
    _when("sent_at"),
    _when("at"),
    Index("ix_sms_pieces_at", "at"),
)

# -- what a conversation leaves behind ----------------------------------------------------------------------------

drafts = Table(
    "drafts",
    metadata,
    _chat(primary_key=True),
    Column("form", String(32), primary_key=True),
    Column("step", String(32), nullable=False),
    Column("data", Json, nullable=False),
    _when("updated_at"),
    _when("expires_at"),
    Column("reminded_at", Instant),
)

reminders = Table(
    "reminders",
    metadata,
    _id(),
    _chat(),
    Column("key", String(80), nullable=False),  # what was reminded of: "draft:registration", "buy_by:2024-08-30:7"
    _when("at"),
    UniqueConstraint("chat_id", "key"),
)

notices = Table(
    "notices",  # messages about a person's own imported changes: what waits, and when the last one went
    metadata,
    _chat(primary_key=True),
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
    _id(),
    _chat(index=True),
    Column("number", String(16), nullable=False, unique=True),
    Column("data", Json, nullable=False),
    _when("created_at"),
    _when("kept_until"),
)

identity_numbers = Table(
    "identity_numbers",  # NIK and KK of a preparation, where the operator has a lawful transfer
    metadata,
    _chat(primary_key=True),
    Column("sealed", LargeBinary, nullable=False),  # AES-GCM with the key named by key_id, bound to the chat
    Column("key_id", String(16), nullable=False),
    Column("nik_hash", String(64), nullable=False, index=True),  # keyed hashes, for look-up
    Column("kk_hash", String(64), nullable=False),
    _when("created_at"),
    _when("kept_until"),
)

identity_looks = Table(
    "identity_looks",  # who has opened them; the person can ask
    metadata,
    _id(),
    _chat(index=True),
    _when("at"),
    Column("actor", String(64), nullable=False),
    Column("what", String(64), nullable=False),
)

carry_codes = Table(
    "carry_codes",  # one-time codes by which a preparation goes on in another chat
    metadata,
    Column("code_hash", String(64), primary_key=True),  # keyed; the code itself is told once and not kept
    _chat(index=True),
    _when("created_at"),
    _when("expires_at"),
)

secure_forms = Table(
    "secure_forms",
    metadata,
    Column("key", String(64), primary_key=True),
    _chat(),
    Column("purpose", String(32), nullable=False),
    Column("fields", Json, nullable=False),
    _when("created_at"),
    _when("expires_at"),
    Column("used_at", Instant),
    Column("sealed", LargeBinary),  # AES-GCM with the key named by key_id; erased after use
    Column("key_id", String(16)),
)

cases = Table(
    "cases",
    metadata,
    _id(),
    Column("number", String(16), nullable=False, unique=True),
    _chat(index=True),
    _participant(nullable=True, ondelete="SET NULL"),
    Column("topic", String(40), nullable=False),
    Column("priority", SmallInteger, nullable=False),  # 0 danger, 1 urgent, 2 normal
    Column("state", String(16), nullable=False),  # open, waiting, closed
    Column("story", Text, nullable=False),
    Column("history", Json, nullable=False),  # [{"at", "actor", "what"}]
    _when("created_at"),
    _when("updated_at"),
    _when("due_at"),
    Column("closed_at", Instant),
    Column("resolution", String(12)),  # answered, forwarded, yours (only the person can do it)
    Column("told", Text),  # what the person was told at the end
    Column("agent_id", BigId),  # who has taken it on; agents are switched off, never deleted
    Index("ix_cases_state_priority", "state", "priority", "created_at"),
)

# -- agents and the queue (docs/handoff.md) ---------------------------------------------------------------------------

_WAITING = "state = 'waiting'"
_ACTIVE = "state = 'active'"
_GOING_ON = "state IN ('waiting', 'active')"


def _agent(*, ondelete: str = "SET NULL", **options: Any) -> Column[int]:
    return Column("agent_id", BigId, ForeignKey("agents.id", ondelete=ondelete), **options)


agents = Table(
    "agents",
    metadata,
    _id(),
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
    _when("created_at"),
)

handoffs = Table(
    "handoffs",
    metadata,
    _id(),
    _chat(),
    Column("case_id", BigId, ForeignKey("cases.id", ondelete="SET NULL")),
    Column("number", String(16), nullable=False),  # of the case
    Column("topic", String(40), nullable=False),
    Column("priority", SmallInteger, nullable=False),  # as of cases
    Column("state", String(12), nullable=False),  # waiting, active, ended, left, closed_out
    Column("wanted_skill", String(40)),
    Column("live", Boolean, nullable=False),  # stays when the others are closed out
    Column("front", Boolean, nullable=False),  # was being served: before all others of its priority
    _when("asked_at"),
    _when("waiting_since"),  # asked, or back in the queue
    _agent(),
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
    _id(),
    Column("case_id", BigId, ForeignKey("cases.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("author", String(64), nullable=False),  # "agent:3", "operator:budi"
    Column("text", Text, nullable=False),
    _when("at"),
)

canned = Table(
    "canned",
    metadata,
    _id(),
    Column("shortcut", String(32), nullable=False, unique=True),
    Column("title", String(80), nullable=False),
    Column("text", Text, nullable=False),  # with {nama}, {petugas}, {kode}, {nomor}
    Column("author", String(64), nullable=False),
    _when("updated_at"),
)

desk_drafts = Table(
    "desk_drafts",
    metadata,
    _agent(ondelete="CASCADE", primary_key=True, autoincrement=False),
    _chat(primary_key=True, autoincrement=False),
    Column("text", Text, nullable=False),
    _when("saved_at"),
)

hours = Table(
    "hours",  # when the desk is staffed; several rows a day are split shifts
    metadata,
    _id(),
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
    _when("at"),
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
    _id(),
    Column("handoff_id", BigId, ForeignKey("handoffs.id", ondelete="CASCADE"), nullable=False, unique=True),
    Column("why", String(10), nullable=False),  # random, rating
    _when("sampled_at"),
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

answer_versions = Table(
    "answer_versions",
    metadata,
    _id(),
    Column("intent", String(40), nullable=False, index=True),
    Column("body", Json, nullable=False),
    Column("author", String(64), nullable=False),
    Column(
        "state", String(12), nullable=False
    ),  # draft, review, published, withdrawn; replaced and lapsed follow from the dates
    _when("created_at"),
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

misunderstood = Table(
    "misunderstood",
    metadata,
    _id(),
    Column("chat_id", BigId, ForeignKey("chats.id", ondelete="SET NULL")),
    Column("topic", String(40), nullable=False),  # best guess
    Column("text", Text),  # only with the person's recorded consent
    Column("outcome", String(10), nullable=False),  # clarify (asked back), refuse, feedback ("jawaban ini salah")
    _when("at"),
    Column("channel", String(16)),
    Column("answer", String(40)),  # the intent or the rule that was answered with, where there was an answer
    Column("state", String(10)),  # none: still to be looked at; taught, done, not_ours, aside
    Column("handled_by", String(64)),
    Column("handled_at", Instant),
    Index("ix_misunderstood_state", "state", "at"),
    Index("ix_misunderstood_chat_id", "chat_id"),
)

# -- the desk (docs/desk.md) --------------------------------------------------------------------------------------------

desk_sessions = Table(
    "desk_sessions",
    metadata,
    Column("token_hash", String(64), primary_key=True),  # SHA-256; the token stands in the browser's cookie alone
    _agent(ondelete="CASCADE", nullable=False, index=True),
    _when("created_at"),
    _when("seen_at"),
)

desk_logins = Table(
    "desk_logins",  # wrong passwords, by account and by address
    metadata,
    Column("key", String(80), primary_key=True),
    Column("wrong", SmallInteger, nullable=False),
    _when("since"),  # the first of these wrong passwords
    Column("locked_until", Instant),
)

# -- exchange: data that comes in and goes out (docs/data.md) ---------------------------------------------------------

imports = Table(
    "imports",
    metadata,
    _id(),
    Column("kind", String(16), nullable=False),  # participants, courses, enrolments, incentives, providers
    Column("file_name", String(200), nullable=False),
    Column("file_hash", String(64), nullable=False),  # SHA-256; the same file given again goes on where it was
    Column("state", String(12), nullable=False),  # staging, applying, done, abandoned
    Column("columns", Json, nullable=False),  # the columns that the file has, in the order of `import_rows.data`
    Column("staged_line", Integer, nullable=False, server_default="0"),
    Column("applied_line", Integer, nullable=False, server_default="0"),
    Column("counts", Json, nullable=False),
    _when("as_of"),
    _when("started_at"),
    _when("updated_at"),
    Column("finished_at", Instant),
    Index("ix_imports_kind", "kind", "file_hash"),
)

import_rows = Table(
    "import_rows",  # no foreign key: rows come and go by the million
    metadata,
    Column("import_id", BigId, primary_key=True, autoincrement=False),
    Column("line", Integer, primary_key=True, autoincrement=False),
    Column("key", String(64), nullable=False),  # record_key or course_key
    Column("second", String(64), nullable=False),  # of enrolments the course_key, of incentives the kind
    Column("data", Json),  # the values in the order of `imports.columns`; none in a refused row
    Column("problems", Json),  # of a refused row: [[column, masked value, reason, mend]]
    sqlite_with_rowid=False,
)

changes = Table(
    "changes",
    metadata,
    _id(),
    _participant(),
    Column("what", String(96), nullable=False),  # "incentive:<kind>", "enrolment:<course_key>"
    Column("before", Json),  # none: it is new
    Column("after", Json, nullable=False),
    _when("at"),
    Index("ix_changes_participant_id", "participant_id", "id"),
)

hook_deliveries = Table(
    "hook_deliveries",
    metadata,
    _id(),
    Column("event_id", String(40), nullable=False, unique=True),  # the receiver knows a repeat by it
    Column(
        "registration_id", BigId, ForeignKey("registrations.id", ondelete="CASCADE"), nullable=False, index=True
    ),  # no copy of the data: what is erased is not sent any more
    Column("state", String(10), nullable=False),  # pending, delivered, failed
    Column("attempts", SmallInteger, nullable=False, server_default="0"),
    _when("not_before"),
    Column("owner", String(40)),
    Column("lease_until", Instant),
    Column("reason", String(200)),
    _when("created_at"),
    Column("done_at", Instant),
    Index(
        "ix_hook_deliveries_pending",
        "not_before",
        sqlite_where=text("state = 'pending'"),
        postgresql_where=text("state = 'pending'"),
    ),
)
