"""Announcements from the command's functions to the fake Bot API server: everyone once, exactly stopped, every row explained."""

from __future__ import annotations

import asyncio
import functools
import random
import ssl
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import Connection, select, update

from bot import campaign_start
from bot.broadcast import Broadcast, Rules
from bot.channel import Accepted
from bot.sender import Sender
from bot.telegram.send import TelegramChannel
from bot.wake import Wake
from handlers import announcement, catalogue
from handlers.messages import Reply
from storage import (
    audience,
    campaign_run,
    campaigns,
    chats,
    deliveries,
    ledger,
    outbox,
    outcomes,
    privacy,
    schema,
    subscriptions,
)
from storage.database import Database
from storage.schema import campaign_recipients
from tests.fakes.telegram import TOKEN, FakeTelegram, serve

NOON = datetime(2026, 11, 24, 5, 0, tzinfo=UTC)  # 12.00 WIB
PEOPLE = 150


@pytest.fixture(scope="module", autouse=True)
def _one_tls_context():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ssl, "create_default_context", functools.cache(ssl.create_default_context))
        yield


@pytest.fixture
async def fake() -> AsyncIterator[FakeTelegram]:
    async with serve() as server:
        yield server


class Stage:
    """A database with people on Telegram, a sender, and the loop that feeds it, at a time of its own."""

    def __init__(self, database: Database, fake: FakeTelegram, **rules: float) -> None:
        self.database, self.fake, self.now = database, fake, NOON
        self.channel = TelegramChannel(TOKEN, api=fake.base, rate=0, database=database)
        self.source = f"telegram:{self.channel.account}"
        self.rules = Rules(**{"ramp_minutes": 0, **rules})
        self.restart()

    def restart(self) -> None:
        """As another process would begin: nothing is remembered but the database."""
        wake = Wake(self.database)
        clock = lambda _: self.now  # noqa: E731
        rates = {self.source: 0.0}
        self.loop = Broadcast(self.database, rates, catalogue.load, wake, rules=self.rules, clock=clock)
        self.sender = Sender(self.database, self.channel, wake, clock=clock)

    async def people(self, count: int = PEOPLE, *, zone: str = "WIB", first: int = 1) -> None:
        for number in range(first, first + count):
            self.fake.person(number)
        await self.database.write(partial(add_chats, source=self.source, zone=zone, first=first, count=count))

    async def campaign(self, text: str = "Halo {sapaan}.", **values) -> int:
        content = announcement.read({"text": text, **values.pop("content", {})})
        row = {"name": "uji", "content": content, "audience": {"filter": {}}, "sources": [self.source], **values}
        return await self.database.write(partial(campaigns.create, values=row, actor="operator:a", now=self.now))

    async def start(self, key: int) -> int:
        def work(connection: Connection) -> int:
            row = campaigns.get(connection, key)
            return campaign_start.go(connection, row, approval_from=1000, actor="operator:a", now=self.now)

        return await self.database.write(work)

    async def go_on(self, *, rounds: int = 40) -> None:
        """Feeds and sends until nothing moves."""
        for _ in range(rounds):
            before = await self.states(), len(self.fake.sent)
            await self.loop.step()
            await self.sender.drain()
            await self.loop.step()
            if (await self.states(), len(self.fake.sent)) == before:
                return

    async def states(self, key: int = 1) -> dict[str, int]:
        return await self.database.read(partial(ledger.counts, campaign_id=key))

    async def rows(self, key: int = 1) -> list:
        where = campaign_recipients.c.campaign_id == key
        return await self.database.read(lambda c: list(c.execute(select(campaign_recipients).where(where)).mappings()))

    async def state(self, key: int = 1) -> str:
        return (await self.database.read(partial(campaigns.get, campaign_id=key)))["state"]

    def got(self) -> Counter[int]:
        return Counter(sent.chat for sent in self.fake.sent)


def add_chats(connection: Connection, *, source: str, zone: str, first: int, count: int) -> None:
    channel, _, account = source.partition(":")
    rows = [
        {"id": number, "channel": channel, "account": account, "address": str(number), "name": "Siti Aminah"}
        | {"zone": zone, "created_at": NOON, "seen_at": NOON}
        for number in range(first, first + count)
    ]
    connection.execute(schema.chats.insert(), rows)
    connection.execute(schema.conversations.insert(), [{"chat_id": row["id"], "updated_at": NOON} for row in rows])


