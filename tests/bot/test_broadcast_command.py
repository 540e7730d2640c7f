"""`pandu broadcast` as an operator types it."""

from __future__ import annotations

import csv
import json
import zipfile
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from typer.testing import CliRunner, Result

from bot import proactive
from bot.commands.broadcast import app
from storage import campaigns, leases, privacy, schema, subscriptions
from storage.schema import campaign_numbers
from tests.bot.at_once import at_once
from tests.bot.test_broadcast import NOON, add_chats
from tests.fakes.pictures import drawn
from tests.storage import desk as rows

TOKEN = "123456:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
SOURCE = "telegram:123456"


class Desk:
    """An operator's folder and shell."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url
        self.runner = CliRunner()
        self.write("isi.yml", "text: |\n  Halo {sapaan}. Jadwal layanan berubah.\nwords: [info insentif]\n")

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def types(self, *words: str) -> Result:
        return self.runner.invoke(app, [str(word) for word in words])

    def ok(self, *words: str) -> str:
        found = self.types(*words)
        assert found.exit_code == 0, found.output
        return found.stdout

    def refused(self, *words: str) -> str:
        found = self.types(*words)
        assert found.exit_code == 1, found.output
        return found.stderr

    def create(self, name: str = "uji", *more: Any) -> str:
        return self.ok("create", name, "--content", self.folder / "isi.yml", "--by", "ani", *more)

    def run(self, work: Any) -> Any:
        return at_once(self.url, work)


@pytest.fixture
def desk(tmp_path: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    path = tmp_path / "p.db"
    path.write_bytes(sqlite_template.read_bytes())
    url = f"sqlite:///{path}"
    monkeypatch.setenv("PANDU_DATABASE_URL", url)
    monkeypatch.setenv("PANDU_TELEGRAM_TOKEN", TOKEN)
    made = Desk(tmp_path, url)
    made.run(lambda d: d.write(partial(add_chats, source=SOURCE, zone="WIB", first=1, count=4)))
    made.run(lambda d: d.write(partial(subscriptions.stop, chat_id=4, now=NOON)))
    return made


def test_a_campaign_from_draft_to_report(desk: Desk) -> None:
    desk.create()
    seen = json.loads(desk.ok("preview", "uji", "--json"))
    assert (seen["recipients"], seen["left_out"]) == (3, {"opted_out": 1})
    assert seen["in_the_way"] == []
    assert len(seen["sample"]) == 3
    assert "Balas INFO INSENTIF" in seen["channels"]["telegram"]
    started = json.loads(desk.ok("start", "uji", "--by", "ani", "--json"))
    assert (started["rows"], started["pending"], started["skipped"]) == (4, 3, 1)
    assert "3 messages" not in desk.ok("pause", "uji")
    assert "paused" in desk.refused("pause", "uji")
    desk.ok("resume", "uji")
    assert "2 recipients" not in desk.ok("cancel", "uji")
    found = json.loads(desk.ok("report", "uji", "--json"))
    assert found["states"] == {"skipped": 1, "cancelled": 3}
    assert sum(found["states"].values()) == found["audience"] == 4
    assert [act["what"] for act in found["acts"]] == ["create", "start", "pause", "resume", "cancel"]
    assert found["acts"][0]["actor"] == "operator:ani"


def test_watching_ends_where_nothing_goes_on(desk: Desk) -> None:
    desk.create()
    assert desk.ok("report", "uji", "--watch").startswith("uji: draft")
    desk.ok("start", "uji")
    desk.ok("pause", "uji")
    watched = desk.types("report", "uji", "--watch")
    assert "uji: paused" in watched.stdout
    assert "uji paused" in watched.stderr


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_the_ledger_as_a_file(desk: Desk, ending: str) -> None:
    desk.create()
    desk.ok("start", "uji")
    formula = update(schema.campaign_recipients).values(reason='=HYPERLINK("http://jahat.com")')
    desk.run(lambda d: d.write(lambda c: c.execute(formula)))
    out = desk.folder / f"buku.{ending}"
    desk.ok("report", "uji", "--out", out)
    if ending == "xlsx":
        with zipfile.ZipFile(out) as file:
            sheet = file.read("xl/worksheets/sheet1.xml").decode()
        assert "=HYPERLINK" in sheet
        assert "<f" not in sheet, "a text, and nothing that is reckoned"
    if ending == "csv":
        with out.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        assert [row["state"] for row in rows] == ["pending", "pending", "pending", "skipped"]
        assert {row["reason"][:2] for row in rows} == {"'="}, "no spreadsheet reckons with it"
    assert out.stat().st_size > 100
    assert out.stat().st_mode & 0o077 == 0, "who was written to is nobody else's"
    assert "No such file" in desk.refused("report", "uji", "--out", desk.folder / "nowhere" / f"buku.{ending}")


def test_above_a_size_a_second_person_is_needed_and_it_is_not_the_same_one(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PANDU_BROADCAST_APPROVAL_FROM", "2")
    desk.create()
    assert "second person" in desk.refused("start", "uji", "--by", "ani")
    assert "second person" in desk.refused("approve", "uji", "--by", "ani")
    desk.ok("approve", "uji", "--by", "budi")
    desk.run(lambda d: d.write(partial(add_chats, source=SOURCE, zone="WIB", first=11, count=5)))
    assert "grown" in desk.refused("start", "uji", "--by", "ani")
    desk.ok("approve", "uji", "--by", "budi")
    desk.ok("start", "uji", "--by", "ani")


def test_nobody_approves_their_own_work_by_the_other_door(desk: Desk) -> None:
    """An account of the desk and a name at the shell are two people only where the name is another account's."""

    def accounts(connection) -> None:
        for number, name in enumerate(("ani", "budi"), 1):
            rows.add_agent(connection, name, NOON, role="operator", code=f"P-AAA{number}")
        row = {"name": "meja", "content": {"text": "Halo", "words": []}, "audience": {}, "sources": [SOURCE]}
        campaigns.create(connection, row, actor="agent:1", now=NOON)

    desk.run(lambda d: d.write(accounts))
    assert "you made it" in desk.refused("approve", "meja", "--by", "Ani")
    assert "cannot be told" in desk.refused("approve", "meja", "--by", "siapa saja")
    desk.ok("approve", "meja", "--by", "budi")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("words: [a]", "needs `text`"),
        ("text: Lihat https://prakerja-bantu.com/", "not allowed"),
        ("text: Halo {nik}", "is no variable"),
        ("text: Halo {nama", "broken brace"),
        ("text: Halo\nwords: ['1 Ya']", "never numbers"),
        (f"text: {'panjang ' * 80}", "at most 500"),
        ("text: Halo\ntemplate: {name: tidak_ada}", "none of"),
        ("text: Halo\ntemplate: {name: notice_change, values: [Kamis]}", "values: {variable: text}"),
        ("text: Halo\ntemplate: {name: notice_change, values: {hari: Kamis}}", "'hari' is none of its variables"),
        ("text: Halo\ntemplate: {name: notice_change, values: {as_of: ' '}}", "a value for as_of is missing"),
        (
            f"text: Halo\ntemplate: {{name: notice_change, values: {{as_of: {'x' * 1000}}}}}",
            "characters with these values, at most 1024",
        ),
        ("text: [Halo, {if: gaji, text: Gaji}]", "none of nama, gelombang"),
        ("text: [Halo, {if: saldo, text: '{gelombang}'}]", "give it `if: gelombang`"),
        ("text: Halo\ngambar: x", "unknown 'gambar'"),
        ("text: [", "no YAML"),
    ],
)
def test_what_is_wrong_with_the_content_is_said_in_one_line(desk: Desk, content: str, told: str) -> None:
    found = desk.refused("create", "uji", "--content", desk.write("salah.yml", content))
    assert told in found
    assert len(found.splitlines()) == 1


