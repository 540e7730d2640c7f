"""What an announcement says to whom: paragraphs with conditions, and names and values that want to be more than text."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, select, update

from handlers import announcement, catalogue
from handlers import announcement_paragraphs as paragraphs
from handlers.announcement import SAMPLE, SAMPLE_FACTS, Frame
from storage import schema
from storage.database import Database
from tests.bot.test_broadcast import NOON, Stage, fake  # noqa: F401 - a fixture
from tests.fakes.telegram import FakeTelegram

TEXT = [
    "Halo {sapaan}.",
    {"if": "saldo", "text": "Saldo Kakak {saldo}."},
    {"unless": "saldo", "text": "Hubungkan akun untuk melihat saldo."},
    {"if": {"wave": [71, 72], "zone": "WIT"}, "text": "Layanan WIT buka Sabtu."},
]


@pytest.fixture
async def stage(database: Database, fake: FakeTelegram) -> AsyncIterator[Stage]:  # noqa: F811
    made = Stage(database, fake)
    yield made
    await made.channel.close()


def link(connection: Connection, *, chat: int, level: str = "2", **record: object) -> None:
    row = {
        "record_key": str(chat),
        "name": "Siti",
        "membership": "active",
        "as_of": NOON,
        "imported_at": NOON,
        **record,
    }
    made = schema.participants.insert().values(**row).returning(schema.participants.c.id)
    person = connection.execute(made).scalar_one()
    bond = {"chat_id": chat, "participant_id": person, "level": level, "method": "x", "created_at": NOON}
    connection.execute(schema.links.insert().values(bond))


async def told(stage: Stage, text: object, **content: object) -> dict[int, str]:
    key = await stage.campaign(text, content=content)  # type: ignore[arg-type]
    await stage.start(key)
    await stage.go_on()
    return {sent.chat: sent.text for sent in stage.fake.sent}


async def test_each_gets_the_paragraphs_that_are_for_them(stage: Stage) -> None:
    await stage.people(2)
    await stage.people(2, zone="WIT", first=11)
    await stage.database.write(partial(link, chat=1, wave=71, balance=1_250_000))
    await stage.database.write(partial(link, chat=2, wave=71, balance=500, level="1"))
    await stage.database.write(partial(link, chat=11, wave=72))
    stop = "Tidak mau dikabari lagi? Balas BERHENTI."
    assert await told(stage, TEXT) == {
        1: f"Halo Kak Siti.\n\nSaldo Kakak Rp1.250.000.\n\n{stop}",
        2: f"Halo Kak Siti.\n\nHubungkan akun untuk melihat saldo.\n\n{stop}",  # not proven: nothing of the record
        11: f"Halo Kak Siti.\n\nHubungkan akun untuk melihat saldo.\n\nLayanan WIT buka Sabtu.\n\n{stop}",
        12: f"Halo Kak Siti.\n\nHubungkan akun untuk melihat saldo.\n\n{stop}",
    }


async def test_who_has_no_value_for_a_paragraph_of_some_still_gets_the_rest(stage: Stage) -> None:
    await stage.people(2)
    await stage.database.write(partial(link, chat=1, wave=71, balance=7))
    found = await told(stage, ["Kabar.", {"if": ["saldo", "gelombang"], "text": "{gelombang}: {saldo}"}])
    assert "71: Rp7" in found[1]
    assert "Rp" not in found[2]
    assert await stage.states() == {"accepted": 2}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ([{"if": "saldo", "text": "Saldo {saldo}"}], "one without is wanted"),
        (["Halo", {"if": "saldo", "text": "Gelombang {gelombang}"}], "give it `if: gelombang`"),
        (["Halo", {"unless": "saldo", "text": "{saldo}"}], "give it `if: saldo`"),
        (["Halo", {"if": {"zone": "WIT"}, "text": "{nama}"}], "give it `if: nama`"),
        (["Halo", *({"if": {"wave": wave}, "text": "x"} for wave in range(5))], "at most 4"),
        (["Halo", {"if": "saldo", "text": "panjang " * 40}, {"unless": "saldo", "text": "p " * 99}], ""),
        (["Halo", {"if": "saldo", "text": "panjang " * 60}], "telegram: 5"),
        (["Halo", {"if": {"wave": 71}, "text": "Gelombang {gelombang}"}], ""),
        (["{nama}", {"unless": "saldo", "text": "Halo {nama}"}], ""),
    ],
)
def test_conditions_are_checked_before_anything_is_sent(text: object, why: str) -> None:
    content = announcement.read({"text": text, "sms": "Pendek."})
    frame = Frame(kind="news", source="", catalogue=catalogue.load())
    found = announcement.problems(content, frame, hosts=(), wanted={})
    assert (why in str(found[0])) if why else found == []


@pytest.mark.parametrize(
    "text",
    [
        [],
        [""],
        [{"if": "saldo"}],
        [{"text": "x", "when": "saldo"}],
        [{"text": "x", "if": "sapaan"}],
        [{"text": "x", "if": {"saldo": [1]}}],
        [{"text": "x", "if": {"wave": []}}],
        [{"text": "x", "if": {"linked": "yes"}}],
        [{"text": "x", "if": {"zone": "GMT"}}],
        [{"text": "x", "if": []}],
        [{"text": "x", "if": None}],
        {"text": "x"},
        7,
    ],
)
def test_what_is_no_wording_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match=r"text"):
        announcement.read({"text": text})


def test_every_case_is_shown_once() -> None:
    content = announcement.read({"text": TEXT})
    frame = Frame(kind="news", source="", catalogue=catalogue.load())
    shown = [
        announcement.shown(content, frame, "telegram", {**SAMPLE, **SAMPLE_FACTS}, case)[0]
        for case in announcement.cases(content)
    ]
    assert len(set(shown)) == len(shown) == 4
    assert announcement.cases(announcement.read({"text": "Halo"})) == [{}]


@pytest.mark.parametrize(
    ("name", "called"),
    [
        ("{saldo} {nik.__class__}", "Kak {saldo}."),
        ("<b>Siti</b>", "Kak <b>Siti</b>."),
        ("&amp;", "Kak &amp;."),
        ("\u202eitiS\u2066", "Kak itiS."),
        ("Siti\u0000\nAminah", "Kak Siti."),
        ("hadiah-prakerja.com", "Kak hadiah-prakerja(.)com."),
        ("https://jahat.xyz/", "Kak https:(//)jahat(.)xyz/."),
        ("\u200b\u200e", "Kak."),
        ("%s %(x)s", "Kak %s."),
        ("S" * 120, f"Kak {'S' * 60}."),
    ],
)
async def test_a_name_is_only_ever_a_name(stage: Stage, name: str, called: str) -> None:
    await stage.people(1)
    kept = name.replace("\u0000", "")  # neither database takes it; the channels clean it out
    await stage.database.write(lambda c: c.execute(update(schema.chats).values(name=kept)))
    found = await told(stage, "Halo {sapaan}.")
    assert found[1].startswith(f"Halo {called}\n")
    assert await stage.states() == {"accepted": 1}


async def test_what_the_log_keeps_is_what_was_said(stage: Stage) -> None:
    await stage.people(1)
    found = await told(stage, TEXT)
    kept = await stage.database.read(lambda c: c.execute(select(schema.messages.c.text)).scalars().all())
    assert kept == [found[1]]


@pytest.mark.parametrize(
    "condition", ["saldo", ["gelombang", "saldo"], {"wave": ["71", "72"]}, {"zone": ["WIT"], "linked": False}]
)
def test_paragraphs_come_back_as_they_were_written(condition: Any) -> None:
    written = ["Halo.", {"if": condition, "text": "Untuk sebagian."}, {"unless": condition, "text": "Untuk yang lain."}]
    assert paragraphs.typed(paragraphs.read(written, "text")) == written