@pytest.fixture
async def stage(database: Database, fake: FakeTelegram) -> AsyncIterator[Stage]:
    made = Stage(database, fake)
    yield made
    await made.channel.close()


async def test_everybody_gets_it_once_and_the_campaign_ends_with_every_row_explained(stage: Stage) -> None:
    await stage.people()
    key = await stage.campaign()
    assert await stage.start(key) == PEOPLE
    await stage.go_on()
    assert stage.got() == dict.fromkeys(range(1, PEOPLE + 1), 1)
    assert await stage.states() == {"accepted": PEOPLE}
    assert await stage.state() == "done"
    assert "Halo Kak Siti." in stage.fake.sent[0].text
    assert "BERHENTI" in stage.fake.sent[0].text
    logged = select(schema.messages.c.author).where(schema.messages.c.chat_id == 1)
    assert await stage.database.read(lambda c: list(c.execute(logged).scalars())) == ["campaign:1"]


@pytest.mark.parametrize("seed", range(3))
async def test_paused_at_a_random_row_and_resumed_log_and_ledger_agree_row_by_row(stage: Stage, seed: int) -> None:
    chance = random.Random(seed)
    await stage.people()
    key = await stage.campaign()
    await stage.start(key)
    await stage.loop.step()
    for _ in range(chance.randrange(1, 3)):
        await stage.sender.claim_and_start()
    await stage.database.write(partial(campaign_run.pause, campaign_id=key, actor="operator:a", now=NOON))
    await stage.sender.drain()
    await stage.loop.step()
    sent = set(stage.got())
    assert 0 < len(sent) < PEOPLE
    assert {row["chat_id"] for row in await stage.rows() if row["state"] == "accepted"} == sent
    assert await stage.states() == {"pending": PEOPLE - len(sent), "accepted": len(sent)}
    stage.restart()
    await stage.go_on()
    assert set(stage.got()) == sent  # paused stays paused over a restart
    await stage.database.write(partial(campaign_run.resume, campaign_id=key, actor="operator:a", now=NOON))
    await stage.go_on()
    assert stage.got() == dict.fromkeys(range(1, PEOPLE + 1), 1)
    assert await stage.states() == {"accepted": PEOPLE}


async def test_cancelled_in_the_middle_the_rest_is_cancelled_and_gets_nothing(stage: Stage) -> None:
    await stage.people()
    key = await stage.campaign()
    await stage.start(key)
    await stage.loop.step()
    await stage.sender.claim_and_start()
    await stage.database.write(partial(campaign_run.cancel, campaign_id=key, actor="operator:a", now=NOON))
    await stage.go_on()
    sent = len(stage.got())
    assert 0 < sent < PEOPLE
    assert await stage.states() == {"accepted": sent, "cancelled": PEOPLE - sent}


async def test_a_sender_that_died_leaves_unknown_rows_that_only_a_human_decides(stage: Stage) -> None:
    await stage.people(10)
    key = await stage.campaign()
    await stage.start(key)
    await stage.loop.step()
    claimed = stage.sender._claim
    await stage.database.write(partial(claimed, 4))
    stage.restart()
    stage.now = NOON + timedelta(minutes=2)
    await stage.database.write(partial(outcomes.recover, now=stage.now))
    await stage.go_on()
    assert await stage.states() == {"accepted": 6, "unknown": 4}
    assert await stage.state() == "done"
    retry = partial(
        campaign_run.retry, campaign_id=key, state="unknown", reason=None, actor="operator:a", now=stage.now
    )
    assert await stage.database.write(retry) == 4
    await stage.go_on()
    assert stage.got() == dict.fromkeys(range(1, 11), 1)
    assert await stage.states() == {"accepted": 10}


async def test_a_stop_counts_at_once_in_the_ledger(stage: Stage) -> None:
    await stage.people(3)
    key = await stage.campaign()
    await stage.database.write(partial(subscriptions.stop, chat_id=1, now=NOON))
    await stage.start(key)
    await stage.database.write(partial(subscriptions.stop, chat_id=2, now=NOON))
    assert {row["chat_id"]: (row["state"], row["reason"]) for row in await stage.rows()} == {
        1: ("skipped", "opted_out"),
        2: ("skipped", "stopped by the person"),
        3: ("pending", None),
    }
    await stage.loop.step()
    await stage.database.write(partial(subscriptions.stop, chat_id=3, now=NOON))
    await stage.go_on()
    assert stage.got() == {}
    assert await stage.states() == {"skipped": 3}


