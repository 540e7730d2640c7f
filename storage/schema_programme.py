"""The tables of what the operator imports: courses, enrolments, incentives, providers, offices (docs/data.md)."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from storage.columns import BigId, Instant, chat_column, id_column, metadata, moment, participant_column

courses = Table(
    "courses",
    metadata,
    id_column(),
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
    moment("as_of"),
    Column("valid_until", Date),
)

enrolments = Table(
    "enrolments",
    metadata,
    id_column(),
    participant_column(),
    Column("course_id", BigId, ForeignKey("courses.id", ondelete="CASCADE"), nullable=False),
    Column("position", SmallInteger, nullable=False),  # 1 = the first course, the one that earns the incentive
    Column("state", String(20), nullable=False),  # bought, running, finished, certified
    Column("bought_on", Date),
    Column("finished_on", Date),
    Column("certificate_on", Date),
    Column("rated_on", Date),
    Column("reviewed_on", Date),
    moment("as_of"),
    UniqueConstraint("participant_id", "course_id"),
)

incentives = Table(
    "incentives",
    metadata,
    id_column(),
    participant_column(),
    Column("kind", String(16), nullable=False),  # training, training_2 …, survey_1, survey_2
    Column("amount", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),  # waiting, scheduled, sent, paid, failed
    Column("reason", String(40)),  # a code of handlers/content/unpaid.yml
    Column("scheduled_on", Date),
    Column("paid_on", Date),
    moment("as_of"),
    UniqueConstraint("participant_id", "kind"),
)

course_choices = Table(
    "course_choices",
    metadata,
    id_column(),
    chat_column(),
    Column("course_id", BigId, ForeignKey("courses.id", ondelete="CASCADE"), nullable=False),
    moment("noted_at"),
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
    moment("as_of"),
)

providers = Table(
    "providers",  # the operator's dated list of training institutions
    metadata,
    id_column(),
    Column("provider_key", String(64), nullable=False, unique=True),
    Column("name", String(160), nullable=False),
    Column("other_names", String(400), nullable=False, server_default=""),  # separated by ";"
    Column("region", String(4)),
    Column("state", String(12), nullable=False),  # listed, ended
    Column("valid_until", Date),
    moment("as_of"),
)

offices = Table(
    "offices",  # the operator's dated list of places where people are helped with the registration
    metadata,
    id_column(),
    Column("name", String(64), nullable=False),
    Column("region", String(4), nullable=False),
    Column("address", String(120), nullable=False),
    Column("hours", String(60), nullable=False, server_default=""),
    Column("checked_on", Date),  # when somebody last looked; none: the day of the list
    moment("as_of"),
    UniqueConstraint("name", "region"),
    Index("ix_offices_region", "region"),
)
