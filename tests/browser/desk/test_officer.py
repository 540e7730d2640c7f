"""The data officer's way through the browser: a request from the chat is closed with its proof, a person is copied and erased."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.desk.conftest import DESKTOP, PHONE, Place, WebCitizen
from tests.browser.desk.test_access import problems

pytest.importorskip("axe_playwright_python.async_playwright", reason="NO ACCESSIBILITY TESTS")


async def fits(page: Any, name: str, found: dict[str, list[str]]) -> None:
    """Notes what axe and the width of the screen say."""
    for size in (PHONE, DESKTOP):
        await page.set_viewport_size(size)
        width = await page.evaluate("document.documentElement.scrollWidth")
        wrong = [*await problems(page), *([f"wider than the screen: {width}"] if width > size["width"] else [])]
        if wrong:
            found[f"{name} {size['width']}"] = wrong


async def test_from_the_request_to_the_proof_and_from_the_dry_run_to_the_receipt(
    browser: Any, place: Place, citizens: list[WebCitizen], picture: Any
) -> None:
    budi, _ = citizens
    await budi.says("data saya di sini apa saja")
    await budi.hears("Yang Pandu simpan")
    await budi.says("batasi")
    await budi.hears("Nomor permintaan: D-")
    admin = await place.agent(browser, "admin", bypass_csp=True)
    found: dict[str, list[str]] = {}
    await admin.goto(f"{place.address}/desk/requests")
    await fits(admin, "requests", found)
    await picture(admin, "desk-requests")
    await admin.get_by_role("link", name="D-").first.click()
    await admin.get_by_label("Apa yang dikerjakan").fill("Pemakaian data dibatasi.")
    await fits(admin, "request", found)
    await admin.get_by_role("button", name="Tutup dengan bukti").click()
    await admin.get_by_text("Permintaan ditutup").wait_for()
    await budi.hears("Pemakaian data dibatasi.")
    await admin.goto(f"{place.address}/desk/requests?state=done")
    await admin.get_by_role("link", name="D-").first.click()
    await admin.get_by_text("cocok").wait_for()
    await fits(admin, "proof", found)
    await admin.goto(f"{place.address}/desk/person")
    await admin.get_by_label("Nomor atau kunci").fill("1")
    await admin.get_by_role("button", name="Cari").click()
    await admin.get_by_text("Belum ada yang dihapus").wait_for()
    await fits(admin, "person", found)
    await picture(admin, "desk-person")
    async with admin.expect_download() as saved:
        await admin.get_by_label("Untuk siapa dan mengapa").fill("permintaan orangnya")
        await admin.get_by_role("button", name="Halaman untuk orangnya").click()
    assert (await saved.value).suggested_filename == "salinan-data.html"
    await admin.get_by_label("Ketik HAPUS").fill("hapus")
    await admin.get_by_role("button", name="Hapus", exact=True).click()
    await admin.get_by_text("Nomor bukti").first.wait_for()
    await fits(admin, "receipt", found)
    await admin.goto(f"{place.address}/desk/breach")
    for label, value in (
        ("Mulai", "2026-01-01T00:00"),
        ("Sampai", "2040-01-01T00:00"),
        ("Diketahui", "2026-01-02T00:00"),
    ):
        await admin.get_by_label(label).fill(value)
    await admin.get_by_role("button", name="Kumpulkan").click()
    await admin.get_by_role("heading", name="Garis waktu").wait_for()
    await fits(admin, "breach", found)
    await picture(admin, "desk-breach")
    assert found == {}