async def test_a_stop_of_a_topic_ends_what_waits_of_it(stage: Stage) -> None:
    await stage.people(2)
    for topic in ("gelombang", "insentif"):
        subscribe = partial(subscriptions.subscribe, topic=topic, wording="x", now=NOON)
        await stage.database.write(partial(subscribe, chat_id=1))
    key = await stage.campaign(topic="gelombang")
    await stage.start(key)
    await stage.loop.step()
    await stage.database.write(
        partial(subscriptions.stop_some, chat_id=1, now=NOON, named=["gelombang"], left=["insentif"])
    )
    await stage.go_on()
    assert stage.got() == {}
    assert {row["reason"] for row in await stage.rows()} == {"stopped by the person", "not_subscribed"}


async def test_blocked_people_are_named_and_too_many_of_them_pause_it(stage: Stage) -> None:
    await stage.people(100)
    for number in range(1, 101, 2):
        stage.fake.person(number).blocks()
    key = await stage.campaign()
    await stage.start(key)
    await stage.go_on()
    found = await stage.states()
    assert await stage.state() == "paused"
    assert sum(found.values()) == 100
    row = await stage.database.read(partial(campaigns.get, campaign_id=key))
    assert "people who had left" in row["paused_why"]
    assert {row["reason"].partition(":")[0] for row in await stage.rows() if row["state"] == "failed"} == {"gone"}


async def test_nobody_is_woken_and_what_the_evening_cut_off_goes_on_in_the_morning(stage: Stage) -> None:
    await stage.people(5, zone="WIB")
    await stage.people(5, zone="WIT", first=11)
    key = await stage.campaign()
    stage.now = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)  # 19.30 WIB, 21.30 WIT
    await stage.start(key)
    await stage.loop.step()
    stage.now += timedelta(hours=1)  # the way out was blocked until 20.30 WIB
    await stage.go_on()
    assert stage.got() == {}
    assert await stage.states() == {"pending": 10}
    stage.now = datetime(2026, 11, 24, 23, 30, tzinfo=UTC)  # 06.30 WIB, 08.30 WIT
    await stage.go_on()
    assert set(stage.got()) == set(range(11, 16))
    stage.now = datetime(2026, 11, 25, 1, 30, tzinfo=UTC)
    await stage.go_on()
    assert await stage.states() == {"accepted": 10}
    assert await stage.state() == "done"


async def test_while_an_agent_speaks_the_row_is_held_and_goes_afterwards(stage: Stage) -> None:
    await stage.people(2)
    await stage.database.write(partial(chats.take_over, chat_id=1, owner="agent:1", now=NOON))
    key = await stage.campaign()
    await stage.start(key)
    await stage.go_on()
    assert await stage.states() == {"held": 1, "accepted": 1}
    assert await stage.state() == "running"
    await stage.database.write(partial(chats.take_over, chat_id=1, owner="bot", now=NOON))
    await stage.go_on()
    assert await stage.states() == {"accepted": 2}


async def test_one_person_with_two_chats_gets_it_in_one(stage: Stage) -> None:
    await stage.people(2)

    def link(connection: Connection) -> None:
        person = connection.execute(
            schema.participants.insert()
            .values(record_key="1", name="Contoh", membership="active", wave=70, as_of=NOON, imported_at=NOON)
            .returning(schema.participants.c.id)
        ).scalar_one()
        for chat in (1, 2):
            row = {"chat_id": chat, "participant_id": person, "level": "2", "method": "x", "created_at": NOON}
            connection.execute(schema.links.insert().values(row))
        later = update(schema.chats).where(schema.chats.c.id == 2).values(seen_at=NOON + timedelta(hours=1))
        connection.execute(later)

    await stage.database.write(link)
    key = await stage.campaign("Gelombang {gelombang}.", audience={"filter": {"wave": [70, 71]}})
    await stage.start(key)
    await stage.go_on()
    assert stage.got() == {2: 1}
    assert {row["chat_id"]: row["reason"] for row in await stage.rows()} == {1: "other_chat", 2: None}


