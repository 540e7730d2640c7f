"""A picture by WhatsApp: uploaded once and named by its id, the words as its caption; faults, expiry, closed windows."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest

from bot import picture_files
from bot.channel import Accepted, Down, Failed, Outcome, Retry, Throttled
from bot.whatsapp.send import WhatsAppChannel
from handlers.messages import Option, Reply, Template
from storage import campaigns, ledger, pictures
from storage.schema import chats
from tests.bot.test_broadcast import add_chats
from tests.bot.whatsapp.sending.conftest import SITI, SOURCE, Rig
from tests.bot.whatsapp.sending.test_broadcast import CONTENT, announced, sent, spoken  # noqa: F401 - a fixture
from tests.fakes.pictures import drawn

PICTURE = picture_files.shrunk(drawn(1600, 900))
WITH_PICTURE = {"text": CONTENT["text"], "image": PICTURE.sha256}


@pytest.fixture
async def pictured(rig: Rig) -> Rig:
    """The picture is in the database, and the windows are open."""
    await rig.database.write(partial(pictures.add, picture=PICTURE, author="operator:a", now=rig.clock.now))
    rig.fake.limits.on = False
    return rig


async def say(rig: Rig, text: str = "Halo", *, key: int = 1, **more: object) -> Outcome:
    return await rig.channel.send(f"+{SITI}", Reply(text=text, image=PICTURE.sha256, **more), lane=1, key=key)


def another_process(rig: Rig) -> None:
    rig.channel = WhatsAppChannel(rig.settings, rig.database, rig.catalogue, clock=rig.clock, now=rig.clock.of)


async def crowd(rig: Rig, count: int) -> None:
    """People with open windows."""
    await rig.database.write(partial(add_chats, source=SOURCE, zone="WIB", first=1, count=count))

    def open_windows(connection) -> None:
        until = rig.clock.now + timedelta(hours=20)
        for number in range(1, count + 1):
            phone = f"62812000{number:05d}"
            rig.fake.person(phone).written = rig.clock()
            change = chats.update().where(chats.c.id == number)
            connection.execute(change.values(address=f"+{phone}", window_until=until))

    await rig.database.write(open_windows)


async def test_everybody_gets_it_with_the_words_below_after_one_upload(pictured: Rig) -> None:
    await crowd(pictured, 40)
    key = await announced(pictured, WITH_PICTURE)
    for _ in range(4):  # the account's pace
        found = await sent(pictured, key)
        pictured.clock.later(seconds=1)
    assert sum(found.values()) == 40
    assert set(found) <= {"accepted", "delivered", "read"}
    assert [upload.data for upload in pictured.fake.uploads.values()] == [PICTURE.jpeg]
    assert len(pictured.fake.sent) == 40
    assert {one.picture for one in pictured.fake.sent} == set(pictured.fake.uploads)
    assert pictured.fake.sent[0].text.startswith("Halo Kak Siti. Jadwal layanan berubah.")


async def test_another_process_uses_the_same_upload_until_its_days_are_over(pictured: Rig) -> None:
    await say(pictured)
    await pictured.channel.close()
    another_process(pictured)
    pictured.clock.later(days=28)
    pictured.siti.written = pictured.clock()
    assert isinstance(await say(pictured, key=2), Accepted)
    assert len(pictured.fake.uploads) == 1
    pictured.clock.later(days=1)
    pictured.siti.written = pictured.clock()
    assert isinstance(await say(pictured, key=3), Accepted)
    assert len(pictured.fake.uploads) == 2


async def test_outside_the_window_the_template_goes_alone(spoken: Rig) -> None:  # noqa: F811
    await spoken.database.write(partial(pictures.add, picture=PICTURE, author="operator:a", now=spoken.clock.now))
    spoken.clock.later(hours=25)
    await sent(spoken, await announced(spoken, {**CONTENT, **WITH_PICTURE}))
    assert spoken.siti.inbox[-1].request["type"] == "template"
    assert not spoken.fake.uploads


async def test_a_chosen_template_asks_for_no_picture(pictured: Rig) -> None:
    await pictured.approve()
    template = Template(name="reminder_draft", language="id", values={"operator": "Dinas"})
    await say(pictured, template=template)
    assert not pictured.fake.uploads


async def test_words_that_are_too_long_or_have_options_follow_the_picture(pictured: Rig) -> None:
    text = "a" * 1025
    assert isinstance(await say(pictured, text), Accepted)
    assert isinstance(await say(pictured, "b" * 1024, key=2), Accepted)
    options = (Option(label="Ya", action="answer:ya"),)
    assert isinstance(await say(pictured, "Mau?", key=3, version=1, options=options), Accepted)
    shown = [(bool(one.picture), one.text) for one in pictured.siti.inbox]
    assert shown == [(True, ""), (False, text), (True, "b" * 1024), (True, ""), (False, "Mau?")]


async def test_a_retry_goes_on_behind_the_picture_that_was_taken(pictured: Rig) -> None:
    text = "a" * 1025
    await say(pictured, "Halo")
    send_one = pictured.channel._send_one

    async def picture_alone(address, body, key, picture):
        return await send_one(address, body, key, picture) if "image" in body else Retry("later")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pictured.channel, "_send_one", picture_alone)
        assert isinstance(await say(pictured, text, key=2), Retry)
    assert isinstance(await say(pictured, text, key=2), Accepted)
    assert [bool(one.picture) for one in pictured.siti.inbox] == [True, True, False]


@pytest.mark.parametrize(
    "fault", [{"code": 131000}, {"code": 131053}, {"kind": "cut_before"}, {"kind": "cut_after"}, {"kind": "html"}]
)
async def test_a_broken_upload_is_tried_again_and_nobody_got_anything(pictured: Rig, fault: dict[str, object]) -> None:
    pictured.fake.fail(1, path="media", **fault)
    assert isinstance(await say(pictured), Retry)
    assert not pictured.siti.inbox
    assert isinstance(await say(pictured), Accepted)


@pytest.mark.parametrize(("code", "meaning"), [(190, Down), (80007, Throttled), (100, Failed)])
async def test_what_else_an_upload_may_be_told(pictured: Rig, code: int, meaning: type) -> None:
    pictured.fake.fail(1, path="media", code=code)
    found = await say(pictured)
    assert isinstance(found, meaning)
    if isinstance(found, Failed):
        assert "does not take the picture" in found.note


@pytest.mark.parametrize("code", [100, 131009, 131052, 131053])
async def test_a_refusal_that_may_be_the_pictures_uploads_it_anew_at_once(pictured: Rig, code: int) -> None:
    await say(pictured)
    pictured.fake.fail(1, code=code)
    assert isinstance(await say(pictured, key=2), Accepted)
    assert len(pictured.fake.uploads) == 2


async def test_an_upload_that_meta_has_lost_is_made_anew(pictured: Rig) -> None:
    await say(pictured)
    pictured.fake.uploads = {name: one for name, one in pictured.fake.uploads.items() if not one.data}
    assert isinstance(await say(pictured, key=2), Accepted)
    assert len(pictured.siti.inbox) == 2


@pytest.mark.parametrize(("code", "meaning"), [(100, Failed), (131009, Failed), (131052, Retry), (131053, Retry)])
async def test_refused_with_a_fresh_upload_it_means_what_the_table_says(
    pictured: Rig, code: int, meaning: type
) -> None:
    pictured.fake.fail(2, code=code)
    found = await say(pictured)
    assert isinstance(found, meaning)
    assert not isinstance(found, Failed) or found.note


async def test_other_refusals_keep_the_upload(pictured: Rig) -> None:
    await say(pictured)
    pictured.fake.fail(1, code=130472)
    assert isinstance(await say(pictured, key=2), Failed)
    assert isinstance(await say(pictured, key=3), Accepted)
    assert len(pictured.fake.uploads) == 1


async def test_a_failure_that_is_told_late_sends_anew_with_another_upload(pictured: Rig) -> None:
    await crowd(pictured, 1)
    pictured.fake.late |= {131053}
    pictured.fake.fail_later(131053, "Media upload error")
    key = await announced(pictured, WITH_PICTURE)
    await sent(pictured, key)
    assert len(pictured.fake.uploads) == 1
    pictured.clock.later(seconds=31)
    await sent(pictured, key)
    assert len(pictured.fake.uploads) == 2
    assert [bool(one.failure) for one in pictured.fake.sent] == [True, False]
    found = await pictured.database.read(partial(ledger.counts, campaign_id=key))
    assert set(found) <= {"accepted", "delivered", "read"}


async def test_a_picture_that_meta_does_not_take_pauses_the_announcement(pictured: Rig) -> None:
    await crowd(pictured, 30)
    pictured.fake.fail(60, path="media", code=100, details="Param file must be a file")
    key = await announced(pictured, WITH_PICTURE)
    await sent(pictured, key)
    campaign = await pictured.database.read(partial(campaigns.get, campaign_id=key))
    assert campaign["state"] == "paused"
    assert "Param file" in campaign["paused_why"]
    assert not pictured.fake.sent


async def test_a_picture_that_is_gone_leaves_the_words(pictured: Rig) -> None:
    await pictured.database.write(lambda c: c.execute(pictures.pictures.delete()))
    assert isinstance(await say(pictured), Accepted)
    assert [(one.picture, one.text) for one in pictured.siti.inbox] == [("", "Halo")]
