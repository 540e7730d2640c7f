"""An announcement with a picture by Telegram: handed over once, named by its id to everybody else, whatever happens on the way."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial

import pytest

from bot import picture_files
from storage import campaigns, channel_notes, ledger, pictures
from storage.database import Database
from tests.bot.test_broadcast import NOON, PEOPLE, Stage, fake  # noqa: F401 - a fixture
from tests.fakes.pictures import drawn
from tests.fakes.telegram import FakeTelegram

PICTURE = picture_files.shrunk(drawn(1600, 900))


@pytest.fixture
async def stage(database: Database, fake: FakeTelegram) -> AsyncIterator[Stage]:  # noqa: F811
    made = Stage(database, fake)
    await database.write(partial(pictures.add, picture=PICTURE, author="operator:a", now=NOON))
    yield made
    await made.channel.close()


async def started(stage: Stage, count: int = PEOPLE, **content: object) -> int:
    await stage.people(count)
    key = await stage.campaign(content={"image": PICTURE.sha256, **content})
    await stage.start(key)
    return key


async def restarted(stage: Stage) -> None:
    """Another process: what the channel had in mind is gone, the database is not."""
    await stage.channel.close()
    stage.channel = Stage(stage.database, stage.fake).channel
    stage.restart()


async def test_everybody_gets_it_once_with_the_words_below_and_one_upload(stage: Stage) -> None:
    await started(stage)
    await stage.go_on()
    assert stage.got() == dict.fromkeys(range(1, PEOPLE + 1), 1)
    assert await stage.states() == {"accepted": PEOPLE}
    assert [upload.data for upload in stage.fake.uploads] == [PICTURE.jpeg]
    assert {(sent.picture, sent.text) for sent in stage.fake.sent} == {
        (stage.fake.sent[0].picture, stage.fake.sent[0].text)
    }
    assert stage.fake.sent[0].picture
    assert "Halo Kak Siti." in stage.fake.sent[0].text
    assert "BERHENTI" in stage.fake.sent[0].text
    assert not stage.fake.called("sendMessage")


async def test_another_process_uses_the_id_that_the_first_one_got(stage: Stage) -> None:
    key = await started(stage, 3)
    await stage.go_on()
    await restarted(stage)
    await stage.people(3, first=4)
    again = await stage.campaign(name="lagi", content={"image": PICTURE.sha256})
    await stage.start(again)
    await stage.go_on()
    assert await stage.states(key) == {"accepted": 3}
    assert await stage.states(again) == {"accepted": 6}
    assert len(stage.fake.uploads) == 1


async def test_an_id_that_telegram_does_not_know_any_more_is_uploaded_anew_once(stage: Stage) -> None:
    await started(stage, 3)
    await stage.go_on()
    stage.fake.files.clear()
    again = await stage.campaign(name="lagi", content={"image": PICTURE.sha256})
    await stage.start(again)
    await stage.go_on()
    assert await stage.states(again) == {"accepted": 3}
    assert len(stage.fake.uploads) == 2


async def test_a_picture_that_telegram_refuses_pauses_the_announcement_with_the_reason(stage: Stage) -> None:
    stage.fake.fail(40, method="sendPhoto", status=400, description="Bad Request: IMAGE_PROCESS_FAILED")
    await started(stage, 40)
    await stage.go_on()
    campaign = await stage.database.read(partial(campaigns.get, campaign_id=1))
    assert campaign["state"] == "paused"
    assert "IMAGE_PROCESS_FAILED" in campaign["paused_why"]
    assert (await stage.states())["failed"] > 0
    notes = await stage.database.read(channel_notes.unseen)
    assert [note["text"] for note in notes if "does not take the picture" in note["text"]]
    assert not stage.fake.sent


@pytest.mark.parametrize("fault", [{"status": 500}, {"kind": "html", "status": 502}])
async def test_a_broken_upload_is_tried_again_and_nobody_is_lost(stage: Stage, fault: dict[str, object]) -> None:
    stage.fake.fail(2, method="sendPhoto", **fault)
    await started(stage, 5)
    await stage.go_on()
    stage.now = stage.now.replace(minute=30)
    await stage.go_on()
    assert stage.got() == dict.fromkeys(range(1, 6), 1)
    assert await stage.states() == {"accepted": 5}
    assert len(stage.fake.uploads) == 1


async def test_an_upload_cut_on_the_way_is_unknown_for_its_one_recipient(stage: Stage) -> None:
    """The upload is that person's message, and nobody knows whether it came: as with every cut send."""
    stage.fake.fail(1, method="sendPhoto", kind="cut_after")
    await started(stage, 5)
    await stage.go_on()
    assert stage.got() == dict.fromkeys(range(1, 6), 1)
    assert await stage.states() == {"accepted": 4, "unknown": 1}
    assert len(stage.fake.uploads) == 2


async def test_the_first_ones_who_have_blocked_us_hold_nobody_up(stage: Stage) -> None:
    await stage.people(5)
    for number in (1, 2, 3):
        stage.fake.people[number].blocked = True
    await stage.start(await stage.campaign(content={"image": PICTURE.sha256}))
    await stage.go_on()
    assert stage.got() == {4: 1, 5: 1}
    assert len(stage.fake.uploads) == 1


async def test_killed_before_the_id_was_written_down_costs_one_more_upload(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as killed:
        killed.setattr(pictures, "keep_upload", lambda *_args, **_more: 1 / 0)
        await started(stage, 4)
        await stage.go_on()
    await restarted(stage)
    for name in ("lagi", "terus"):
        await stage.start(await stage.campaign(name=name, content={"image": PICTURE.sha256}))
    await stage.go_on()
    assert stage.got() == dict.fromkeys(range(1, 5), 3)
    assert len(stage.fake.uploads) == 2


async def test_without_the_picture_the_text_leaves_alone(stage: Stage) -> None:
    await started(stage, 3)
    await stage.database.write(lambda c: c.execute(pictures.pictures.delete()))
    await stage.go_on()
    assert await stage.states() == {"accepted": 3}
    assert not stage.fake.called("sendPhoto")
    assert "Halo Kak Siti." in stage.fake.sent[0].text


async def test_the_ledger_counts_as_without_a_picture(stage: Stage) -> None:
    await started(stage, 3, words=["info"])
    await stage.go_on()
    assert await stage.database.read(partial(ledger.counts, campaign_id=1)) == {"accepted": 3}
    assert await stage.state() == "done"
