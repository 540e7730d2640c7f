"""Failures that a platform tells after it has taken a message: in the ledger, counted for the automatic pause, sent anew."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import Connection, select, update

from bot.whatsapp.failures import failed
from storage import campaign_run, campaigns, deliveries, schema
from storage.database import Database
from storage.schema import campaign_flights, campaign_late, campaign_recipients
from tests.bot.test_broadcast import Stage, fake  # noqa: F401 - a fixture
from tests.fakes.telegram import FakeTelegram

EVENING = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)  # 19.30 WIB, 21.30 WIT: those in WIT wait, so the campaign goes on
SENT = 100


@pytest.fixture
async def stage(database: Database, fake: FakeTelegram) -> AsyncIterator[Stage]:  # noqa: F811
    made = Stage(database, fake)
    yield made
    await made.channel.close()


async def half_sent(stage: Stage) -> int:
    """A campaign that has sent to everybody in WIB and goes on in the morning."""
    await stage.people(SENT)
    await stage.people(10, zone="WIT", first=SENT + 1)
    stage.now = EVENING
    key = await stage.campaign()
    await stage.start(key)
    await stage.go_on()
    assert await stage.states(key) == {"pending": 10, "accepted": SENT}
    assert await stage.state(key) == "running"
    return key


async def tell(stage: Stage, chats: Iterable[int], delivery: str = "failed", *, code: int = 131049) -> None:
    """As the webhook takes a platform's reports."""
    sent = {row["chat_id"]: row["outbox_id"] for row in await stage.rows()}
    reports = [
        deliveries.Report(
            platform_id=f"p{sent[chat]}",
            key=sent[chat],
            delivery=delivery,
            at=stage.now,
            code=code,
            reason=f"{code}: told late",
        )
        for chat in chats
    ]

    def work(connection: Connection) -> None:
        for noted in deliveries.record(connection, stage.source, reports, stage.now):
            if noted.report.delivery == "failed":
                failed(connection, noted, stage.now)

    await stage.database.write(work)


async def why(stage: Stage, key: int) -> str:
    return (await stage.database.read(partial(campaigns.get, campaign_id=key)))["paused_why"] or ""


async def test_a_stream_of_late_failures_pauses_the_campaign(stage: Stage) -> None:
    key = await half_sent(stage)
    await tell(stage, range(1, 10))
    await stage.loop.step()
    assert await stage.state(key) == "running", "nine of a hundred are below the limit"
    await tell(stage, range(1, 10))  # webhooks are repeated
    await stage.loop.step()
    assert await stage.state(key) == "running"
    await tell(stage, [10])
    await stage.loop.step()
    assert await stage.state(key) == "paused"
    assert await why(stage, key) == "10% of the last sends failed or were cut (limit 10%)"
    assert await stage.states(key) == {"pending": 10, "accepted": 90, "failed": 10}
    assert {row["reason"] for row in await stage.rows() if row["state"] == "failed"} == {"131049: told late"}


async def test_late_news_of_people_who_have_left_counts_as_blocks_and_names_them(stage: Stage) -> None:
    key = await half_sent(stage)
    await tell(stage, range(1, 21), code=131026)
    await stage.loop.step()
    assert await stage.state(key) == "paused"
    assert "people who had left" in await why(stage, key)
    assert {row["reason"] for row in await stage.rows() if row["state"] == "failed"} == {"gone: 131026: told late"}


async def test_what_failed_before_a_human_let_it_go_on_does_not_stop_it_again(stage: Stage) -> None:
    key = await half_sent(stage)
    stage.now += timedelta(minutes=1)
    await stage.database.write(partial(campaign_run.pause, campaign_id=key, actor="operator:a", now=stage.now))
    await stage.database.write(partial(campaign_run.resume, campaign_id=key, actor="operator:a", now=stage.now))
    await tell(stage, range(1, 60))
    await stage.loop.step()
    assert await stage.state(key) == "running"
    assert (await stage.states(key))["failed"] == 59


