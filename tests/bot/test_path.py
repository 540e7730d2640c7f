"""The path of a message from end to end: an event goes in, a send comes out; what dies in between loses and repeats nothing."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import select, text

from bot import effects, metrics, sender
from bot.channel import Accepted, Down, Failed, Gone, Outcome, Retry, Throttled, Unavailable, Unknown
from bot.effects import Parts
from bot.receiver import Receiver, clean
from bot.sender import Sender
from bot.terminal.session import Recorder
from bot.wake import Wake
from bot.worker import LEASE, Worker
from handlers import catalogue
from handlers.messages import Inbound, Kind, state_from_json
from handlers.turn import Policy
from storage import chats, claims, dead_letters, inbox, outbox, schema
from storage.database import Database
from tests.bot.engines import StubEngine
from tests.conftest import NOW


class Bench:
    """One of each part over a database, with a clock that tests move."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.now = NOW
        self.engine = StubEngine()
        self.parts = Parts(engine=self.engine, catalogue=catalogue.load(), policy=Policy(), new_id=lambda n: "7" * n)
        wake = Wake(database)
        self.channel = ScriptedChannel()
        self.receiver = Receiver(database, wake, clock=self.clock)
        self.worker = Worker(database, self.parts, wake, clock=self.clock)
        self.sender = Sender(database, self.channel, wake, clock=self.clock, chance=random.Random(1))

    def clock(self, connection: object) -> datetime:
        return self.now

    def later(self, **time: float) -> None:
        self.now += timedelta(**time)

    async def hears(self, words: str, event_id: str, *, chat: str = "a", **values: object) -> None:
        made = {"kind": Kind.TEXT, "sent_at": self.now, **values}
        event = Inbound(channel="web", account="w", chat=chat, sender=chat, event_id=event_id, text=words, **made)  # type: ignore[arg-type]
        await self.receiver.receive([event])

    async def settle(self) -> None:
        while await self.worker.run_once() or await self.sender.drain():
            pass

    @property
    def said(self) -> list[str]:
        return [reply.text for _, reply in self.channel.sent]

    async def rows(self, table, *columns: str):
        chosen = [table.c[name] for name in columns]
        return await self.database.read(
            lambda c: [tuple(row) for row in c.execute(select(*chosen).order_by(table.c.id))]
        )


class ScriptedChannel(Recorder):
    """A recorder that answers with the outcomes it is given, then accepts."""

    def __init__(self) -> None:
        super().__init__("web", "w")
        self.outcomes: list[Outcome] = []
        self.before_send: Callable[[], None] = lambda: None

    async def send(self, address, reply, *, lane: int, key: int) -> Outcome:
        self.before_send()
        outcome = self.outcomes.pop(0) if self.outcomes else Accepted(str(key))
        if isinstance(outcome, Accepted):
            self.sent.append((address, reply))
        return outcome


