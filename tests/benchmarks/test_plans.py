"""The hot statements read by an index: a database of millions answers like an empty one. The statements are those the real functions run."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, insert, text

from benchmarks.seed import ACCOUNT, SOURCE, analyse, seed
from bot.effects import Parts, apply, prepare
from bot.ids import new_id
from handlers import catalogue
from handlers.messages import Inbound, Kind, Reply
from handlers.turn import Policy
from storage import (
    addresses,
    audience,
    chats,
    claims,
    deliveries,
    inbox,
    ledger,
    ledger_late,
    ledger_settle,
    migrate,
    outbox,
    outcomes,
    people,
    sending,
    standing,
)
from storage.database import Database
from storage.schema import campaign_lanes, campaign_recipients, campaigns
from tests.bot.engines import StubEngine
from tests.conftest import NOW

CHATS, LOG = 4_000, 16_000
SMALL = (
    "pg_class",
    "pg_namespace",
    "alembic_version",
    "handoffs",
    "hook_deliveries",
    "agents",
    "progress",
    "budgets",
    "leases",
    "proofs",
    "answer_versions",
    "courses",
    "early_deliveries",
    "charges",
    "data_requests",
    "erasures",
    *("campaigns", "campaign_lanes", "campaign_flights", "campaign_progress", "campaign_late"),
)  # a row an account, or a list that is read whole
WRITERS = 20_000
LEASE = timedelta(seconds=30)

Statement = tuple[str, Any]


@contextmanager
def recorded(kept: list[Statement]) -> Iterator[None]:
    """All statements of all engines, with the values of their first row."""

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
        rows = many and parameters and isinstance(parameters[0], tuple | list | dict)
        kept.append((statement, parameters[0] if rows else parameters))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def turns(connection: Connection) -> None:
    """Events of known and of new people go through insert, claim, effects and completion."""
    parts = Parts(engine=StubEngine(), catalogue=catalogue.load(), policy=Policy(), new_id=new_id)
    inbox.insert(connection, [_event(f"e{number}", number) for number in range(5_000_000_001, 5_000_000_020)], NOW)
    inbox.insert(connection, [_event("new", 77), _event("number", 78, "1234567890")], NOW)
    taken = claims.claim(connection, token="w", now=NOW, lease=LEASE, limit=25)
    assert len(taken) == 21
    prepared = [prepare(claim, parts, NOW) for claim in taken]
    apply(connection, prepared, parts, NOW)
    claims.complete(connection, token="w", done={p.chat_id: p.event_ids for p in prepared}, now=NOW)
    inbox.insert(connection, [_event("again", 5_000_000_001)], NOW)
    again = claims.claim(connection, token="w", now=NOW, lease=LEASE, limit=25)
    claims.renew(connection, token="w", chat_ids=[again[0].chat["id"]], until=NOW)
    claims.give_back(connection, token="w", chat_ids=[again[0].chat["id"]], ready_at=NOW)


def _event(event_id: str, address: int, words: str = "insentif saya belum cair") -> inbox.Event:
    said = Inbound(
        channel="telegram",
        account=ACCOUNT,
        event_id=event_id,
        chat=str(address),
        sender=str(address),
        kind=Kind.TEXT,
        sent_at=NOW,
        text=words,
    )
    digits = len(words) if words.isdigit() else 0
    return inbox.Event(
        channel="telegram",
        account=ACCOUNT,
        address=str(address),
        event_id=event_id,
        payload=said.to_json(),
        sent_at=NOW,
        digits=digits,
    )


def sends(connection: Connection) -> None:
    """A backlog of replies and of a broadcast is claimed, checked and marked; one is lost and recovered."""
    drafts = [
        outbox.Draft(
            chat_id=number % CHATS + 1,
            source=SOURCE,
            payload=Reply(text="x").to_json(),
            owner_version=0,
            expires_at=NOW + timedelta(days=1),
            lane=number % 2,
            cancellable=number % 3 == 0,
        )
        for number in range(1, 2_001)
    ]
    outbox.enqueue(connection, drafts, NOW)
    for rate, now in ((0.0, NOW), (30.0, NOW + timedelta(seconds=1))):
        rows, _ = sending.claim(
            connection, source=SOURCE, token="s", now=now, lease=LEASE, limit=64, rate=rate, reserve=0.2
        )
        assert rows
        sending.check(connection, ids=[row["id"] for row in rows], token="s", now=NOW, lease=LEASE)
        marks = [outcomes.Mark(id=row["id"], state="accepted", platform_id="1") for row in rows[1:]]
        outcomes.mark(connection, marks=[*marks, outcomes.Mark(id=rows[0]["id"], state="pending")], token="s", now=NOW)
    outcomes.recover(connection, now=NOW + timedelta(hours=1))
    outbox.cancel_overtaken(connection, list(range(1, 26)), NOW)


def named(connection: Connection) -> None:
    """Events of people who are known by number and id, and reports about what was sent."""
    for number, bsuid in ((7, "ID.a7"), (5_000_000_901, "ID.new")):
        ids = (("bsuid", bsuid), ("phone", f"+628{number:010}"))
        event = replace(_event(f"n{number}", number), ids=ids, window=timedelta(days=1))
        moved = replace(event, event_id=f"m{number}", moved=(("phone", f"+6285{number:09}"),))
        for one in (event, moved):
            inbox.insert(connection, addresses.settle(connection, [one], NOW), NOW)
    reports = [
        deliveries.Report(platform_id=f"wamid.{key}", delivery="delivered", at=NOW, key=key, category="utility")
        for key in (5, None)
    ]
    for noted in deliveries.record(connection, SOURCE, reports, NOW):
        if noted.message:
            addresses.learn(connection, noted.message["chat_id"], "ID.learnt", NOW)
    deliveries.catch_up(connection, SOURCE, {"wamid.None": 6})


def look_ups(connection: Connection) -> None:
    """What a turn or a page asks about one person, and what runs beside the path."""
    chats.find(connection, "telegram", ACCOUNT, "5000000007")
    chats.get(connection, 7)
    chats.active_link(connection, 7)
    chats.vouched_phone(connection, 7)
    chats.transcript(connection, 7)
    chats.take_over(connection, 7, owner="agent:1", now=NOW)
    people.by_phone(connection, "+628000000007")
    inbox.waiting(connection)
    standing.look(connection)
    outbox.stop_chat(connection, 7, NOW)


def announcing(connection: Connection) -> None:
    """An announcement goes on: fed, sent, settled, told about by the platform, taken back."""
    (lane,) = ledger.lanes(connection, 2, ["WIB"])
    rows = ledger.next_rows(connection, lane, 40)
    drafts = [(row.n, _announcement(row.chat_id)) for row in rows]
    ledger.put(connection, 2, drafts, NOW)
    ledger.write(connection, 2, [(rows[0].n, "skipped", "x")], NOW)
    assert ledger.in_flight(connection, SOURCE) >= 40
    claimed, _ = sending.claim(
        connection, source=SOURCE, token="s", now=NOW, lease=LEASE, limit=64, rate=0.0, reserve=0.2, broadcasts=20
    )
    marks = [outcomes.Mark(id=row["id"], state="accepted", platform_id=f"{row['id']}") for row in claimed]
    outcomes.mark(connection, marks=marks, token="s", now=NOW)
    assert 2 in ledger.flying(connection)
    assert ledger_settle.settle(connection, 2, NOW)["accepted"]
    ledger.is_finished(connection, 2)
    for delivery in ("delivered", "failed"):
        message = {"author": ledger.author_of(2), "chat_id": rows[1].chat_id, "id": claimed[0]["id"], "done_at": NOW}
        ledger_late.reported(connection, message, delivery, None, NOW)
    ledger_late.take(connection)
    assert ledger.retract(connection, 2, NOW)


def _announcement(chat_id: int) -> dict[str, Any]:
    return {
        "chat_id": chat_id,
        "source": SOURCE,
        "lane": outbox.BROADCASTS,
        "author": ledger.author_of(2),
        "payload": Reply(text="x").to_json(),
        "state": "pending",
        "owner_version": 0,
        "cancellable": False,
        "passes_agent": False,
        "not_before": NOW,
        "expires_at": NOW + timedelta(days=1),
        "created_at": NOW,
    }


@pytest.fixture
async def filled(database: Database) -> Database:
    """A few thousand rows of the past, with fresh statistics."""
    await database.write(migrate.upgrade)
    await seed(database, chats=CHATS, log=LOG)
    await database.write(_announced)
    await analyse(database)
    return database


def _announced(connection: Connection) -> None:
    """An announcement that every chat was sent, and one that they wait for."""
    drawn = {"kind": "news", "content": {}, "audience": {}, "sources": [], "created_by": "a", "created_at": NOW}
    row = {"source": SOURCE, "zone": "WIB", "at": NOW}
    for key, state, to in ((1, "done", "accepted"), (2, "running", "pending")):
        connection.execute(insert(campaigns).values(**drawn, id=key, name=f"{key}", state=state))
        rows = [{**row, "campaign_id": key, "n": n, "chat_id": n, "state": to} for n in range(1, CHATS + 1)]
        connection.execute(insert(campaign_recipients), rows)
    lane = {"campaign_id": 2, "source": SOURCE, "zone": "WIB", "first": 1, "last": CHATS, "fed": 0}
    connection.execute(insert(campaign_lanes).values(lane))


async def _plans(database: Database, statements: Sequence[Statement]) -> dict[str, list[str]]:
    """The scans of each statement that has any."""
    found: dict[str, list[str]] = {}
    for statement, values in {sql: (sql, values) for sql, values in statements}.values():
        if statement.split()[0] in ("SELECT", "UPDATE", "DELETE", "INSERT", "WITH"):
            scans = await database.write(lambda c, s=statement, v=values: _scans(c, s, v))
            if scans:
                found[" ".join(statement.split())] = scans
    return found


def _scans(connection: Connection, statement: str, values: Any) -> list[str]:
    if connection.dialect.name == "sqlite":
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()
        whole = [
            row[3]
            for row in rows
            if row[3].startswith("SCAN ") and "CONSTANT ROW" not in row[3] and not _waiting_only(row[3])
        ]
        # foreign keys of a table that is inserted into show scans that SQLite skips at run time (OP_FkIfZero)
        return [line for line in whole if line.split()[1] not in SMALL and line.split()[1] in statement]
    answer = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", values).scalar_one()
    plan = json.loads(answer) if isinstance(answer, str) else answer
    return list(_sequential(plan[0]["Plan"]))


WAITING_ONLY = (
    *("ix_queue_ready", "ix_outbox_unsent", "ix_outbox_order", "ix_outbox_lease", "ix_outbox_held"),
    *("ix_inbox_troubled", "uq_handoffs_going_on", "ix_hook_deliveries_pending"),
)


def _waiting_only(line: str) -> bool:
    """A walk over a partial index holds only what waits now, however large the table is."""
    return any(name in line for name in WAITING_ONLY)


def _sequential(node: dict[str, Any]) -> Iterator[str]:
    if node["Node Type"] == "Seq Scan" and node["Relation Name"] not in SMALL:
        yield f"Seq Scan on {node['Relation Name']}, {node['Plan Rows']} of its rows"
    for inner in node.get("Plans", []):
        yield from _sequential(inner)


@pytest.mark.parametrize("work", [turns, sends, named, look_ups, announcing])
async def test_hot_statements_scan_nothing(filled: Database, work: Any) -> None:
    kept: list[Statement] = []
    with recorded(kept):
        await filled.write(work)
    await analyse(filled)
    assert len(kept) > 5
    assert await _plans(filled, kept) == {}


async def test_who_has_got_one_is_asked_of_the_ledger_by_its_chats(filled: Database) -> None:
    """Not by reading it for each person."""
    kept: list[Statement] = []
    chosen = audience.Selection(
        tree={"got": {"series": 1, "before_days": 3}, "not": {"got": {"series": 2}}}, sources=[SOURCE], once=(2, 3)
    )
    with recorded(kept):
        await filled.write(lambda c: audience.counts(c, chosen, NOW))
    (asked,) = [one for one in kept if "campaign_recipients" in one[0]]
    plan = await filled.write(lambda c: _plan(c, *asked))
    if "cost=" not in plan:
        assert plan.count("uq_campaign_recipients_chat") >= 9, "three looks for each of the three questions"
        assert "SCAN before" not in plan
    else:
        whole = plan.count("Seq Scan on campaign_recipients")
        assert plan.count("uq_campaign_recipients_chat") == 9 - whole
        assert whole <= plan.count("hashed SubPlan"), "read whole only where that is once for all, and fits into memory"


def _plan(connection: Connection, statement: str, values: Any) -> str:
    if connection.dialect.name == "sqlite":
        return "\n".join(row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values))
    return "\n".join(row[0] for row in connection.exec_driver_sql(f"EXPLAIN {statement}", values))


async def test_old_rows_are_found_without_reading_all(filled: Database) -> None:
    kept: list[Statement] = []

    def tidy(connection: Connection) -> None:
        inbox.delete_done(connection, before=NOW - timedelta(days=60), limit=500)
        outbox.delete_done(connection, before=NOW - timedelta(days=60), limit=500)

    with recorded(kept):
        await filled.write(tidy)
    assert await _plans(filled, kept) == {}


async def test_the_test_itself_sees_a_scan(filled: Database) -> None:
    scans = await _plans(filled, [("SELECT count(*) FROM messages WHERE text = 'x'", ())])
    assert scans


async def test_plans_made_while_the_queues_were_empty_do_not_scan_full_ones(migrated_postgres: str) -> None:
    """PostgreSQL keeps a statement's plan after a few runs; a service that starts on empty queues must still be quick in a burst."""
    database = Database(migrated_postgres, pool_size=1)  # one connection: its plans are made first and used later
    try:
        await database.write(
            lambda c: c.exec_driver_sql("TRUNCATE chats, participants, budgets RESTART IDENTITY CASCADE")
        )
        for _ in range(8):  # the sixth run keeps its plan
            await database.write(_idle)
        await database.write(_burst)
        assert await database.write(_read_by_scans) == {}
    finally:
        await database.close()


