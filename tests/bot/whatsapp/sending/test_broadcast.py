"""An announcement by WhatsApp: free text inside the window, the approved template outside, and what Meta says of it later."""

from __future__ import annotations

from functools import partial

import pytest

from bot import campaign_start
from bot.broadcast import Broadcast, Rules
from handlers import announcement
from storage import campaign_run, campaigns, ledger, subscriptions
from tests.bot.whatsapp.sending.conftest import SOURCE, Rig
from tests.fakes.whatsapp import ACCOUNT_ID

CONTENT = {"text": "Halo {sapaan}. Jadwal layanan berubah.", "template": {"name": "reminder_draft"}}


async def announced(rig: Rig, content: dict[str, object], **values: object) -> int:
    def work(connection) -> int:
        row = {"name": "uji", "content": announcement.read(content), "audience": {"filter": {}}, "sources": [SOURCE]}
        key = campaigns.create(connection, {**row, **values}, actor="operator:a", now=rig.clock.now)
        made = campaigns.get(connection, key)
        campaign_start.go(connection, made, approval_from=1000, actor="operator:a", now=rig.clock.now)
        return key

    return await rig.database.write(work)


async def sent(rig: Rig, key: int) -> dict[str, int]:
    rules = Rules(ramp_minutes=0, account_id=ACCOUNT_ID)
    loop = Broadcast(rig.database, {SOURCE: 0.0}, lambda: rig.catalogue, rig.wake, rules=rules, clock=rig.clock.of)
    for _ in range(3):
        await loop.step()
        await rig.settle()
    return await rig.database.read(partial(ledger.counts, campaign_id=key))


@pytest.fixture
async def spoken(rig: Rig) -> Rig:
    """Siti has written today, and agreed to announcements."""
    await rig.approve()
    rig.siti.says("halo")
    await rig.settle()
    subscribe = partial(subscriptions.subscribe, chat_id=1, topic="semua", wording="x", now=rig.clock.now)
    await rig.database.write(subscribe)
    return rig


async def test_inside_the_window_it_is_free_text_and_read_when_the_person_has_read_it(spoken: Rig) -> None:
    key = await announced(spoken, CONTENT)
    await sent(spoken, key)
    assert spoken.texts[-1].startswith("Halo Kak")
    assert spoken.siti.inbox[-1].request["type"] != "template"
    found = await spoken.database.read(partial(ledger.counts, campaign_id=key))
    assert set(found) <= {"delivered", "read"}


async def test_outside_the_window_it_is_the_template(spoken: Rig) -> None:
    spoken.clock.later(hours=25)
    key = await announced(spoken, CONTENT)
    found = await sent(spoken, key)
    assert spoken.siti.inbox[-1].request["type"] == "template"
    assert sum(found.values()) == 1
    assert set(found) <= {"accepted", "delivered", "read"}


async def test_without_a_template_a_closed_window_is_a_reason_of_its_own(spoken: Rig) -> None:
    spoken.clock.later(hours=25)
    with pytest.raises(ValueError, match="nobody would get it"):
        await announced(spoken, {"text": "Halo {sapaan}."})


async def test_who_never_agreed_is_not_written_to_outside_the_window(spoken: Rig) -> None:
    await spoken.database.write(partial(subscriptions.stop, chat_id=1, now=spoken.clock.now))
    with pytest.raises(ValueError, match="nobody would get it"):
        await announced(spoken, CONTENT)


async def test_a_failure_that_meta_tells_later_is_in_the_ledger(spoken: Rig) -> None:
    spoken.fake.fail_later(131049)
    key = await announced(spoken, CONTENT)
    await sent(spoken, key)
    found = await spoken.database.read(partial(ledger.reasons, campaign_id=key))
    assert (found[0]["state"], found[0]["reason"][:6]) == ("failed", "131049")


async def judged(rig: Rig, status: str) -> None:
    """Meta has decided about the template, and we know it."""
    rig.fake.review("reminder_draft", status)
    await rig.channel.sync()


async def standing(rig: Rig, key: int) -> tuple[str, str]:
    """Its state, and why it has paused or could not begin."""
    found = await rig.database.read(partial(campaigns.get, campaign_id=key))
    acts = await rig.database.read(partial(campaigns.acts, campaign_id=key))
    return found["state"], found["paused_why"] or acts[-1]["note"] or ""


async def test_a_template_that_is_stopped_pauses_what_needs_it_and_again_after_a_resume(spoken: Rig) -> None:
    spoken.clock.later(hours=25)
    key = await announced(spoken, CONTENT)
    before = len(spoken.siti.inbox)
    await judged(spoken, "PAUSED")
    for _ in range(2):
        assert await sent(spoken, key) == {"pending": 1}
        state, why = await standing(spoken, key)
        assert state == "paused"
        assert "reminder_draft" in why
        spoken.clock.later(minutes=5)
        await spoken.database.write(
            partial(campaign_run.resume, campaign_id=key, actor="operator:a", now=spoken.clock.now)
        )
    await judged(spoken, "APPROVED")
    assert set(await sent(spoken, key)) <= {"accepted", "delivered", "read"}
    assert len(spoken.siti.inbox) == before + 1


async def test_one_put_down_for_later_does_not_begin_with_a_rejected_template(spoken: Rig) -> None:
    spoken.clock.later(hours=25)
    row = {"name": "nanti", "content": announcement.read(CONTENT), "audience": {"filter": {}}, "sources": [SOURCE]}
    row |= {"state": "scheduled", "starts_at": spoken.clock.now, "repeat": "daily"}
    key = await spoken.database.write(partial(campaigns.create, values=row, actor="operator:a", now=spoken.clock.now))
    await judged(spoken, "REJECTED")
    assert await sent(spoken, key) == {}
    state, why = await standing(spoken, key)
    assert state == "draft"
    assert "is rejected" in why
    assert len(await spoken.database.read(campaigns.all_of)) == 1, "its repetition waits for the mend"