def test_paragraphs_with_conditions_are_shown_both_ways(desk: Desk) -> None:
    desk.write(
        "isi.yml",
        "text:\n- Halo {sapaan}.\n- if: saldo\n  text: Saldo Kakak {saldo}.\n- unless: saldo\n  text: Hubungkan akun dulu.\n",
    )
    desk.create()
    seen = json.loads(desk.ok("preview", "uji", "--json"))
    assert seen["recipients"] == 3, "who has no balance gets the other paragraph"
    known, unknown = seen["cases"]
    assert (known["when"], unknown["when"]) == ({"saldo": True}, {"saldo": False})
    assert "Saldo Kakak Rp1.250.000." in known["channels"]["telegram"]
    assert "Hubungkan akun dulu." in unknown["channels"]["telegram"]
    assert "Saldo" not in unknown["channels"]["telegram"]
    assert "--- telegram, not saldo\nHalo Kak Siti." in desk.ok("preview", "uji")
    assert all("Hubungkan" in one["text"] for one in seen["sample"])


@pytest.mark.parametrize(
    ("tree", "told"),
    [
        ("gelombang: 70", "unknown condition"),
        ("wave: banyak", "wave"),
        ("and: {}", "a list of filters"),
        ("province: Atlantis", "is no province"),
        ("seen: {within_days: kemarin}", "a number of days"),
        ("linked: 3", "true or false"),
        ("- a", "a filter is made of"),
    ],
)
def test_what_is_wrong_with_the_filter_is_said_in_one_line(desk: Desk, tree: str, told: str) -> None:
    path = desk.write("siapa.yml", tree)
    found = desk.refused("create", "uji", "--content", desk.folder / "isi.yml", "--filter", path)
    assert told in found
    assert len(found.splitlines()) == 1


