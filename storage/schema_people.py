"""The tables of people: participants, their chats and identities, proofs and links, consents, subscriptions, and who has looked at whom."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from storage.columns import BigId, Instant, Json, chat_column, id_column, metadata, moment, participant_column

participants = Table(
    "participants",
    metadata,
    id_column(),
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
    moment("as_of"),  # the moment the imported data speaks of
    moment("imported_at"),
)

chats = Table(
    "chats",
    metadata,
    id_column(),
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
    moment("created_at"),
    moment("seen_at"),
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
    id_column(),
    chat_column(index=True),
    Column("kind", String(16), nullable=False),  # phone, bsuid, telegram, wa_id
    Column("value", String(160), nullable=False),
    Column("vouched", Boolean, nullable=False),  # the platform says so, not the person
    moment("first_seen"),
    moment("last_seen"),
    UniqueConstraint("chat_id", "kind", "value"),
    Index("ix_identities_kind_value", "kind", "value"),
)

links = Table(
    "links",
    metadata,
    id_column(),
    chat_column(),
    participant_column(),
    Column("level", String(2), nullable=False),  # 1, 2a, 2, 3 (design: People and proof)
    Column("method", String(40), nullable=False),
    Column(
        "parent_id", BigId, ForeignKey("links.id", ondelete="SET NULL")
    ),  # the link that vouched for this one (a web code)
    Column("expires_at", Instant),  # of a web chat opened by a code: it may be a shared computer
    moment("created_at"),
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
    chat_column(primary_key=True),
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
    chat_column(index=True),
    moment("created_at"),
    moment("expires_at"),
)

access_log = Table(
    "access_log",
    metadata,
    id_column(),
    moment("at"),
    Column("actor", String(64), nullable=False),  # "chat:12", "agent:3", "operator:<name>", "cli"
    participant_column(nullable=True, ondelete="CASCADE"),
    Column("chat_id", BigId, ForeignKey("chats.id", ondelete="CASCADE"), index=True),  # of a look at a conversation
    Column("what", String(64), nullable=False),
    Column("reason", String(200)),  # of what a person did by hand
    Index("ix_access_log_participant_id", "participant_id"),
)

consents = Table(
    "consents",
    metadata,
    id_column(),
    chat_column(index=True),
    Column("purpose", String(32), nullable=False),
    Column("wording", Text, nullable=False),
    moment("given_at"),
    Column("until", Instant),
    Column("withdrawn_at", Instant),
)

subscriptions = Table(
    "subscriptions",
    metadata,
    id_column(),
    chat_column(),
    Column("topic", String(32), nullable=False),
    Column("wording", Text, nullable=False),
    moment("since"),
    Column("ended_at", Instant),
    UniqueConstraint("chat_id", "topic"),
)
