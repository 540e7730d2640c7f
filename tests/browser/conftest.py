"""Pages in a real browser: Chromium, driven by Playwright. Where either is missing, these tests say so and do not run.

`make pictures` keeps what they show in docs/pictures.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bot import app, keys, samples, settings
from handlers.secure import hash_identity
from storage.database import Database
from tests.bot.test_service import free_port, until_up
from tests.fakes import whatsapp
from tests.fakes.start import whatsapp_environment
from tests.fakes.telegram import FakeTelegram, serve
from tests.fakes.whatsapp import FakeWhatsApp

playwright = pytest.importorskip("playwright.async_api", reason="NO BROWSER TESTS: pip install playwright")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
SIZES = {"phone": (360, 640), "desktop": (1280, 800)}
LARGEST = 150_000  # bytes of a picture in docs
KEPT = [
    "phones-telegram",
    "phones-whatsapp",
    "kiosk-begin-desktop",
    "kiosk-consent-desktop",
    "kiosk-home-phone",
    "form-phone",
    "form-errors-phone",
]


@pytest.fixture(autouse=True)
def _needs_chromium() -> None:
    if CHROMIUM is None:
        pytest.skip("NO BROWSER TESTS: install Debian's package chromium")


@pytest.fixture
async def browser() -> AsyncIterator[Any]:
    """A headless Chromium."""
    async with playwright.async_playwright() as driver:
        opened = await driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        await opened.close()


@pytest.fixture
def picture(tmp_path: Path) -> Any:
    """`await picture(page, "name")`: looks at the page, and keeps the picture where PICTURES says."""
    kept = Path(os.environ.get("PICTURES") or tmp_path)

    async def take(page: Any, name: str) -> None:
        path = (kept if name in KEPT else tmp_path) / f"{name}.png"
        await page.screenshot(path=path)
        assert path.stat().st_size <= LARGEST, name
        width = await page.evaluate("document.documentElement.scrollWidth") if await _scripted(page) else 0
        assert width <= page.viewport_size["width"], f"{name}: wider than the screen"

    return take


async def _scripted(page: Any) -> bool:
    try:
        return bool(await page.evaluate("1"))
    except playwright.Error:
        return False


@pytest.fixture
async def fake() -> AsyncIterator[FakeTelegram]:
    async with serve() as server:
        server.person(7, "Siti")
        server.person(8, "Budi")
        server.person(7).phone = samples.phone(1).lstrip("+")
        yield server


@asynccontextmanager
async def running(folder: Path, **environment: str) -> AsyncIterator[str]:
    """A running Pandu with invented people and a shared screen; where it is."""
    place, url = f"127.0.0.1:{free_port()}", f"sqlite:///{folder / 'pandu.db'}"
    own = {
        "PANDU_DATABASE_URL": url,
        "PANDU_SECRET_KEY": "browser" * 8,
        "PANDU_BIND": place,
        "PANDU_PUBLIC_URL": f"http://{place}",
        "PANDU_OPERATOR": "Dinas Tenaga Kerja Contoh",
        "PANDU_KIOSK": "true",
    }
    loaded = settings.load(own | environment)
    await app.prepare_database(loaded)
    database = Database(url)
    hash_nik = partial(hash_identity, key=keys.lookup_key(loaded.secret_key))
    await database.write(partial(samples.fill, now=datetime.now(UTC), hash_nik=hash_nik))
    await database.close()
    service = app.Service(loaded, app.parts(loaded))
    task = asyncio.create_task(service.run())
    await until_up(f"http://{place}/readyz")
    try:
        yield f"http://{place}"
    finally:
        service.stop()
        await task


@pytest.fixture
async def address(fake: FakeTelegram, tmp_path: Path) -> AsyncIterator[str]:
    """Pandu on Telegram; where it is."""
    telegram = {"PANDU_TELEGRAM_TOKEN": fake.token, "PANDU_TELEGRAM_API": fake.base, "PANDU_TELEGRAM_RATE": "0"}
    async with running(tmp_path, **telegram) as place:
        yield place


@pytest.fixture
async def graph(tmp_path: Path) -> AsyncIterator[FakeWhatsApp]:
    """WhatsApp with two people, and Pandu behind it."""
    async with whatsapp.serve() as server:
        server.person("6281200000007", "Siti")
        server.person("6281200000008", "Budi")
        async with running(tmp_path, **whatsapp_environment(server)) as place:
            server.hook(f"{place}/whatsapp/{server.number_id}")
            yield server


@pytest.fixture
def errors() -> Iterator[list[str]]:
    """What the browser complained of (`watch(page, errors)`); nothing may be left at the end."""
    found: list[str] = []
    yield found
    assert found == []


def watch(page: Any, errors: list[str]) -> None:
    """Notes what the browser complains of."""
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
