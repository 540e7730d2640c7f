"""Through inbox, worker and outbox: a message that gives the chat back to the bot, and one read with it."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from bot import app as program
from bot import settings
from bot.effects import Parts
from bot.terminal.session import Session
from handlers import catalogue, desk_acts
from handlers.messages import Inbound, Kind
from storage import calendar, handoffs
from storage.database import Database
from tests.storage.desk import add_agent

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def parts() -> Parts:
    return program.parts(settings.load({"PANDU_SECRET_KEY": "handoff test"}))


def written(number: int, text: str) -> Inbound:
    values: dict[str, Any] = {"channel": "terminal", "account": "local", "chat": "saya", "sender": "saya"}
    return Inbound(**values, event_id=f"e{number}", kind=Kind.TEXT, sent_at=NOW, text=text)


async def test_what_is_read_with_the_way_back_is_answered_by_the_bot(sqlite: Database, parts: Parts) -> None:
    await sqlite.write(lambda c: calendar.set_shifts(c, range(5), [(480, 960)]))
    rani = await sqlite.write(lambda c: add_agent(c, "rani", NOW))
    session = Session(sqlite, parts, now=NOW)
    await session.say("petugas")
    (row,) = await sqlite.read(handoffs.waiting)
    await sqlite.write(lambda c: desk_acts.take(c, catalogue.load(), row["id"], rani, NOW))
    await session.settle()
    session.heard()
    await session._receiver.receive([written(1, "kembali ke bot"), written(2, "/menu")])
    await session.settle()
    told = [reply.text for reply in session.heard()]
    assert "percakapan dengan Rani selesai" in told[0]
    assert told[1].startswith("Saya bisa bantu Kakak soal ini")
    assert (await session.look())[1] == "bot"


async def test_an_agent_who_comes_between_two_messages_silences_the_bot(sqlite: Database, parts: Parts) -> None:
    """The reply that the bot had ready is cancelled; the place in line, told at the same time, still goes."""
    await sqlite.write(lambda c: calendar.set_shifts(c, range(5), [(480, 960)]))
    rani = await sqlite.write(lambda c: add_agent(c, "rani", NOW))
    session = Session(sqlite, parts, now=NOW)
    await session.say("halo")
    await session._receiver.receive([written(1, "petugas"), written(2, "/menu")])
    while await session._worker.run_once():  # answered, not yet sent
        pass
    (row,) = await sqlite.read(handoffs.waiting)
    await sqlite.write(partial(desk_acts.take, content=catalogue.load(), handoff_id=row["id"], agent_id=rani, now=NOW))
    await session.settle()
    told = " | ".join(reply.text for reply in session.heard())
    assert "Nomornya L-" in told
    assert "bicara dengan Rani" in told
    assert "Saya bisa bantu Kakak soal ini" not in told
