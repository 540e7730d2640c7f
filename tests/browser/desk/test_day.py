"""A day at the desk: two agents and three citizens at once, on Telegram, on WhatsApp and in the web chat."""

from __future__ import annotations

import asyncio
import re
from typing import Any

from bot import samples
from tests.browser.conftest import playwright
from tests.browser.desk.conftest import DESKTOP, PHONE, Place, WebCitizen
from tests.fakes.telegram import FakeTelegram
from tests.fakes.telegram_people import Person
from tests.fakes.whatsapp import FakeWhatsApp
from tests.fakes.whatsapp_people import Person as Reader


async def heard(fake: FakeTelegram, person: Person, words: str) -> str:
    """Waits for a message on Telegram."""
    await fake.until(lambda: any(words in sent.text for sent in person.inbox), timeout=90)
    return next(sent.text for sent in person.inbox if words in sent.text)


async def reads(fake: FakeWhatsApp, person: Reader, words: str) -> str:
    """Waits for a message on WhatsApp."""
    await fake.until(lambda: any(words in sent.text for sent in person.inbox), timeout=90)
    return next(sent.text for sent in person.inbox if words in sent.text)


async def three_ask(fake: FakeTelegram, whatsapp: FakeWhatsApp, citizens: list[WebCitizen]) -> tuple[Person, Reader]:
    """Siti on Telegram, whose number is vouched for, Joko on WhatsApp and somebody in the web chat wait for an agent."""
    joko = whatsapp.person("6281200000008", "Joko")
    siti = fake.people[7]
    siti.shares_contact(phone=samples.phone(1).lstrip("+"))
    await fake.wait_for_reply(siti)
    siti.says("insentif saya kok belum cair ya, sudah tiga minggu")
    joko.says("cara beli pelatihan gimana")
    await citizens[0].says("halo")
    siti.says("mau bicara dengan petugas")
    await heard(fake, siti, "Sudah saya teruskan ke petugas")
    joko.says("jangan bot, mau bicara sama cs")
    await reads(whatsapp, joko, "Sudah saya teruskan ke petugas")
    await citizens[0].says("jangan bot, mau bicara sama cs")
    await citizens[0].hears("Sudah saya teruskan ke petugas")
    return siti, joko


