"""The main job as a real client sees it: the whole service against the Bot API server, by polling and by webhook."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import httpx
import pytest

from bot import app, samples, settings
from storage.database import Database
from tests.fakes.telegram import FakeTelegram, serve
from tests.fakes.telegram_people import Person


@asynccontextmanager
async def running(mode: str, url: str, fake: FakeTelegram, *, with_samples: bool = True) -> AsyncIterator[app.Service]:
    """The service on a free port with Telegram in one of its modes."""
    port = free_port()
    loaded = settings.load(
        {
            "PANDU_DATABASE_URL": url,
            "PANDU_SECRET_KEY": "test" * 10,
            "PANDU_BIND": f"127.0.0.1:{port}",
            "PANDU_OPERATOR": "Dinas Contoh",
            "PANDU_TELEGRAM_TOKEN": fake.token,
            "PANDU_TELEGRAM_API": fake.base,
            "PANDU_TELEGRAM_MODE": mode,
            "PANDU_TELEGRAM_SECRET": "rahasia",
            "PANDU_TELEGRAM_RATE": "0",
        }
    )
    await app.prepare_database(loaded)
    if with_samples:
        database = Database(url)
        await database.write(partial(samples.fill, now=datetime.now(UTC)))
        await database.close()
    service = app.Service(loaded, app.parts(loaded))
    task = asyncio.create_task(service.run())
    await until_up(f"http://127.0.0.1:{port}/readyz")
    if mode == "webhook":
        fake.queue.webhook = {
            "url": f"http://127.0.0.1:{port}/telegram/{service.channels[1].account}",
            "secret_token": "rahasia",
        }
    try:
        yield service
    finally:
        service.stop()
        await task


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def until_up(url: str) -> None:
    async with httpx.AsyncClient() as client:
        for _ in range(200):
            try:
                if (await client.get(url)).status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            await asyncio.sleep(0.02)
    raise TimeoutError(url)


class Talk:
    """One person's conversation: says something, waits for the answer."""

    def __init__(self, fake: FakeTelegram, number: int) -> None:
        self.fake = fake
        self.person: Person = fake.person(number)
        self.heard = 0

    async def says(self, text: str) -> str:
        self.person.says(text)
        return await self.answer()

    async def taps(self, label: str) -> str:
        sent = self.person.inbox[-1]
        number = next(i for i, button in enumerate(sent.buttons, 1) if button["text"] == label)
        self.person.taps(sent, number)
        return await self.answer()

    async def answer(self) -> str:
        self.heard += 1
        await self.fake.wait_for_reply(self.person, self.heard)
        return self.person.inbox[-1].text


@pytest.mark.parametrize("mode", ["polling", "webhook"])
async def test_the_main_job(mode: str, tmp_path: Path) -> None:
    async with serve() as fake, running(mode, f"sqlite:///{tmp_path / 'p.db'}", fake) as service:
        talk = Talk(fake, 7)
        hello = await talk.says("assalamualaikum min")
        assert "Dinas Contoh" in hello
        assert "Waalaikumsalam" in hello
        assert "600.000" in await talk.says("brp sih insentif yg didpt kl udh lulus")

        consent = await talk.says("sy mau daftar dong, bantuin")
        assert "setuju" in consent.lower()
        assert "umur" in (await talk.taps("Setuju")).lower()
        aside = await talk.says("eh prakerja kpn dibuka lagi?")
        assert "16 Mei 2025" in aside
        assert "umur" in aside.lower()
        assert "umur" not in (await talk.says("27")).lower().split("\n")[0]
        assert fake.called("answerCallbackQuery")

        assert "dihentikan" in (stopped := await talk.says("batal")).lower() or "hentikan" in stopped.lower()
        courses = await talk.says("cari pelatihan bahasa inggris")
        assert courses
        assert service.worker is not None
        case = await talk.says("mau ngomong sama petugas aja")
        assert case
        assert len(fake.person(7).inbox) == talk.heard


async def test_a_webhook_without_the_secret_is_refused_and_a_repeat_is_not_answered_twice(tmp_path: Path) -> None:
    async with (
        serve() as fake,
        running("webhook", f"sqlite:///{tmp_path / 'p.db'}", fake, with_samples=False) as service,
    ):
        hook = fake.queue.webhook["url"]
        update = {
            "update_id": 5,
            "message": {
                "message_id": 1,
                "date": int(datetime.now(UTC).timestamp()),
                "text": "halo",
                "chat": {"id": 9, "type": "private"},
                "from": {"id": 9, "is_bot": False, "first_name": "A"},
            },
        }
        person = fake.person(9)
        async with httpx.AsyncClient() as client:
            good = {"X-Telegram-Bot-Api-Secret-Token": "rahasia"}
            assert (await client.post(hook, json=update)).status_code == 401
            assert (
                await client.post(hook, json=update, headers={"X-Telegram-Bot-Api-Secret-Token": "salah"})
            ).status_code == 401
            for _ in range(3):
                assert (await client.post(hook, json=update, headers=good)).status_code == 200
            assert (await client.post(hook, content=b"\xff\xfe", headers=good)).status_code == 400
            second = {**update, "update_id": 6, "message": {**update["message"], "text": "kapan gelombang dibuka"}}
            assert (await client.post(hook, json=second, headers=good)).status_code == 200
            await fake.until(lambda: any("16 Mei 2025" in sent.text for sent in person.inbox))
            shown = (await client.get(f"http://{service.settings.bind}/metrics")).text
        assert 2 <= len(person.inbox) <= 3, "who is speaking, then one answer or two"
        assert 'pandu_sends_total{channel="telegram",outcome="accepted"}' in shown


async def test_roles_of_several_processes_share_one_postgresql(
    postgres: Database, migrated_postgres: str, tmp_path: Path
) -> None:
    async with serve() as fake:
        port = free_port()
        base = settings.load(
            {
                "PANDU_DATABASE_URL": migrated_postgres,
                "PANDU_SECRET_KEY": "test" * 10,
                "PANDU_BIND": f"127.0.0.1:{port}",
                "PANDU_TELEGRAM_TOKEN": fake.token,
                "PANDU_TELEGRAM_API": fake.base,
                "PANDU_TELEGRAM_MODE": "webhook",
                "PANDU_TELEGRAM_SECRET": "rahasia",
                "PANDU_TELEGRAM_RATE": "0",
            }
        )
        made = app.parts(base)
        services = [app.Service(replace(base), made, role=role) for role in ("web", "worker", "worker", "sender")]
        tasks = [asyncio.create_task(service.run()) for service in services]
        await until_up(f"http://127.0.0.1:{port}/healthz")
        fake.queue.webhook = {
            "url": f"http://127.0.0.1:{port}/telegram/{services[0].channels[1].account}",
            "secret_token": "rahasia",
        }
        people = [fake.person(number) for number in range(1, 21)]
        for person in people:
            person.says("halo kak")
        await fake.until(lambda: all(person.inbox for person in people), timeout=20)
        assert [len(person.inbox) for person in people] == [1] * 20, "who is speaking and the answer, in one bubble"
        for service in services:
            service.stop()
        await asyncio.gather(*tasks)
