"""From phone to phone: the person writes, the webhook stores, the worker answers, the sender sends, the statuses come back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, select

from bot import proactive
from bot.whatsapp import tier
from handlers.messages import Reply, Template
from storage import chats, schema, subscriptions
from storage.database import Database
from tests.bot.whatsapp.sending.conftest import NUMBER_ID, SOURCE, Clock, Rig, rigged
from tests.fakes.whatsapp import ACCOUNT_ID, FakeWhatsApp

QUESTION = "incentive_when: kapan cair"
DRAFT = Reply(text="Isian Kakak belum selesai.", template=Template(name="reminder_draft"))


async def write_first(rig: Rig, reply: Reply = DRAFT) -> None:
    """A reminder for Siti, as the loops make it."""

    def work(connection: Connection) -> None:
        row = (
            connection.execute(
                select(
                    schema.chats.c.id.label("chat_id"),
                    schema.chats.c.channel,
                    schema.chats.c.account,
                    schema.chats.c.zone,
                    schema.conversations.c.owner,
                    schema.conversations.c.owner_version,
                ).join(schema.conversations, schema.conversations.c.chat_id == schema.chats.c.id)
            )
            .mappings()
            .first()
        )
        assert row is not None
        assert proactive.send(connection, row, reply, rig.clock.now, author="reminder") == 1

    await rig.database.write(work)


def fails_later(rig: Rig, code: int) -> None:
    """The next message is taken, and a status tells of the fault."""
    rig.fake.late |= {code}
    rig.fake.fail_later(code)


async def states(rig: Rig) -> list[tuple[Any, ...]]:
    return await rig.rows(schema.outbox, "state", "reason")


async def notes(rig: Rig) -> list[str]:
    return [text for (text,) in await rig.rows(schema.channel_notes, "text")]


async def test_a_question_is_answered_in_one_bubble_and_its_delivery_is_known(rig: Rig) -> None:
    asked = rig.siti.says(QUESTION)
    await rig.settle()
    await rig.marks()
    assert len(rig.siti.inbox) == 1
    assert rig.siti.inbox[0].buttons
    assert rig.fake.read_marks == [(asked["id"], True)]
    assert await rig.rows(schema.outbox, "state", "delivery", "platform_id") == [
        ("accepted", "read", rig.siti.inbox[0].id)
    ]


async def test_who_is_speaking_and_the_answer_are_one_bubble(rig: Rig) -> None:
    from bot import effects
    from handlers.messages import state_from_json

    # within the rig's own patch: the fixture of pytest would be undone after it, and leave the rig's behind
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(effects, "state_from_json", state_from_json)
        rig.siti.says(QUESTION)
        await rig.settle()
    (text,) = rig.texts
    assert text.startswith("Saya Pandu")
    assert "\n\n" in text


async def test_a_tap_counts_once_and_an_old_one_shows_the_present(rig: Rig) -> None:
    rig.siti.says(QUESTION)
    await rig.settle()
    first = rig.siti.inbox[0]
    rig.siti.taps(first, 1)
    await rig.settle()
    assert len(rig.siti.inbox) == 2
    rig.siti.taps(first, 1)  # the same button again
    await rig.settle()
    assert len(rig.siti.inbox) == 2
    rig.siti.taps(first, 2)  # another one, of a dialogue that has gone on
    await rig.settle()
    assert rig.texts[-1].startswith("Tombol itu dari pesan lama")


async def test_while_an_agent_owns_the_chat_the_bot_neither_reads_nor_types(rig: Rig) -> None:
    rig.siti.says(QUESTION)
    await rig.settle()
    await rig.marks()
    await rig.database.write(lambda c: chats.take_over(c, 1, owner="agent:1", now=rig.clock.now))
    rig.siti.says("masih di sini")
    await rig.settle()
    await rig.marks()
    assert len(rig.fake.read_marks) == 1


async def test_a_read_mark_that_fails_harms_nobody(rig: Rig) -> None:
    rig.fake.webhook.hold = True
    rig.siti.says(QUESTION)
    rig.fake.fail(code=131009)  # hits the read mark: nothing else is sent before it
    rig.fake.webhook.flush()
    await rig.fake.webhook.settled()
    await rig.marks()
    rig.fake.webhook.hold = False
    await rig.settle()
    assert len(rig.siti.inbox) == 1
    assert rig.fake.read_marks == []


# -- the window -------------------------------------------------------------------------------------------------------


async def test_inside_the_window_a_reminder_is_text(rig: Rig) -> None:
    await rig.approve()
    rig.siti.says(QUESTION)
    await rig.settle()
    rig.clock.later(hours=5)
    await write_first(rig)
    await rig.settle()
    assert rig.siti.inbox[-1].request["type"] == "text"
    assert (await rig.rows(schema.outbox, "template"))[-1] == (None,)


async def test_outside_the_window_a_reminder_is_its_template(rig: Rig) -> None:
    await rig.approve()
    rig.siti.says(QUESTION)
    await rig.settle()
    rig.clock.later(hours=25)
    await write_first(rig)
    await rig.settle()
    last = rig.siti.inbox[-1]
    assert last.request["type"] == "template"
    assert last.text.startswith("Halo Kak, ini asisten otomatis milik Dinas Contoh.")
    row = (await rig.rows(schema.outbox, "state", "template", "delivery"))[-1]
    assert row == ("accepted", "reminder_draft", "read")
    assert await rig.rows(schema.charges, "category", "messages", "billable") == [
        ("service", 1, 0),
        ("utility", 1, 1),
    ]


@pytest.mark.parametrize(
    ("event", "words"),
    [(None, "is not at Meta"), ("PAUSED", "is paused"), ("REJECTED", "is rejected"), ("PENDING", "is pending")],
)
async def test_without_an_approved_template_it_waits_and_expires_with_its_reason(
    rig: Rig, event: str | None, words: str
) -> None:
    if event:
        await rig.approve()
        rig.fake.templates["reminder_draft", "id"].status = event
        await rig.channel.sync()
    rig.siti.says(QUESTION)
    await rig.settle()
    rig.clock.later(hours=25)
    await write_first(rig)
    await rig.settle()
    state, reason = (await states(rig))[-1]
    assert state == "held"
    assert words in reason
    assert len(rig.siti.inbox) == 1
    assert [words in text for text in await notes(rig)] == [True]
    rig.clock.later(hours=7)
    from storage import holding

    assert await rig.database.write(lambda c: holding.expire(c, now=rig.clock.now, limit=10)) == 1
    assert (await states(rig))[-1] == ("expired", reason)


async def test_what_is_held_goes_when_the_person_writes(rig: Rig) -> None:
    rig.siti.says(QUESTION)
    await rig.settle()
    rig.clock.later(hours=25)
    await write_first(rig)
    await rig.settle()
    rig.clock.later(hours=1)
    rig.siti.says(QUESTION)
    await rig.settle()
    assert DRAFT.text in rig.texts
    assert [state for state, _ in await states(rig)] == ["accepted"] * 3


async def test_an_answer_that_comes_after_the_window_waits_and_says_which_day_it_is_for(rig: Rig) -> None:
    rig.fake.webhook.hold = True
    rig.siti.says(QUESTION)
    rig.clock.later(hours=30)  # we were away for so long
    rig.fake.webhook.hold = False
    rig.fake.webhook.flush()
    await rig.settle()
    assert rig.siti.inbox == []
    ((state, reason),) = await states(rig)
    assert (state, reason) == ("held", "waits: the window is closed and there is no template for it")
    rig.clock.later(days=2)
    rig.siti.says("goodbye: dadah")
    await rig.settle()
    late, fresh = rig.texts
    assert late.startswith("Pesan Kakak tanggal 15 Jan 2026 baru kami terima.")
    assert "tanggal" not in fresh


async def test_meta_says_later_that_the_window_was_closed(rig: Rig) -> None:
    """Our clock said open, Meta's said closed: the reply waits, a reminder becomes its template."""
    await rig.approve()
    rig.siti.says(QUESTION)
    rig.fake.fail_later(131047)
    await rig.settle()
    assert [state for state, _ in await states(rig)] == ["failed", "held"]
    await write_first(rig)
    await rig.settle()
    assert rig.siti.inbox[-1].request["type"] == "template"
    rig.siti.says("greet: halo")
    await rig.settle()
    assert [state for state, _ in await states(rig)] == ["failed", "accepted", "accepted", "accepted"]
    assert len(rig.siti.inbox) == 3