def test_segments_are_kept_and_used(desk: Desk) -> None:
    path = desk.write("siapa.yml", "or: [{chat: [1, 4]}, {not: {channel: telegram}}]")
    desk.ok("segments", "save", "dua", path)
    assert "dua" in desk.ok("segments", "list")
    desk.create("uji", "--segment", "dua")
    assert json.loads(desk.ok("preview", "uji", "--json"))["recipients"] == 1
    desk.ok("segments", "delete", "dua")
    assert "no segment" in desk.refused("segments", "delete", "dua")


def test_a_file_of_numbers_needs_a_consent_for_each(desk: Desk) -> None:
    def known(connection) -> None:
        row = {"chat_id": 1, "kind": "phone", "value": "+6281234567890", "vouched": True}
        connection.execute(schema.identities.insert().values(**row, first_seen=NOON, last_seen=NOON))

    desk.run(lambda d: d.write(known))
    path = desk.write(
        "nomor.csv",
        "number,consent_source,consent_date,consent_wording\n"
        "0812-3456-7890,Formulir desa,2026-10-01,Saya mau dikabari\n"
        "081234567890,Formulir desa,2026-10-01,Saya mau dikabari\n"
        "081234567891,,,\n"
        "081234567892,Formulir desa,2026-10-01,Saya mau dikabari\n"
        "bukan nomor,Formulir desa,2026-10-01,Saya mau dikabari\n"
        "081234567893,Formulir desa,2100-01-01,Saya mau dikabari\n",
    )
    desk.create("uji", "--numbers", path)
    seen = json.loads(desk.ok("preview", "uji", "--json"))
    reasons = {"bad_number": 1, "duplicate": 1, "no_channel": 1, "no_consent": 2}
    assert (seen["recipients"], seen["left_out"]) == (1, reasons)
    desk.ok("start", "uji")
    found = json.loads(desk.ok("report", "uji", "--json"))
    assert {row["reason"]: row["count"] for row in found["reasons"]} == reasons
    assert found["audience"] == 6
    kept = desk.run(lambda d: d.read(lambda c: c.execute(select(schema.consents.c.wording)).scalars().all()))
    assert kept == ["Formulir desa: Saya mau dikabari"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_file_of_numbers_as_spreadsheets_write_it(desk: Desk, separator: str, encoding: str) -> None:
    lines = [
        ["number", "consent_source", "consent_date", "consent_wording"],
        ["081234567892", '=HYPERLINK("https://jahat.xyz/")', "2026-10-01", "Ya\0, mau"],
        ["=081234567893+1", "x", "2026-10-01", "ya"],
        ["081234567894", "x", "1 Oktober", "ya"],
        ["081234567895 081234567896", "x", "2026-10-01", "ya"],
        ["081234567897", "x", "2026-10-01", "ya " * 9000],
    ]
    path = desk.folder / "nomor.csv"
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=separator).writerows(lines)
    desk.create("uji", "--numbers", path)
    kept = desk.run(lambda d: d.read(lambda c: c.execute(select(campaign_numbers)).mappings().all()))
    problems = [row["problem"] for row in kept]
    assert problems in (
        [None, "bad_number", "no_consent", "bad_number", None],
        [None, None, "no_consent", "bad_number", None],
    )
    assert kept[0]["consent_wording"] == "Ya, mau"
    assert len(kept[4]["consent_wording"]) <= 1000


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"number\n081234567892\n",
        b"number,consent_source,consent_date,consent_wording\n0812,a,2026-10-01," + b"x" * 10_000_000,
        b"x" * 10_000_000,
        "number,consent_source".encode("utf-16"),
        b"\x00" * 1000,
        b'number,consent_source,consent_date,consent_wording\n"' + b"0" * 200_000,
    ],
)
def test_a_file_that_is_none_is_refused_in_one_line(desk: Desk, content: bytes) -> None:
    path = desk.folder / "nomor.csv"
    path.write_bytes(content)
    found = desk.refused("create", "uji", "--content", desk.folder / "isi.yml", "--numbers", path)
    assert len(found.splitlines()) == 1
    assert len(found) < 500
    assert "no campaign" in desk.refused("preview", "uji"), "nothing was made"


