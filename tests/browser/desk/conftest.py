"""The desk in a real browser: Chromium, driven by Playwright, with people on Telegram, on WhatsApp and in the web chat.

`make test-browser` runs these; where Playwright or Chromium is missing they say so and do not run. PICTURES=<folder> keeps
what they show (docs/pictures).
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Connection

from bot import app, keys, samples, settings
from bot.desk import passwords
from handlers.secure import hash_identity
from storage import agents, calendar, desk_texts
from storage.database import Database, database_now
from tests.bot.test_service import free_port, until_up
from tests.fakes.telegram import FakeTelegram, serve
from tests.fakes.whatsapp import FakeWhatsApp
from tests.fakes.whatsapp import serve as serve_whatsapp

DESKTOP, PHONE = {"width": 1200, "height": 700}, {"width": 360, "height": 740}
LARGEST = 150_000  # bytes of a picture in docs
PASSWORD = "kuda biru makan awan"
PEOPLE = (
    ("ani", "Ani", "agent"),
    ("budi", "Budi", "agent"),
    ("lina", "Lina", "supervisor"),
    ("admin", "Admin", "admin"),
    ("oki", "Oki", "operator"),
)


@pytest.fixture
async def fake() -> AsyncIterator[FakeTelegram]:
    async with serve() as server:
        server.person(7, "Siti")
        yield server


def _is_fault(message: Any) -> bool:
    """Whether the browser complains; a refused form (409, 422) is no fault of the page."""
    return message.type == "error" and not any(f"status of {code}" in message.text for code in (409, 422))


@dataclass(kw_only=True)
class Place:
    """A running Pandu."""

    address: str
    database: Database
    errors: list[str] = field(default_factory=list)

    async def agent(self, browser: Any, name: str, *, size: dict[str, int] = DESKTOP, **options: Any) -> Any:
        """A page of somebody who has logged in."""
        context = await browser.new_context(viewport=size, locale="id-ID", **options)
        context.set_default_timeout(60_000)
        page = await context.new_page()
        page.on(
            "console",
            lambda message: self.errors.append(f"{message.text} {message.location}") if _is_fault(message) else None,
        )
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        await page.goto(f"{self.address}/desk/")
        await page.get_by_label("Nama").fill(name)
        await page.get_by_label("Kata sandi").fill(PASSWORD)
        await page.get_by_role("button", name="Masuk").click()
        await page.get_by_role("heading", level=1).wait_for()
        return page


@pytest.fixture
async def whatsapp() -> AsyncIterator[FakeWhatsApp]:
    async with serve_whatsapp() as server:
        yield server


@pytest.fixture
def more() -> dict[str, str]:
    """Settings of a test's own."""
    return {}


@pytest.fixture
async def place(
    fake: FakeTelegram, whatsapp: FakeWhatsApp, tmp_path: Path, more: dict[str, str]
) -> AsyncIterator[Place]:
    """Pandu with invented people, a desk that is open all day, Telegram, WhatsApp and the web chat."""
    bind = f"127.0.0.1:{free_port()}"
    url = f"sqlite:///{tmp_path / 'pandu.db'}"
    loaded = settings.load(
        {
            "PANDU_DATABASE_URL": url,
            "PANDU_SECRET_KEY": "browser" * 8,
            "PANDU_ERASURES_FILE": str(tmp_path / "erasures.jsonl"),
            "PANDU_BIND": bind,
            "PANDU_PUBLIC_URL": f"http://{bind}",
            "PANDU_OPERATOR": "Dinas Tenaga Kerja Contoh",
            "PANDU_TELEGRAM_TOKEN": fake.token,
            "PANDU_TELEGRAM_API": fake.base,
            "PANDU_TELEGRAM_RATE": "0",
            "PANDU_WHATSAPP_API": whatsapp.base,
            "PANDU_WHATSAPP_TOKEN": whatsapp.token,
            "PANDU_WHATSAPP_NUMBER_ID": whatsapp.number_id,
            "PANDU_WHATSAPP_ACCOUNT_ID": whatsapp.account_id,
            "PANDU_WHATSAPP_APP_ID": whatsapp.app_id,
            "PANDU_WHATSAPP_APP_SECRET": whatsapp.secret,
            "PANDU_WHATSAPP_VERIFY_TOKEN": whatsapp.verify,
            **more,
        }
    )
    await app.prepare_database(loaded)
    service = app.Service(loaded, app.parts(loaded))
    hash_nik = partial(hash_identity, key=keys.lookup_key(loaded.secret_key))
    await service.database.write(partial(samples.fill, now=datetime.now(UTC), hash_nik=hash_nik))
    stored = await passwords.hashed(PASSWORD)
    await service.database.write(partial(_staff, stored))
    task = asyncio.create_task(service.run())
    await until_up(f"http://{bind}/readyz")
    whatsapp.hook(f"http://{bind}/whatsapp/{whatsapp.number_id}")
    made = Place(address=f"http://{bind}", database=service.database)
    try:
        yield made
        assert made.errors == []
    finally:
        service.stop()
        await task