@contextmanager
def greeted() -> Iterator[None]:
    """Everybody has been told already who is speaking, so that an answer is one message."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(effects, "state_from_json", lambda data: replace(state_from_json(data), greeted=True))
        yield


@pytest.fixture
def bench(database: Database) -> Iterator[Bench]:
    with greeted():
        yield Bench(database)


async def test_who_is_speaking_is_said_before_the_first_answer(database: Database) -> None:
    bench = Bench(database)
    for number in ("1", "2"):
        await bench.hears("incentive_when: kapan cair", number)
        await bench.settle()
    assert ["Saya Pandu" in words for words in bench.said] == [True, False, False]


async def test_a_message_is_answered_once(bench: Bench) -> None:
    await bench.hears("incentive_when: kapan cair", "1")
    await bench.hears("incentive_when: kapan cair", "1")
    await bench.settle()
    assert len(bench.said) == 1
    assert await bench.rows(schema.inbox, "state") == [("done",)]
    assert await bench.rows(schema.outbox, "state") == [("accepted",)]
    log = await bench.rows(schema.messages, "author", "intent", "handler", "model")
    assert log == [("person", "incentive_when", "incentive_when", "stub"), ("bot", None, "incentive_when", None)]


async def test_messages_found_together_are_one_turn(bench: Bench) -> None:
    await bench.hears("incentive_when: kapan", "1")
    await bench.hears("cair kak", "2")
    await bench.settle()
    assert bench.engine.parsed == ["incentive_when: kapan\ncair kak"]
    assert len(bench.said) == 1


async def test_more_than_twenty_unread_events_are_answered_once(bench: Bench) -> None:
    for number in range(25):
        await bench.hears(f"pesan {number}", str(number))
    await bench.settle()
    assert len(bench.said) == 1
    assert bench.parts.catalogue.texts["burst"] in bench.said[0]
    assert len([1 for (state,) in await bench.rows(schema.inbox, "state") if state == "done"]) == 25


async def test_a_crash_before_the_commit_leaves_no_trace(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    await bench.hears("incentive_when: kapan", "1")
    real = claims.complete

    def dies(*args: object, **kwargs: object) -> None:
        real(*args, **kwargs)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    monkeypatch.setattr(claims, "complete", dies)
    with pytest.raises(KeyboardInterrupt):
        await bench.worker.run_once()
    monkeypatch.undo()
    assert await bench.rows(schema.outbox, "id") == []
    assert await bench.worker.run_once() == 0
    bench.later(seconds=LEASE.total_seconds() + 1)
    await bench.settle()
    assert len(bench.said) == 1


async def test_a_worker_that_lost_its_lease_changes_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    await bench.hears("incentive_when: kapan", "1")
    other = Worker(bench.database, bench.parts, Wake(bench.database), clock=bench.clock)
    claimed, now = await bench.database.write(partial(bench.worker._claim, "slow"))
    bench.later(seconds=LEASE.total_seconds() + 1)
    assert await other.run_once() == 1
    from bot.effects import prepare

    with pytest.raises(claims.Fenced):
        await bench.worker._effects("slow", [prepare(claim, bench.parts, now) for claim in claimed])
    await bench.settle()
    assert len(bench.said) == 1


async def test_a_poisoned_chat_does_not_stop_its_batch_and_ends_as_a_dead_letter(bench: Bench) -> None:
    await bench.hears("boom", "1", chat="sick")
    await bench.hears("incentive_when: kapan", "2", chat="well")
    await bench.settle()
    assert len(bench.said) == 1
    for _ in range(4):
        bench.later(seconds=60)
        await bench.settle()
    assert sorted(await bench.rows(schema.inbox, "event_id", "state")) == [("1", "dead"), ("2", "done")]
    assert bench.said[-1] == bench.parts.catalogue.texts["dead_letter"]
    assert len(bench.said) == 2
    await bench.hears("incentive_when: lagi", "3", chat="sick")
    await bench.settle()
    assert len(bench.said) == 3


async def test_only_the_guilty_event_is_given_up(bench: Bench) -> None:
    await bench.hears("boom", "1", kind=Kind.EDITED)
    await bench.hears("incentive_when: kapan", "2")
    for _ in range(4):
        await bench.settle()
        bench.later(seconds=60)
    assert await bench.rows(schema.inbox, "event_id", "state") == [("1", "dead"), ("2", "done")]
    assert len(bench.said) == 2


async def test_a_dead_letter_can_be_replayed(bench: Bench) -> None:
    await bench.hears("boom", "1")
    for _ in range(4):
        await bench.settle()
        bench.later(seconds=60)
    (dead,) = await bench.database.read(dead_letters.troubled)
    bench.engine.broken = False
    assert await bench.database.write(partial(dead_letters.replay, event_id=dead["id"], now=bench.now))
    await bench.settle()
    assert await bench.rows(schema.inbox, "state") == [("done",)]
    assert len(bench.said) == 2


async def test_an_outage_of_the_database_is_said_and_nothing_is_acknowledged(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlalchemy.exc import OperationalError

    async def away(work: object) -> None:
        raise OperationalError("x", {}, Exception("connection refused"))

    monkeypatch.setattr(bench.database, "write", away)
    with pytest.raises(Unavailable):
        await bench.hears("halo", "1")
    monkeypatch.undo()
    await bench.hears("halo", "1")
    await bench.settle()
    assert len(bench.said) == 1


async def test_one_bad_event_of_a_group_is_kept_as_rejected(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    real = inbox.insert

    def picky(connection: object, events: Sequence[inbox.Event], now: datetime):
        if any("tolak" in str(event.payload) for event in events):
            raise ValueError("unstorable")
        return real(connection, events, now)  # type: ignore[arg-type]

    monkeypatch.setattr(inbox, "insert", picky)
    await asyncio.gather(
        bench.hears("halo", "1", chat="a"), bench.hears("tolak", "2", chat="b"), bench.hears("halo", "3", chat="c")
    )
    await bench.settle()
    assert sorted(await bench.rows(schema.inbox, "event_id", "state")) == [
        ("1", "done"),
        ("2", "rejected"),
        ("3", "done"),
    ]
    assert len(bench.said) == 2


async def test_concurrent_events_share_a_transaction(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    writes = 0
    real = bench.database.write

    async def counted(work):
        nonlocal writes
        writes += 1
        return await real(work)

    monkeypatch.setattr(bench.database, "write", counted)
    await asyncio.gather(*(bench.hears("halo", str(i), chat=str(i)) for i in range(50)))
    assert writes <= 3


@pytest.mark.parametrize(
    ("words", "kept"),
    [("a\x00b", "ab"), ("x\ud800y", "xy"), ("z" * 10_000, "z" * 4_096), ("", ""), ("🙂🙂", "🙂🙂"), ("مرحبا", "مرحبا")],
)
async def test_unstorable_text_is_cleaned_and_answered(bench: Bench, words: str, kept: str) -> None:
    await bench.hears(words, "1")
    await bench.settle()
    (payload,) = (row[0] for row in await bench.rows(schema.inbox, "payload"))
    assert payload["text"] == kept
    assert len(bench.said) == 1


async def test_an_identity_number_reaches_no_table(bench: Bench) -> None:
    await bench.hears("nik saya 3273 0112 0399 0001 ya", "1")
    await bench.hears("32730112", "2", chat="b")
    await bench.hears("03990001", "3", chat="b")
    await bench.settle()
    digits = "3273011203990001"
    for table in (schema.inbox, schema.messages, schema.outbox):
        dump = str(await bench.database.read(lambda c, table=table: c.execute(select(table)).all())).replace(" ", "")
        assert digits not in dump
        assert "03990001" not in dump
    assert all("sembunyikan" in words for words in bench.said)


# -- the sender's table of outcomes ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcome", "state", "wait"),
    [
        (Throttled(5, "chat"), "pending", 5),
        (Throttled(5, "account"), "pending", 5),
        (Retry("503"), "pending", 3),
        (Unknown("cut"), "pending", 3),
        (Down("401"), "pending", 31),
    ],
)
async def test_passing_faults_are_tried_again(bench: Bench, outcome: Outcome, state: str, wait: float) -> None:
    bench.channel.outcomes = [outcome]
    await bench.hears("incentive_when: kapan", "1")
    await bench.settle()
    assert await bench.rows(schema.outbox, "state") == [(state,)]
    assert bench.said == []
    bench.later(seconds=wait)
    await bench.sender.drain()
    assert len(bench.said) == 1


async def test_throttling_is_no_attempt(bench: Bench) -> None:
    bench.channel.outcomes = [Throttled(1, "chat")] * 3
    await bench.hears("incentive_when: kapan", "1")
    await bench.settle()
    for _ in range(3):
        bench.later(seconds=2)
        await bench.sender.drain()
    assert await bench.rows(schema.outbox, "state", "attempts") == [("accepted", 1)]


async def test_what_cannot_be_sent_ends_with_its_reason_and_the_next_goes_on(bench: Bench) -> None:
    bench.channel.outcomes = [Failed("400 bad text")]
    await bench.hears("incentive_when: kapan", "1")
    await bench.settle()
    await bench.hears("incentive_when: lagi", "2")
    await bench.settle()
    assert await bench.rows(schema.outbox, "state", "reason") == [("failed", "400 bad text"), ("accepted", None)]


async def test_who_blocked_us_is_left_alone(bench: Bench) -> None:
    bench.channel.outcomes = [Gone("403 blocked")]
    await bench.hears("incentive_when: kapan", "1")
    await bench.settle()
    chat = await bench.database.read(lambda c: chats.find(c, "web", "w", "a"))
    assert chat["stopped_at"] == NOW


async def test_a_broadcast_that_was_cut_is_not_repeated(bench: Bench) -> None:
    await bench.hears("halo", "1")
    await bench.settle()
    chat = await bench.database.read(lambda c: chats.find(c, "web", "w", "a"))
    draft = outbox.Draft(
        chat_id=chat["id"],
        source="web:w",
        payload={"text": "kabar"},
        owner_version=0,
        expires_at=NOW + timedelta(days=1),
        lane=1,
        author="campaign:1",
    )
    await bench.database.write(partial(outbox.enqueue, drafts=[draft], now=NOW))
    bench.channel.outcomes = [Unknown("cut")]
    await bench.sender.drain()
    bench.later(hours=1)
    await bench.sender.drain()
    assert (await bench.rows(schema.outbox, "state"))[-1] == ("unknown",)
    assert "kabar" not in bench.said


async def test_a_takeover_between_claim_and_send_stops_the_bot(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    await bench.hears("incentive_when: kapan", "1")
    await bench.worker.run_once()
    chat = await bench.database.read(lambda c: chats.find(c, "web", "w", "a"))
    real = bench.sender._claim

    def claim_then_taken(room: int, connection):
        found = real(room, connection)
        if found[0]:
            chats.take_over(connection, chat["id"], owner="agent:1", now=bench.now)
        return found

    monkeypatch.setattr(bench.sender, "_claim", claim_then_taken)
    monkeypatch.setattr(sender, "_CHECKED_SECONDS", -1.0)  # the process slept between claim and send
    await bench.sender.drain()
    assert bench.said == []
    assert await bench.rows(schema.outbox, "state", "reason") == [("cancelled", "owner changed")]


async def test_while_an_agent_owns_the_chat_the_bot_is_silent_and_everything_is_kept(bench: Bench) -> None:
    await bench.hears("halo", "1")
    await bench.settle()
    chat = await bench.database.read(lambda c: chats.find(c, "web", "w", "a"))
    await bench.database.write(partial(chats.take_over, chat_id=chat["id"], owner="agent:1", now=NOW))
    await bench.hears("incentive_when: kapan", "2")
    await bench.settle()
    assert len(bench.said) == 1
    log = await bench.database.read(partial(chats.transcript, chat_id=chat["id"]))
    assert log[-1]["author"] == "person"


async def test_metrics_count_what_happened(bench: Bench) -> None:
    before = dict(metrics.sends.values)
    await bench.hears("halo", "1")
    await bench.settle()
    key = ("web", "accepted")
    assert metrics.sends.values[key] == before.get(key, 0) + 1
    assert 'pandu_sends_total{channel="web",outcome="accepted"}' in metrics.render({})


def test_cleaning_is_idempotent() -> None:
    event = Inbound(
        channel="web",
        account="w",
        chat="a",
        sender="a",
        event_id="1",
        kind=Kind.TEXT,
        sent_at=NOW,
        text="nik 3273011203990001",
    )
    once = clean(event)
    assert clean(once) == once
    assert "nik" in once.masked
    assert replace(once, text="", masked=()) == replace(event, text="", masked=())


async def test_the_log_names_no_number(capsys: pytest.CaptureFixture[str]) -> None:
    import structlog

    from bot import logs

    logs.configure(as_json=True)
    secrets = [
        "3273011203990001",
        "081234567890",
        "budi@example.com",
        "123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw",
        "rahasia123",
    ]
    structlog.get_logger().info(
        "x",
        nik=secrets[0],
        nested={"phone": [secrets[1]]},
        mail=secrets[2],
        url=f"https://api.telegram.org/bot{secrets[3]}/x",
        db=f"postgresql://u:{secrets[4]}@h/d",
    )
    printed = capsys.readouterr().err
    structlog.reset_defaults()
    assert printed
    assert not [secret for secret in secrets if secret in printed]


async def test_text_of_sql_stays_text(bench: Bench) -> None:
    await bench.hears("'); DROP TABLE chats; --", "1")
    await bench.settle()
    assert await bench.database.read(lambda c: c.execute(text("SELECT count(*) FROM chats")).scalar_one()) == 1


@pytest.mark.parametrize(
    ("author", "words", "state"),
    [
        ("agent:1", "daftar di bit.ly/abc", "failed"),
        ("campaign:1", "buka https://prakerja-daftar.com/x", "failed"),
        ("agent:1", "lihat www.prakerja.go.id", "accepted"),
        ("agent:1", "tulis ke info@prakerja.go.id", "accepted"),
    ],
)
async def test_people_are_sent_only_to_allowed_hosts(bench: Bench, author: str, words: str, state: str) -> None:
    await bench.hears("halo", "1")
    await bench.settle()
    chat = await bench.database.read(lambda c: chats.find(c, "web", "w", "a"))
    draft = outbox.Draft(
        chat_id=chat["id"],
        source="web:w",
        payload={"text": words},
        owner_version=0,
        expires_at=NOW + timedelta(days=1),
        author=author,
    )
    await bench.database.write(partial(outbox.enqueue, drafts=[draft], now=NOW))
    await bench.sender.drain()
    assert (await bench.rows(schema.outbox, "state"))[-1] == (state,)


async def test_what_the_bot_repeats_never_becomes_a_link(bench: Bench) -> None:
    from handlers.links import defanged

    assert (
        defanged("Alamat prakerja-daftar.com palsu, yang resmi www.prakerja.go.id")
        == "Alamat prakerja-daftar(.)com palsu, yang resmi www.prakerja.go.id"
    )
    assert defanged("https://x.go.id.evil.com/a?b") == "https:(//)x(.)go(.)id(.)evil(.)com/a?b"
    assert defanged("https://a@bad.com https://prakerja.go.id") == "https:(//)a@bad(.)com https://prakerja.go.id"


async def test_who_comes_back_is_answered_again(bench: Bench) -> None:
    bench.channel.outcomes = [Gone("403 blocked")]
    await bench.hears("incentive_when: kapan", "1")
    await bench.settle()
    await bench.hears("", "2", kind=Kind.RESUMED)
    await bench.hears("incentive_when: lagi", "3")
    await bench.settle()
    assert len(bench.said) == 1


async def test_who_left_is_noted(bench: Bench) -> None:
    await bench.hears("halo", "1")
    await bench.hears("", "2", kind=Kind.STOPPED)
    await bench.settle()
    chat = await bench.database.read(lambda c: chats.find(c, "web", "w", "a"))
    assert chat["stopped_at"] == NOW


async def test_an_event_that_kills_its_worker_again_and_again_is_given_up(bench: Bench) -> None:
    await bench.hears("incentive_when: kapan", "1")
    for _ in range(5):
        await bench.database.write(partial(bench.worker._claim, "killed"))
        bench.later(seconds=LEASE.total_seconds() + 1)
    await bench.settle()
    assert await bench.rows(schema.inbox, "state") == [("dead",)]
    assert bench.said == [bench.parts.catalogue.texts["dead_letter"]]


async def test_a_handler_that_breaks_the_database_does_not_starve_its_neighbours(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlalchemy.exc import OperationalError

    from handlers import dialogue

    real = dialogue.respond

    def broken(turn):
        if "rusak" in turn.text:
            raise OperationalError("x", {}, Exception("no such column"))
        return real(turn)

    monkeypatch.setattr(dialogue, "respond", broken)
    await bench.hears("rusak", "1", chat="sick")
    await bench.hears("incentive_when: kapan", "2", chat="well")
    for _ in range(8):
        with suppress(OperationalError):
            await bench.settle()
        bench.later(seconds=5)
    assert sorted(await bench.rows(schema.inbox, "event_id", "state")) == [("1", "dead"), ("2", "done")]


async def test_behind_a_long_queue_a_person_may_finish_writing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where answers cannot leave at once, messages of a few seconds are gathered into one answer."""
    monkeypatch.setattr("bot.worker._BACKLOG", 1)
    await bench.hears("halo", "1", chat="other")
    assert await bench.worker.run_once() == 1  # its answer waits to be sent
    bench.worker._look_at = 0.0
    await bench.hears("insentif saya", "2")
    assert await bench.worker.run_once() == 0
    bench.later(seconds=4)
    await bench.hears("belum cair", "3")
    assert await bench.worker.run_once() == 0
    bench.later(seconds=3)
    assert await bench.worker.run_once() == 1
    assert bench.engine.parsed[-1] == "insentif saya\nbelum cair"
    await bench.sender.drain()
    bench.worker._look_at = 0.0
    await bench.hears("terima kasih", "4")
    assert await bench.worker.run_once() == 1  # nobody waits any more: at once


