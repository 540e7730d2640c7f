"""One upload for everybody: who waits, who is told what, and what is left after a fault."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import Connection

from bot import pictures
from bot.channel import Outcome, Retry, Throttled
from bot.pictures import Held, Missing, Pictures
from storage import pictures as store
from storage.database import Database
from storage.pictures import Picture

SHA = "a" * 64
JPEG = b"\xff\xd8jpeg"
SOURCE = "whatsapp:1"


class Platform:
    """Takes uploads; `answers` come first, then ids that count up."""

    def __init__(self, *answers: Held | Outcome) -> None:
        self.answers = list(answers)
        self.taken: list[bytes] = []
        self.opened = asyncio.Event()
        self.opened.set()
        self.came = asyncio.Event()

    async def upload(self, jpeg: bytes) -> Held | Outcome:
        self.taken.append(jpeg)
        self.came.set()
        await self.opened.wait()
        return self.answers.pop(0) if self.answers else Held(f"id {len(self.taken)}")


class Stage:
    """A picture in a database, and processes that know of it."""

    def __init__(self, database: Database, now: datetime) -> None:
        self.database, self.now, self.seconds = database, now, 0.0

    async def put(self) -> None:
        picture = Picture(sha256=SHA, jpeg=JPEG, width=1, height=1)
        await self.database.write(partial(store.add, picture=picture, author="operator:a", now=self.now))

    def process(self, lasts: timedelta | None = timedelta(days=29)) -> Pictures:
        return Pictures(self.database, SOURCE, lasts=lasts, now=lambda _: self.now, clock=lambda: self.seconds)

    async def kept(self) -> str | None:
        def work(connection: Connection) -> str | None:
            found = store.upload(connection, SOURCE, SHA, self.now)
            return found["platform_id"] if found else None

        return await self.database.read(work)


@pytest.fixture
async def stage(database: Database, now: datetime) -> Stage:
    made = Stage(database, now)
    await made.put()
    return made


async def test_sixty_at_once_are_one_upload(stage: Stage) -> None:
    platform, process = Platform(), stage.process()
    platform.opened.clear()
    asking = [asyncio.ensure_future(process.held(SHA, platform.upload)) for _ in range(60)]
    await platform.came.wait()
    platform.opened.set()
    assert await asyncio.gather(*asking) == [Held("id 1")] * 60
    assert platform.taken == [JPEG]
    assert await stage.kept() == "id 1"


async def test_another_process_and_the_next_one_use_the_same_id(stage: Stage) -> None:
    platform = Platform()
    for process in (stage.process(), stage.process()):
        assert await process.held(SHA, platform.upload) == Held("id 1")
    assert len(platform.taken) == 1


async def test_an_upload_that_fails_is_its_callers_outcome_and_the_next_one_tries(stage: Stage) -> None:
    platform, process = Platform(Retry("5xx")), stage.process()
    found = await asyncio.gather(*(process.held(SHA, platform.upload) for _ in range(3)))
    assert sorted(map(str, found)) == sorted(map(str, [Retry("5xx"), Held("id 2"), Held("id 2")]))
    assert len(platform.taken) == 2


async def test_who_waits_too_long_comes_back_without_an_attempt_lost(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "WAIT_SECONDS", 0.0)
    platform, process = Platform(), stage.process()
    platform.opened.clear()
    first = asyncio.ensure_future(process.held(SHA, platform.upload))
    await platform.came.wait()
    assert isinstance(await process.held(SHA, platform.upload), Throttled)
    platform.opened.set()
    assert await first == Held("id 1")
    assert await process.held(SHA, platform.upload) == Held("id 1")


async def test_after_its_time_it_is_uploaded_anew(stage: Stage) -> None:
    platform, process = Platform(), stage.process()
    await process.held(SHA, platform.upload)
    stage.now += timedelta(days=28)
    stage.seconds += 28 * 86_400
    assert await process.held(SHA, platform.upload) == Held("id 1")
    stage.now += timedelta(days=1)
    stage.seconds += 86_400
    assert await process.held(SHA, platform.upload) == Held("id 2")
    assert await stage.kept() == "id 2"


async def test_where_a_platform_never_forgets_the_id_has_no_end(stage: Stage) -> None:
    platform = Platform()
    await stage.process(None).held(SHA, platform.upload)
    stage.now += timedelta(days=3_000)
    assert await stage.process(None).held(SHA, platform.upload) == Held("id 1")


async def test_a_refused_id_is_forgotten_here_at_once_and_elsewhere_within_seconds(stage: Stage) -> None:
    platform, here, there = Platform(), stage.process(), stage.process()
    await here.held(SHA, platform.upload)
    await there.held(SHA, platform.upload)
    await here.forget(SHA, "id 1")
    assert await stage.kept() is None
    assert await here.held(SHA, platform.upload) == Held("id 2")
    await here.forget(SHA, "id 1")  # told late by somebody who was on the way
    assert await here.held(SHA, platform.upload) == Held("id 2")
    stage.seconds += pictures.REMEMBERED_SECONDS
    assert await there.held(SHA, platform.upload) == Held("id 2")
    assert len(platform.taken) == 2


async def test_killed_between_upload_and_keeping_costs_one_upload_more(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = Platform()
    with monkeypatch.context() as killed:
        killed.setattr(store, "keep_upload", lambda *_args, **_more: 1 / 0)
        assert await stage.process().held(SHA, platform.upload) == Held("id 1")
    assert await stage.kept() is None
    assert await stage.process().held(SHA, platform.upload) == Held("id 2")
    assert await stage.process().held(SHA, platform.upload) == Held("id 2")


async def test_a_picture_that_is_gone_holds_nobody_up(stage: Stage) -> None:
    platform = Platform()
    assert await stage.process().held("b" * 64, platform.upload) == Missing()
    assert not platform.taken


async def test_without_the_database_nothing_has_left_and_it_is_tried_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_: object) -> None:
        raise ConnectionError

    monkeypatch.setattr(stage.database, "read", away)
    assert isinstance(await stage.process().held(SHA, Platform().upload), Retry)