def _idle(connection: Connection) -> None:
    """What the loops ask while nobody writes."""
    claims.claim(connection, token="w", now=NOW, lease=LEASE, limit=25)
    _claim_replies(connection)


def _claim_replies(connection: Connection) -> list[int]:
    rows, _ = sending.claim(
        connection, source=SOURCE, token="s", now=NOW, lease=LEASE, limit=64, rate=30.0, reserve=0.2
    )
    return [row["id"] for row in rows]


def _burst(connection: Connection) -> None:
    """Thousands write at once, and thousands of replies wait for the budget."""
    own = {"account": ACCOUNT, "source": SOURCE, "now": NOW, "count": WRITERS}
    for statement in (
        """INSERT INTO chats (channel, account, address, created_at, seen_at)
           SELECT 'telegram', :account, n::text, now(), now() FROM generate_series(1, :count) n""",
        "INSERT INTO conversations (chat_id, updated_at) SELECT id, now() FROM chats",
        "INSERT INTO queue (chat_id, pending, ready_at) SELECT id, 2, :now FROM chats",
        """INSERT INTO inbox (chat_id, source, event_id, payload, state, sent_at, received_at)
           SELECT id, :source, n || '-' || id, '{}', 'pending', now(), now() FROM chats, generate_series(1, 2) n""",
        """INSERT INTO outbox (chat_id, source, lane, payload, state, owner_version, cancellable, passes_agent,
                               not_before, expires_at, created_at)
           SELECT id, :source, 0, '{}', 'pending', 0, false, false, :now, now(), now() FROM chats, generate_series(1, 2)""",
    ):
        words = text(statement)
        connection.execute(words, {name: own[name] for name in words._bindparams})


def _read_by_scans(connection: Connection) -> dict[str, int]:
    """Rows that one round of the loops has read by scanning whole tables."""
    taken = claims.claim(connection, token="w", now=NOW, lease=LEASE, limit=25)
    assert len(taken) == 25
    assert len(_claim_replies(connection)) > 0
    rows = connection.exec_driver_sql(
        "SELECT relname, seq_tup_read FROM pg_stat_xact_user_tables WHERE seq_tup_read > 5000"
    )
    return {name: int(count) for name, count in rows}