async def test_a_burst_still_hears_danger_taps_and_numbers(bench: Bench) -> None:
    for number in range(21):
        await bench.hears(f"pesan {number}", str(number))
    await bench.hears("", "contact", kind=Kind.CONTACT, contact_phone="+6281200000000", contact_own=True)
    await bench.hears("saya mau bunuh diri", "danger")
    await bench.settle()
    chat = await bench.database.read(lambda c: chats.find(c, "web", "w", "a"))
    assert await bench.database.read(partial(chats.vouched_phone, chat_id=chat["id"])) == "+6281200000000"
    assert any("tidak sendirian" in words for words in bench.said)
    assert len([words for words in bench.said if bench.parts.catalogue.texts["burst"] in words]) == 1


def test_hostile_blanks_cost_nothing() -> None:
    import time

    from handlers import chosen, mid_form

    text = "otp" + " " * 4_000 + "x" + "\n" * 4_000 + "1" + "\t " * 4_000
    event = Inbound(
        channel="web", account="w", chat="a", sender="a", event_id="1", kind=Kind.TEXT, sent_at=NOW, text=text
    )
    start = time.perf_counter()
    cleaned = clean(event).text
    for pattern in (chosen.NUMBER, mid_form.CANCEL, mid_form.RESUME):
        pattern.match(cleaned * 20)
    assert time.perf_counter() - start < 0.5
    assert len(cleaned) < 20


@pytest.mark.parametrize("words", ["\x1b[2Jhalo", "ha\u202elo", "h\u200balo", "halo\x07"])
def test_controls_and_marks_of_direction_are_dropped(words: str) -> None:
    event = Inbound(
        channel="web", account="w", chat="a", sender="a", event_id="1", kind=Kind.TEXT, sent_at=NOW, text=words
    )
    assert clean(event).text in ("halo", "[2Jhalo")


def test_tricks_with_hosts_are_seen() -> None:
    from handlers.links import forbidden
    from nlu.entities.urls import judge

    for link in (
        "https://evil.com\\.prakerja.go.id",
        "https://evil.com;.prakerja.go.id",
        "https://evil.com%2f.prakerja.go.id",
        "https://evil.com\u2044.prakerja.go.id",
    ):
        assert forbidden(f"buka {link} ya"), link
        assert judge(link)["verdict"] not in ("official", "government"), link
