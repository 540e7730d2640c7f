"""The tables of data that comes in and goes out: imports, what they have changed, deliveries of the hook (docs/data.md)."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, SmallInteger, String, Table, text

from storage.columns import BigId, Instant, Json, id_column, metadata, moment, participant_column

imports = Table(
    "imports",
    metadata,
    id_column(),
    Column("kind", String(16), nullable=False),  # participants, courses, enrolments, incentives, providers
    Column("file_name", String(200), nullable=False),
    Column("file_hash", String(64), nullable=False),  # SHA-256; the same file given again goes on where it was
    Column("state", String(12), nullable=False),  # staging, applying, done, abandoned
    Column("columns", Json, nullable=False),  # the columns that the file has, in the order of `import_rows.data`
    Column("staged_line", Integer, nullable=False, server_default="0"),
    Column("applied_line", Integer, nullable=False, server_default="0"),
    Column("counts", Json, nullable=False),
    moment("as_of"),
    moment("started_at"),
    moment("updated_at"),
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
    id_column(),
    participant_column(),
    Column("what", String(96), nullable=False),  # "incentive:<kind>", "enrolment:<course_key>"
    Column("before", Json),  # none: it is new
    Column("after", Json, nullable=False),
    moment("at"),
    Index("ix_changes_participant_id", "participant_id", "id"),
)

hook_deliveries = Table(
    "hook_deliveries",
    metadata,
    id_column(),
    Column("event_id", String(40), nullable=False, unique=True),  # the receiver knows a repeat by it
    Column(
        "registration_id", BigId, ForeignKey("registrations.id", ondelete="CASCADE"), nullable=False, index=True
    ),  # no copy of the data: what is erased is not sent any more
    Column("state", String(10), nullable=False),  # pending, delivered, failed
    Column("attempts", SmallInteger, nullable=False, server_default="0"),
    moment("not_before"),
    Column("owner", String(40)),
    Column("lease_until", Instant),
    Column("reason", String(200)),
    moment("created_at"),
    Column("done_at", Instant),
    Index(
        "ix_hook_deliveries_pending",
        "not_before",
        sqlite_where=text("state = 'pending'"),
        postgresql_where=text("state = 'pending'"),
    ),
)
