"""STOP through the front door while an announcement goes out: the person's row is skipped in the same transaction, on every channel."""

from __future__ import annotations

from functools import partial

import pytest
from sqlalchemy import Connection, func, select, update

from bot import app, campaign_start, settings
from bot.effects import BURST, Parts
from bot.receiver import Receiver
from bot.terminal.session import Session
from bot.wake import Wake
from handlers import announcement
from handlers.messages import Inbound, Kind
from storage import campaigns, ledger, schema, subscriptions
from storage.database import Database
from tests.conftest import NOW

DAY = 86_400  # seconds in which free text may go by WhatsApp
CHANNELS = ("terminal", "web", "telegram", "whatsapp", "sms")


@pytest.fixture(scope="module")
def parts() -> Parts:
    """Understanding and content, loaded once."""
    return app.parts(settings.load({"PANDU_SECRET_KEY": "stop test"}))


async def announced(database: Database, channel: str, topic: str | None = None) -> int:
    """An announcement that has begun to everybody of the channel, and of whom nobody was written to yet."""

    def work(connection: Connection) -> int:
        source = connection.execute(select(schema.chats.c.channel, schema.chats.c.account)).first()
        assert source is not None
        assert source.channel == channel
        content = announcement.read({"text": "Halo {sapaan}."})
        earlier = connection.execute(select(func.count()).select_from(schema.campaigns)).scalar_one()
        row = {"name": f"uji {earlier}", "content": content, "audience": {"filter": {}}, "topic": topic}
        row["sources"] = [f"{source.channel}:{source.account}"]
        key = campaigns.create(connection, row, actor="operator:a", now=NOW)
        made = campaigns.get(connection, key)
        assert campaign_start.go(connection, made, approval_from=1000, actor="operator:a", now=NOW) == 1
        return key

    return await database.write(work)


async def ends(database: Database, key: int) -> list[tuple[str, str | None]]:
    told = await database.read(partial(ledger.reasons, campaign_id=key))
    return [(row["state"], row["reason"]) for row in told]


@pytest.mark.parametrize("word", ["STOP", "brhenti dong", "s t o p", "jangan kirim pesan lagi"])
@pytest.mark.parametrize("channel", CHANNELS)
async def test_a_running_announcement_skips_them_at_once(
    sqlite: Database, parts: Parts, channel: str, word: str
) -> None:
    session = Session(sqlite, parts, channel=channel, now=NOW)
    await session.say("kabari gelombang", window=DAY)
    key = await announced(sqlite, channel)
    said = await session.say(word)
    assert "Sudah berhenti, Kak" in said[-1].text
    assert await ends(sqlite, key) == [("skipped", "stopped by the person")]
    assert await session.say("berapa insentif prakerja")  # their own questions go on


async def test_a_stop_of_one_topic_skips_its_announcements_alone(database: Database, parts: Parts) -> None:
    session = Session(database, parts, channel="telegram", now=NOW)
    await session.say("kabari semua")
    of_topic, of_another = [await announced(database, "telegram", topic) for topic in ("gelombang", "pelatihan")]
    await session.say("stop info gelombang")
    assert await ends(database, of_topic) == [("skipped", "stopped by the person")]
    assert await ends(database, of_another) == [("pending", None)]


@pytest.mark.parametrize("text", ["kenapa insentif saya stop?", "cara berhenti kerja", "kapan berhenti daftar"])
async def test_a_question_about_stopping_skips_nobody(sqlite: Database, parts: Parts, text: str) -> None:
    session = Session(sqlite, parts, channel="telegram", now=NOW)
    await session.say("kabari gelombang")
    key = await announced(sqlite, "telegram")
    await session.say(text)
    assert await ends(sqlite, key) == [("pending", None)]


async def test_a_stop_among_other_lines_counts_and_the_rest_is_answered(database: Database, parts: Parts) -> None:
    session = Session(database, parts, channel="telegram", now=NOW)
    await session.say("kabari gelombang")
    key = await announced(database, "telegram")
    said = await session.say("STOP\nberapa insentif prakerja")
    assert await ends(database, key) == [("skipped", "stopped by the person")]
    assert "Sudah berhenti, Kak" in said[0].text
    assert "Besar insentif" in [option.label for option in said[-1].options] or "Rp600.000" in said[-1].text


async def test_a_stop_counts_in_a_flood_of_messages(database: Database, parts: Parts) -> None:
    session = Session(database, parts, channel="telegram", now=NOW)
    await session.say("kabari gelombang")
    key = await announced(database, "telegram")
    mine = {"channel": "telegram", "account": "local", "chat": "saya", "sender": "saya", "sent_at": NOW}
    texts = ["halo?"] * BURST + ["stop", "halo?"]
    flood = [Inbound(kind=Kind.TEXT, event_id=f"flood-{n}", text=text, **mine) for n, text in enumerate(texts)]
    await Receiver(database, Wake(database), clock=lambda _: NOW).receive(flood)
    await session.settle()
    assert await ends(database, key) == [("skipped", "stopped by the person")]


async def test_blocked_on_telegram_and_back(database: Database, parts: Parts) -> None:
    session = Session(database, parts, channel="telegram", now=NOW)
    await session.say("kabari gelombang")
    key = await announced(database, "telegram")
    await session.event(Kind.STOPPED)
    assert await ends(database, key) == [("skipped", "the person left")]
    await session.event(Kind.RESUMED)
    assert await database.read(partial(subscriptions.topics, chat_id=1)) == ["gelombang"]
    assert await announced(database, "telegram") != key  # who is back is written to again


@pytest.mark.parametrize("channel", ["telegram", "whatsapp", "sms"])
async def test_who_sent_it_and_why_is_told_after_an_announcement_alone(
    sqlite: Database, parts: Parts, channel: str
) -> None:
    session = Session(sqlite, parts, channel=channel, now=NOW)
    await session.say("kabari gelombang", window=DAY)
    before = await session.say("kok dikirim ke saya?")
    assert "Pengumuman tadi" not in before[-1].text
    await session.say("menu")
    key = await announced(sqlite, channel)
    reached = update(schema.campaign_recipients).values(state="accepted", at=NOW)
    await sqlite.write(lambda c: c.execute(reached.where(schema.campaign_recipients.c.campaign_id == key)))
    for asked in ("kok dikirim ke saya?", "siapa yg ngirim"):
        said = (await session.say(asked))[-1].text
        for part in ("Pengirimnya relawan Pandu", "bukan akun resmi", "minta dikabari pada", "Balas BERHENTI"):
            assert part in said
