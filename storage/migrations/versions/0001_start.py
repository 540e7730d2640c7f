"""The first schema.

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op

from storage.schema import BigId, Instant, Json

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "answer_versions",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("intent", sa.String(length=40), nullable=False),
        sa.Column("body", Json, nullable=False),
        sa.Column("author", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("published_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_answer_versions")),
    )
    with op.batch_alter_table("answer_versions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_answer_versions_intent"), ["intent"], unique=False)

    op.create_table(
        "budgets",
        sa.Column("source", sa.String(length=84), nullable=False),
        sa.Column("permits", sa.Float(), nullable=False),
        sa.Column("refilled_at", Instant(), nullable=False),
        sa.Column("account_blocked_until", Instant(), nullable=True),
        sa.Column("broadcast_blocked_until", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("source", name=op.f("pk_budgets")),
    )
    op.create_table(
        "chats",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("address", sa.String(length=160), nullable=False),
        sa.Column("name", sa.String(length=120), server_default="", nullable=False),
        sa.Column("formal", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("zone", sa.String(length=4), nullable=True),
        sa.Column("digit_run", Json, nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("seen_at", Instant(), nullable=False),
        sa.Column("stopped_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chats")),
        sa.UniqueConstraint("channel", "account", "address", name=op.f("uq_chats_channel_account_address")),
    )
    op.create_table(
        "courses",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("course_key", sa.String(length=64), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("provider", sa.String(length=120), nullable=False),
        sa.Column("platform", sa.String(length=40), nullable=False),
        sa.Column("mode", sa.String(length=12), nullable=False),
        sa.Column("region", sa.String(length=4), nullable=True),
        sa.Column("topic", sa.String(length=40), nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=False),
        sa.Column("hours", sa.SmallInteger(), nullable=True),
        sa.Column("starts_on", sa.Date(), nullable=True),
        sa.Column("summary", sa.Text(), server_default="", nullable=False),
        sa.Column("invented", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("as_of", Instant(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_courses")),
        sa.UniqueConstraint("course_key", name=op.f("uq_courses_course_key")),
    )
    with op.batch_alter_table("courses", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_courses_topic"), ["topic"], unique=False)

    op.create_table(
        "import_rows",
        sa.Column("import_id", BigId, autoincrement=False, nullable=False),
        sa.Column("line", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("second", sa.String(length=64), nullable=False),
        sa.Column("data", Json, nullable=True),
        sa.Column("problems", Json, nullable=True),
        sa.PrimaryKeyConstraint("import_id", "line", name=op.f("pk_import_rows")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "imports",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("file_name", sa.String(length=200), nullable=False),
        sa.Column("file_hash", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("columns", Json, nullable=False),
        sa.Column("staged_line", sa.Integer(), server_default="0", nullable=False),
        sa.Column("applied_line", sa.Integer(), server_default="0", nullable=False),
        sa.Column("counts", Json, nullable=False),
        sa.Column("as_of", Instant(), nullable=False),
        sa.Column("started_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.Column("finished_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_imports")),
    )
    with op.batch_alter_table("imports", schema=None) as batch_op:
        batch_op.create_index("ix_imports_kind", ["kind", "file_hash"], unique=False)

    op.create_table(
        "leases",
        sa.Column("name", sa.String(length=84), nullable=False),
        sa.Column("owner", sa.String(length=40), nullable=False),
        sa.Column("until", Instant(), nullable=False),
        sa.Column("data", Json, nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_leases")),
    )
    op.create_table(
        "participants",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("record_key", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("phone", sa.String(length=20), nullable=True),
        sa.Column("birth_date", sa.Date(), nullable=True),
        sa.Column("nik_hash", sa.String(length=64), nullable=True),
        sa.Column("nik_last4", sa.String(length=4), nullable=True),
        sa.Column("card_last4", sa.String(length=4), nullable=True),
        sa.Column("wave", sa.SmallInteger(), nullable=True),
        sa.Column("region", sa.String(length=4), nullable=True),
        sa.Column("membership", sa.String(length=20), nullable=False),
        sa.Column("balance", sa.BigInteger(), nullable=True),
        sa.Column("buy_by", sa.Date(), nullable=True),
        sa.Column("videos_watched", sa.SmallInteger(), nullable=True),
        sa.Column("wallet", sa.String(length=20), nullable=True),
        sa.Column("wallet_masked", sa.String(length=20), nullable=True),
        sa.Column("wallet_state", sa.String(length=20), nullable=True),
        sa.Column("unvouched_locked_until", Instant(), nullable=True),
        sa.Column("as_of", Instant(), nullable=False),
        sa.Column("imported_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_participants")),
        sa.UniqueConstraint("record_key", name=op.f("uq_participants_record_key")),
    )
    with op.batch_alter_table("participants", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_participants_nik_hash"), ["nik_hash"], unique=False)
        batch_op.create_index(batch_op.f("ix_participants_phone"), ["phone"], unique=False)

    op.create_table(
        "access_log",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("participant_id", BigId, nullable=False),
        sa.Column("what", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["participant_id"], ["participants.id"], name=op.f("fk_access_log_participant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_log")),
    )
    with op.batch_alter_table("access_log", schema=None) as batch_op:
        batch_op.create_index("ix_access_log_participant_id", ["participant_id"], unique=False)

    op.create_table(
        "cases",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("number", sa.String(length=16), nullable=False),
        sa.Column("chat_id", BigId, nullable=False),
        sa.Column("participant_id", BigId, nullable=True),
        sa.Column("topic", sa.String(length=40), nullable=False),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("story", sa.Text(), nullable=False),
        sa.Column("history", Json, nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.Column("due_at", Instant(), nullable=False),
        sa.Column("closed_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["chat_id"], ["chats.id"], name=op.f("fk_cases_chat_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["participant_id"], ["participants.id"], name=op.f("fk_cases_participant_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cases")),
        sa.UniqueConstraint("number", name=op.f("uq_cases_number")),
    )
    with op.batch_alter_table("cases", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_cases_chat_id"), ["chat_id"], unique=False)
        batch_op.create_index("ix_cases_state_priority", ["state", "priority", "created_at"], unique=False)

    op.create_table(
        "changes",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("participant_id", BigId, nullable=False),
        sa.Column("what", sa.String(length=96), nullable=False),
        sa.Column("before", Json, nullable=True),
        sa.Column("after", Json, nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["participant_id"], ["participants.id"], name=op.f("fk_changes_participant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_changes")),
    )
    with op.batch_alter_table("changes", schema=None) as batch_op:
        batch_op.create_index("ix_changes_participant_id", ["participant_id", "id"], unique=False)

    op.create_table(
        "consents",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("chat_id", BigId, nullable=False),
        sa.Column("purpose", sa.String(length=32), nullable=False),
        sa.Column("wording", sa.Text(), nullable=False),
        sa.Column("given_at", Instant(), nullable=False),
        sa.Column("until", Instant(), nullable=True),
        sa.Column("withdrawn_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["chat_id"], ["chats.id"], name=op.f("fk_consents_chat_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consents")),
    )
    with op.batch_alter_table("consents", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_consents_chat_id"), ["chat_id"], unique=False)

    op.create_table(
        "conversations",
        sa.Column("chat_id", BigId, nullable=False),
        sa.Column("owner", sa.String(length=32), server_default="bot", nullable=False),
        sa.Column("owner_version", sa.Integer(), server_default="0", nullable=False),
        sa.Column("state", Json, nullable=True),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["chat_id"], ["chats.id"], name=op.f("fk_conversations_chat_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("chat_id", name=op.f("pk_conversations")),
    )
    op.create_table(
        "course_choices",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("chat_id", BigId, nullable=False),
        sa.Column("course_id", BigId, nullable=False),
        sa.Column("noted_at", Instant(), nullable=False),
        sa.Column("dropped_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["chat_id"], ["chats.id"], name=op.f("fk_course_choices_chat_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["course_id"], ["courses.id"], name=op.f("fk_course_choices_course_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_course_choices")),
        sa.UniqueConstraint("chat_id", "course_id", name=op.f("uq_course_choices_chat_id_course_id")),
    )
    op.create_table(
        "drafts",
        sa.Column("chat_id", BigId, nullable=False),
        sa.Column("form", sa.String(length=32), nullable=False),
        sa.Column("step", sa.String(length=32), nullable=False),
        sa.Column("data", Json, nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("reminded_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["chat_id"], ["chats.id"], name=op.f("fk_drafts_chat_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("chat_id", "form", name=op.f("pk_drafts")),
    )
    op.create_table(
        "enrolments",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("participant_id", BigId, nullable=False),
        sa.Column("course_id", BigId, nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("bought_on", sa.Date(), nullable=True),
        sa.Column("finished_on", sa.Date(), nullable=True),
        sa.Column("certificate_on", sa.Date(), nullable=True),
        sa.Column("rated_on", sa.Date(), nullable=True),
        sa.Column("reviewed_on", sa.Date(), nullable=True),
        sa.Column("as_of", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["course_id"], ["courses.id"], name=op.f("fk_enrolments_course_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["participant_id"], ["participants.id"], name=op.f("fk_enrolments_participant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enrolments")),
        sa.UniqueConstraint("participant_id", "course_id", name=op.f("uq_enrolments_participant_id_course_id")),
    )
    op.create_table(
        "identities",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("chat_id", BigId, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("value", sa.String(length=160), nullable=False),
        sa.Column("vouched", sa.Boolean(), nullable=False),
        sa.Column("first_seen", Instant(), nullable=False),
        sa.Column("last_seen", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["chat_id"], ["chats.id"], name=op.f("fk_identities_chat_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identities")),
        sa.UniqueConstraint("chat_id", "kind", "value", name=op.f("uq_identities_chat_id_kind_value")),
    )
    with op.batch_alter_table("identities", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_identities_chat_id"), ["chat_id"], unique=False)
        batch_op.create_index("ix_identities_kind_value", ["kind", "value"], unique=False)

    op.create_table(
        "inbox",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("chat_id", BigId, nullable=False),
        sa.Column("source", sa.String(length=84), nullable=False),
        sa.Column("event_id", sa.String(length=160), nullable=False),
        sa.Column("payload", Json, nullable=True),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("sent_at", Instant(), nullable=False),
        sa.Column("received_at", Instant(), nullable=False),
        sa.Column("done_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["chat_id"], ["chats.id"], name=op.f("fk_inbox_chat_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbox")),
        sa.UniqueConstraint("source", "event_id", name=op.f("uq_inbox_source_event_id")),
    )
    with op.batch_alter_table("inbox", schema=None) as batch_op:
        batch_op.create_index(
            "ix_inbox_done",
            ["done_at"],
            unique=False,
            sqlite_where=sa.text("state = 'done'"),
            postgresql_where=sa.text("state = 'done'"),
        )
        batch_op.create_index(
            "ix_inbox_pending",
            ["chat_id", "id"],
            unique=False,
            sqlite_where=sa.text("state = 'pending'"),
            postgresql_where=sa.text("state = 'pending'"),
        )
        batch_op.create_index(
            "ix_inbox_troubled",
            ["id"],
            unique=False,
            sqlite_where=sa.text("state IN ('dead', 'rejected')"),
            postgresql_where=sa.text("state IN ('dead', 'rejected')"),
        )

    op.create_table(
        "incentives",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("participant_id", BigId, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=True),
        sa.Column("scheduled_on", sa.Date(), nullable=True),
        sa.Column("paid_on", sa.Date(), nullable=True),
        sa.Column("as_of", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["participant_id"], ["participants.id"], name=op.f("fk_incentives_participant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incentives")),
        sa.UniqueConstraint("participant_id", "kind", name=op.f("uq_incentives_participant_id_kind")),
    )
    op.create_table(
        "link_codes",
        sa.Column("code", sa.String(length=16), nullable=False),
        sa.Column("chat_id", BigId, nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["chat_id"], ["chats.id"], name=op.f("fk_link_codes_chat_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_link_codes")),
    )
    with op.batch_alter_table("link_codes", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_link_codes_chat_id"), ["chat_id"], unique=False)

    op.create_table(
        "links",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("chat_id", BigId, nullable=False),
        sa.Column("participant_id", BigId, nullable=False),
        sa.Column("level", sa.String(length=2), nullable=False),
        sa.Column("method", sa.String(length=40), nullable=False),
        sa.Column("parent_id", BigId, nullable=True),
        sa.Column("expires_at", Instant(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.Column("ended_why", sa.String(length=40), nullable=True),
        sa.ForeignKeyConstraint(["chat_id"], ["chats.id"], name=op.f("fk_links_chat_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["parent_id"], ["links.id"], name=op.f("fk_links_parent_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(
            ["participant_id"], ["participants.id"], name=op.f("fk_links_participant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_links")),
    )
    with op.batch_alter_table("links", schema=None) as batch_op:
        batch_op.create_index("ix_links_participant_id", ["participant_id"], unique=False)
        batch_op.create_index(
            "uq_links_active_chat",
            ["chat_id"],
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    op.create_table(
        "messages",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("chat_id", BigId, nullable=False),
        sa.Column("author", sa.String(length=32), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("inbox_id", BigId, nullable=True),
        sa.Column("intent", sa.String(length=40), nullable=True),
        sa.Column("second", sa.String(length=40), nullable=True),
        sa.Column("confidence", sa.Float(), nullable=True),
        sa.Column("handler", sa.String(length=40), nullable=True),
        sa.Column("model", sa.String(length=64), nullable=True),
        sa.Column("content", sa.String(length=64), nullable=True),
        sa.Column("at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["chat_id"], ["chats.id"], name=op.f("fk_messages_chat_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messages")),
    )
    with op.batch_alter_table("messages", schema=None) as batch_op:
        batch_op.create_index("ix_messages_chat_id_id", ["chat_id", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_messages_inbox_id"), ["inbox_id"], unique=False)

    op.create_table(
        "misunderstood",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("chat_id", BigId, nullable=True),
        sa.Column("topic", sa.String(length=40), nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("outcome", sa.String(length=10), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["chat_id"], ["chats.id"], name=op.f("fk_misunderstood_chat_id"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_misunderstood")),
    )
    op.create_table(
        "outbox",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("chat_id", BigId, nullable=False),
        sa.Column("source", sa.String(length=84), nullable=False),
        sa.Column("lane", sa.SmallInteger(), nullable=False),
        sa.Column("author", sa.String(length=32), server_default="bot", nullable=False),
        sa.Column("payload", Json, nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("owner_version", sa.Integer(), nullable=False),
        sa.Column("cancellable", sa.Boolean(), nullable=False),
        sa.Column("passes_agent", sa.Boolean(), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("not_before", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("owner", sa.String(length=40), nullable=True),
        sa.Column("lease_until", Instant(), nullable=True),
        sa.Column("platform_id", sa.String(length=160), nullable=True),
        sa.Column("reason", sa.String(length=200), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("done_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["chat_id"], ["chats.id"], name=op.f("fk_outbox_chat_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
    )
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.create_index("ix_outbox_chat_id_id", ["chat_id", "id"], unique=False)
        batch_op.create_index(
            "ix_outbox_done",
            ["done_at"],
            unique=False,
            sqlite_where=sa.text("done_at IS NOT NULL"),
            postgresql_where=sa.text("done_at IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_outbox_lease",
            ["lease_until"],
            unique=False,
            sqlite_where=sa.text("state = 'sending'"),
            postgresql_where=sa.text("state = 'sending'"),
        )
        batch_op.create_index(
            "ix_outbox_order",
            ["chat_id", "lane", "id"],
            unique=False,
            sqlite_where=sa.text("state IN ('pending', 'sending')"),
            postgresql_where=sa.text("state IN ('pending', 'sending')"),
        )
        batch_op.create_index(
            "ix_outbox_unsent",
            ["source", "lane", "id"],
            unique=False,
            sqlite_where=sa.text("state IN ('pending', 'sending')"),
            postgresql_where=sa.text("state IN ('pending', 'sending')"),
        )

    op.create_table(
        "proofs",
        sa.Column("chat_id", BigId, nullable=False),
        sa.Column("wrong", sa.SmallInteger(), nullable=False),
        sa.Column("since", Instant(), nullable=False),
        sa.Column("locked_until", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["chat_id"], ["chats.id"], name=op.f("fk_proofs_chat_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("chat_id", name=op.f("pk_proofs")),
    )
    op.create_table(
        "queue",
        sa.Column("chat_id", BigId, nullable=False),
        sa.Column("pending", sa.Integer(), nullable=False),
        sa.Column("ready_at", Instant(), nullable=False),
        sa.Column("owner", sa.String(length=40), nullable=True),
        sa.ForeignKeyConstraint(["chat_id"], ["chats.id"], name=op.f("fk_queue_chat_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("chat_id", name=op.f("pk_queue")),
    )
    with op.batch_alter_table("queue", schema=None) as batch_op:
        batch_op.create_index(
            "ix_queue_ready",
            ["ready_at"],
            unique=False,
            sqlite_where=sa.text("pending > 0"),
            postgresql_where=sa.text("pending > 0"),
        )

    op.create_table(
        "registrations",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("chat_id", BigId, nullable=False),
        sa.Column("number", sa.String(length=16), nullable=False),
        sa.Column("data", Json, nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("kept_until", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["chat_id"], ["chats.id"], name=op.f("fk_registrations_chat_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_registrations")),
        sa.UniqueConstraint("number", name=op.f("uq_registrations_number")),
    )
    with op.batch_alter_table("registrations", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_registrations_chat_id"), ["chat_id"], unique=False)

    op.create_table(
        "reminders",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("chat_id", BigId, nullable=False),
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["chat_id"], ["chats.id"], name=op.f("fk_reminders_chat_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reminders")),
        sa.UniqueConstraint("chat_id", "key", name=op.f("uq_reminders_chat_id_key")),
    )
    op.create_table(
        "secure_forms",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("chat_id", BigId, nullable=False),
        sa.Column("purpose", sa.String(length=32), nullable=False),
        sa.Column("fields", Json, nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("used_at", Instant(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("key_id", sa.String(length=16), nullable=True),
        sa.ForeignKeyConstraint(["chat_id"], ["chats.id"], name=op.f("fk_secure_forms_chat_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_secure_forms")),
    )
    op.create_table(
        "subscriptions",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("chat_id", BigId, nullable=False),
        sa.Column("topic", sa.String(length=32), nullable=False),
        sa.Column("wording", sa.Text(), nullable=False),
        sa.Column("since", Instant(), nullable=False),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["chat_id"], ["chats.id"], name=op.f("fk_subscriptions_chat_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscriptions")),
        sa.UniqueConstraint("chat_id", "topic", name=op.f("uq_subscriptions_chat_id_topic")),
    )
    op.create_table(
        "hook_deliveries",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("event_id", sa.String(length=40), nullable=False),
        sa.Column("registration_id", BigId, nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("not_before", Instant(), nullable=False),
        sa.Column("owner", sa.String(length=40), nullable=True),
        sa.Column("lease_until", Instant(), nullable=True),
        sa.Column("reason", sa.String(length=200), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("done_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(
            ["registration_id"],
            ["registrations.id"],
            name=op.f("fk_hook_deliveries_registration_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hook_deliveries")),
        sa.UniqueConstraint("event_id", name=op.f("uq_hook_deliveries_event_id")),
    )
    with op.batch_alter_table("hook_deliveries", schema=None) as batch_op:
        batch_op.create_index(
            "ix_hook_deliveries_pending",
            ["not_before"],
            unique=False,
            sqlite_where=sa.text("state = 'pending'"),
            postgresql_where=sa.text("state = 'pending'"),
        )
        batch_op.create_index(batch_op.f("ix_hook_deliveries_registration_id"), ["registration_id"], unique=False)