async def test_a_number_that_belongs_to_a_record_makes_one_person_of_two_chats(database: Database) -> None:
    """One chat is linked to the record, the other one only has the same vouched number."""
    rows = []
    for first, source in ((1, "telegram:1"), (2, "sms:2"), (3, "sms:2")):
        await database.write(partial(add_chats, source=source, zone="WIB", first=first, count=1))
    phones = {1: "+6281234567890", 2: "+6281234567890", 3: "+6281234567893"}

    def known(connection: Connection) -> None:
        person = connection.execute(
            schema.participants.insert()
            .values(record_key="1", name="Contoh", membership="active", wave=70, as_of=NOON, imported_at=NOON)
            .returning(schema.participants.c.id)
        ).scalar_one()
        link = {"chat_id": 1, "participant_id": person, "level": "2", "method": "x", "created_at": NOON}
        connection.execute(schema.links.insert().values(link))
        for chat, phone in phones.items():
            row = {"chat_id": chat, "kind": "phone", "value": phone, "vouched": True}
            connection.execute(schema.identities.insert().values(**row, first_seen=NOON, last_seen=NOON))
            subscriptions.subscribe(connection, chat_id=chat, topic="semua", wording="x", now=NOON)
        for preferred in (["telegram:1", "sms:2"], ["sms:2", "telegram:1"]):
            chosen = audience.Selection(tree={}, sources=preferred)
            found = audience.people(chosen, NOON)
            rows.append({row.chat_id: row.reason for row in connection.execute(select(found))})

    await database.write(known)
    assert rows == [{1: None, 2: "other_chat", 3: None}, {1: "other_chat", 2: None, 3: None}]


async def test_a_stop_in_one_chat_is_no_invitation_into_another(stage: Stage) -> None:
    """Two chats with one vouched number each; the second person has asked for news in the chat where no stop was said."""
    await stage.people(4)

    def known(connection: Connection) -> list[str | None]:
        for chat in (1, 2, 3, 4):
            row = {"chat_id": chat, "kind": "phone", "value": f"+62812000000{chat % 2}", "vouched": True}
            connection.execute(schema.identities.insert().values(**row, first_seen=NOON, last_seen=NOON))
        for chat in (1, 2):
            subscriptions.stop(connection, chat_id=chat, now=NOON)
        subscriptions.subscribe(connection, chat_id=4, topic="semua", wording="x", now=NOON)
        (source,) = connection.execute(
            select(schema.chats.c.channel + ":" + schema.chats.c.account).distinct()
        ).scalars()
        found = audience.people(audience.Selection(tree={}, sources=[source, "sms:2"]), NOON)
        return [row.reason for row in connection.execute(select(found).order_by(found.c.chat_id))]

    assert await stage.database.write(known) == ["opted_out", "opted_out", "opted_out", None]


@pytest.mark.parametrize("why", ["left", "no_channel"])
async def test_a_stop_counts_also_in_a_chat_that_is_left_out_for_another_reason(stage: Stage, why: str) -> None:
    await stage.people(2)
    chats = schema.chats.c

    def known(connection: Connection) -> list[str | None]:
        source = connection.execute(select(chats.channel + ":" + chats.account).where(chats.id == 2)).scalar_one()
        for chat in (1, 2):
            row = {"chat_id": chat, "kind": "phone", "value": "+628120000001", "vouched": True}
            connection.execute(schema.identities.insert().values(**row, first_seen=NOON, last_seen=NOON))
        subscriptions.stop(connection, chat_id=1, now=NOON)
        away = {"stopped_at": NOON} if why == "left" else {"account": "another"}
        connection.execute(update(schema.chats).where(chats.id == 1).values(**away))
        found = audience.people(audience.Selection(tree={}, sources=[source, "sms:2"]), NOON)
        return [row.reason for row in connection.execute(select(found).order_by(found.c.chat_id))]

    assert await stage.database.write(known) == [why, "opted_out"]


async def test_a_failed_row_is_tried_again_by_its_reason(stage: Stage) -> None:
    await stage.people(4)
    stage.fake.fail(times=2, status=400, description="Bad Request: something odd")
    key = await stage.campaign()
    await stage.start(key)
    await stage.go_on()
    assert await stage.states() == {"accepted": 2, "failed": 2}
    retry = partial(campaign_run.retry, campaign_id=key, state="failed", actor="operator:a", now=NOON)
    assert await stage.database.write(partial(retry, reason="another")) == 0
    assert await stage.database.write(partial(retry, reason="Bad Request")) == 2
    await stage.go_on()
    assert await stage.states() == {"accepted": 4}


async def test_one_put_down_for_later_begins_then_and_its_next_time_is_put_down(stage: Stage) -> None:
    await stage.people(2)
    at = NOON + timedelta(minutes=30)
    key = await stage.campaign(state="scheduled", starts_at=at, repeat="weekly")
    await stage.go_on()
    assert stage.got() == {}
    stage.now = at + timedelta(minutes=1)
    await stage.loop.step()
    await stage.go_on()
    assert stage.got() == {1: 1, 2: 1}
    assert await stage.state(key) == "done"
    following = await stage.database.read(partial(campaigns.get, campaign_id=key + 1))
    assert (following["state"], following["starts_at"]) == ("scheduled", at + timedelta(days=7))
    assert following["name"] == "uji 2026-12-01"