async def test_reports_keep_counting_after_the_end(stage: Stage) -> None:
    await stage.people(3)
    key = await stage.campaign()
    await stage.start(key)
    await stage.go_on()
    assert await stage.state(key) == "done"
    stage.now += timedelta(days=3)
    await tell(stage, [1])
    await tell(stage, [2], "read")
    await tell(stage, [3], "delivered")
    await stage.loop.step()
    assert await stage.states(key) == {"delivered": 1, "read": 1, "failed": 1}
    assert await stage.state(key) == "done"
    left = await stage.database.read(lambda c: list(c.execute(select(campaign_late.c.n))))
    assert left == [], "nothing is left waiting"


async def test_a_failure_told_before_the_ledger_was_written_counts_once(stage: Stage) -> None:
    await stage.people(60)
    await stage.people(5, zone="WIT", first=101)
    stage.now = EVENING
    key = await stage.campaign()
    await stage.start(key)
    await stage.loop.step()
    await stage.sender.drain()
    await tell(stage, range(1, 6))
    await stage.loop.step()
    row = await stage.database.read(partial(campaigns.get, campaign_id=key))
    assert (row["tried"], row["failed"], row["state"]) == (60, 5, "running")
    assert await stage.states(key) == {"pending": 5, "accepted": 55, "failed": 5}


async def test_what_the_platform_refused_late_and_may_go_again_stays_in_the_ledger(stage: Stage) -> None:
    await stage.people(2)
    key = await stage.campaign()
    await stage.start(key)
    await stage.go_on()
    assert await stage.state(key) == "done"
    await tell(stage, [1], code=131000)  # a passing fault: it is sent anew
    assert await stage.states(key) == {"sending": 1, "accepted": 1}
    assert await stage.state(key) == "running", "done is only what has no open row"
    stage.now += timedelta(minutes=1)
    await stage.go_on()
    assert stage.got() == {1: 2, 2: 1}
    assert await stage.states(key) == {"accepted": 2}
    await tell(stage, [1], "delivered")
    assert await stage.states(key) == {"accepted": 1, "delivered": 1}
    assert await stage.state(key) == "done"


async def test_a_late_failure_of_the_first_try_says_nothing_of_the_second(stage: Stage) -> None:
    await stage.people(1)
    key = await stage.campaign()
    await stage.start(key)
    await stage.go_on()
    first = (await stage.rows())[0]["outbox_id"]

    def again(connection: Connection) -> None:
        connection.execute(update(schema.outbox).where(schema.outbox.c.id == first).values(state="unknown"))
        connection.execute(update(campaign_recipients).values(state="unknown"))
        campaign_run.retry(connection, key, "unknown", None, actor="operator:a", now=stage.now)

    await stage.database.write(again)
    await stage.loop.step()
    old = deliveries.Report(platform_id="old", key=first, delivery="failed", at=stage.now, reason="131049: late")
    await stage.database.write(partial(deliveries.record, source=stage.source, reports=[old], now=stage.now))
    assert await stage.states(key) == {"sending": 1}
    await stage.go_on()
    assert await stage.states(key) == {"accepted": 1}


async def test_a_pause_takes_back_what_waits_to_be_sent_anew(stage: Stage) -> None:
    key = await half_sent(stage)
    await tell(stage, [1], code=131000)
    taken = await stage.database.write(
        partial(campaign_run.pause, campaign_id=key, actor="operator:a", now=stage.now + timedelta(seconds=1))
    )
    assert taken == 1
    assert await stage.states(key) == {"pending": 11, "accepted": SENT - 1}
    flying = await stage.database.read(lambda c: list(c.execute(select(campaign_flights.c.n))))
    assert flying == []


async def test_what_a_human_has_taken_for_failed_the_platform_may_still_report_as_delivered(stage: Stage) -> None:
    await stage.people(3)
    key = await stage.campaign()
    await stage.start(key)
    await stage.go_on()
    cut = update(campaign_recipients).values(state="unknown")
    await stage.database.write(lambda connection: connection.execute(cut))
    settle = partial(campaign_run.settle_unknown, campaign_id=key, state="failed", actor="operator:a", now=stage.now)
    assert await stage.database.write(settle) == 3
    await tell(stage, [1], "delivered")
    await tell(stage, [2])
    found = {row["chat_id"]: (row["state"], row["reason"]) for row in await stage.rows()}
    assert found == {
        1: ("delivered", None),
        2: ("failed", "131049: told late"),
        3: ("failed", "decided by operator:a"),
    }
