"""The conversations of tests/dialogues, each on each of its channels, through inbox, worker and outbox."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bot import app, dialogues, samples, settings
from bot.channel import Outcome
from bot.effects import Parts
from bot.terminal.session import Recorder, Session
from bot.whatsapp import render
from handlers.messages import Reply
from storage.database import Database
from tests.conftest import NOW
from tests.fakes import sms_rules, whatsapp_rules

pytestmark = pytest.mark.usefixtures("in_one_thread")

FOLDER = Path(__file__).parents[1] / "dialogues"
MEMORY = "/dev/shm"  # noqa: S108 - used only where it exists


SCRIPTS = {path: dialogues.read(path) for path in sorted(FOLDER.glob("*.yml"))}


def _cases() -> Iterator[Any]:
    for path, scripts in SCRIPTS.items():
        for script in scripts:
            for channel in dialogues.channels_of(script):
                yield pytest.param(script, channel, id=f"{path.stem}: {script['name']} [{channel}]")


CASES = list(_cases())


@pytest.fixture(scope="session")
def parts() -> Parts:
    """Understanding and content, loaded once."""
    return app.parts(settings.load({"PANDU_SECRET_KEY": "dialogue test"}))


@pytest.fixture(autouse=True)
def _in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Temporary databases lie in memory where there is such a place: nothing here tests the disk."""
    if os.access(MEMORY, os.W_OK):
        monkeypatch.setattr(tempfile, "tempdir", MEMORY)


@pytest.fixture(autouse=True)
def _every_reply_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a dialogue says on a messenger would be taken there: the fakes' own rules judge it."""
    keep = Recorder.send

    async def send(self: Recorder, address: str, reply: Reply, **more: Any) -> Outcome:
        outcome = await keep(self, address, reply, **more)
        if self.name == "whatsapp":
            for body in render.bodies(reply, render.Labels()):
                whatsapp_rules.message({"messaging_product": "whatsapp", "to": "+6281200000007", **body})
        if self.name == "sms":
            assert not sms_rules.text_problem(self.sent[-1][1].text)
        return outcome

    monkeypatch.setattr(Recorder, "send", send)


@pytest.mark.parametrize(("script", "channel"), CASES)
async def test_dialogue(script: dict[str, Any], channel: str, parts: Parts, sqlite_template: Path) -> None:
    problem = await dialogues.run(script, channel, parts, template=sqlite_template)
    assert problem is None, problem


def test_there_are_enough_and_every_expectation_can_fail() -> None:
    scripts = [script for scripts in SCRIPTS.values() for script in scripts]
    assert len(scripts) >= 64
    named = Counter(script["name"] for script in scripts)
    assert [name for name, times in named.items() if times > 1] == []
    expectations = [turn["expect"] for script in scripts for turn in script["turns"] if turn.get("expect")]
    assert all(any(turn.get("expect") for turn in script["turns"]) for script in scripts)
    assert len(expectations) >= 2 * len(scripts)


def test_every_dialogue_is_held_on_whatsapp_and_by_sms_or_says_why_not() -> None:
    for path, scripts in SCRIPTS.items():
        for script in scripts:
            told = {*dialogues.channels_of(script), *(script.get("not_on") or {})}
            assert {"whatsapp", "sms"} <= told, f"{path.name}: {script['name']}"


@pytest.mark.parametrize(
    "script",
    [
        {"name": "a", "channels": ["fax"]},
        {"name": "a", "not_on": {"sms": ""}},
        {"name": "a", "channels": ["sms"], "not_on": {"sms": "tanpa tautan"}},
    ],
)
def test_channels_that_make_no_sense_are_refused(script: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="a: "):
        dialogues.channels_of(script)