async def test_queue_race_answer_note_transfer_form_close_rating_reopen(
    browser: Any,
    place: Place,
    fake: FakeTelegram,
    whatsapp: FakeWhatsApp,
    citizens: list[WebCitizen],
    picture: Any,
) -> None:
    ani, budi = await place.agent(browser, "ani"), await place.agent(browser, "budi")
    siti, joko = await three_ask(fake, whatsapp, citizens)
    for page in (ani, budi):  # live: nobody has reloaded anything
        await page.locator(".queue > li").nth(2).wait_for()
        await page.get_by_role("link", name="Menunggu 3").wait_for()
        await playwright.expect(page).to_have_title(re.compile(r"^\(3\) "), timeout=60_000)
    await picture(ani, "desk-queue")

    # both reach for Siti at once
    for page in (ani, budi):
        assert "Siti" in await page.locator(".queue > li").first.inner_text()
    await asyncio.gather(*(page.locator(".queue > li .act button").first.click() for page in (ani, budi)))
    for page in (ani, budi):
        await page.locator("#talk").wait_for()
    won = [page for page in (ani, budi) if await page.get_by_text("bersama Anda").count()]
    assert len(won) == 1
    first = won[0]
    other, name = (budi, "Budi") if first is ani else (ani, "Ani")
    await other.get_by_text("Hanya satu orang yang berbicara dengan warga.").first.wait_for()

    # meanwhile the other one answers Joko, who reads it
    await other.goto(f"{place.address}/desk/")
    row = other.locator(".queue > li", has_text="Joko")
    await row.get_by_role("button", name="Ambil").click()
    await other.locator("#text").fill("Selamat siang, Kak Joko.")
    await other.get_by_role("button", name="Kirim", exact=True).click()
    await reads(whatsapp, joko, "Selamat siang, Kak Joko.")
    await other.locator("#talk li.agent", has_text="dibaca").wait_for()

    # a ready answer by the keyboard alone
    text = first.get_by_label("Balasan", exact=False).first
    await text.press_sequentially("/sal")
    await first.locator("#picker [role=option]").first.wait_for()
    await text.press("Enter")
    assert (await text.input_value()).startswith("Halo Siti, saya ")
    await text.press("Control+Enter")
    await heard(fake, siti, "Ceritanya sudah saya baca.")
    await first.locator("#talk li.agent", has_text="terkirim").wait_for()
    siti.says("baik, saya tunggu ya")
    await first.locator("#talk li.person", has_text="saya tunggu").wait_for()

    # what may not be asked is not sent, and stays typed
    await text.fill("Tolong kirim kode OTP-nya, Kak")
    await first.get_by_role("button", name="Kirim", exact=True).click()
    await first.get_by_text("jangan pernah meminta OTP").wait_for()
    assert await text.input_value() == "Tolong kirim kode OTP-nya, Kak"

    # the secure form, by which the record opens
    await first.get_by_role("button", name="Kirim formulir aman").click()
    await heard(fake, siti, "formulir")
    form = await browser.new_page()
    await form.goto(_link(siti))
    await form.locator("[name=nik]").fill(samples.nik(1))
    await form.locator("[name=birth_date]").fill(samples.birth_date(1).strftime("%d-%m-%Y"))
    await form.get_by_role("button").click()
    await form.get_by_role("status").wait_for()
    await form.close()
    await (
        first.locator("#talk li", has_text="terhubung")
        .or_(first.locator("#talk li", has_text="[form]"))
        .first.wait_for()
    )
    await first.reload()
    await first.get_by_text("tingkat 2").wait_for()
    assert samples.name(1) not in await first.locator("#record").inner_text()
    await first.get_by_role("button", name="Tampilkan").click()
    await first.locator("#record", has_text=samples.name(1)).wait_for()
    await first.locator("#text").fill("Saya cek tanggal bayarnya dulu, ya, Kak.")
    await picture(first, "desk-chat")
    await first.set_viewport_size(PHONE)
    await picture(first, "desk-chat-phone")
    await first.set_viewport_size(DESKTOP)

    # a note and a transfer
    await other.locator("#availability").select_option("finishing")
    await other.wait_for_load_state()
    await first.get_by_text("Alihkan ke rekan").click()
    colleague = first.get_by_label("Kepada").locator("option", has_text=name)
    await first.get_by_label("Kepada").select_option(await colleague.get_attribute("value"))
    await first.get_by_label("Catatan untuk rekan").fill("Datanya sudah cocok, tinggal cek tanggal bayar.")
    await first.get_by_role("button", name="Alihkan").click()
    await first.get_by_text("Percakapan dialihkan.").wait_for()
    await heard(fake, siti, f"diteruskan ke {name}")
    await other.goto(first.url.split("/desk")[0] + "/desk/?show=mine")
    await other.locator(".queue .who a", has_text="Siti").click()
    await other.get_by_text("Datanya sudah cocok").wait_for()
    await other.get_by_label("Balasan", exact=False).first.fill("Saya lanjutkan, ya, Kak.")
    await other.get_by_role("button", name="Kirim", exact=True).click()
    await heard(fake, siti, "Saya lanjutkan")

    # the end, the rating, and what follows
    await other.get_by_label("Dijawab di sini").check()
    await other.get_by_label("Ringkasan untuk warga").fill("Insentif dijadwalkan minggu depan.")
    await other.get_by_role("button", name="Tutup percakapan").click()
    await heard(fake, siti, "Insentif dijadwalkan minggu depan.")
    await heard(fake, siti, "sampai 5")
    siti.says("5")
    await heard(fake, siti, "nilainya saya catat")
    await other.goto(f"{place.address}/desk/cases?state=closed")
    await other.locator("table a").first.click()
    await other.get_by_role("button", name="Buka lagi").click()
    await other.get_by_role("button", name="Mulai percakapan dari laporan ini").click()
    await other.get_by_text("bersama Anda").wait_for()
    await heard(fake, siti, "Ini tentang laporan Kakak")


def _link(person: Person) -> str:
    """The address in the newest message that has one."""
    for sent in reversed(person.inbox):
        found = re.search(r"http://127\.0\.0\.1:\d+/f/\w+", f"{sent.text} {sent.markup}")
        if found:
            return found[0]
    raise AssertionError("no link")


async def test_outside_the_hours_people_get_a_number_and_agents_are_told(
    browser: Any, place: Place, citizens: list[WebCitizen], picture: Any
) -> None:
    lina = await place.agent(browser, "lina")
    await lina.get_by_role("link", name="Jam").click()
    today = await lina.locator("#day").get_attribute("min")
    await lina.locator("#day").fill(today)
    await lina.get_by_label("Nama").fill("Rapat kerja")
    await lina.get_by_role("button", name="Simpan").nth(1).click()
    await lina.get_by_text("Rapat kerja").wait_for()
    await lina.get_by_role("link", name="Antrean").click()
    await lina.get_by_text("Di luar jam layanan.").wait_for()
    await citizens[0].says("mau bicara dengan petugas")
    told = await citizens[0].hears("Petugas sekarang tidak ada")
    assert "L-" in told


async def test_reading_and_answering_without_scripts(
    browser: Any, place: Place, fake: FakeTelegram, citizens: list[WebCitizen]
) -> None:
    await citizens[0].says("mau bicara dengan petugas")
    await citizens[0].hears("Sudah saya teruskan ke petugas")
    ani = await place.agent(browser, "ani", java_script_enabled=False)
    await ani.get_by_role("button", name="Ambil", exact=True).click()
    await ani.get_by_label("Balasan", exact=False).first.fill("Halo, Kak. Saya Ani.")
    await ani.get_by_role("button", name="Kirim", exact=True).click()
    await citizens[0].hears("Saya Ani.")
    await citizens[0].says("halo juga")
    async with asyncio.timeout(60):
        while not await ani.get_by_text("halo juga").count():
            await ani.reload()
    assert (
        await ani.get_by_label("Balasan", exact=False).first.input_value() == ""
    )  # what was sent is not offered again
