"""Every page for everybody: axe finds nothing serious, light and dark, wide and narrow; the keyboard is enough."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.desk.conftest import DESKTOP, PHONE, Place, WebCitizen

axe = pytest.importorskip(
    "axe_playwright_python.async_playwright", reason="NO ACCESSIBILITY TESTS: pip install axe-playwright-python"
)

PAGES = (
    *(
        "",
        "cases",
        "canned",
        "unclear",
        "models",
        "supervision",
        "quality",
        "hours",
        "looks",
        "agents",
        "answers",
        "program",
        "announcements",
        "announcements/new",
    ),
    *("requests?state=", "person", "consents", "processing", "breach"),
)
ANSWER = ("answers/incentive_amount", "answers/incentive_amount/edit", "answers/incentive_amount/differences")


async def problems(page: Any) -> list[str]:
    """What axe calls serious or critical."""
    page_report = await axe.Axe().run(page)
    return [
        f"{found['id']}: {found['nodes'][0]['html'][:160]}"
        for found in page_report.response["violations"]
        if found["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_no_page_has_a_serious_finding(
    browser: Any, place: Place, citizens: list[WebCitizen], picture: Any, scheme: Any
) -> None:
    for citizen in citizens:
        await citizen.says("mau bicara dengan petugas")
        await citizen.hears("Sudah saya teruskan ke petugas")
    # axe is put into the page by evaluate, which the pages' own policy would not let in
    admin = await place.agent(browser, "admin", color_scheme=scheme, bypass_csp=True)
    await admin.get_by_role("button", name="Ambil", exact=True).first.click()
    await admin.locator("#text").wait_for()
    chat = admin.url.partition("?")[0]
    case = await admin.locator("aside a", has_text="L-").first.get_attribute("href")
    found: dict[str, list[str]] = {}
    for address in (*(f"{place.address}/desk/{name}" for name in (*PAGES, *ANSWER)), chat, f"{place.address}{case}"):
        await admin.goto(address)
        for size in (DESKTOP, PHONE):
            await admin.set_viewport_size(size)
            if wrong := await problems(admin):
                found[f"{address} {size['width']}"] = wrong
            width = await admin.evaluate("document.documentElement.scrollWidth")
            if width > size["width"]:
                found[f"{address} {size['width']}"] = [f"wider than the screen: {width}"]
        await admin.set_viewport_size(DESKTOP)
        if scheme == "light" and address.endswith("/supervision"):
            await picture(admin, "desk-supervision")
        if scheme == "dark" and address == chat:
            await picture(admin, "desk-chat-dark")
    await admin.set_viewport_size(PHONE)
    await admin.goto(f"{place.address}/desk/")
    if scheme == "light":
        await picture(admin, "desk-queue-phone")
    assert found == {}
    await admin.get_by_role("button", name="Keluar").click()
    await admin.get_by_role("heading", name="Masuk").wait_for()
    assert await problems(admin) == []


async def test_the_queue_is_walked_with_the_arrow_keys(browser: Any, place: Place, citizens: list[WebCitizen]) -> None:
    for citizen in citizens:
        await citizen.says("mau bicara dengan petugas")
        await citizen.hears("Sudah saya teruskan ke petugas")
    ani = await place.agent(browser, "ani")
    links = ani.locator(".queue .who a")
    await links.nth(1).wait_for()
    await links.first.focus()
    await ani.keyboard.press("ArrowDown")
    assert await links.nth(1).evaluate("it => it === document.activeElement")
    await ani.keyboard.press("Enter")
    await ani.locator("#talk").wait_for()
    await ani.keyboard.press("Tab")
    assert await ani.locator(".skip").evaluate("it => it === document.activeElement")