async def test_by_sms_the_expectation_is_read_in_its_letters(parts: Parts, sqlite_template: Path) -> None:
    expect: dict[str, Any] = {"text": ["• Usia 18–64 tahun", "aturan 2023–2024"], "replies": 2}
    turns = [{"say": "syarat daftar prakerja apa aja"}, {"say": "selengkapnya", "expect": expect}]
    script = {"name": "sms", "turns": turns}
    assert await dialogues.run(script, "sms", parts, template=sqlite_template) is None
    expect["text"] = ["Usia 18–65 tahun"]
    problem = await dialogues.run(script, "sms", parts, template=sqlite_template)
    assert problem
    assert "'Usia 18–65 tahun' is not said" in problem


async def test_a_dialogue_that_goes_another_way_is_reported(parts: Parts, sqlite_template: Path) -> None:
    script = {"name": "lain", "turns": [{"say": "halo", "expect": {"text": ["selamat jalan"], "handler": "greet"}}]}
    problem = await dialogues.run(script, "terminal", parts, template=sqlite_template)
    assert problem
    assert "'selamat jalan' is not said" in problem


async def _linked_phone_chat(database: Database, parts: Parts) -> Session:
    """A WhatsApp chat connected to the second invented person with the last digits of the card."""
    await database.write(partial(samples.fill, now=NOW))
    phone = Session(database, parts, channel="whatsapp", chat="hp", now=NOW)
    await phone.vouch(samples.phone(2))
    for text in ("hubungkan akun", f"{samples.birth_date(2):%d-%m-%Y}", f"kartu {samples.card_last4(2)}"):
        replies = await phone.say(text)
    assert "sudah terhubung" in replies[-1].text
    return phone


async def test_a_web_chat_is_opened_by_a_code_from_a_connected_chat(
    parts: Parts, sqlite_template: Path, tmp_path: Path
) -> None:
    shutil.copy(sqlite_template, tmp_path / "two.db")
    database = Database(f"sqlite:///{tmp_path / 'two.db'}")
    made = replace(parts, policy=replace(parts.policy, secure_form_url="http://localhost/f/"))
    try:
        phone = await _linked_phone_chat(database, made)
        web = Session(database, made, channel="web", chat="tab", now=NOW)
        asked = await web.say("hubungkan akun")
        assert "Kode untuk web" in asked[-1].text
        code = re.search(r"W-[0-9A-Z]{8}", (await phone.say("minta kode untuk web"))[0].text)
        assert code, "the connected chat gives a code"
        assert "sudah terhubung" in (await web.say(f"ini kodenya {code[0].lower()}"))[0].text
        assert "••••0002" in (await web.say("cek insentif saya"))[0].text
        stranger = Session(database, made, channel="web", chat="other", now=NOW)
        await stranger.say("hubungkan akun")
        assert "belum cocok" in (await stranger.say(code[0]))[0].text, "a code is good once"
    finally:
        await database.close()


async def test_a_filed_report_is_found_again_by_its_number_only_in_its_own_chat(
    parts: Parts, sqlite_template: Path, tmp_path: Path
) -> None:
    shutil.copy(sqlite_template, tmp_path / "report.db")
    database = Database(f"sqlite:///{tmp_path / 'report.db'}")
    try:
        mine = Session(database, parts, chat="a", now=NOW)
        for text in ("mau lapor", "pelatihan", "kelas tanggal 3 batal tanpa kabar dan uang tidak kembali", "ya"):
            replies = await mine.say(text)
        number = re.search(r"L-[0-9A-Z]{6}", replies[-1].text)
        assert number
        assert "tercatat, belum dijawab" in (await mine.say(number[0]))[0].text
        assert "tercatat, belum dijawab" in (await mine.say(f"halo kak, {number[0].lower()} gimana ya"))[0].text
        other = Session(database, parts, chat="b", now=NOW)
        said = (await other.say(f"laporan {number[0]} gimana"))[0].text
        assert "tercatat, belum dijawab" not in said
        assert "pelatihan" not in said.lower()
    finally:
        await database.close()