async def test_one_that_may_not_begin_by_itself_is_a_draft_again_and_says_why(stage: Stage) -> None:
    key = await stage.campaign(state="scheduled", starts_at=NOON)
    await stage.loop.step()
    assert await stage.state(key) == "draft"
    told = await stage.database.read(partial(campaigns.acts, campaign_id=key))
    assert told[-1]["note"] == "nobody would get it"


async def test_what_is_over_is_not_sent_any_more(stage: Stage) -> None:
    await stage.people(3)
    key = await stage.campaign(valid_until=NOON + timedelta(hours=1))
    await stage.start(key)
    stage.now = NOON + timedelta(hours=2)
    await stage.go_on()
    assert stage.got() == {}
    assert {row["reason"] for row in await stage.rows()} == {ledger.EXPIRED}
    assert await stage.state(key) == "done"


async def test_a_report_that_comes_late_still_counts_and_a_rank_never_falls(stage: Stage) -> None:
    await stage.people(2)
    key = await stage.campaign()
    await stage.start(key)
    await stage.go_on()
    sent = {row["chat_id"]: row["outbox_id"] for row in await stage.rows()}

    async def told(chat: int, delivery: str) -> None:
        report = deliveries.Report(platform_id=f"p{chat}", key=sent[chat], delivery=delivery, at=NOON)
        await stage.database.write(partial(deliveries.record, source=stage.source, reports=[report], now=NOON))

    await told(1, "read")
    await told(1, "delivered")
    await told(2, "failed")
    assert await stage.states(key) == {"read": 1, "failed": 1}


async def test_two_loops_at_once_still_write_each_row_once(stage: Stage) -> None:
    await stage.people()
    key = await stage.campaign()
    await stage.start(key)
    other = Broadcast(
        stage.database,
        {stage.source: 0.0},
        catalogue.load,
        Wake(stage.database),
        rules=stage.rules,
        clock=lambda _: stage.now,
    )
    await asyncio.gather(*(loop.step() for loop in (stage.loop, other, stage.loop, other)))
    await stage.go_on()
    assert stage.got() == dict.fromkeys(range(1, PEOPLE + 1), 1)


async def test_who_is_erased_in_the_middle_leaves_no_trace_but_a_row_that_says_so(stage: Stage) -> None:
    await stage.people(3)
    key = await stage.campaign()
    await stage.start(key)
    await stage.database.write(partial(privacy.erase_whole, chat_id=1, now=NOON))
    await stage.loop.step()
    await stage.database.write(partial(privacy.erase_whole, chat_id=2, now=NOON))
    await stage.go_on()
    assert stage.got() == {3: 1}
    assert await stage.states(key) == {"accepted": 1, "skipped": 2}
    assert {row["reason"] for row in await stage.rows() if row["state"] == "skipped"} == {"erased"}
    assert {row["chat_id"] for row in await stage.rows()} == {None, 3}


async def test_announcements_leave_evenly_and_replies_pass_them(database: Database) -> None:
    left: list[tuple[int, float]] = []

    class Recorded:
        name, account, rate = "telegram", "1", 40.0

        async def send(self, address: str, reply: Reply, *, lane: int, key: int) -> Accepted:
            left.append((lane, asyncio.get_running_loop().time()))
            return Accepted(str(key))

    def fill(connection: Connection) -> None:
        add_chats(connection, source="telegram:1", zone="WIB", first=1, count=9)
        common = {"source": "telegram:1", "payload": Reply(text="x").to_json(), "owner_version": 0}
        drafts = [
            outbox.Draft(chat_id=n, lane=int(n < 8), expires_at=NOON + timedelta(hours=1), **common)
            for n in range(1, 10)
        ]
        outbox.enqueue(connection, drafts, NOON)

    await database.write(fill)
    moments = iter(NOON + timedelta(seconds=tick) for tick in range(100))
    sender = Sender(database, Recorded(), Wake(database), clock=lambda _: next(moments))
    while await sender.drain():
        pass
    assert [lane for lane, _ in left[:2]] == [0, 0]
    announced = [moment for lane, moment in left if lane]
    assert len(announced) == 7
    assert announced[-1] - announced[0] >= 6 / 40 - 0.02
