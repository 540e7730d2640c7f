"""Erasing over every store: the schema is walked, so that a new table cannot be forgotten."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import BigInteger, Boolean, Connection, Date, Float, Integer, LargeBinary, Table, func, insert, select

from storage import erasing, privacy, retention
from storage.database import Database
from storage.privacy_rules import RULES
from storage.schema import Instant, metadata

_PERSONAL = re.compile(r"name|phone|address|text|story|note$|wording|wish|birth|value")
_NOT_OF_CITIZENS = {
    "agents", "canned", "answer_versions", "closed_days", "courses", "providers", "offices", "templates", "imports",
    "channel_notes", "program_rows", "desk_logins", "leases", "progress", "campaigns", "campaign_acts", "models", "segments",
}  # fmt: skip


def test_every_table_has_a_rule_and_none_is_named_that_is_gone() -> None:
    assert set(RULES) == set(metadata.tables)


def test_a_table_with_a_persons_key_or_words_is_erased_or_stays_for_a_reason() -> None:
    for name, table in metadata.tables.items():
        rule = RULES[name]
        assert len(rule.why) >= 8, name
        if {"chat_id", "participant_id"} & set(table.c.keys()):
            assert rule.erasure != "none", name
        worded = [column.name for column in table.c if _PERSONAL.search(column.name)]
        if worded and rule.erasure == "none":
            assert name in _NOT_OF_CITIZENS, (name, worded)


def test_each_rule_of_retention_names_a_column_or_says_why_none() -> None:
    for name, rule in RULES.items():
        assert (rule.days is None) == (rule.clock == ""), name
        if rule.clock:
            assert isinstance(metadata.tables[name].c[rule.clock].type, Instant), name


def value_for(column: Any, owner: int, now: datetime) -> Any:
    """Something that fits a column; whole numbers are the owner's key."""
    kind = column.type
    if isinstance(kind, Instant):
        return now
    if isinstance(kind, Boolean):
        return False
    if isinstance(kind, Date):
        return date(2026, 1, owner)
    if isinstance(kind, Float):
        return 1.0
    if isinstance(kind, BigInteger | Integer) or kind.__class__.__name__ in ("BigInteger", "SmallInteger"):
        return owner
    if isinstance(kind, LargeBinary):
        return b"x"
    if kind.__class__.__name__ == "JSON":
        return {}
    return f"{column.name[:4]}{owner}"[: kind.length or 20]


def filled(connection: Connection, now: datetime) -> None:
    """One row of every table for chat and record 1, and one for 2."""
    for table in metadata.sorted_tables:
        for owner in (1, 2):
            row = {column.name: value_for(column, owner, now) for column in table.c}
            row.update({name: None for name in ("ended_at", "parent_id", "locked_until", "reach") if name in row})
            row.update({"state": "done"} if table.name == "inbox" else {})
            connection.execute(insert(table).values(row))


def left(connection: Connection, table: Table) -> int:
    return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


async def test_erasing_a_chat_leaves_its_rows_nowhere_but_where_it_is_said(database: Database, now: datetime) -> None:
    await database.write(lambda c: filled(c, now))
    erased = await database.write(lambda c: erasing.erase_chat(c, 1, now))

    def walk(connection: Connection) -> None:
        for name, table in metadata.tables.items():
            mine = erasing.rows_of(table, chat_id=1)
            if RULES[name].erasure in ("chat", "both") and mine is not None:
                assert connection.execute(select(func.count()).select_from(table).where(mine)).scalar() == 0, name
            if RULES[name].erasure in ("chat", "both") and name != "sms_pieces":
                assert left(connection, table) == 1, name
                assert erased.counts[name] == 1, name
            if RULES[name].erasure in ("none", "record"):
                assert left(connection, table) == 2, name

    await database.read(walk)
    assert "data_requests" in erased.stays
    assert "retrain" in erased.stays["model_files"], "a model does not unlearn by itself"


async def test_erasing_a_record_takes_what_hangs_on_it_and_no_chat(database: Database, now: datetime) -> None:
    await database.write(lambda c: filled(c, now))
    erased = await database.write(lambda c: erasing.erase_record(c, 1, now))

    def walk(connection: Connection) -> None:
        for name, table in metadata.tables.items():
            gone = RULES[name].erasure in ("record", "both") and name != "import_rows"
            assert left(connection, table) == (1 if gone else 2), name
            assert (name in erased.counts) == gone, name

    await database.read(walk)
    assert "import" in erased.stays


