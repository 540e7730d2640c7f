"""Front door of announcements at the desk: an operator makes one, a second one approves it, it starts; nothing typed is lost."""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markupsafe import escape
from sqlalchemy import Connection, select, update

from bot import campaign_files
from bot.campaign_means import Ways
from bot.desk import announcement_audience
from bot.desk.guard import MAX_BODY
from bot.desk.routes import desk_routes
from bot.telegram import limits
from handlers import catalogue
from storage import campaigns, ledger, schema, segments, subscriptions, tags
from storage.schema import campaign_numbers
from storage.schema import campaigns as rows
from tests.bot.desk.conftest import Browser, Office
from tests.bot.test_broadcast import NOON, add_chats

SOURCE = "telegram:1"
PEOPLE = 12
NOW = datetime(2026, 11, 24, tzinfo=UTC)
KNOWN = {"langkah-1": 7, "langkah-1 2026-11-25": 7, "langkah-2": 8}
CHOICES = announcement_audience.with_series(
    catalogue.load().files["announcing"]["choices"], {7: "langkah-1", 8: "langkah-2"}, KNOWN
)
FIELDS = {
    "name": "jadwal",
    "text": "Halo {sapaan}. Jadwal pindah.",
    "who": "form",
    "channel1": "telegram",
    "spread": "0",
}


