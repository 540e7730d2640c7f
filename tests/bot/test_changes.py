"""The public log of changes: what, when and why, to everybody, and no name of staff."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from sqlalchemy import Connection
from starlette.applications import Starlette

from bot.desk.answers import seed_of
from bot.effects import Parts
from bot.web.changes import change_routes
from handlers import catalogue
from handlers.turn import Policy
from storage import editing, program
from storage.database import Database
from tests.bot.engines import StubEngine
from tests.conftest import NOW


@pytest.fixture
async def page(database: Database) -> AsyncIterator[httpx.AsyncClient]:
    parts = Parts(engine=StubEngine(), catalogue=catalogue.load(), policy=Policy(), new_id=lambda n: "0" * n)
    transport = httpx.ASGITransport(app=Starlette(routes=change_routes(database, lambda: parts)))
    async with httpx.AsyncClient(transport=transport, base_url="http://pandu") as made:
        yield made


def publish(connection: Connection, text: str, reason: str) -> int:
    body = {**seed_of(catalogue.load(), "survey"), "text": text}
    dates = {"valid_from": None, "valid_to": None}
    editing.save(connection, "survey", body, author="agent:41", reason=reason, **dates, revision=0, now=NOW)
    editing.submit(connection, "survey", revision=1)
    return editing.publish(connection, "survey", revision=2, reader="agent:42", now=NOW)


async def test_the_log_begins_empty(page: httpx.AsyncClient) -> None:
    assert "Belum ada perubahan" in (await page.get("/perubahan")).text


async def test_changes_are_told_with_their_reason_and_without_names(
    page: httpx.AsyncClient, database: Database
) -> None:
    def work(connection: Connection) -> None:
        publish(connection, "Isi <b>pertama</b>, Kak.", "aturan baru")
        second = publish(connection, "Isi <b>kedua</b>, Kak.", "salah ketik")
        editing.withdraw(connection, second, actor="agent:43", reason="ternyata keliru", now=NOW)
        for kind, key, value in (("state", "", "open"), ("notice", "money", "Gangguan."), ("fact", "situs", "x.go.id")):
            row = program.ask(connection, kind=kind, key=key, value=value, reason="kabar", asked_by="agent:44", now=NOW)
            program.approve(connection, row, by="agent:45", now=NOW)

    await database.write(work)
    answer = await page.get("/perubahan")
    text = answer.text
    for words in ("aturan baru", "salah ketik", "ternyata keliru", "<del>&lt;b&gt;pertama&lt;/b&gt;,</del>", "Ditarik"):
        assert words in text
    for words in ("Pendaftaran dibuka", "Gangguan.", "Insentif dan saldo", "Situs resmi", "24 Nov 2026, 10.00 WIB"):
        assert words in text
    assert "agent" not in text
    assert "script" not in text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


async def test_older_changes_are_on_further_pages(page: httpx.AsyncClient, database: Database) -> None:
    def work(connection: Connection) -> None:
        for number in range(60):
            row = program.ask(
                connection, kind="fact", key=f"nama_{number}", value="x", reason="kabar", asked_by="agent:1", now=NOW
            )
            program.approve(connection, row, by="agent:2", now=NOW)

    await database.write(work)
    first = (await page.get("/perubahan")).text
    assert first.count("<li>") == 50
    link = first.split('href="/perubahan?sebelum=')[1].split('"')[0]
    rest = (await page.get(f"/perubahan?sebelum={link}")).text
    assert rest.count("<li>") == 10
    assert "Perubahan sebelumnya" not in rest
    assert (await page.get("/perubahan?sebelum=kuda")).status_code == 200
