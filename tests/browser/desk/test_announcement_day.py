"""An operator's whole day: an announcement from the first word to the report, with a second person, a fault and a doubt on the way."""

from __future__ import annotations

import csv
import io
from functools import partial
from typing import Any

import pytest
from PIL import Image, ImageDraw
from sqlalchemy import update

from storage import schema
from storage.database import Database
from tests.bot.test_broadcast import add_chats
from tests.browser.conftest import playwright
from tests.browser.desk.conftest import DESKTOP, PHONE, Place
from tests.browser.desk.test_access import problems
from tests.browser.desk.test_day import heard
from tests.fakes.telegram import FakeTelegram

PEOPLE = 70  # and Siti, who asks afterwards
FIRST = 1001
FAULTS = {"failed": 2, "unknown": 1}


@pytest.fixture
def more(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A slow way out, so that there is time to look; the day lasts all day, whenever this test runs."""
    monkeypatch.setattr("bot.proactive.HOURS", range(24))
    pace = {"PANDU_TELEGRAM_RATE": "4", "PANDU_BROADCAST_RAMP_MINUTES": "0"}
    return {**pace, "PANDU_BROADCAST_APPROVAL_FROM": "20", "PANDU_BROADCAST_FAILURE_RATE": "0.5"}


def poster() -> bytes:
    """A picture as an office draws it."""
    made = Image.new("RGB", (1600, 800), "#0b5394")
    draw = ImageDraw.Draw(made)
    draw.rectangle((60, 60, 1540, 740), outline="white", width=8)
    draw.text((120, 220), "LAYANAN TATAP MUKA", fill="white", font_size=110)
    draw.text((120, 400), "pekan ini: Kamis", fill="#fbbf24", font_size=150)
    packed = io.BytesIO()
    made.save(packed, "PNG")
    return packed.getvalue()


async def many(database: Database, fake: FakeTelegram) -> None:
    """People in the same account's chats as Siti."""
    source = f"telegram:{fake.token.partition(':')[0]}"
    for number in range(FIRST, FIRST + PEOPLE):
        fake.person(number)
    await database.write(partial(add_chats, source=source, zone="WIB", first=FIRST, count=PEOPLE))
    names = update(schema.chats).where(schema.chats.c.id == FIRST).values(name="Budi <b>Santoso</b>")
    await database.write(lambda c: c.execute(names))


async def fits(page: Any, name: str, found: dict[str, list[str]]) -> None:
    """What axe says of it, wide and on a phone, and whether it is wider than the screen."""
    for size in (DESKTOP, PHONE):
        await page.set_viewport_size(size)
        if wrong := await problems(page):
            found[f"{name} {size['width']}"] = wrong
        if await page.evaluate("document.documentElement.scrollWidth") > size["width"]:
            found[f"{name} {size['width']}"] = ["wider than the screen"]
    await page.set_viewport_size(DESKTOP)


async def counted(page: Any, label: str) -> int:
    """A figure of the live page."""
    shown = await page.locator("#progress .figures li", has_text=label).locator("b").inner_text()
    return int(shown.replace(".", ""))


async def test_from_the_first_word_to_the_report(
    browser: Any, place: Place, fake: FakeTelegram, picture: Any, tmp_path: Any
) -> None:
    found: dict[str, list[str]] = {}
    siti = fake.people[7]
    siti.shares_contact(phone="6281234567890")
    await fake.wait_for_reply(siti)
    await many(place.database, fake)

    # the operator writes it
    oki = await place.agent(browser, "oki", bypass_csp=True)
    oki.on("dialog", lambda dialog: dialog.accept())
    await oki.get_by_role("link", name="Pengumuman").click()
    await fits(oki, "list", found)
    await oki.get_by_role("link", name="Buat pengumuman").click()
    await oki.get_by_label("Nama pengumuman").fill("Jadwal pekan ini")
    await oki.locator("#text").fill("Halo {sapaan}. Layanan tatap muka pekan ini pindah ke Kamis.")
    await oki.locator("#channel1").select_option("telegram")
    chosen = oki.get_by_label("Gambar", exact=True)
    await chosen.set_input_files({"name": "jadwal.png", "mimeType": "image/png", "buffer": b"no picture"})
    await oki.get_by_text("Gambar tidak bisa dibaca.").wait_for()
    await chosen.set_input_files({"name": "jadwal.png", "mimeType": "image/png", "buffer": poster()})
    await oki.get_by_text("1.280 × 640").wait_for()
    await fits(oki, "new", found)
    await oki.get_by_role("button", name="Simpan draf").click()

    # sees who gets it and how it looks, and gets it first
    await oki.locator("#counted strong", has_text=str(PEOPLE + 1)).wait_for()
    await oki.locator(".previews", has_text="pindah ke Kamis").wait_for()
    shown = oki.get_by_alt_text("Gambar pengumuman").first
    assert await shown.evaluate("img => img.decode().then(() => img.naturalWidth)") == 1280
    await picture(oki, "announcement-draft")
    await fits(oki, "draft", found)
    await oki.get_by_label("Nomor HP Anda sendiri").fill("0812-3456-7890")
    await oki.get_by_role("button", name="Kirim uji ke saya").click()
    await heard(fake, siti, "pindah ke Kamis")
    assert siti.inbox[-1].message["photo"]
    await oki.get_by_role("button", name="Mulai kirim sekarang").click()
    await oki.get_by_role("alert").wait_for()  # nobody else has looked at it yet

    # a second person approves, at another screen
    admin = await place.agent(browser, "admin")
    await admin.goto(f"{place.address}/desk/announcements")
    await admin.get_by_role("link", name="Jadwal pekan ini").click()
    await admin.get_by_role("button", name="Setujui").click()
    await admin.get_by_text("Disetujui.").wait_for()

    # it goes out, and two sends fail and one is cut
    await oki.goto(admin.url.partition("?")[0])
    fake.fail(times=FAULTS["failed"], method="sendPhoto", status=400, description="Bad Request: something odd")
    fake.fail(times=FAULTS["unknown"], method="sendPhoto", kind="cut_after")
    await oki.get_by_role("button", name="Mulai kirim sekarang").click()
    await oki.get_by_role("heading", name="Jadwal pekan ini").wait_for()
    await playwright.expect(oki.locator("#detail")).to_contain_text("Bad Request: something odd", timeout=60_000)
    first = await counted(oki, "Diterima platform")
    await playwright.expect(oki.locator("#progress .figures b").first).not_to_have_text(str(first), timeout=60_000)
    await picture(oki, "announcement-live")

    # paused where it is, and on again
    await oki.get_by_role("button", name="Jeda").click()
    await oki.get_by_text("Dijeda Oki").wait_for()
    assert 0 < await counted(oki, "Belum dikirim") < PEOPLE
    await fits(oki, "paused", found)
    await oki.get_by_role("button", name="Lanjutkan").click()
    await oki.get_by_role("button", name="Jeda").wait_for()

    # what failed is tried again, what nobody knows is decided
    await oki.get_by_label("Yang mana").select_option(label="Gagal: Bad Request: something odd")
    await oki.get_by_role("button", name="Coba lagi").click()
    await oki.get_by_text("Akan dikirim lagi.").wait_for()
    await oki.get_by_label("terkirim", exact=True).check()
    await oki.get_by_role("button", name="Simpan keputusan").click()
    await oki.get_by_text("Keputusan Anda tercatat.").wait_for()

    # the end, and what people ask
    await oki.get_by_role("heading", name="Sesudahnya").wait_for(timeout=120_000)
    siti.says("kapan insentif cair?")
    await fake.wait_for_reply(siti)
    await oki.reload()
    await oki.locator("#after li", has_text="Membalas").locator("b", has_text="1").wait_for()
    await oki.get_by_text("Yang ditanyakan sesudahnya").wait_for()
    await playwright.expect(oki.locator("#detail tfoot")).to_contain_text(str(PEOPLE + 1))
    await fits(oki, "report", found)
    await picture(oki, "announcement-report")
    await oki.set_viewport_size(PHONE)
    await picture(oki, "announcement-phone")
    async with oki.expect_download() as saved:
        await oki.get_by_role("link", name="Unduh daftar penerima").click()
    path = tmp_path / "buku.csv"
    await (await saved.value).save_as(path)
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["state"] for row in rows} == {"accepted"}
    assert len(rows) == PEOPLE + 1
    announced = [sent.chat for sent in fake.sent if "pindah ke Kamis" in sent.text and sent.chat >= FIRST]
    assert sorted(set(announced)) == sorted(announced), "nobody got it twice"
    assert len(announced) >= PEOPLE - 1
    assert found == {}