class Room:
    """The desk of an operator with people on Telegram, and WhatsApp and SMS beside it."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.set(rates={SOURCE: 30.0, "whatsapp:2": 80.0, "sms:3": 1.0}, approval_from=1000)

    def set(self, **values: Any) -> None:
        self.office.desk = replace(self.office.desk, ways=replace(self.office.desk.ways, **values))
        self.office.app.router.routes[:] = desk_routes(self.office.desk, self.office.hub)

    async def make(self, browser: Browser, **fields: str) -> int:
        """A draft by the form; its key."""
        await browser.get("/announcements/new")
        answer = await browser.post("/announcements/new", **{**FIELDS, **fields})
        assert answer.status_code == 303, told(answer.text)
        found = re.search(r"/announcements/(\d+)/draft", answer.headers["location"])
        assert found is not None
        return int(found[1])

    async def row(self, key: int) -> Any:
        return await self.office.database.read(partial(campaigns.get, campaign_id=key))

    async def does(self, browser: Browser, key: int, step: str, **fields: str) -> Any:
        page = (await browser.get(f"/announcements/{key}/draft")).text
        return await browser.post(f"/announcements/{key}/draft/{step}", revision=revision(page), **fields)

    async def acts(self, key: int) -> list[str]:
        found = await self.office.database.read(partial(campaigns.acts, campaign_id=key))
        return [f"{act['actor']} {act['what']}" for act in found]


def revision(page: str) -> str:
    return page.split('name="revision" value="')[1].split('"')[0]


def told(page: str) -> str:
    """What a page says in red."""
    return " | ".join(re.findall(r'class="wrong"[^>]*>([^<]+)<', page))


@pytest.fixture
async def room(office: Office) -> Room:
    await office.do(partial(add_chats, source=SOURCE, zone="WIB", first=101, count=PEOPLE))
    return Room(office)


async def test_from_an_empty_form_over_the_second_person_to_the_start(room: Room) -> None:
    room.set(approval_from=5)
    ani, budi = await room.office.at_desk("ani", "operator"), await room.office.at_desk("budi", "admin")
    assert "Belum ada." in (await ani.get("/announcements")).text
    key = await room.make(ani)
    assert "jadwal" in (await ani.get("/announcements")).text
    page = (await ani.get(f"/announcements/{key}/draft?count=1")).text
    assert f"<dd><strong>{PEOPLE}</strong></dd>" in page
    assert "Halo Kak Siti. Jadwal pindah." in page, "as Telegram shows it"
    assert "mulai 5 penerima harus disetujui orang kedua" in page
    assert ">Setujui<" not in page, "not for the writer"
    assert "Budi" in page, "who may approve"
    assert (await room.does(ani, key, "start")).status_code == 422
    refused = await room.does(ani, key, "approve")
    assert refused.status_code == 422
    assert "Orang kedua yang menyetujui" in refused.text
    assert (await room.does(budi, key, "approve")).status_code == 303
    assert (await room.row(key))["approved_size"] == PEOPLE
    started = await room.does(ani, key, "start")
    assert started.headers["location"].startswith(f"/desk/announcements/{key}?")
    assert await room.office.database.read(partial(ledger.counts, campaign_id=key)) == {"pending": PEOPLE}
    one, two = f"agent:{ani.id}", f"agent:{budi.id}"
    assert await room.acts(key) == [f"{one} create", f"{two} approve", f"{one} start"]
    assert "0 dari 12" in (await ani.get("/announcements?state=running")).text


async def test_whoever_has_changed_a_draft_does_not_approve_it_and_a_change_ends_the_approval(room: Room) -> None:
    ani, budi = await room.office.at_desk("ani", "operator"), await room.office.at_desk("budi", "operator")
    sari = await room.office.at_desk("sari", "admin")
    key = await room.make(ani)
    assert (await room.does(sari, key, "approve")).status_code == 303
    page = (await budi.get(f"/announcements/{key}/draft")).text
    answer = await budi.post(f"/announcements/{key}/draft", **FIELDS, revision=revision(page), words="info insentif")
    assert answer.status_code == 303
    row = await room.row(key)
    assert (row["approved_by"], row["content"]["words"]) == (None, ["INFO INSENTIF"])
    for writer in (ani, budi):
        assert (await room.does(writer, key, "approve")).status_code == 422
    await room.office.do(lambda c: campaigns.note(c, key, "operator:tono", "edit", NOON))
    refused = await room.does(sari, key, "approve")
    assert "tono" in refused.text
    assert "lewat baris perintah" in refused.text


async def test_of_two_who_change_it_at_once_both_keep_what_they_wrote(room: Room) -> None:
    ani, budi = await room.office.at_desk("ani", "operator"), await room.office.at_desk("budi", "operator")
    key = await room.make(ani)
    shown = revision((await budi.get(f"/announcements/{key}/draft")).text)
    mine = {**FIELDS, "text": "Punya Ani, Kak."}
    assert (await ani.post(f"/announcements/{key}/draft", **mine, revision=shown)).status_code == 303
    refused = await budi.post(f"/announcements/{key}/draft", **{**FIELDS, "text": "Punya Budi, Kak."}, revision=shown)
    assert refused.status_code == 409
    assert "Orang lain baru saja mengubah" in refused.text
    assert "Punya Budi, Kak.</textarea>" in refused.text
    assert "Punya Ani, Kak." in refused.text
    assert revision(refused.text.split("<h2>Ubah</h2>")[1]) == shown, "saving again is refused again"
    assert (await room.row(key))["content"]["text"] == "Punya Ani, Kak."
    for step in ("approve", "start", "discard"):
        late = await budi.post(f"/announcements/{key}/draft/{step}", revision=shown)
        assert late.status_code == 409, step


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"text": ""}, "Tulis isi pengumuman"),
        ({"text": "Halo {nik}"}, "{nik} bukan variabel"),
        ({"text": "Halo {nama"}, "Kurung kurawal"),
        ({"text": "Lihat https://prakerja-bantu.com/"}, "Tautan ke prakerja-bantu.com tidak diizinkan"),
        ({"text": "panjang " * 80}, "paling banyak 500"),
        ({"sms": "é" * 300}, "bagian SMS"),
        ({"words": "1 Ya"}, "pakai kata, bukan angka"),
        ({"link": "http://["}, "beralamat https"),
        ({"name": "x" * 61}, "1 sampai 60 huruf"),
        ({"template": "tidak_ada"}, "Templat tidak_ada tidak ada"),
        ({"values": "hari = Kamis"}, "Pilih templat"),
        ({"template": "reminder_draft", "values": "Kamis"}, "“Kamis” bukan isian"),
        ({"channel1": ""}, "satu kanal"),
        ({"topic": "cuaca"}, "Topik itu tidak dikenal"),
        ({"repeat": "weekly"}, "Pengulangan butuh waktu mulai"),
        ({"spread": "banyak"}, "angka jam"),
        ({"spread": "nan"}, "angka jam"),
        ({"at": "besok"}, "Tulis waktu seperti"),
        ({"until": "2001-01-01T00:00"}, "sudah lewat"),
        ({"until": "9999-12-31T23:59"}, "Tulis waktu seperti"),
        ({"wave": "1"}, "butuh halaman resmi"),
        ({"wave": "1", "source": "https://prakerja.com/", "until": "2090-01-01T00:00"}, "https://….go.id/…"),
        ({"only.wave": "banyak"}, "“banyak” bukan daftar angka"),
        ({"only.province": "Atlantis"}, "“Atlantis” bukan provinsi"),
        ({"but.region": "Atlantis"}, "bukan kabupaten atau kota"),
        ({"only.seen.within_days": "0"}, "jumlah hari"),
        ({"who": "segment", "segment": "hilang"}, "Segmen “hilang” tidak ada"),
        ({"who": "yaml", "filter": "wave: 70\nor:\n  - wave: 71\n  - gelombang: 72"}, "Baris 4: Syarat “gelombang”"),
        ({"who": "yaml", "filter": "wave: [70"}, "tidak bisa dibaca"),
        ({"who": "yaml", "filter": "a: &x [1]\nb: *x"}, "tidak dipakai di sini"),
        ({"who": "yaml", "filter": "[" * 3000}, "tidak bisa dibaca"),
        ({"who": "yaml", "filter": "{a: " * 51}, "tidak bisa dibaca"),
        ({"who": "yaml", "filter": "and:\n- not:\n    province: Atlantis"}, "Baris 3: “Atlantis” bukan provinsi"),
        ({"who": "numbers"}, "Kolom number tidak ada"),
        ({"who": "numbers", "numbers": "number;consent_source;consent_date;consent_wording"}, "Daftar nomor kosong"),
    ],
)
async def test_what_is_wrong_is_said_and_what_was_typed_stays(room: Room, fields: dict[str, str], said: str) -> None:
    ani = await room.office.at_desk("ani", "operator")
    await ani.get("/announcements/new")
    answer = await ani.post("/announcements/new", **{**FIELDS, "telegram": "Tulisan <b>Ani</b>.", **fields})
    assert answer.status_code == 422
    assert said in answer.text
    assert "Tulisan &lt;b&gt;Ani&lt;/b&gt;." in answer.text
    for text in (text for name, text in fields.items() if name != "topic"):  # that one is no field to type into
        assert str(escape(text)) in answer.text
    assert not await room.office.database.read(campaigns.all_of)


async def test_the_audience_by_conditions_and_exclusions(room: Room) -> None:
    def stop(connection: Connection) -> None:
        subscriptions.stop(connection, chat_id=101, now=NOON)
        connection.execute(update(schema.chats).where(schema.chats.c.id > 110).values(zone="WIT"))

    await room.office.do(stop)
    ani = await room.office.at_desk("ani", "operator")
    fields = {"only.channel:telegram": "1", "but.zone:WIT": "1", "but.province": "Maluku, 94"}
    key = await room.make(ani, **fields)
    tree = {"channel": ["telegram"], "and": [{"not": {"province": ["81", "94"]}}, {"not": {"zone": ["WIT"]}}]}
    assert (await room.row(key))["audience"] == {"filter": tree}
    page = (await ani.get(f"/announcements/{key}/draft?count=1")).text
    assert "<dd><strong>9</strong></dd>" in page
    assert "sudah bilang BERHENTI" in page
    assert 'name="but.zone:WIT" value="1" checked' in page
    assert 'value="Maluku, ' in page, "places by name again"


async def test_what_the_form_cannot_say_is_written_and_kept_as_a_segment(room: Room) -> None:
    ani = await room.office.at_desk("ani", "operator")
    key = await room.make(ani, who="yaml", filter="or: [{chat: [101, 102]}, {wave: 70}]")
    page = (await ani.get(f"/announcements/{key}/draft")).text
    assert 'value="yaml" checked' in page
    assert "- chat:" in page
    assert (
        await ani.post("/announcements/segments", step="save", draft=str(key), name=" dua  orang ")
    ).status_code == 303
    assert "dua orang" in (await ani.get("/announcements")).text
    other = await room.make(ani, name="lain", who="segment", segment="dua orang")
    assert "<dd><strong>2</strong></dd>" in (await ani.get(f"/announcements/{other}/draft?count=1")).text
    assert (await ani.post("/announcements/segments", step="save", draft=str(key), name="x" * 65)).status_code == 422
    assert (await ani.post("/announcements/segments", step="delete", name="dua orang")).status_code == 303
    assert not await room.office.database.read(segments.saved)
    assert (await ani.post("/announcements/segments", step="delete", name="dua orang")).status_code == 404


NUMBERS = (
    "number\tconsent_source\tconsent_date\tconsent_wording\n"
    "0812-3456-7890\tFormulir desa\t2026-10-01\tSaya mau, dikabari\n"
    "081234567891\t\t\t\n"
    "bukan nomor\tFormulir desa\t2026-10-01\tSaya mau\n"
)


async def test_a_pasted_list_of_numbers_and_what_is_wrong_with_its_lines(room: Room) -> None:
    ani = await room.office.at_desk("ani", "operator")
    listed = {"who": "numbers", "channel2": "sms", "numbers_by": "sms", "numbers": NUMBERS}
    key = await room.make(ani, **listed)
    page = (await ani.get(f"/announcements/{key}/draft?count=1")).text
    assert "Tersimpan: 3 baris" in page
    assert "baris 3 (belum pernah setuju dikabari), baris 4 (bukan nomor HP Indonesia)" in page
    assert "<dt>SMS</dt><dd>1</dd>" in page
    assert "81234567890" not in page, "no number on a page"
    kept = {**FIELDS, **listed, "numbers": "", "keeps": "1", "text": "Lain, Kak."}
    assert (await ani.post(f"/announcements/{key}/draft", **kept, revision=revision(page))).status_code == 303
    assert (await room.row(key))["audience"] == {"filter": {}, "numbers_of": key, "numbers_by": "sms:3"}
    assert (
        "tidak punya saringan yang bisa disimpan"
        in (await ani.post("/announcements/segments", step="save", draft=str(key), name="x")).text
    )
    page = (await ani.get(f"/announcements/{key}/draft")).text
    assert (await ani.post(f"/announcements/{key}/draft", **FIELDS, revision=revision(page))).status_code == 303
    assert not await room.office.database.read(lambda c: c.execute(select(campaign_numbers.c.line)).all())


async def test_a_long_list_passes_and_a_longer_one_is_refused(room: Room) -> None:
    ani = await room.office.at_desk("ani", "operator")
    head, line = NUMBERS.split("\n")[:2]
    long = head + "".join(f"\n{line.replace('7890', str(1000 + n))}" for n in range(2_000))
    assert len(long) > MAX_BODY
    key = await room.make(ani, who="numbers", numbers=long)
    assert "2.000 baris" in (await ani.get(f"/announcements/{key}/draft")).text
    assert (await ani.post("/announcements/new", **FIELDS, numbers="x" * 5_000_000)).status_code == 403


async def test_a_test_goes_to_ones_own_chat_and_is_written_down(room: Room) -> None:
    def known(connection: Connection) -> None:
        row = {"chat_id": 101, "kind": "phone", "value": "+6281234567890", "vouched": True}
        connection.execute(schema.identities.insert().values(**row, first_seen=NOON, last_seen=NOON))

    await room.office.do(known)
    ani = await room.office.at_desk("ani", "operator")
    key = await room.make(ani)
    assert (await room.does(ani, key, "test", phone="0812 3456 7890")).status_code == 303
    assert "Halo Kak Siti" in (await room.office.hears(101))[0]
    for phone, said in (("081234567899", "belum pernah dipastikan"), ("halo", "Tulis nomor HP")):
        refused = await room.does(ani, key, "test", phone=phone)
        assert refused.status_code == 422
        assert said in refused.text
    assert await room.acts(key) == [f"agent:{ani.id} create", f"agent:{ani.id} test"]


async def test_put_down_for_later_taken_back_and_discarded(room: Room) -> None:
    ani = await room.office.at_desk("ani", "operator")
    key = await room.make(ani, at="2090-01-01T09:00", repeat="weekly")
    page = (await ani.get(f"/announcements/{key}/draft")).text
    assert "Jadwalkan" in page
    assert 'value="2090-01-01T09:00"' in page
    assert (await room.does(ani, key, "start")).status_code == 303
    page = (await ani.get(f"/announcements/{key}/draft")).text
    assert "terjadwal" in page
    assert "<h2>Ubah</h2>" not in page
    assert (await ani.post(f"/announcements/{key}/draft", **FIELDS, revision="1")).status_code == 409
    assert (await room.does(ani, key, "unschedule")).status_code == 303
    assert (await room.does(ani, key, "discard")).status_code == 303
    assert (await room.row(key))["state"] == "cancelled"
    one = f"agent:{ani.id}"
    assert await room.acts(key) == [f"{one} create", f"{one} schedule", f"{one} unschedule", f"{one} cancel"]
    answer = await ani.get(f"/announcements/{key}/draft")
    assert answer.headers["location"] == f"/desk/announcements/{key}", "what has ended has a page of its own"


async def test_that_a_wave_has_opened(room: Room) -> None:
    ani, budi = await room.office.at_desk("ani", "operator"), await room.office.at_desk("budi", "operator")
    wave = {"wave": "1", "source": "https://www.prakerja.go.id/kabar", "until": "2090-01-01T00:00"}
    key = await room.make(ani, **wave)
    page = (await ani.get(f"/announcements/{key}/draft?count=1")).text
    assert "Tidak perlu rebutan, seleksi acak setelah ditutup." in page
    assert "Perkiraan lama</dt><dd>4 jam" in page
    refused = await room.does(ani, key, "start")
    assert "harus disetujui orang kedua" in refused.text
    assert (await room.does(budi, key, "approve")).status_code == 303
    assert (await room.does(ani, key, "start")).status_code == 303


async def test_the_sample_shows_nobodys_name(room: Room) -> None:
    ani = await room.office.at_desk("ani", "operator")
    key = await room.make(ani, text="Halo {sapaan}, {nama}.")
    page = (await ani.get(f"/announcements/{key}/draft?count=1")).text
    assert page.count("Halo Kak S•••, S••• A•••.") == 10
    assert "Aminah" not in page


async def test_paragraphs_for_some_are_typed_shown_for_each_case_and_come_back(room: Room) -> None:
    ani = await room.office.at_desk("ani", "operator")
    typed = "- Halo {sapaan}.\r\n- if: saldo\r\n  text: Saldo Kakak {saldo}.\r\n"
    key = await room.make(ani, text=typed)
    kept = (await room.row(key))["content"]["text"]
    assert kept == [{"text": "Halo {sapaan}."}, {"text": "Saldo Kakak {saldo}.", "if": {"saldo": []}}]
    page = (await ani.get(f"/announcements/{key}/draft")).text
    assert "<h3>Bila saldo</h3>" in page
    assert "<h3>Bila bukan saldo</h3>" in page
    assert page.count("Saldo Kakak Rp1.250.000.") == 1, "in the one case alone"
    (field,) = re.findall(r'<textarea id="text"[^>]*>(.*?)</textarea>', page, re.DOTALL)
    changed = {**FIELDS, "text": html.unescape(field), "revision": revision(page)}
    assert (await ani.post(f"/announcements/{key}/draft", **changed)).status_code == 303
    assert (await room.row(key))["content"]["text"] == kept
    wrong = {**FIELDS, "name": "lain", "text": "- {if: uang, text: Halo.}"}
    refused = await ani.post("/announcements/new", **wrong)
    assert refused.status_code == 422
    assert told(refused.text).startswith("Daftar paragraf tidak terbaca")
    assert "{if: uang" in html.unescape(refused.text)


async def test_people_with_a_tag(room: Room) -> None:
    ani = await room.office.at_desk("ani", "operator")
    chosen = select(schema.chats.c.id).where(schema.chats.c.id < 104)
    await room.office.database.write(lambda c: tags.add(c, "relawan", chosen, author="ani", now=NOW))
    key = await room.make(ani, **{"only.tag": "relawan"})
    assert (await room.row(key))["audience"] == {"filter": {"tag": ["relawan"]}}
    assert "<dd><strong>3</strong></dd>" in (await ani.get(f"/announcements/{key}/draft?count=1")).text


async def test_a_template_is_chosen_and_shown_and_must_be_metas(room: Room) -> None:
    ani = await room.office.at_desk("ani", "operator")
    key = await room.make(ani, channel2="whatsapp", template="reminder_draft", values="operator = Dinas Uji")
    page = (await ani.get(f"/announcements/{key}/draft?count=1")).text
    assert "asisten otomatis milik Dinas Uji" in page
    assert "Templat reminder_draft belum boleh dipakai" in page
    assert "operator = Dinas Uji</textarea>" in page
    assert (await room.does(ani, key, "start")).status_code == 422


async def test_names_of_people_and_places_are_no_markup(room: Room) -> None:
    ani = await room.office.at_desk("ani", "operator")
    key = await room.make(ani, name="<script>x</script>", text='Halo "<i>" {sapaan}')
    for path in ("/announcements", f"/announcements/{key}/draft?count=1"):
        page = (await ani.get(path)).text
        assert "<script>x" not in page
        assert "<i>" not in page


async def test_a_list_says_what_runs_and_is_filtered(room: Room) -> None:
    ani = await room.office.at_desk("ani", "operator")
    await room.make(ani, name="satu")
    key = await room.make(ani, name="dua")
    await room.office.do(
        lambda c: c.execute(update(rows).where(rows.c.id == key).values(state="paused", paused_why="too many failed"))
    )
    page = (await ani.get("/announcements?state=paused")).text
    assert "dua" in page
    assert "satu" not in page
    assert "too many failed" in page
    assert f'href="/desk/announcements/{key}"' in page


async def test_a_series_of_steps_is_made_in_the_form_and_approved_for_those_who_will_come(room: Room) -> None:
    room.set(approval_from=5)
    ani, budi = await room.office.at_desk("ani", "operator"), await room.office.at_desk("budi", "admin")
    await ani.get("/announcements/new")
    refused = await ani.post("/announcements/new", **FIELDS, once="1")
    assert "hanya berlaku untuk pengumuman yang diulang" in told(refused.text)
    daily = {"at": "2030-01-01T09:00", "repeat": "daily", "once": "1"}
    first = await room.make(ani, **daily)
    page = (await ani.get("/announcements/new")).text
    assert f'<option value="{first}">jadwal</option>' in page
    lacking = await ani.post("/announcements/new", **{**FIELDS, **daily, "name": "b", "only.got.before_days": "3"})
    assert "Pilih pengumumannya juga" in told(lacking.text)
    fields = {"name": "langkah-2", "only.got.series": str(first), "only.got.before_days": "3"}
    second = await room.make(ani, **daily, **fields)
    row = await room.row(second)
    assert (row["once"], row["audience"]["filter"]) == (True, {"got": {"series": first, "before_days": 3}})
    page = (await ani.get(f"/announcements/{second}/draft")).text
    assert f'<option value="{first}" selected>jadwal</option>' in page
    assert 'name="once" value="1" checked' in page
    assert "Tiap orang dapat sekali dalam rangkaian ini." in page
    assert (await room.does(budi, second, "approve", up_to="500")).status_code == 303
    assert (await room.row(second))["approved_size"] == 500
    assert (await room.does(ani, second, "start")).status_code == 303
    assert (await room.row(second))["state"] == "scheduled"


async def test_the_draft_says_how_many_stars_it_costs_at_most(room: Room) -> None:
    ani = await room.office.at_desk("ani", "operator")
    key = await room.make(ani)
    assert "Stars" not in (await ani.get(f"/announcements/{key}/draft?count=1")).text
    room.set(star_price=limits.PAID_STARS)
    assert "paling banyak 2 Stars" in (await ani.get(f"/announcements/{key}/draft?count=1")).text, "12 at 0.1"


async def test_a_written_filter_names_announcements_by_their_names(room: Room) -> None:
    ani = await room.office.at_desk("ani", "operator")
    first = await room.make(ani)
    written = "or:\n  - zone: WIT\n  - got: {campaign: jadwal, within_days: 7}\n"
    key = await room.make(ani, name="kedua", who="yaml", filter=written)
    assert (await room.row(key))["audience"]["filter"]["or"][1] == {"got": {"series": first, "within_days": 7}}
    assert "campaign: jadwal" in (await ani.get(f"/announcements/{key}/draft")).text
    wrong = {**FIELDS, "name": "ketiga", "who": "yaml", "filter": written.replace("jadwal", "jadwl")}
    refused = await ani.post("/announcements/new", **wrong)
    assert refused.status_code == 422
    assert "Baris 3: Tidak ada pengumuman bernama “jadwl”." in told(refused.text)


async def test_what_is_not_there(room: Room) -> None:
    ani = await room.office.at_desk("ani", "operator")
    for path in ("/announcements/99/draft", "/announcements/99/draft?count=1"):
        assert (await ani.get(path)).status_code == 404
    key = await room.make(ani)
    assert (await ani.post(f"/announcements/{key}/draft/delete")).status_code == 404
    assert (await ani.post("/announcements/99/draft/start")).status_code == 404
    assert (await ani.post("/announcements/99/draft", **FIELDS)).status_code == 404


# -- units ---------------------------------------------------------------------------------------------------------

_QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
_WORD = st.text("abcdefghij_ ", min_size=1, max_size=6).map(str.strip).filter(bool)


def _value(field: announcement_audience.Field) -> st.SearchStrategy[Any]:
    if field.kind == announcement_audience.CHOICES:
        return st.lists(st.sampled_from(sorted(CHOICES[field.name])), min_size=1, unique=True).map(
            lambda some: [one for one in CHOICES[field.name] if one in some]
        )
    return {
        announcement_audience.WHOLE: st.lists(st.integers(0, 99), min_size=1, max_size=3),
        announcement_audience.PLACES: st.lists(
            st.sampled_from(["32", "81"] if field.key == "province" else ["3273", "7371"]), min_size=1, max_size=3
        ),
        announcement_audience.WORDS: st.lists(_WORD, min_size=1, max_size=3),
        announcement_audience.DAYS: st.integers(1, 9_999),
        announcement_audience.YES: st.booleans(),
        announcement_audience.ONE: st.sampled_from([7, 8]),
    }[field.kind]


@st.composite
def _side(draw: st.DrawFn, side: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field in draw(st.lists(st.sampled_from(announcement_audience.of_side(side)), unique=True, max_size=5)):
        value = draw(_value(field))
        if field.part:
            found.setdefault(field.key, {})[field.part] = value
        else:
            found[field.key] = value
    if "got" in found:
        found["got"].setdefault("series", 7)  # days alone say nothing
    return found


@_QUICK
@given(_side("only"), _side("but"))
def test_what_the_form_says_comes_back_as_the_same_form(only: dict[str, Any], but: dict[str, Any]) -> None:
    tree = only | ({"and": [{"not": {key: value}} for key, value in but.items()]} if but else {})
    fields = announcement_audience.fields_of(tree, CHOICES)
    assert fields is not None
    made = campaign_files.read_filter(announcement_audience.tree_of(fields, CHOICES), KNOWN, NOW)
    assert _sorted(made) == _sorted(tree)


def _sorted(tree: dict[str, Any]) -> dict[str, Any]:
    return {**tree, "and": sorted(tree.get("and", []), key=lambda one: json.dumps(one, sort_keys=True))}


_LEAF = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
_WILD = st.recursive(
    _LEAF,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*"abc", "and", "or", "not", "wave", "seen", "course", "linked"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)


@_QUICK
@given(
    st.dictionaries(st.sampled_from(["and", "or", "not", "wave", "seen", "course", "linked", "x"]), _WILD, max_size=3)
)
def test_a_wild_tree_is_either_the_forms_or_not(tree: dict[str, Any]) -> None:
    fields = announcement_audience.fields_of(tree, CHOICES)
    assert fields is None or all(isinstance(text, str) for text in fields.values())


def test_every_refusal_has_a_sentence_at_the_desk() -> None:
    keys = set()
    for path in (*Path("bot").rglob("*.py"), *Path("storage").glob("*.py"), *Path("handlers").glob("*.py")):
        keys |= set(re.findall(r'Refusal\(\s*"(\w+)"', path.read_text(encoding="utf-8")))
        keys |= set(
            re.findall(r'wrong\(\s*[^\n]*?,\s*"(\w+)",', path.read_text(encoding="utf-8"))
            if "campaign_draft" in path.name
            else ()
        )
    sentences = set(catalogue.load().files["announcing"]["refusals"])
    assert keys | {"no_region", "no_province"} <= sentences, keys - sentences
    assert len(keys) > 40


def test_every_condition_of_the_form_is_one_of_the_filter_and_has_a_name() -> None:
    names = catalogue.load().files["announcing"]
    for field in announcement_audience.TABLE:
        assert field.name in names["conditions"]
        assert (field.kind == announcement_audience.CHOICES) == (field.name in names["choices"])


def test_nothing_is_configured_by_default() -> None:
    assert Ways().sources(["telegram"]) == []
    assert Ways(rates={"sms:1": 1.0, SOURCE: 1.0}).sources(["telegram", "x", "sms", "telegram"]) == [SOURCE, "sms:1"]