async def test_what_the_person_has_written_since_keeps_the_window_open(rig: Rig) -> None:
    """A status about an older message comes after a newer one of the person's."""
    rig.siti.says(QUESTION)
    await rig.settle()
    rig.clock.later(hours=23)
    await write_first(rig)
    rig.fake.webhook.hold = True
    rig.fake.fail_later(131047)
    await rig.sender.drain()
    late, rig.fake.webhook.waiting = rig.fake.webhook.waiting, []
    rig.fake.webhook.hold = False
    rig.clock.later(minutes=1)
    rig.siti.says("greet: halo")
    await rig.settle()
    rig.fake.webhook.waiting = late
    rig.fake.webhook.flush()
    await rig.settle()
    assert await rig.rows(schema.chats, "window_until") == [(rig.clock.now + timedelta(hours=24),)]
    assert [state for state, _ in await states(rig)] == ["accepted", "failed", "accepted", "accepted"]


# -- failures that are told later -------------------------------------------------------------------------------------


async def test_a_passing_fault_told_later_is_tried_again_under_a_new_key(rig: Rig) -> None:
    rig.siti.says(QUESTION)
    fails_later(rig, 131000)
    await rig.settle()
    assert [state for state, _ in await states(rig)] == ["failed", "pending"]
    rig.clock.later(seconds=31)
    await rig.settle()
    assert [state for state, _ in await states(rig)] == ["failed", "accepted"]
    assert len(rig.siti.inbox) == 1


