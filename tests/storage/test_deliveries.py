"""What platforms tell about sent messages, in any order: delivery, price, templates, notes; and the window of a chat."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, select, update

from bot.whatsapp import prices
from storage import channel_notes, charges, chats, deliveries, inbox, outbox, schema, templates
from storage.database import Database
from storage.deliveries import RANKS, Report
from tests.conftest import NOW

SOURCE = "whatsapp:1"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def sent(connection: Connection, *, platform_id: str | None = "wamid.1", state: str = "accepted") -> int:
    """A message that has left (or is about to); returns its outbox id."""
    chat = inbox.chat_at(connection, ("whatsapp", "1", "+62811"), NOW)
    draft = outbox.Draft(
        chat_id=chat, source=SOURCE, payload={"text": "x"}, owner_version=0, expires_at=NOW + timedelta(days=1)
    )
    outbox.enqueue(connection, [draft], NOW)
    key = int(connection.execute(select(outbox.outbox.c.id).order_by(outbox.outbox.c.id.desc())).scalars().first() or 0)
    values = {"platform_id": platform_id, "state": state, "attempts": 1, "owner": "t"}
    connection.execute(update(schema.outbox).where(schema.outbox.c.id == key).values(**values))
    return key


def row(connection: Connection, key: int) -> dict[str, Any]:
    return dict(connection.execute(select(schema.outbox).where(schema.outbox.c.id == key)).mappings().one())


def report(delivery: str, **values: Any) -> Report:
    return Report(**{"platform_id": "wamid.1", "delivery": delivery, "at": NOW, **values})


async def run(database: Database, work: Callable[[Connection], None]) -> None:
    await database.write(work)


async def test_reports_only_rise_and_failed_is_final(database: Database) -> None:
    def work(connection: Connection) -> None:
        key = sent(connection)
        seen = []
        for delivery in ("delivered", "sent", "delivered", "read", "failed", "read"):
            news = deliveries.record(connection, SOURCE, [report(delivery, reason="131026: x")], NOW)
            seen.append((row(connection, key)["delivery"], [n.report.delivery for n in news]))
        assert seen == [
            ("delivered", ["delivered"]),
            ("delivered", []),
            ("delivered", []),
            ("read", ["read"]),
            ("failed", ["failed"]),
            ("failed", []),
        ]
        assert row(connection, key)["delivery_reason"] == "131026: x"

    await run(database, work)


async def test_a_report_before_the_mark_is_found_by_our_key_or_waits_for_the_mark(database: Database) -> None:
    def work(connection: Connection) -> None:
        keyed = sent(connection, platform_id=None, state="sending")
        bare = sent(connection, platform_id=None, state="sending")
        reports = [report("delivered", key=keyed, platform_id="wamid.a"), report("read", platform_id="wamid.b")]
        known, unknown = deliveries.record(connection, SOURCE, reports, NOW)
        assert known.message is not None
        assert unknown.message is None
        found = row(connection, keyed)
        assert (found["delivery"], found["platform_id"], found["state"]) == ("delivered", None, "sending")
        assert row(connection, bare)["delivery"] is None
        deliveries.record(connection, SOURCE, [report("sent", platform_id="wamid.b")], NOW)
        deliveries.catch_up(connection, SOURCE, {"wamid.b": bare})
        assert row(connection, bare)["delivery"] == "read"
        deliveries.catch_up(connection, SOURCE, {"wamid.a": keyed})
        assert row(connection, keyed)["delivery"] == "delivered"
        assert connection.execute(select(schema.early_deliveries)).first() is None

    await run(database, work)


@pytest.mark.parametrize(
    ("state", "delivery", "after"),
    [
        ("unknown", "sent", "accepted"),
        ("unknown", "failed", "unknown"),
        ("sending", "delivered", "sending"),
        ("pending", "delivered", "pending"),
        ("cancelled", "sent", "cancelled"),
    ],
)
async def test_a_send_of_unknown_end_has_arrived_and_what_is_being_sent_is_its_senders_to_mark(
    database: Database, state: str, delivery: str, after: str
) -> None:
    def work(connection: Connection) -> None:
        key = sent(connection, platform_id=None, state=state)
        deliveries.record(connection, SOURCE, [report(delivery, key=key)], NOW)
        assert row(connection, key)["state"] == after

    await run(database, work)


async def test_another_accounts_key_is_not_ours(database: Database) -> None:
    def work(connection: Connection) -> None:
        key = sent(connection)
        deliveries.record(connection, "whatsapp:2", [report("read", key=key)], NOW)
        assert row(connection, key)["delivery"] is None

    await run(database, work)


async def test_each_delivered_message_is_charged_once_whatever_comes_first(database: Database) -> None:
    def work(connection: Connection) -> None:
        priced = partial(report, category="utility", billable=True)
        key = sent(connection)
        deliveries.record(connection, SOURCE, [priced("sent"), priced("delivered"), priced("read")], NOW)
        early = partial(priced, platform_id="wamid.early")
        deliveries.record(connection, SOURCE, [early("delivered"), early("read")], NOW)
        later = sent(connection, platform_id="wamid.early")
        deliveries.catch_up(connection, SOURCE, {"wamid.early": later})
        deliveries.record(connection, SOURCE, [early("read"), report("read", platform_id="wamid.free")], NOW)
        assert row(connection, key)["charged"]
        assert row(connection, later)["charged"]
        rows = charges.of_month(connection, SOURCE, "2026-11")
        assert [(r["category"], r["messages"], r["billable"]) for r in rows] == [("utility", 2, 2)]

    await run(database, work)


async def test_each_part_of_a_long_message_is_charged_whether_it_is_told_before_or_after_the_mark(
    database: Database,
) -> None:
    def work(connection: Connection) -> None:
        key = sent(connection, platform_id=None, state="sending")
        part = partial(report, key=key, category="utility", billable=True)
        deliveries.record(connection, SOURCE, [part("delivered", platform_id="wamid.p1")], NOW)
        values = {"platform_id": "wamid.p2", "state": "accepted"}
        connection.execute(update(schema.outbox).where(schema.outbox.c.id == key).values(**values))
        deliveries.catch_up(connection, SOURCE, {"wamid.p2": key})
        for _ in range(2):
            both = [part("read", platform_id=name) for name in ("wamid.p1", "wamid.p2")]
            deliveries.record(connection, SOURCE, both, NOW)
        (found,) = charges.of_month(connection, SOURCE, "2026-11")
        assert (found["messages"], found["billable"]) == (2, 2)
        assert row(connection, key)["delivery"] == "read"

    await run(database, work)


@given(order=st.permutations(["sent", "delivered", "read", "played"]), twice=st.booleans())
def test_any_order_ends_at_the_highest_rank(order: list[str], twice: bool) -> None:
    before: dict[str, Any] = {"delivery": None}
    for delivery in order * (1 + twice):
        before.update(deliveries._risen(before, report(delivery)))
    assert before["delivery"] == max(order, key=lambda name: RANKS[name])


async def test_reports_that_nobody_marks_are_tidied_away(database: Database) -> None:
    def work(connection: Connection) -> None:
        deliveries.record(connection, SOURCE, [report("sent", platform_id=f"w{i}") for i in range(3)], NOW)
        assert deliveries.delete_early(connection, before=NOW, limit=10) == 0
        assert deliveries.delete_early(connection, before=NOW + HOUR, limit=2) == 2
        assert deliveries.delete_early(connection, before=NOW + HOUR, limit=2) == 1

    await run(database, work)


async def test_a_report_and_a_mark_of_the_same_moment_find_each_other_later(database: Database) -> None:
    def work(connection: Connection) -> None:
        deliveries.record(connection, SOURCE, [report("read"), report("read", platform_id="wamid.other")], NOW)
        key = sent(connection)
        assert deliveries.catch_up_missed(connection, limit=10) == 1
        assert deliveries.catch_up_missed(connection, limit=10) == 0
        assert row(connection, key)["delivery"] == "read"

    await run(database, work)


async def test_concurrent_reports_about_an_unknown_message_are_all_kept_and_charged_once(postgres: Database) -> None:
    async def tell(delivery: str) -> None:
        told = [report(delivery, category="utility", billable=True)]
        await postgres.write(lambda c: deliveries.record(c, SOURCE, told, NOW))

    await asyncio.gather(*(tell(delivery) for delivery in ("delivered", "read", "delivered", "read") * 3))
    (kept,) = await postgres.read(lambda c: c.execute(select(schema.early_deliveries)).mappings().all())
    (charged,) = await postgres.read(lambda c: charges.of_month(c, SOURCE, "2026-11"))
    assert (kept["delivery"], charged["messages"]) == ("read", 1)


async def test_the_ledger_adds_up_and_is_estimated_by_list_prices(database: Database) -> None:
    def work(connection: Connection) -> None:
        charges.add(connection, SOURCE, category="utility", at=NOW, messages=3, billable=2)
        charges.add(connection, SOURCE, category="utility", at=NOW, messages=1, billable=1)
        charges.add(connection, SOURCE, category="new_kind", at=NOW, billable=1)
        charges.add(connection, SOURCE, category="utility", at=NOW - timedelta(days=40), billable=1)
        listed = {"utility": Decimal("0.025"), "marketing": Decimal("0.04")}
        assert charges.estimate(connection, SOURCE, "2026-11", listed) == Decimal("0.115")
        assert charges.estimate(connection, SOURCE, "2026-12", listed) == 0
        assert charges.months(connection, SOURCE) == ["2026-11", "2026-10"]

    await run(database, work)


def test_the_list_of_prices_is_dated() -> None:
    found = prices.load()
    assert found.as_of.year == 2026
    assert {"marketing", "utility", "authentication", "service"} <= set(found.by_category)


async def test_templates_are_the_platforms_list(database: Database) -> None:
    def work(connection: Connection) -> None:
        one = templates.Template(name="batch", language="id", category="utility", status="approved", body="Hai {{1}}.")
        two = templates.Template(name="survey", language="id", category="utility", status="pending", variables=2)
        templates.replace_all(connection, "9", [one, two], NOW)
        assert templates.change(connection, "9", "batch", "id", now=NOW, status="paused", reason="quality")
        assert not templates.change(connection, "9", "other", "id", now=NOW, status="paused")
        paused = templates.get(connection, "9", "batch", "id")
        assert paused is not None
        assert (paused["status"], paused["reason"], paused["body"]) == ("paused", "quality", "Hai {{1}}.")
        templates.replace_all(connection, "9", [two], NOW)
        assert [found["name"] for found in templates.listed(connection, "9")] == ["survey"]
        assert templates.listed(connection, "8") == []

    await run(database, work)


async def test_a_note_is_kept_once_until_it_is_seen(database: Database) -> None:
    def work(connection: Connection) -> None:
        add = partial(channel_notes.add, connection, SOURCE, kind="quality", text="…", at=NOW)
        assert add(key="q:1")
        assert not add(key="q:1")
        assert add(key="q:2")
        ids = [note["id"] for note in channel_notes.unseen(connection)]
        assert channel_notes.see(connection, ids[:1], NOW) == 1
        assert channel_notes.see(connection, ids[:1], NOW) == 0
        assert [note["key"] for note in channel_notes.unseen(connection)] == ["q:1"]
        assert [note["key"] for note in channel_notes.latest(connection)] == ["q:2", "q:1"]

    await run(database, work)


async def test_the_window_is_renewed_and_never_shortened(database: Database) -> None:
    def heard(event_id: str, sent_at: datetime, window: timedelta | None = DAY) -> inbox.Event:
        values = {"channel": "whatsapp", "account": "1", "address": "+62811", "payload": {"kind": "text"}}
        return inbox.Event(event_id=event_id, sent_at=sent_at, window=window, **values)  # type: ignore[arg-type]

    def work(connection: Connection) -> None:
        until = []
        for number, events in enumerate(
            (
                [heard("1", NOW - HOUR)],
                [heard("2", NOW - 2 * HOUR)],
                [heard("3", NOW, None)],
                [heard("1", NOW)],
                [heard("4", NOW + 2 * HOUR), heard("5", NOW - HOUR)],
            )
        ):
            inbox.insert(connection, events, NOW)
            chat = chats.find(connection, "whatsapp", "1", "+62811")
            assert chat is not None, number
            until.append(chat["window_until"] - DAY - NOW)
        assert until == [-HOUR, -HOUR, -HOUR, -HOUR, timedelta(0)]

    await run(database, work)