def test_tags_are_put_on_used_and_taken_off(desk: Desk) -> None:
    who = desk.write("siapa.yml", "chat: [1, 2]")
    assert "on 2 more chats" in desk.ok("tags", "add", "kelas_juni", "--filter", who)
    assert "on 0 more chats" in desk.ok("tags", "add", "kelas_juni", "--filter", who)
    assert json.loads(desk.ok("tags", "list", "--json")) == {"kelas_juni": 2}
    desk.create("uji", "--filter", desk.write("bertanda.yml", "tag: kelas_juni\nnot: {tag: [lain, kelas_juli]}"))
    assert json.loads(desk.ok("preview", "uji", "--json"))["recipients"] == 2
    numbers = desk.write("nomor.csv", "number;nama\n081234567890;Contoh\n")
    known = {"chat_id": 3, "kind": "phone", "value": "+6281234567890", "vouched": True}
    row = schema.identities.insert().values(**known, first_seen=NOON, last_seen=NOON)
    desk.run(lambda d: d.write(lambda c: c.execute(row)))
    assert "on 1 more" in desk.ok("tags", "add", "kelas_juni", "--numbers", numbers)
    assert json.loads(desk.ok("preview", "uji", "--json"))["recipients"] == 3
    kept = desk.run(lambda d: d.read(partial(privacy.collect, chat_id=3, now=NOON)))
    assert kept["tags"] == ["kelas_juni"]
    desk.run(lambda d: d.write(partial(privacy.erase, chat_id=3, now=NOON)))
    assert json.loads(desk.ok("tags", "list", "--json")) == {"kelas_juni": 2}
    assert "off 2 chats" in desk.ok("tags", "remove", "kelas_juni")
    assert "none of these" in desk.refused("tags", "remove", "kelas_juni")
    assert "is no tag" in desk.refused("tags", "add", "Kelas Juni!", "--filter", who)
    assert "on whom" in desk.refused("tags", "add", "kelas_juni")


def test_that_a_wave_has_opened_needs_a_source_a_second_person_and_says_no_rush(desk: Desk) -> None:
    base = ("create", "g72", "--content", desk.folder / "isi.yml", "--wave", "--by", "ani")
    assert "--source" in desk.refused(*base)
    until = ("--until", "2030-01-01T00:00")
    assert "official page" in desk.refused(*base, *until, "--source", "https://prakerja.com/")
    desk.ok(*base, *until, "--source", "https://www.prakerja.go.id/berita")
    seen = json.loads(desk.ok("preview", "g72", "--json"))
    assert "Tidak perlu rebutan, seleksi acak setelah ditutup" in seen["channels"]["telegram"]
    assert seen["duration_hours"] >= 4
    assert "second person" in desk.refused("start", "g72")