async def test_faults_told_later_end(rig: Rig) -> None:
    rig.siti.says(QUESTION)
    for _ in range(9):
        fails_later(rig, 131000)
    for _ in range(9):
        await rig.settle()
        rig.clock.later(seconds=31)
    assert [state for state, _ in await states(rig)] == ["failed"] * 4
    assert rig.siti.inbox == []


async def test_who_is_not_on_whatsapp_is_left_alone_until_they_write(rig: Rig) -> None:
    rig.siti.says(QUESTION)
    rig.fake.fail_later(131026)
    await rig.settle()
    ((state, reason),) = await states(rig)
    assert state == "failed"
    assert reason.startswith("131026")
    assert await rig.rows(schema.chats, "stopped_at") != [(None,)]
    rig.siti.says("greet: halo")
    await rig.settle()
    assert await rig.rows(schema.chats, "stopped_at") == [(None,)]
    assert len(rig.siti.inbox) == 1


async def test_who_stopped_marketing_gets_nothing_unasked(rig: Rig) -> None:
    rig.siti.says(QUESTION)
    await rig.settle()
    await rig.database.write(lambda c: subscriptions.subscribe(c, 1, "insentif", wording="w", now=rig.clock.now))
    rig.fake.fail_later(131050)
    await write_first(rig)
    await rig.settle()
    assert await rig.database.read(lambda c: subscriptions.stopped(c, 1))
    assert await rig.rows(schema.chats, "stopped_at") == [(None,)]  # answers, and an agent's words, still reach them


async def test_an_account_that_is_down_is_said_once_a_day_and_loses_nothing(rig: Rig) -> None:
    rig.siti.says(QUESTION)
    fails_later(rig, 131042)
    await rig.settle()
    rig.clock.later(seconds=31)
    rig.fake.fail(2, code=131042)
    await rig.settle()
    rig.clock.later(seconds=31)
    await rig.settle()
    rig.clock.later(seconds=31)
    await rig.settle()
    assert len(rig.siti.inbox) == 1
    (told,) = await notes(rig)
    assert "payment" in told


async def test_spam_limit_stops_announcements_and_not_replies(rig: Rig) -> None:
    rig.siti.says(QUESTION)
    await rig.settle()
    rig.fake.fail(code=131048)
    await write_first(rig)
    await rig.settle()
    rig.siti.says("greet: halo")
    await rig.settle()
    assert len(rig.siti.inbox) == 2
    assert (await states(rig))[1] == ("pending", "throttled (lane)")
    assert any("spam" in text for text in await notes(rig))


