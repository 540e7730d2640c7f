"""`pandu link`: an operator joins a new number's chat to the record after a check, and everybody concerned can see it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from bot import app as program
from bot import samples, settings
from bot.commands.link import app
from bot.effects import Parts
from bot.terminal.session import Session
from storage import chats
from storage.database import Database, database_now
from tests.bot.at_once import at_once

PERSON = 2  # paid, with a card
REASON = "KTP asli dan buku rekening dicek di loket"


@pytest.fixture(scope="module")
def parts() -> Parts:
    return program.parts(settings.load({"PANDU_SECRET_KEY": "link test"}))


class Office:
    """A database with the samples, and people who write to it."""

    def __init__(self, folder: Path, template: Path, parts: Parts) -> None:
        self.url = f"sqlite:///{folder / 'p.db'}"
        self.parts = parts
        self.session: Session | None = None
        shutil.copy(template, folder / "p.db")

        async def fill(database: Database) -> None:
            await database.write(lambda connection: samples.fill(connection, database_now(connection)))

        self.run(fill)

    def run(self, work: Callable[[Database], Awaitable[Any]]) -> Any:
        return at_once(self.url, work)

    def says(self, *texts: str, chat: str = "lama", channel: str = "whatsapp", phone: str = "") -> str:
        """One chat says these, one after the other; what is answered to the last, with what came unasked."""

        async def talk(database: Database) -> str:
            session = Session(database, self.parts, channel=channel, chat=chat)
            if phone:
                await session.vouch(phone)
            replies = [await session.say(text) for text in texts]
            return "\n".join(reply.text for reply in replies[-1])

        return str(self.run(talk))

    def chat(self, address: str, channel: str = "whatsapp") -> str:
        found = self.run(
            lambda database: database.read(partial(chats.find, channel=channel, account="local", address=address))
        )
        return str(found["id"])


@pytest.fixture
def office(tmp_path: Path, sqlite_template: Path, parts: Parts, monkeypatch: pytest.MonkeyPatch) -> Office:
    found = Office(tmp_path, sqlite_template, parts)
    monkeypatch.setenv("PANDU_DATABASE_URL", found.url)
    return found


def link(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def linked(office: Office, chat: str = "lama") -> str:
    born = samples.birth_date(PERSON)
    proof = ("hubungkan akun", f"{born.day}-{born.month}-{born.year}", f"kartu {samples.card_last4(PERSON)}")
    return office.says(*proof, chat=chat, phone=samples.phone(PERSON))


def test_after_a_changed_number_an_operator_links_the_new_chat(office: Office) -> None:
    assert "sudah terhubung" in linked(office)
    office.says("halo", chat="baru", phone="+6281200000099")
    record = samples.record_key(PERSON)
    found = json.loads(link("find", samples.phone(PERSON), "--json").output)
    assert [(row["record"], len(row["chats"])) for row in found] == [(record, 1)]

    made = link("make", office.chat("baru"), record, "--reason", REASON, "--by", "Bu Rina", "--end-others")
    assert made.exit_code == 0, made.output
    assert "1 other chat(s) ended" in made.output
    told = office.says("cek insentif saya", chat="baru")
    assert "Rp600.000" in told
    looked = office.says("siapa saja yang melihat data saya?", chat="baru")
    assert f"pengelola Pandu, sambungan (alasan: {REASON})" in looked
    assert "pengelola Pandu, cari sambungan" in looked
    assert "Rp600.000" not in office.says("cek insentif saya")
    log = link("log", record)
    assert "operator:Bu Rina" in log.output
    assert REASON in log.output


def test_a_case_names_the_chat_and_keeps_the_reason(office: Office) -> None:
    filed = office.says(
        "mau lapor",
        "akun",
        "nomor hp saya ganti bulan lalu jadi data saya tidak bisa dilihat di sini",
        "ya",
        chat="baru",
    )
    number = filed.partition("nomor L-")[2][:6]
    made = link("make", f"l-{number}", samples.record_key(PERSON), "--reason", REASON)
    assert made.exit_code == 0, made.output
    assert "Rp600.000" in office.says("cek insentif saya", chat="baru")
    ended = link("end", f"L-{number}", "--reason", "salah orang, diperiksa ulang")
    assert ended.exit_code == 0, ended.output
    assert "Rp600.000" not in office.says("cek insentif saya", chat="baru")
    assert link("end", f"L-{number}", "--reason", "salah orang, diperiksa ulang").exit_code == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("make", "1", "contoh-0002", "--reason", "ok"), "--reason: 8 to 200 characters"),
        (("make", "99", "contoh-0002", "--reason", REASON), "no chat or case 99"),
        (("make", "L-000000", "contoh-0002", "--reason", REASON), "no chat or case L-000000"),
        (("make", "1", "tidak-ada", "--reason", REASON), "no record tidak-ada"),
        (("make", "2", "contoh-0002", "--reason", REASON), "shared computer"),
        (("end", "1", "--reason", REASON), "chat 1 is not linked"),
        (("find", "tidak-ada"), "no record for tidak-ada"),
        (("log", "tidak-ada"), "no record tidak-ada"),
    ],
)
def test_what_cannot_be_is_one_line_and_a_failure(office: Office, words: tuple[str, ...], said: str) -> None:
    office.says("halo")
    office.says("halo", channel="web")
    result = link(*words)
    assert result.exit_code == 1
    assert said in result.output
    assert len(result.output.strip().splitlines()) == 1