def _staff(stored: str, connection: Connection) -> None:
    now = database_now(connection)
    for name, alias, role in PEOPLE:
        code = f"P-{hashlib.sha256(name.encode()).hexdigest()[:4].upper()}"
        key = agents.add(connection, name=name, alias=alias, code=code, role=role, now=now)
        agents.change(connection, key, password_hash=stored)
    text = "Halo {nama}, saya {petugas} (kode {kode}). Ceritanya sudah saya baca."
    desk_texts.keep_canned(connection, shortcut="salam", title="Salam pembuka", text=text, author="x", now=now)
    text = "Saya cek dulu, ya. Mohon tunggu dua menit."
    desk_texts.keep_canned(connection, shortcut="cek", title="Sedang dicek", text=text, author="x", now=now)
    calendar.set_shifts(connection, range(7), [(0, 24 * 60)])
    calendar.set_rule(connection, topic="", priority=2, first_response_minutes=15, working_days=3)


class WebCitizen:
    """Somebody in the web chat."""

    def __init__(self, address: str) -> None:
        self._http = httpx.AsyncClient(base_url=f"{address}/api/chat/v1", timeout=60)
        self._session, self._cursor, self._count = "", "", 0
        self.heard: list[str] = []

    async def says(self, text: str) -> None:
        if not self._session:
            self._session = (await self._http.post("/sessions")).json()["session"]
        self._count += 1
        body = {"id": f"m{self._count}", "text": text}
        assert (await self._http.post("/messages", json=body, headers=self._headers)).status_code == 200

    async def hears(self, words: str) -> str:
        """Waits for a message with these words."""
        async with asyncio.timeout(90):
            while True:
                for text in self.heard:
                    if words in text:
                        return text
                asked = {"after": self._cursor, "wait": 10}
                found = (await self._http.get("/replies", params=asked, headers=self._headers)).json()
                self._cursor = found["next"]
                self.heard += [reply["text"] for reply in found["replies"]]

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._session}"}

    async def close(self) -> None:
        await self._http.aclose()


@pytest.fixture
async def citizens(place: Place) -> AsyncIterator[list[WebCitizen]]:
    """Two people in the web chat."""
    made = [WebCitizen(place.address) for _ in range(2)]
    yield made
    for citizen in made:
        await citizen.close()


@pytest.fixture
def picture(tmp_path: Path) -> Any:
    """`await picture(page, "desk-…")`: nothing is wider than the screen, and the picture is kept where PICTURES says."""
    kept = Path(os.environ.get("PICTURES") or tmp_path)

    async def take(page: Any, name: str) -> None:
        path = kept / f"{name}.png"
        await page.screenshot(path=path)
        assert path.stat().st_size <= LARGEST, name
        width = await page.evaluate("document.documentElement.scrollWidth")
        assert width <= page.viewport_size["width"], f"{name}: wider than the screen"

    return take