@pytest.mark.parametrize(
    "source",
    [
        "https://prakerja.go.id.evil.com/",
        "https://www.prakerja.go.id@evil.com/",
        "https://evil.com\\@www.prakerja.go.id/",
        "https://evil.com\n.go.id/",
        "https://evil.com .go.id/",
        "https://prakerja.go.id./",
        "https://prakerja.gо.id/",  # a Cyrillic o
        "http://www.prakerja.go.id/",
        "https://pemda.contoh.id/",  # one of PANDU_LINK_HOSTS says nothing officially
        "https://www.prakerja.go.id/?ke=evil.com",
    ],
)
def test_what_only_looks_official_is_no_source_of_a_wave(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    monkeypatch.setenv("PANDU_LINK_HOSTS", "pemda.contoh.id")
    base = ("create", "g72", "--content", desk.folder / "isi.yml", "--wave", "--until", "2030-01-01T00:00")
    assert "official page" in desk.refused(*base, "--source", source)
    desk.ok(*base, "--source", "https://WWW.Prakerja.GO.ID:443/berita?id=7")


@pytest.mark.parametrize(
    ("link", "told"),
    [
        ("https://pemda.contoh.id/jadwal", ""),
        ("https://pemda.contoh.id.evil.com/", "pemda.contoh.id.evil.com is not allowed"),
        ("https://a.pemda.contoh.id/", "a.pemda.contoh.id is not allowed"),
        ("https://pemda.contoh.id@evil.com/", "https:// is wanted"),
        ("https://evil.com\\@pemda.contoh.id/", "https:// is wanted"),
    ],
)
def test_a_link_goes_only_to_hosts_of_ours(desk: Desk, monkeypatch: pytest.MonkeyPatch, link: str, told: str) -> None:
    monkeypatch.setenv("PANDU_LINK_HOSTS", "pemda.contoh.id")
    desk.write("isi.yml", f"text: Halo {{sapaan}}.\nlink: '{link}'\n")
    if told:
        assert told in desk.refused("create", "uji", "--content", desk.folder / "isi.yml")
    else:
        desk.create()


def test_put_down_for_later_it_waits(desk: Desk) -> None:
    desk.create("uji", "--at", "2030-01-01T09:00", "--repeat", "weekly")
    assert json.loads(desk.ok("start", "uji", "--json"))["state"] == "scheduled"
    assert "it is scheduled" in desk.refused("start", "uji")
    assert "begins by itself: 2030-01-01 09:00:00 WIB" in desk.ok("report", "uji")
    desk.ok("unschedule", "uji")
    assert json.loads(desk.ok("report", "uji", "--json"))["state"] == "draft"
    assert "only scheduled is taken back" in desk.refused("unschedule", "uji")
    desk.ok("start", "uji")
    desk.ok("cancel", "uji")


def test_cancelling_one_time_of_several_names_the_next(desk: Desk) -> None:
    desk.create("uji", "--at", "2026-01-01T09:00", "--repeat", "daily")
    assert json.loads(desk.ok("start", "uji", "--json"))["state"] == "running"
    following = json.loads(desk.ok("report", "uji", "--json"))["next"]["name"]
    assert f"pandu broadcast cancel {following!r}" in desk.ok("cancel", "uji")
    assert following in desk.ok("report", "uji")
    assert "still begins" not in desk.ok("cancel", following)


def test_what_is_paid_for_on_telegram_says_how_many_stars_at_most(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.create()
    assert json.loads(desk.ok("preview", "uji", "--json"))["cost"]["telegram_stars"] == 0
    assert "Stars" not in desk.ok("preview", "uji")
    monkeypatch.setenv("PANDU_TELEGRAM_PAID_RATE", "500")
    assert json.loads(desk.ok("preview", "uji", "--json"))["cost"]["telegram_stars"] == 1, "three at 0.1"
    assert "Telegram at most 1 Stars" in desk.ok("preview", "uji")


def test_a_drip_of_two_steps(desk: Desk) -> None:
    base = ("--at", "2026-01-01T09:00", "--repeat", "daily", "--once")
    assert "--once needs --repeat" in desk.refused("create", "x", "--content", desk.folder / "isi.yml", "--once")
    desk.create("langkah-1", *base)
    told = desk.refused(
        *("create", "langkah-2", "--content", desk.folder / "isi.yml", *base),
        *("--filter", desk.write("salah.yml", "not: {got: {campaign: langkah-l}}\n")),
    )
    assert "there is no campaign 'langkah-l'" in told
    got = desk.write("sudah.yml", "got: {campaign: langkah-1, before_days: 3}\n")
    desk.create("langkah-2", *base, "--filter", got)
    assert json.loads(desk.ok("start", "langkah-1", "--json"))["rows"] == 4
    seen = json.loads(desk.ok("preview", "langkah-2", "--json"))
    assert (seen["recipients"], seen["in_the_way"]) == (0, []), "they come with the days"
    assert "for 500 recipients" in desk.ok("approve", "langkah-2", "--up-to", "500", "--by", "budi")
    assert json.loads(desk.ok("start", "langkah-2", "--json"))["state"] == "scheduled"
    following = json.loads(desk.ok("report", "langkah-1", "--json"))["next"]["name"]
    desk.ok("unschedule", following)
    left = json.loads(desk.ok("preview", following, "--json"))["left_out"]
    assert left == {"had_it": 3, "opted_out": 1}
    assert "langkah-1, langkah-1 2" in desk.ok("cancel", "langkah-1", "--series")
    assert "all of the series have ended" in desk.refused("cancel", "langkah-1", "--series")
    assert "langkah-2" in desk.ok("cancel", "langkah-2")


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("got: langkah-1", "an announcement, as in"),
        ("got: {before_days: 3}", "an announcement, as in"),
        ("got: {series: true}", "an announcement, as in"),
        ("got: {series: 99}", "no campaign '99'"),
        ("got: {campaign: 1}", "no campaign '1'"),
        ("got: {campaign: [uji]}", "no campaign"),
        ("got: {campaign: uji, series: 1}", "an announcement, as in"),
        ("got: {campaign: uji, before_days: 0}", "is a number of days"),
        ("got: {campaign: uji, days: 3}", "an announcement, as in"),
    ],
)
def test_what_cannot_be_asked_of_another_announcement(desk: Desk, written: str, told: str) -> None:
    desk.create()
    path = desk.write("siapa.yml", written)
    assert told in desk.refused("create", "lain", "--content", desk.folder / "isi.yml", "--filter", path)
    assert told in desk.refused("segments", "save", "lain", path)
    assert told in desk.refused("tags", "add", "lain", "--filter", path)