async def test_a_report_repeated_by_meta_sends_nothing_twice(rig: Rig) -> None:
    rig.fake.webhook.twice = True
    rig.siti.says(QUESTION)
    fails_later(rig, 131000)
    await rig.settle()
    rig.clock.later(seconds=31)
    await rig.settle()
    assert len(rig.siti.inbox) == 1
    assert [state for state, _ in await states(rig)] == ["failed", "accepted"]


# -- money and limits -------------------------------------------------------------------------------------------------


async def test_at_80_percent_operators_are_warned_and_at_the_cap_only_replies_go(
    database: Database, fake: FakeWhatsApp, clock: Clock
) -> None:
    from storage import charges

    async with rigged(database, fake, clock, whatsapp_monthly_cap=1.0) as rig:
        await rig.approve()
        rig.siti.says(QUESTION)
        await rig.settle()

        async def spend(count: int) -> None:
            await rig.database.write(
                lambda c: charges.add(c, SOURCE, category="utility", at=clock.now, messages=count, billable=count)
            )
            clock.later(seconds=3)

        await spend(32)  # 32 × 0.025 = 0.80
        await write_first(rig)
        await rig.settle()
        assert len(rig.siti.inbox) == 2
        assert ["80%" in text for text in await notes(rig)] == [True]
        await spend(8)
        await write_first(rig)
        rig.siti.says("greet: halo")
        await rig.settle()
        assert len(rig.siti.inbox) == 3
        assert (await states(rig))[2] == ("held", "waits: the monthly cap is reached")
        assert "cap is reached" in (await notes(rig))[1]
        clock.later(days=17)  # another month
        await write_first(rig)
        await rig.settle()
        assert len(rig.siti.inbox) == 4


async def test_the_days_limit_of_people_makes_the_next_wait(rig: Rig) -> None:
    await rig.approve()
    rig.siti.says(QUESTION)
    budi = rig.fake.person("6281200000008", "Budi")
    budi.says(QUESTION)
    await rig.settle()
    rig.clock.later(hours=25)
    await rig.database.write(lambda c: tier.keep(c, ACCOUNT_ID, "1", rig.clock.now))

    def both(connection: Connection) -> None:
        for chat_id in (1, 2):
            row = {"chat_id": chat_id, "channel": "whatsapp", "account": NUMBER_ID, "zone": None}
            proactive.send(
                connection, {**row, "owner": "bot", "owner_version": 0}, DRAFT, rig.clock.now, author="reminder"
            )

    await rig.database.write(both)
    await rig.settle()
    assert [state for state, _ in await states(rig)] == ["accepted", "accepted", "accepted", "pending"]
    assert (await states(rig))[-1][1] == "the day's limit of people is reached"
    await rig.database.write(lambda c: tier.keep(c, ACCOUNT_ID, "TIER_2K", rig.clock.now))
    rig.clock.later(minutes=11)
    await rig.settle()
    assert [state for state, _ in await states(rig)] == ["accepted"] * 4


async def test_the_limit_comes_from_meta(rig: Rig) -> None:
    assert await rig.database.read(lambda c: tier.limit(c, ACCOUNT_ID)) == 250
    rig.fake.limits.tier = "TIER_10K"
    await rig.channel.sync()
    assert await rig.database.read(lambda c: tier.limit(c, ACCOUNT_ID)) == 10_000
    assert [tier.read(word) for word in ("TIER_UNLIMITED", "TIER_250", "2000", "", None, "TIER_NEW")] == [
        1_000_000_000,
        250,
        2_000,
        None,
        None,
        None,
    ]


async def test_while_an_agent_owns_the_chat_a_template_waits_too(rig: Rig) -> None:
    await rig.approve()
    rig.siti.says(QUESTION)
    await rig.settle()
    rig.clock.later(hours=25)
    await rig.database.write(lambda c: chats.take_over(c, 1, owner="agent:1", now=rig.clock.now))
    await write_first(rig)
    await rig.settle()
    assert (await states(rig))[-1] == ("held", None)
    await rig.database.write(lambda c: chats.take_over(c, 1, owner="bot", now=rig.clock.now))
    await rig.settle()
    assert rig.siti.inbox[-1].request["type"] == "template"
