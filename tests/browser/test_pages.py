"""The phones of the fakes, the shared screen of an office, and the secure form, as a browser shows them."""

from __future__ import annotations

import re
from typing import Any

import pytest

from bot import samples
from tests.browser.conftest import SIZES, watch
from tests.fakes.telegram import FakeTelegram
from tests.fakes.whatsapp import FakeWhatsApp


async def visible(page: Any, selector: str) -> bool:
    """Whether the whole element is on the screen."""
    box = await page.locator(selector).bounding_box()
    size = page.viewport_size
    return bool(box and box["x"] >= 0 and box["y"] >= 0 and box["y"] + box["height"] <= size["height"] + 1)


async def test_two_phones_chat_with_pandu(
    browser: Any, address: str, fake: FakeTelegram, picture: Any, errors: list[str]
) -> None:
    page = await browser.new_page(viewport={"width": 800, "height": 760})
    watch(page, errors)
    await page.goto(f"{fake.base}/_/phone")
    siti, budi = page.locator(".phone").nth(0), page.locator(".phone").nth(1)
    for phone, text in ((siti, "halo, mau daftar prakerja"), (budi, "insentif saya kok belum cair ya?")):
        await phone.locator("input[name=text]").fill(text)
        await phone.get_by_role("button", name="Send").click()
        await phone.locator(".options button").last.wait_for()
    await siti.get_by_role("button", name="Setuju", exact=True).click()
    await siti.get_by_text("Berapa umur").wait_for()
    await budi.locator(".signal").uncheck()
    await budi.locator("input[name=text]").fill("halo?")
    await budi.get_by_role("button", name="Send").click()
    await budi.get_by_text("🕓").wait_for()
    before = len(fake.calls)
    await picture(page, "phones-telegram")
    await budi.locator(".signal").check()
    await budi.get_by_text("halo?").wait_for()
    await fake.until(lambda: len(fake.calls) > before)
    await page.set_viewport_size({"width": 360, "height": 640})
    await picture(page, "phones-telegram-phone")
    assert await visible(page, ".phone >> nth=0 >> form")


async def test_two_phones_on_whatsapp(browser: Any, graph: FakeWhatsApp, picture: Any, errors: list[str]) -> None:
    page = await browser.new_page(viewport={"width": 800, "height": 760})
    watch(page, errors)
    await page.goto(f"{graph.base}/_/phone")
    siti, budi = page.locator(".phone").nth(0), page.locator(".phone").nth(1)
    for phone, text in ((siti, "menu"), (budi, "insentif saya kok belum cair ya?")):
        await phone.locator("input[name=text]").fill(text)
        await phone.get_by_role("button", name="Send").click()
        await phone.get_by_text("✓✓ read").last.wait_for()
    await siti.locator("summary").click()
    await siti.locator(".options button").first.wait_for()
    await budi.locator(".options button").last.wait_for()
    await picture(page, "phones-whatsapp")
    assert await siti.get_by_text("insentif saya kok belum cair ya?").count() == 0  # each phone shows its own talk
    assert await budi.get_by_text("insentif saya kok belum cair ya?").count() >= 1
    await siti.locator(".options button").first.click()
    await graph.until(lambda: len(graph.person("6281200000007").inbox) == 2, timeout=20)


@pytest.mark.parametrize("size", SIZES)
async def test_a_preparation_on_a_shared_screen(
    browser: Any, address: str, picture: Any, size: str, errors: list[str]
) -> None:
    width, height = SIZES[size]
    page = await browser.new_page(viewport={"width": width, "height": height})
    watch(page, errors)
    await page.goto(f"{address}/kiosk")
    assert await visible(page, "#go")
    await picture(page, f"kiosk-begin-{size}")
    await page.click("#go")
    for text, bubbles in (("mau daftar", 3), ("setuju", 4), ("27", 5)):
        await page.fill("#text", text)
        await page.keyboard.press("Enter")
        await page.locator("#log .m:not(.me)").nth(bubbles - 1).wait_for()
        assert await visible(page, "#done")
        assert await visible(page, "#say button")
        if text == "mau daftar":
            await picture(page, f"kiosk-consent-{size}")
    await page.click("#take")
    await page.locator("#qr").wait_for()
    assert await visible(page, "#finish")
    await picture(page, f"kiosk-home-{size}")
    await page.hover("#finish")
    assert await page.locator("#finish").evaluate("(it) => getComputedStyle(it).backgroundColor") == "rgb(11, 95, 77)"
    await page.click("#finish")
    await page.get_by_text("Layar sudah bersih").wait_for()
    assert await page.locator("#log .m").count() == 0


async def _link(fake: FakeTelegram) -> str:
    """The address of a secure form, as Siti gets it in Telegram."""
    siti = fake.person(7)
    said = 0
    for text in ("hubungkan akun", "", f"{samples.birth_date(1):%d-%m-%Y}", "formulir aman"):
        if text:
            siti.says(text)
        else:
            siti.shares_contact()
        await fake.wait_for_reply(siti, said + 1)
        await fake.until(lambda: not fake.queue.fresh())
        said = len(siti.inbox)
    await fake.until(lambda: any("/f/" in sent.text for sent in siti.inbox), timeout=20)
    text = next(sent.text for sent in siti.inbox if "/f/" in sent.text)
    found = re.search(r"http://\S+/f/\S+", text)
    assert found, text
    return found[0]


@pytest.mark.parametrize("size", SIZES)
async def test_the_secure_form_works_without_scripts(
    browser: Any, address: str, fake: FakeTelegram, picture: Any, size: str
) -> None:
    width, height = SIZES[size]
    context = await browser.new_context(viewport={"width": width, "height": height}, java_script_enabled=False)
    page = await context.new_page()
    await page.goto(await _link(fake))
    await picture(page, f"form-{size}")
    await page.get_by_label("NIK", exact=False).fill("123")
    await page.locator("input[name=birth_date]").fill("kemarin")
    await page.click("button[type=submit]")
    await page.locator("[role=alert]").wait_for()
    await picture(page, f"form-errors-{size}")
    await page.locator("input[name=nik]").fill(samples.nik(1))
    await page.locator("input[name=birth_date]").fill(f"{samples.birth_date(1):%d-%m-%Y}")
    await page.click("button[type=submit]")
    await page.locator("[role=status]").wait_for()
    await picture(page, f"form-sent-{size}")
    await fake.until(lambda: any("terhubung" in sent.text for sent in fake.person(7).inbox), timeout=20)
    assert not any(samples.nik(1) in sent.text for sent in fake.person(7).inbox)
    await context.close()