def _phones(*rows: tuple[int, str]) -> Any:
    def write(connection) -> None:
        values = [{"chat_id": chat, "kind": "phone", "value": phone, "vouched": True} for chat, phone in rows]
        connection.execute(
            schema.identities.insert(), [{**one, "first_seen": NOON, "last_seen": NOON} for one in values]
        )

    return lambda d: d.write(write)


def test_a_number_of_a_file_is_written_to_in_its_preferred_chat(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PANDU_WHATSAPP_TOKEN", "x")
    monkeypatch.setenv("PANDU_WHATSAPP_NUMBER_ID", "77")
    desk.run(lambda d: d.write(partial(add_chats, source="whatsapp:77", zone="WIB", first=11, count=2)))
    desk.run(_phones((1, "+6281234567890"), (11, "+6281234567890"), (12, "+6281234567892")))
    consent = "Formulir desa,2026-10-01,Saya mau dikabari"
    numbers = desk.write(
        "nomor.csv",
        "number,consent_source,consent_date,consent_wording\n"
        + "".join(f"{number},{consent}\n" for number in ("081234567890", "081234567892", "081234567893")),
    )
    desk.create("uji", "--numbers", numbers, "--numbers-by", "whatsapp")
    seen = json.loads(desk.ok("preview", "uji", "--json"))
    assert seen["by_channel"] == {SOURCE: 1}, "its window on WhatsApp is closed, on Telegram it gets it"
    assert seen["left_out"] == {"closed_window": 3}, "the other chat, the other number, and a new one"
    desk.ok("start", "uji")
    found = json.loads(desk.ok("report", "uji", "--json"))
    assert found["states"] == {"pending": 1, "skipped": 3}
    assert {row["reason"]: row["count"] for row in found["reasons"]} == seen["left_out"]
    kept = desk.run(lambda d: d.read(lambda c: sorted(c.execute(select(schema.consents.c.chat_id)).scalars())))
    assert kept[:3] == [1, 11, 12], "the consent stands with each chat of a number"


def test_the_phone_of_a_test_may_be_written_as_people_write_it(desk: Desk) -> None:
    desk.run(_phones((2, "+6281234567892")))
    desk.create()
    assert "1 of your chats" in desk.ok("test", "uji", "--phone", "0812-3456-7892")
    assert "no number" in desk.refused("test", "uji", "--phone", "halo")


def test_a_test_goes_to_oneself_alone(desk: Desk) -> None:
    desk.create()
    assert "1 of your chats" in desk.ok("test", "uji", "--chat", "2")
    assert "no such chat" in desk.refused("test", "uji", "--phone", "+6281111111111")
    rows = desk.run(lambda d: d.read(lambda c: c.execute(select(schema.outbox.c.chat_id)).scalars().all()))
    assert rows == [2]


def test_an_unknown_name_is_one_line(desk: Desk) -> None:
    for command in ("preview", "start", "pause", "resume", "cancel", "report", "approve", "retry"):
        assert "no campaign" in desk.refused(command, "hantu")


def test_why_a_running_one_stands_still_is_said(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.create()
    desk.ok("start", "uji")
    monkeypatch.setattr(proactive, "daytime_zones", lambda now: ["WIT"])
    told = desk.ok("report", "uji")
    assert "waits: no sender is at work" in told
    assert "waits: night in WIB: goes on there at 08.00" in told
    desk.run(lambda d: d.write(partial(leases.take, name="broadcast", owner="x", lease=timedelta(minutes=1))))
    monkeypatch.setattr(proactive, "daytime_zones", lambda now: ["WIB"])
    assert json.loads(desk.ok("report", "uji", "--json"))["waits"] == []
    desk.ok("pause", "uji")
    assert json.loads(desk.ok("report", "uji", "--json"))["waits"] == []


def test_what_nobody_knows_comes_with_what_to_do(desk: Desk) -> None:
    desk.create()
    desk.ok("start", "uji")
    cut = schema.campaign_recipients.update().where(schema.campaign_recipients.c.n == 1).values(state="unknown")
    desk.run(lambda d: d.write(lambda c: c.execute(cut)))
    told = desk.ok("report", "uji")
    assert "pandu broadcast settle 'uji' --as accepted|failed" in told
    assert " WIB  operator:ani" in told


def test_a_picture_beside_the_content(desk: Desk) -> None:
    (desk.folder / "gambar.jpg").write_bytes(drawn(2560, 1440))
    desk.write("isi.yml", "text: Halo {sapaan}.\nimage: gambar.jpg\n")
    desk.create()
    seen = json.loads(desk.ok("preview", "uji", "--json"))["image"]
    assert (seen["width"], seen["height"], seen["channels"]) == (1280, 720, ["telegram"])
    assert "picture: 1280 x 720, " in desk.ok("preview", "uji")
    assert "kB, by telegram; SMS and WhatsApp's templates go without it" in desk.ok("preview", "uji")
    kept = desk.run(lambda d: d.read(partial(campaigns.by_name, name="uji")))["content"]
    assert kept["image"] == seen["sha256"]
    desk.create("lagi")
    rows = desk.run(lambda d: d.read(lambda c: c.execute(schema.pictures.select()).mappings().all()))
    assert [(row["sha256"], row["author"]) for row in rows] == [(seen["sha256"], "operator:ani")]


def test_a_content_without_a_picture_shows_none(desk: Desk) -> None:
    desk.create()
    assert json.loads(desk.ok("preview", "uji", "--json"))["image"] is None
    assert "picture" not in desk.ok("preview", "uji")


@pytest.mark.parametrize(
    ("image", "told"),
    [
        ("hilang.jpg", "hilang.jpg: No such file"),
        ("isi.yml", "image isi.yml: the picture cannot be read"),
        ("[a, b]", "image: the name of a picture's file is wanted"),
        ("sempit.png", "image sempit.png: the picture is too narrow"),
    ],
)
def test_what_is_wrong_with_a_picture_is_one_line_and_nothing_is_kept(desk: Desk, image: str, told: str) -> None:
    (desk.folder / "sempit.png").write_bytes(drawn(2100, 100, kind="PNG"))
    desk.write("isi.yml", f"text: Halo {{sapaan}}.\nimage: {image}\n")
    said = desk.refused("create", "uji", "--content", desk.folder / "isi.yml")
    assert told in said
    assert len(said.strip().splitlines()) == 1
    assert not desk.run(lambda d: d.read(campaigns.all_of))


def test_a_draft_that_is_refused_keeps_no_picture(desk: Desk) -> None:
    (desk.folder / "gambar.jpg").write_bytes(drawn())
    desk.write("isi.yml", "text: Halo {siapa}.\nimage: gambar.jpg\n")
    assert "{siapa} is no variable" in desk.refused("create", "uji", "--content", desk.folder / "isi.yml")
    assert not desk.run(lambda d: d.read(lambda c: c.execute(schema.pictures.select()).all()))