async def test_an_erased_number_is_not_written_to_again_by_a_file_that_was_read_before(
    database: Database, now: datetime
) -> None:
    """The file of an announcement that has not begun: no chat stands beside its numbers yet."""

    def prepared(connection: Connection) -> None:
        filled(connection, now)
        identities, lines = metadata.tables["identities"], metadata.tables["campaign_numbers"]
        mine = identities.update().where(identities.c.chat_id == 1)
        connection.execute(mine.values(kind="phone", value="+6281200000001", vouched=True))
        connection.execute(lines.delete())
        rows = [(1, "+6281200000001"), (2, "+6281200000002")]
        for line, phone in rows:
            connection.execute(insert(lines).values(campaign_id=1, line=line, phone=phone, consent_wording="setuju"))

    await database.write(prepared)
    for erase in (erasing.erase_chat, privacy.erase):
        dry = await database.write(lambda c, erase=erase: erasing.tried(c, lambda: erase(c, 1, now)))
        counts = dry.counts if isinstance(dry, erasing.Erased) else dry
        assert counts["campaign_numbers"] == 1
    await database.write(lambda c: privacy.erase(c, 1, now))
    lines = metadata.tables["campaign_numbers"]
    assert await database.read(lambda c: c.execute(select(lines.c.line)).scalars().all()) == [2]


async def test_a_dry_run_tells_the_same_and_does_nothing(database: Database, now: datetime) -> None:
    await database.write(lambda c: filled(c, now))
    would = await database.write(lambda c: erasing.tried(c, lambda: erasing.erase_chat(c, 1, now)))
    before = await database.read(lambda c: {name: left(c, table) for name, table in metadata.tables.items()})
    assert set(before.values()) == {2}
    assert await database.write(lambda c: erasing.erase_chat(c, 1, now)) == would


async def test_a_locked_chat_keeps_its_bare_address_until_the_lock_is_over(database: Database, now: datetime) -> None:
    await database.write(lambda c: filled(c, now))
    proofs = metadata.tables["proofs"]
    await database.write(
        lambda c: c.execute(proofs.update().where(proofs.c.chat_id == 1).values(locked_until=now + timedelta(hours=1)))
    )
    erased = await database.write(lambda c: erasing.erase_chat(c, 1, now))
    assert "proofs" in erased.stays
    assert await database.read(lambda c: left(c, metadata.tables["chats"])) == 2
    await database.write(lambda c: erasing.erase_chat(c, 1, now + timedelta(hours=2)))
    assert await database.read(lambda c: left(c, metadata.tables["chats"])) == 1


async def test_erasing_in_a_conversation_leaves_only_what_the_module_names(database: Database, now: datetime) -> None:
    await database.write(lambda c: filled(c, now))
    await database.write(lambda c: privacy.erase(c, 1, now))
    stays = {
        "chats",
        "conversations",
        "inbox",
        "queue",
        "proofs",
        "subscriptions",
        "data_requests",
        "restrictions",
        "access_log",
    }

    def walk(connection: Connection) -> None:
        for name, table in metadata.tables.items():
            if RULES[name].erasure in ("chat", "both") and name not in stays | {"sms_pieces"}:
                assert left(connection, table) == 1, name

    await database.read(walk)


# -- retention ----------------------------------------------------------------------------------------------------


async def test_what_is_over_goes_and_what_is_not_stays(database: Database, now: datetime) -> None:
    await database.write(lambda c: filled(c, now))
    end = now + timedelta(days=3000)
    counted = await database.read(lambda c: retention.due(c, end))
    for name in retention.names():
        assert await database.read(lambda c: retention.due(c, now - timedelta(days=1))) == {}, name
    for name in retention.names():
        await database.write(lambda c, name=name: retention.delete(c, name, now=end, limit=1))
        await database.write(lambda c, name=name: retention.delete(c, name, now=end, limit=5))
    assert await database.read(lambda c: retention.due(c, end)) == {}
    assert {"messages", "data_requests", "misunderstood", "outbox"} <= set(counted)


async def test_a_chat_with_a_stop_or_an_open_report_outlives_its_time(database: Database, now: datetime) -> None:
    await database.write(lambda c: filled(c, now))
    wishes, reports = metadata.tables["subscriptions"], metadata.tables["cases"]
    restricted = metadata.tables["restrictions"]
    await database.write(lambda c: c.execute(reports.update().values(state="closed")))
    await database.write(lambda c: c.execute(restricted.update().values(ended_at=now)))
    stop = wishes.update().where(wishes.c.chat_id == 1).values(topic="semua", ended_at=now)
    await database.write(lambda c: c.execute(stop))
    end = now + timedelta(days=3000)
    assert (await database.read(lambda c: retention.due(c, end)))["chats"] == 1


@pytest.mark.parametrize("name", sorted(RULES))
def test_the_page_prints_each_table(name: str) -> None:
    page = (Path(__file__).parents[2] / "docs" / "privacy.md").read_text(encoding="utf-8")
    assert retention.line(name) in page
