"""A drip of two steps, made and approved on a telephone."""

from __future__ import annotations

from typing import Any

from storage import campaigns
from tests.browser.desk.conftest import PHONE, Place


async def _make(page: Any, place: Place, name: str, after: str = "") -> None:
    await page.goto(f"{place.address}/desk/announcements/new")
    await page.get_by_label("Nama pengumuman").fill(name)
    await page.get_by_label("Isi", exact=True).first.fill("Halo {sapaan}.")
    if after:
        await page.get_by_label("Sudah dapat pengumuman").first.select_option(label=after)
        await page.get_by_label("… dan itu paling sedikit … hari lalu").first.fill("3")
    await page.get_by_label("Mulai sendiri pada (WIB)").fill("2030-01-01T09:00")
    await page.get_by_label("Ulangi").select_option("daily")
    await page.get_by_label("Sekali untuk tiap orang dalam rangkaian").check()
    await page.get_by_role("button", name="Simpan draf").click()
    await page.get_by_role("heading", name="Langkah berikutnya").wait_for()
    assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


async def test_a_second_step_waits_for_those_of_the_first(browser: Any, place: Place) -> None:
    oki = await place.agent(browser, "oki", size=PHONE)
    await _make(oki, place, "langkah-1")
    await _make(oki, place, "langkah-2", after="langkah-1")
    second, first = await place.database.read(campaigns.all_of)
    assert second["audience"]["filter"] == {"got": {"series": first["id"], "before_days": 3}}
    admin = await place.agent(browser, "admin", size=PHONE)
    await admin.goto(f"{place.address}/desk/announcements/{second['id']}/draft")
    await admin.get_by_label("Paling banyak orang baru sekali jalan").fill("5000")
    await admin.get_by_role("button", name="Setujui").click()
    await admin.get_by_text("untuk 5.000 penerima").wait_for()
    assert await admin.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert place.errors == []
