"""The shared screen over HTTP: sessions that end, nothing left behind, the QR, and the person's own phone at home."""

from __future__ import annotations

import re
import shutil
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
import pytest
from sqlalchemy import select, update

from bot import app, settings
from bot.app import Service
from bot.webchat.page import FOLDER
from bot.webchat.receive import KIOSK, PREFIX
from storage import kiosk
from storage.schema import chats, drafts, hook_deliveries, messages, registrations

WORDS = ("mau daftar", "setuju", "51", "gak usah", "kota bandung", "sd", "jualan bakso", "masak, bisnis")


class Office:
    """A service with the kiosk, and a browser."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(app=service.web), base_url="http://pandu")
        self._sent = 0

    async def begin(self) -> str:
        answer = await self.http.post(f"{PREFIX}/kiosk/sessions")
        assert answer.status_code == 201
        assert answer.json()["seconds"] == 1200
        return str(answer.json()["session"])

    async def post(self, session: str, path: str, body: Any = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {session}"}
        return await self.http.post(f"{PREFIX}{path}", headers=headers, json=body)

    async def say(self, session: str, text: str) -> str:
        self._sent += 1
        assert (await self.post(session, "/messages", {"id": f"m{self._sent}", "text": text})).status_code == 200
        while await self.service.worker.run_once() or await self.service.senders[0].drain():
            pass
        headers = {"Authorization": f"Bearer {session}"}
        answer = await self.http.get(f"{PREFIX}/replies", headers=headers)
        return "\n".join(reply["text"] for reply in answer.json()["replies"])

    async def rows(self, table: Any) -> list[Any]:
        return await self.service.database.write(lambda c: list(c.execute(select(table)).mappings()))


@pytest.fixture
async def office(tmp_path: Path, sqlite_template: Path) -> AsyncIterator[Office]:
    loaded = settings.load(
        {
            "PANDU_DATABASE_URL": f"sqlite:///{tmp_path / 'kiosk.db'}",
            "PANDU_PUBLIC_URL": "https://pandu.example",
            "PANDU_KIOSK": "true",
            "PANDU_HOOK_URL": "https://office.example/hook",
            "PANDU_HOOK_SECRET": "s" * 32,
        }
    )
    shutil.copy(sqlite_template, tmp_path / "kiosk.db")
    service = Service(loaded, app.parts(loaded))
    made = Office(service)
    yield made
    await made.http.aclose()
    await service.database.close()


async def test_the_page_keeps_nothing_and_fits(office: Office) -> None:
    answer = await office.http.get("/kiosk")
    assert answer.status_code == 200
    assert '<body class="kiosk">' in answer.text
    assert len(answer.content) <= 30_720
    assert answer.headers["content-security-policy"].count("sha256-") == 4
    assert "kiosk" not in (await office.http.get("/chat")).text.split("<body")[1].split(">")[0]


def test_its_part_has_no_other_host_and_inserts_text_only() -> None:
    text = (FOLDER / "kiosk.html").read_text(encoding="utf-8")
    assert not re.search(r"(?:src|href)=[\"']?(?:https?:)?//", text)
    assert not re.search(r"<[^>]+\s(?:on\w+|style)=", text)
    assert "Storage" not in text
    for word in ("innerHTML", "insertAdjacentHTML", "document.write"):
        assert word not in text


async def test_a_session_is_a_shared_screen(office: Office) -> None:
    session = await office.begin()
    assert session.startswith(KIOSK)
    assert "Layar ini dipakai bergantian" in await office.say(session, "halo")
    assert "tolong bacakan" in await office.say(session, "mau daftar")


async def test_the_end_leaves_nothing_and_the_session_is_over(office: Office) -> None:
    session = await office.begin()
    for words in WORDS:
        await office.say(session, words)
    assert (await office.post(session, "/kiosk/end")).json() == {"ended": True}
    for table in (chats, messages, drafts, registrations):
        assert await office.rows(table) == []
    for path, body in (("/messages", {"id": "x", "text": "halo"}), ("/kiosk/carry", None)):
        answer = await office.post(session, path, body)
        assert (answer.status_code, answer.json()["reason"]) == (410, "kiosk_over")
    headers = {"Authorization": f"Bearer {session}"}
    assert (await office.http.get(f"{PREFIX}/replies", headers=headers)).status_code == 410
    assert (await office.post(session, "/kiosk/end")).status_code == 200


async def test_the_server_ends_it_after_twenty_minutes(office: Office) -> None:
    session = await office.begin()
    await office.say(session, "halo")
    database = office.service.database
    past = await database.now() - timedelta(seconds=1)
    await database.write(lambda c: c.execute(update(chats).values(kiosk_until=past)))
    answer = await office.post(session, "/messages", {"id": "x", "text": "halo"})
    assert answer.status_code == 410
    now = await database.now()
    assert await database.write(lambda c: kiosk.end_due(c, now=now, limit=10)) == 1
    assert await office.rows(chats) == []


async def test_a_made_up_session_is_none(office: Office) -> None:
    answer = await office.post(f"{KIOSK}{'x' * 43}", "/messages", {"id": "x", "text": "halo"})
    assert answer.status_code == 410
    assert (await office.http.post(f"{PREFIX}/kiosk/end")).status_code == 401
    assert await office.rows(chats) == []


async def test_without_answers_there_is_nothing_to_take_home(office: Office) -> None:
    session = await office.begin()
    await office.say(session, "halo")
    answer = await office.post(session, "/kiosk/carry")
    assert (answer.status_code, answer.json()["reason"]) == (409, "nothing_to_carry")


async def test_taken_home_by_the_qr(office: Office) -> None:
    session = await office.begin()
    for words in (*WORDS, "ya"):
        said = await office.say(session, words)
    number = re.search(r"P-\w{6}", said)
    assert number is not None
    assert await office.rows(hook_deliveries) == []
    answer = (await office.post(session, "/kiosk/carry")).json()
    assert answer["url"] == f"https://pandu.example/chat#lanjut={answer['code']}"
    assert answer["hours"] == 48
    assert answer["qr"].startswith("data:image/svg+xml")
    assert "<svg" in unquote(answer["qr"])
    await office.post(session, "/kiosk/end")
    assert await office.rows(messages) == []

    phone = str((await office.http.post(f"{PREFIX}/sessions")).json()["session"])
    said = await office.say(phone, f"LANJUT {answer['code']}")
    assert "sudah pindah ke sini" in said
    assert number[0] in said
    assert "BELUM terdaftar" in said
    assert len(await office.rows(hook_deliveries)) == 1  # the operator's system hears of it now
    now = await office.service.database.now()
    assert await office.service.database.write(lambda c: kiosk.end_due(c, now=now, limit=10)) == 1
    (home,) = await office.rows(chats)
    assert home["kiosk_until"] is None
    (row,) = await office.rows(registrations)
    assert row["chat_id"] == home["id"]


async def test_without_an_address_only_the_code_is_shown(office: Office) -> None:
    session = await office.begin()
    for words in WORDS:
        await office.say(session, words)
    policy = office.service.worker.parts.policy
    object.__setattr__(policy, "web_chat_url", "")
    answer = (await office.post(session, "/kiosk/carry")).json()
    assert (answer["url"], answer["qr"]) == (None, None)
    assert len(answer["code"]) == 8


async def test_sessions_are_not_opened_without_end(office: Office) -> None:
    answers = [(await office.http.post(f"{PREFIX}/kiosk/sessions")).status_code for _ in range(21)]
    assert answers[-1] == 429


async def test_without_the_setting_there_is_no_kiosk(office: Office, tmp_path: Path) -> None:
    loaded = settings.load({"PANDU_DATABASE_URL": f"sqlite:///{tmp_path / 'kiosk.db'}"})
    service = Service(loaded, office.service.worker.parts)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=service.web), base_url="http://p") as http:
        assert (await http.get("/kiosk")).status_code == 404
        assert (await http.post(f"{PREFIX}/kiosk/sessions")).status_code == 404
    await service.database.close()
