"""What an announcement says to whom: paragraphs with conditions, and names and values that want to be more than text."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, select, update

from bot import campaign_draft, campaign_test
from bot.campaign_draft import Wish
from bot.campaign_means import Room, Ways
from handlers import announcement, announcement_check, catalogue
from handlers import announcement_paragraphs as paragraphs
from handlers.announcement import SAMPLE, SAMPLE_FACTS, Frame
from handlers.messages import Reply, reply_from_json
from storage import campaigns, pictures, schema
from storage.database import Database
from storage.refusal import NotReadyError, Refusal
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
    found = announcement_check.problems(content, frame, hosts=(), wanted={})
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


SHA = "a" * 64


def test_the_picture_goes_where_a_channel_can_and_sms_gets_the_text_alone() -> None:
    content = announcement.read({"text": "Halo {sapaan}.", "image": SHA})
    frame = Frame(kind="news", source="", catalogue=catalogue.load())
    found = {name: announcement.render(content, frame, name, SAMPLE).image for name in announcement.CHANNELS}
    assert found == {"telegram": SHA, "whatsapp": SHA, "sms": ""}
    assert "image" not in announcement.read({"text": "Halo", "image": ""})


@pytest.mark.parametrize("image", ["gambar.jpg", "A" * 64, "a" * 63, ["a" * 64], 5])
def test_only_a_picture_that_is_kept_can_stand_in_a_content(image: object) -> None:
    with pytest.raises(Refusal) as told:
        announcement.read({"text": "Halo", "image": image})
    assert (told.value.key, told.value.field) == ("image_unknown", "image")


async def test_a_draft_may_name_only_a_picture_that_is_there(database: Database) -> None:
    room = Room(ways=Ways(rates={"telegram:1": 1.0}), catalogue=catalogue.load(), hosts=())
    wish = Wish(name="uji", content={"text": "Halo", "image": SHA})

    def work(connection: Connection) -> None:
        with pytest.raises(NotReadyError) as told:
            campaign_draft.create(connection, wish, room, actor="operator:a", now=NOON)
        assert [one.key for one in told.value.refusals] == ["image_unknown"]
        picture = pictures.Picture(sha256=SHA, jpeg=b"x", width=1, height=1)
        pictures.add(connection, picture, author="operator:a", now=NOON - timedelta(days=2))
        campaign_draft.create(connection, wish, room, actor="operator:a", now=NOON)
        assert pictures.delete_unused(connection, before=NOON, limit=9) == 0

    await database.write(work)


def test_messages_of_older_and_newer_versions_are_read() -> None:
    old = {"text": "Halo", "options": [], "form": None, "template": None}
    assert reply_from_json(old).image == ""
    assert reply_from_json(Reply(text="Halo", image=SHA).to_json()).image == SHA
    assert reply_from_json({**old, "image": SHA, "of tomorrow": 1}).text == "Halo"


async def test_a_test_to_oneself_has_the_picture_too(stage: Stage) -> None:
    await stage.people(1)
    key = await stage.campaign(content={"image": SHA})

    def work(connection: Connection) -> dict[str, Any]:
        campaign = campaigns.get(connection, key)
        assert campaign
        campaign_test.send(connection, campaign, [1], catalogue.load(), actor="operator:a", now=NOON)
        return dict(connection.execute(select(schema.outbox.c.payload)).scalar_one())

    assert (await stage.database.write(work))["image"] == SHA
