"""Announcements that come again by themselves: month's ends, nights, pauses, what a human has to mend first, and the end of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, func, select, update

from bot import campaign_report, campaign_start
from bot.campaign_means import Room, Ways
from handlers import catalogue
from storage import campaign_run, campaigns, ledger, schema
from storage.database import Database
from storage.refusal import NotReadyError, Refusal
from tests.bot.test_broadcast import NOON, Stage, fake  # noqa: F401 - a fixture
from tests.fakes.telegram import FakeTelegram

DAY = timedelta(days=1)


@pytest.fixture
async def stage(database: Database, fake: FakeTelegram) -> AsyncIterator[Stage]:  # noqa: F811
    made = Stage(database, fake)
    yield made
    await made.channel.close()


async def begin(stage: Stage, key: int, **ways: Any) -> dict[str, Any]:
    """As the command and the desk start a draft."""
    room = Room(ways=Ways(rates={stage.source: 0.0}, **ways), catalogue=catalogue.load(), hosts=())

    def work(connection: Connection) -> dict[str, Any]:
        campaign = campaigns.get(connection, key)
        return campaign_start.begin(connection, campaign, room, actor="operator:a", now=stage.now)

    return await stage.database.write(work)


async def settle(stage: Stage) -> None:
    """Starts what is due, and sends until nothing moves."""
    for _ in range(5):
        await stage.loop.step()
        await stage.sender.drain()


async def everything(stage: Stage) -> list[tuple[str, str]]:
    """(name, state) of all, the oldest first."""
    return [(row["name"], row["state"]) for row in reversed(await stage.database.read(campaigns.all_of))]


async def get(stage: Stage, key: int) -> Any:
    return await stage.database.read(partial(campaigns.get, campaign_id=key))


async def waiting(stage: Stage) -> Any:
    """The one that is put down for its time."""
    (one,) = await stage.database.read(partial(campaigns.all_of, states=("scheduled",)))
    return one


async def test_a_month_without_its_day_does_not_move_the_ones_after_it(stage: Stage) -> None:
    await stage.people(1)
    await stage.campaign(state="scheduled", starts_at=datetime(2027, 1, 31, 2, tzinfo=UTC), repeat="monthly")
    days = []
    for _ in range(5):
        stage.now = (await waiting(stage))["starts_at"]
        days.append(stage.now.date().isoformat())
        await settle(stage)
    assert days == ["2027-01-31", "2027-02-28", "2027-03-31", "2027-04-30", "2027-05-31"]
    assert stage.got() == {1: 5}


async def test_a_day_on_which_there_is_nobody_is_only_a_day(stage: Stage) -> None:
    await stage.campaign(state="scheduled", starts_at=NOON, repeat="daily")
    await settle(stage)
    assert await everything(stage) == [("uji", "draft"), ("uji 2026-11-25", "scheduled")]
    await stage.people(1)
    stage.now += DAY
    await settle(stage)
    assert stage.got() == {1: 1}
    assert [state for _, state in await everything(stage)] == ["draft", "done", "scheduled"]


async def test_one_whose_time_has_passed_before_its_start_still_comes_again(stage: Stage) -> None:
    await stage.people(1)
    key = await stage.campaign(starts_at=NOON - timedelta(hours=1), repeat="daily")
    assert (await begin(stage, key))["state"] == "running"
    following = await waiting(stage)
    assert (following["starts_at"], following["name"]) == (NOON + timedelta(hours=23), "uji 2026-11-25")


async def test_started_twice_one_that_waits_for_its_time_goes_on_waiting(stage: Stage) -> None:
    await stage.people(1)
    key = await stage.campaign(starts_at=NOON + DAY, repeat="daily")
    assert (await begin(stage, key))["state"] == "scheduled"
    with pytest.raises(Refusal, match="it is scheduled"):
        await begin(stage, key)
    await settle(stage)
    assert (stage.got(), await stage.state(key)) == ({}, "scheduled")


async def test_its_name_with_the_date_may_be_taken_and_nothing_else_stands_still(stage: Stage) -> None:
    await stage.people(1)
    await stage.campaign(name="lain", state="scheduled", starts_at=NOON)
    await stage.campaign(name="uji 2026-11-25")
    await stage.campaign(state="scheduled", starts_at=NOON, repeat="daily")
    await settle(stage)
    assert stage.got() == {1: 2}
    assert (await waiting(stage))["name"] == "uji 2026-11-25 2"
    stage.now += DAY
    await settle(stage)
    assert (await waiting(stage))["name"] == "uji 2026-11-26"


async def test_a_fault_of_one_does_not_hold_up_the_others(stage: Stage) -> None:
    await stage.people(1)
    broken = await stage.campaign(name="rusak", state="scheduled", starts_at=NOON)
    await stage.database.write(partial(campaigns.change, campaign_id=broken, content={"broken": True}))
    good = await stage.campaign(name="baik")
    await stage.start(good)
    await settle(stage)
    assert stage.got() == {1: 1}
    assert await stage.state(good) == "done"


async def test_where_a_second_person_is_wanted_the_repetition_waits_for_them(stage: Stage) -> None:
    stage.rules = type(stage.rules)(ramp_minutes=0, approval_from=2)
    stage.restart()
    await stage.people(2)
    approved = {"approved_by": "operator:b", "approved_size": 2}
    key = await stage.campaign(state="scheduled", starts_at=NOON, repeat="daily", **approved)
    await settle(stage)
    assert stage.got() == {1: 1, 2: 1}
    await stage.people(3, first=3)
    for _ in range(3):
        stage.now += DAY
        await settle(stage)
    assert await everything(stage) == [("uji", "done"), ("uji 2026-11-25", "draft")], "one draft, not one a day"
    told = (await stage.database.read(partial(campaigns.acts, campaign_id=key + 1)))[-1]["note"]
    assert "grown from 2 to 5" in told
    with pytest.raises(NotReadyError, match="grown"):
        await begin(stage, key + 1, approval_from=2)
    draft = await get(stage, key + 1)
    await stage.database.write(partial(campaigns.approve, campaign=draft, size=5, actor="operator:b", now=stage.now))
    assert (await begin(stage, key + 1, approval_from=2))["state"] == "running"
    await settle(stage)
    assert sum(stage.got().values()) == 7
    following = await waiting(stage)
    assert (following["starts_at"], following["approved_size"]) == (NOON + 4 * DAY, 5)


async def test_a_pause_is_of_one_time_alone_and_a_cancel_names_the_next(stage: Stage) -> None:
    await stage.people(3)
    key = await stage.campaign(state="scheduled", starts_at=NOON, repeat="daily")
    await stage.loop.step()
    await stage.database.write(partial(campaign_run.pause, campaign_id=key, actor="operator:a", now=stage.now))
    await stage.sender.drain()
    stage.now += DAY
    await settle(stage)
    assert stage.got() == {1: 1, 2: 1, 3: 1}, "the next day's, not the paused one"
    await stage.database.write(partial(campaign_run.cancel, campaign_id=key, actor="operator:a", now=stage.now))
    assert await stage.states(key) == {"cancelled": 3}
    following = await stage.database.read(partial(campaigns.next_of, campaign_id=key + 1))
    assert following["name"] == "uji 2026-11-26"
    await stage.database.write(
        partial(campaign_run.cancel, campaign_id=following["id"], actor="operator:a", now=stage.now)
    )
    stage.now += 5 * DAY
    await settle(stage)
    assert len(await everything(stage)) == 3
    assert sum(stage.got().values()) == 3


async def test_put_down_for_the_night_it_begins_then_and_sends_in_the_morning(stage: Stage) -> None:
    await stage.people(2)
    night = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)  # 22.00 WIB
    key = await stage.campaign(state="scheduled", starts_at=night, repeat="daily")
    stage.now = night
    await settle(stage)
    assert (stage.got(), await stage.state(key)) == ({}, "running")
    stage.now = night + timedelta(hours=10)
    await settle(stage)
    assert (stage.got(), await stage.state(key)) == ({1: 1, 2: 1}, "done")


async def test_a_time_that_ends_at_night_ends_it_then_and_not_in_the_morning(stage: Stage) -> None:
    await stage.people(2)
    stage.now = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)  # 21.00 WIB
    key = await stage.campaign(valid_until=stage.now + timedelta(hours=3))
    await stage.start(key)
    await settle(stage)
    assert await stage.states(key) == {"pending": 2}
    stage.now += timedelta(hours=3)
    await settle(stage)
    assert await stage.states(key) == {"skipped": 2}
    assert {row["reason"] for row in await stage.rows(key)} == {ledger.EXPIRED}
    assert await stage.state(key) == "done"


async def test_a_wave_that_ends_takes_back_what_stands_in_the_outbox(stage: Stage) -> None:
    await stage.people(60)
    source = "https://www.prakerja.go.id/berita"
    until = NOON + timedelta(minutes=10)
    key = await stage.campaign(
        kind="wave", official_source=source, valid_until=until, approved_by="x", approved_size=60
    )
    await stage.start(key)
    await stage.loop.step()
    assert await stage.states(key) == {"sending": 60}
    stage.now = until
    await settle(stage)
    assert stage.got() == {}
    assert await stage.states(key) == {"skipped": 60}
    assert await stage.state(key) == "done"
    acts = [act["what"] for act in await stage.database.read(partial(campaigns.acts, campaign_id=key))]
    assert acts == ["create", "start", "expire", "done"]


async def test_paused_over_its_end_it_is_over_when_it_goes_on(stage: Stage) -> None:
    await stage.people(2)
    key = await stage.campaign(valid_until=NOON + timedelta(hours=1))
    await stage.start(key)
    await stage.database.write(partial(campaign_run.pause, campaign_id=key, actor="operator:a", now=stage.now))
    stage.now += timedelta(hours=2)
    await settle(stage)
    assert await stage.states(key) == {"pending": 2}
    await stage.database.write(partial(campaign_run.resume, campaign_id=key, actor="operator:a", now=stage.now))
    await settle(stage)
    assert (stage.got(), await stage.states(key)) == ({}, {"skipped": 2})


async def test_each_zone_has_its_own_evening_and_morning(stage: Stage) -> None:
    for first, zone in ((1, "WIB"), (11, "WITA"), (21, "WIT")):
        await stage.people(2, zone=zone, first=first)
    stage.now = datetime(2026, 11, 24, 11, 30, tzinfo=UTC)  # 18.30 WIB, 19.30 WITA, 20.30 WIT
    key = await stage.campaign()
    await stage.start(key)
    await settle(stage)
    assert set(stage.got()) == {1, 2, 11, 12}
    report = await stage.database.read(
        lambda c: campaign_report.report(c, campaigns.get(c, key), stage.now)  # type: ignore[arg-type]
    )
    assert "night in WIT: goes on there at 08.00" in report["waits"]
    stage.now = datetime(2026, 11, 24, 22, 59, tzinfo=UTC)  # 07.59 WIT
    await settle(stage)
    assert set(stage.got()) == {1, 2, 11, 12}
    stage.now = datetime(2026, 11, 24, 23, 0, tzinfo=UTC)
    await settle(stage)
    assert stage.got() == dict.fromkeys((1, 2, 11, 12, 21, 22), 1)
    assert await stage.state(key) == "done"


async def test_who_has_moved_since_the_start_is_not_woken(stage: Stage) -> None:
    """Their row stands in the lane of the zone that they had."""
    await stage.people(1, zone="WIT")
    await stage.people(1, first=2)
    key = await stage.campaign()
    await stage.start(key)
    moved = {1: "WIB", 2: "WIT"}
    for chat, zone in moved.items():
        to = update(schema.chats).where(schema.chats.c.id == chat).values(zone=zone)
        await stage.database.write(lambda connection, to=to: connection.execute(to))
    stage.now = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)  # 19.30 WIB, 21.30 WIT
    for _ in range(3):
        await settle(stage)
    assert stage.got() == {}
    rows = await stage.database.read(lambda c: c.execute(select(func.count()).select_from(schema.outbox)).scalar())
    assert rows == 1, "it does not go in and out the whole evening"
    stage.now = datetime(2026, 11, 24, 23, 30, tzinfo=UTC)  # 06.30 WIB, 08.30 WIT
    await settle(stage)
    assert stage.got() == {2: 1}
    stage.now = datetime(2026, 11, 25, 1, 0, tzinfo=UTC)
    await settle(stage)
    assert stage.got() == {1: 1, 2: 1}
    assert await stage.state(key) == "done"


async def test_the_end_of_a_series_is_also_that_of_the_one_which_the_loop_makes_meanwhile(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stage.people(1)
    key = await stage.campaign(state="scheduled", starts_at=NOON, repeat="daily")
    await settle(stage)
    read = campaigns.series

    def series(connection: Connection, root: int) -> list[Any]:
        """Right after it is read another process starts the one that waits, and makes the next."""
        found = read(connection, root)
        if len(found) == 2:
            later = NOON + 2 * DAY
            campaign_start._repeat(connection, {**found[1], "starts_at": later - DAY}, later - DAY)
        return found

    monkeypatch.setattr(campaigns, "series", series)
    ended = partial(campaign_run.cancel_series, campaign=await get(stage, key), actor="operator:a", now=stage.now)
    names, _ = await stage.database.write(ended)
    assert len(names) == 2
    assert await everything(stage) == [("uji", "done"), (names[0], "cancelled"), (names[1], "cancelled")]
