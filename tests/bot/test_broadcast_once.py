"""A drip: series of announcements that each person gets once, and filters that ask who has got one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, text, update

from bot import campaign_start
from storage import audience, campaign_run, campaigns, migrate, reached, schema, subscriptions
from storage.database import Database
from storage.refusal import NotReadyError, Refusal
from tests.bot.test_broadcast import NOON, Stage, fake  # noqa: F401 - a fixture
from tests.bot.test_broadcast_series import DAY, begin, everything, get, settle, waiting
from tests.fakes.telegram import FakeTelegram
from tests.fakes.telegram_methods import Fault

BY = {"actor": "operator:a"}


@pytest.fixture
async def stage(database: Database, fake: FakeTelegram) -> AsyncIterator[Stage]:  # noqa: F811
    made = Stage(database, fake)
    yield made
    await made.channel.close()


async def series(stage: Stage, name: str = "langkah-1", **more: Any) -> int:
    """A daily one that each gets once, put down for now."""
    return await stage.campaign(
        **{"name": name, "state": "scheduled", "starts_at": stage.now, "repeat": "daily", "once": True, **more}
    )


async def tomorrow(stage: Stage, days: int = 1) -> None:
    for _ in range(days):
        stage.now += DAY
        await settle(stage)


async def act(stage: Stage, deed: Any, key: int, *words: Any, **more: Any) -> Any:
    return await stage.database.write(lambda c: deed(c, key, *words, **BY, now=stage.now, **more))


async def owner_of(stage: Stage, *chats: int) -> None:
    """The chats are linked to one record."""

    def link(connection: Connection) -> None:
        row = {"record_key": f"{chats}", "name": "Contoh", "membership": "active", "as_of": NOON, "imported_at": NOON}
        made = schema.participants.insert().values(**row).returning(schema.participants.c.id)
        person = connection.execute(made).scalar_one()
        bond = {"participant_id": person, "level": "2", "method": "x", "created_at": NOON}
        connection.execute(schema.links.insert(), [{**bond, "chat_id": chat} for chat in chats])

    await stage.database.write(link)


async def number_of(stage: Stage, *chats: int) -> None:
    """The chats have one vouched number."""
    known = {"kind": "phone", "value": "+6281234567890", "vouched": True, "first_seen": NOON, "last_seen": NOON}
    rows = [{**known, "chat_id": chat} for chat in chats]
    await stage.database.write(lambda c: c.execute(schema.identities.insert(), rows))


async def test_each_new_person_gets_it_on_their_day_and_never_again(stage: Stage) -> None:
    await stage.people(3)
    key = await series(stage)
    await settle(stage)
    await stage.people(2, first=4)
    await tomorrow(stage)
    assert stage.got() == dict.fromkeys(range(1, 6), 1)
    assert await stage.states(key + 1) == {"accepted": 2}, "who has had it stands in the ledger of that day alone"
    chain = await stage.database.read(partial(campaigns.series, key=key))
    assert [(row["name"], row["series_id"]) for row in chain] == [
        ("langkah-1", None),
        ("langkah-1 2026-11-25", key),
        ("langkah-1 2026-11-26", key),
    ]


async def test_days_without_anybody_new_leave_nothing_behind(stage: Stage) -> None:
    await stage.people(2)
    key = await series(stage)
    await settle(stage)
    await tomorrow(stage, 30)
    assert await everything(stage) == [("langkah-1", "done"), ("langkah-1 2026-12-25", "scheduled")]
    acts = [one["what"] for one in await stage.database.read(partial(campaigns.acts, campaign_id=key + 1))]
    assert acts == ["create", "repeat", "nobody new"]
    await stage.people(1, first=3)
    await tomorrow(stage)
    assert stage.got() == {1: 1, 2: 1, 3: 1}
    assert await stage.state(key + 1) == "done"


async def test_the_first_one_may_wait_for_people_and_its_last_day_ends_it(stage: Stage) -> None:
    key = await stage.campaign(
        name="langkah-2", starts_at=NOON + DAY, repeat="daily", once=True, valid_until=NOON + 5 * DAY
    )
    assert (await begin(stage, key))["state"] == "scheduled", "nobody yet is nothing in the way"
    await tomorrow(stage, 2)
    assert (await get(stage, key))["name"] == "langkah-2"
    await tomorrow(stage, 3)
    assert await everything(stage) == [("langkah-2", "done")]
    assert (await get(stage, key))["frozen_size"] == 0


async def test_begun_by_hand_after_its_time_with_nobody_new_it_waits_for_the_next(stage: Stage) -> None:
    key = await stage.campaign(starts_at=NOON - timedelta(hours=1), repeat="daily", once=True)
    assert await begin(stage, key) == {"state": "scheduled", "starts_at": (NOON + timedelta(hours=23)).isoformat()}


@pytest.mark.parametrize("same", [owner_of, number_of])
async def test_another_chat_of_the_same_person_has_had_it_too(stage: Stage, same: Any) -> None:
    await stage.people(1)
    await series(stage)
    await settle(stage)
    await stage.people(2, first=2)
    await same(stage, 1, 2)
    await tomorrow(stage)
    assert stage.got() == {1: 1, 3: 1}


async def test_who_shares_a_number_with_a_chat_of_the_record_is_that_person(stage: Stage) -> None:
    """Chat 3 has only the number of chat 2, and chat 2 only the record of chat 1, which got it."""
    await stage.people(1)
    key = await series(stage)
    await settle(stage)
    await stage.people(3, first=2)
    await owner_of(stage, 1, 2)
    await number_of(stage, 2, 3)
    chosen = audience.Selection(tree={}, sources=[stage.source, "sms:2"], once=(key, 0))
    found = await stage.database.read(lambda c: audience.counts(c, chosen, NOON))
    assert {reason: count for *_, reason, count in found} == {"had_it": 3, None: 1}


async def test_paused_renamed_and_cancelled_on_the_way_each_still_gets_it_once(stage: Stage) -> None:
    await stage.people(5)
    key = await series(stage)
    await stage.loop.step()
    await act(stage, campaign_run.pause, key)
    assert await stage.states(key) == {"pending": 5}
    await tomorrow(stage)
    assert stage.got() == {}, "who waits in a paused one waits there"
    following = await waiting(stage)
    await act(stage, campaign_run.unschedule, following["id"])
    values = {"name": "lain sekali"}
    seen = await stage.database.read(partial(campaigns.revision, campaign_id=following["id"]))
    await act(stage, campaigns.edit, following["id"], values, seen=seen)
    await act(stage, campaign_run.cancel, key)
    assert (await begin(stage, following["id"]))["state"] == "scheduled"
    await tomorrow(stage)
    assert stage.got() == dict.fromkeys(range(1, 6), 1), "cancelled before their turn: they get the next one"
    await tomorrow(stage, 2)
    assert sum(stage.got().values()) == 5


async def test_failed_ones_get_the_next_and_a_retry_of_the_old_one_does_not_send_twice(stage: Stage) -> None:
    await stage.people(3)
    await stage.people(1, first=12)
    await owner_of(stage, 2, 12)
    stage.fake.faults += [Fault(status=400, description="Bad Request: no") for _ in range(3)]
    key = await series(stage)
    await settle(stage)
    assert await stage.states(key) == {"failed": 3, "skipped": 1}
    away = update(schema.chats).where(schema.chats.c.id.in_([2, 3])).values(stopped_at=NOON)
    await stage.database.write(lambda c: c.execute(away))
    await tomorrow(stage)
    assert stage.got() == {1: 1, 12: 1}
    await stage.database.write(lambda c: c.execute(away.values(stopped_at=None)))
    assert await act(stage, campaign_run.retry, key, "failed", None) == 1, "chat 3 alone has not had it"
    assert await act(stage, campaign_run.retry, key, "skipped", "other") == 0
    await settle(stage)
    await tomorrow(stage, 2)
    assert stage.got() == {1: 1, 12: 1, 3: 1}


async def test_what_nobody_knows_counts_as_got(stage: Stage) -> None:
    await stage.people(2)
    stage.fake.faults.append(Fault(kind="cut_after"))
    key = await series(stage)
    await settle(stage)
    assert (await stage.states(key))["unknown"] == 1
    await tomorrow(stage, 3)
    assert sum(stage.got().values()) == 2
    tree = {"got": {"series": key}}
    found = await stage.database.read(
        lambda c: audience.counts(c, audience.Selection(tree=tree, sources=[stage.source]), stage.now)
    )
    assert sum(count for *_, count in found) == 2


async def test_three_steps_come_to_each_person_in_their_time(stage: Stage) -> None:
    await stage.people(2)
    first = await series(stage, "langkah-1", content={"text": "Satu."})
    second = await series(
        stage,
        "langkah-2",
        content={"text": "Dua."},
        audience={"filter": {"got": {"series": first, "before_days": 3}}},
        starts_at=stage.now + timedelta(minutes=30),
    )
    await series(
        stage,
        "langkah-3",
        content={"text": "Tiga."},
        audience={"filter": {"got": {"series": second, "before_days": 2}}},
        starts_at=stage.now + timedelta(hours=1),
    )
    came: dict[int, list[tuple[int, str]]] = {}
    seen = 0
    for day in range(9):
        for hour in range(3):
            stage.now = NOON + day * DAY + timedelta(hours=hour)
            await settle(stage)
        for sent in stage.fake.sent[seen:]:
            came.setdefault(sent.chat, []).append((day, sent.text.partition(".")[0]))
        seen = len(stage.fake.sent)
        if day == 0:
            await stage.people(1, first=3)
            await stage.database.write(partial(subscriptions.stop, chat_id=2, now=stage.now))
    assert came == {
        1: [(0, "Satu"), (3, "Dua"), (5, "Tiga")],
        2: [(0, "Satu")],  # has said stop
        3: [(1, "Satu"), (4, "Dua"), (6, "Tiga")],
    }


async def test_the_days_since_are_counted_from_the_sending_not_from_the_reading(stage: Stage) -> None:
    await stage.people(1)
    key = await series(stage)
    await settle(stage)
    read_at = stage.now + 2 * DAY
    row = schema.campaign_recipients
    await stage.database.write(lambda c: c.execute(row.update().values(state="read", at=read_at)))

    async def finds(**days: int) -> bool:
        chosen = audience.Selection(tree={"got": {"series": key, **days}}, sources=[stage.source])
        return bool(await stage.database.read(lambda c: audience.counts(c, chosen, stage.now + 3 * DAY)))

    assert await finds(before_days=3)
    assert not await finds(within_days=2)
    assert await finds(within_days=3, before_days=1)
    assert not await finds(before_days=4)


async def test_little_by_little_nobody_passes_the_second_person(stage: Stage) -> None:
    stage.rules = type(stage.rules)(ramp_minutes=0, approval_from=5)
    stage.restart()
    await stage.people(3)
    key = await series(stage)
    await settle(stage)
    await stage.people(3, first=4)
    await tomorrow(stage)
    assert sum(stage.got().values()) == 3
    draft = await get(stage, key + 1)
    assert draft["state"] == "draft"
    with pytest.raises(NotReadyError, match="6 recipients: from 5 on"):
        await begin(stage, draft["id"], approval_from=5)
    approve = partial(campaign_start.approve, campaign=draft, size=3, actor="operator:b", now=stage.now)
    assert await stage.database.write(partial(approve, up_to=8)) == 8
    await begin(stage, draft["id"], approval_from=5)
    await settle(stage)
    assert sum(stage.got().values()) == 6
    await stage.people(8, first=11)
    await tomorrow(stage)
    assert sum(stage.got().values()) == 14, "up to eight a time were approved"
    await stage.people(9, first=21)
    await tomorrow(stage)
    assert sum(stage.got().values()) == 14
    told = (await stage.database.read(partial(campaigns.acts, campaign_id=key + 3)))[-1]["note"]
    assert "grown from 8 to 9" in told


async def test_only_a_series_is_approved_beyond_its_size(stage: Stage) -> None:
    key = await stage.campaign()
    row = await get(stage, key)
    with pytest.raises(Refusal, match="--once"):
        await stage.database.write(
            partial(campaign_start.approve, campaign=row, size=3, up_to=9, actor="operator:b", now=NOON)
        )


async def test_what_is_approved_is_never_more_than_a_column_holds(stage: Stage) -> None:
    row = await get(stage, await series(stage, state="draft"))
    approve = partial(campaign_start.approve, campaign=row, size=3, actor="operator:b", now=NOON)
    assert await stage.database.write(partial(approve, up_to=10**18 - 1)) == 99_999_999


async def test_a_series_is_cancelled_as_a_whole(stage: Stage) -> None:
    await stage.people(2)
    key = await series(stage)
    await stage.loop.step()
    row = await get(stage, key)
    names, closed = await stage.database.write(
        lambda c: campaign_run.cancel_series(c, row, actor="operator:a", now=stage.now)
    )
    assert (names, closed) == (["langkah-1", "langkah-1 2026-11-25"], 2)
    await stage.people(1, first=3)
    await tomorrow(stage, 2)
    assert stage.got() == {}
    with pytest.raises(Refusal, match="all of the series have ended"):
        await stage.database.write(lambda c: campaign_run.cancel_series(c, row, actor="operator:a", now=stage.now))


async def test_a_repeated_one_without_it_comes_again_to_everybody(stage: Stage) -> None:
    await stage.people(2)
    await series(stage, once=False)
    await settle(stage)
    await tomorrow(stage)
    assert stage.got() == {1: 2, 2: 2}


async def test_names_lead_to_their_series(stage: Stage) -> None:
    await stage.people(1)
    key = await series(stage)
    await settle(stage)
    assert await stage.database.read(reached.names) == {"langkah-1": key, "langkah-1 2026-11-25": key}
    assert await stage.database.read(reached.titles) == {key: "langkah-1"}


async def test_series_that_began_before_there_were_any_are_found_by_what_followed_what(database: Database) -> None:
    def work(connection: Connection) -> dict[str, int | None]:
        for column in ("series_id", "once"):
            connection.execute(text(f"ALTER TABLE campaigns DROP COLUMN {column}"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0016'"))
        told = "INSERT INTO campaigns (id, name, state, kind, content, audience, sources, follows_id, created_by, created_at) VALUES"
        at = "0" if connection.dialect.name == "sqlite" else "now()"
        for key, follows in ((1, "NULL"), (2, "1"), (3, "NULL"), (4, "2"), (5, "4")):
            row = f"({key}, '{key}', 'done', 'news', '{{}}', '{{}}', '[]', {follows}, 'a', {at})"
            connection.execute(text(f"{told} {row}"))
        migrate.upgrade(connection)
        return {row["name"]: row["series_id"] for row in campaigns.all_of(connection)}

    assert await database.write(work) == {"1": None, "2": 1, "3": None, "4": 1, "5": 1}
