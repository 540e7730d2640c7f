"""What every answer carries, and what is done with the addresses that proxies tell."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest
from starlette.routing import Route

from bot import app, settings
from bot.webchat import limits
from bot.webchat.receive import PREFIX
from storage.database import Database
from tests.bot.test_service import free_port, until_up

Made = Callable[..., app.Service]


@pytest.fixture
async def made(sqlite: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Made]:
    """Makes services on one database with further settings; what was used up does not come back while a test runs."""
    monkeypatch.setattr(limits, "ADDRESS_SESSIONS_BURST", 10)
    monkeypatch.setattr(limits, "ADDRESS_REQUESTS_BURST", 5)
    monkeypatch.setattr(limits, "ADDRESS_SESSIONS_PER_SECOND", 1e-6)
    monkeypatch.setattr(limits, "ADDRESS_REQUESTS_PER_SECOND", 1e-6)
    kept: list[app.Service] = []

    def make(**more: str) -> app.Service:
        env = {"PANDU_DATABASE_URL": sqlite.url, "PANDU_BIND": f"127.0.0.1:{free_port()}", "PANDU_KIOSK": "true"}
        env |= {"PANDU_TELEGRAM_TOKEN": "1:x", "PANDU_TELEGRAM_MODE": "webhook", "PANDU_TELEGRAM_SECRET": "s"}
        loaded = settings.load({**env, **more})
        kept.append(app.Service(loaded, app.parts(loaded), role="web"))
        return kept[-1]

    yield make
    for service in kept:
        for channel in service.channels:
            await channel.close()
        await service.database.close()


def client(service: app.Service, address: str = "203.0.113.7", **options: object) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=service.web, client=(address, 1), raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="https://pandu.example", **options)  # type: ignore[arg-type]


async def test_every_route_carries_them(made: Made) -> None:
    service = made(PANDU_PUBLIC_URL="https://pandu.example")
    asked = 0
    async with client(service) as http:
        for route in service.web.routes:
            assert isinstance(route, Route)
            for method in sorted(route.methods or ()):
                if route.path.endswith("/live"):
                    continue  # a stream without end
                path = route.path.replace("{key:str}", "x" * 40).replace("{", "").replace("}", "").replace(":int", "")
                answer = await http.request(method, path)
                headers = answer.headers
                told = f"{method} {path}: {dict(headers)}"
                assert answer.status_code < 500, told
                assert headers["x-content-type-options"] == "nosniff", told
                assert headers["x-frame-options"] == "DENY", told
                assert headers["referrer-policy"] in ("no-referrer", "same-origin"), told
                assert headers["strict-transport-security"] == "max-age=31536000", told
                policy = headers["content-security-policy"]
                assert "default-src 'none'" in policy, told
                assert "frame-ancestors 'none'" in policy, told
                assert "unsafe" not in policy, told
                assert len(headers.get_list("content-security-policy")) == 1, told
                asked += 1
        missing = await http.get("/nothing/here")
        assert (missing.status_code, missing.headers["x-frame-options"]) == (404, "DENY")
    assert asked > 40


async def test_without_https_nobody_is_bound_to_it(made: Made) -> None:
    async with client(made(PANDU_PUBLIC_URL="http://127.0.0.1:1")) as http:
        assert "strict-transport-security" not in (await http.get("/healthz")).headers


async def test_one_address_is_slowed_and_others_are_not(made: Made) -> None:
    service = made()
    async with client(service) as http:
        for _ in range(limits.ADDRESS_SESSIONS_BURST):
            assert (await http.post(f"{PREFIX}/sessions")).status_code == 201
        refused = await http.post(f"{PREFIX}/sessions")
    assert (refused.status_code, refused.json()["reason"]) == (429, "too_many")
    assert int(refused.headers["retry-after"]) >= 1
    for other, status in (("198.51.100.1", 201), ("127.0.0.1", 201), ("::ffff:203.0.113.7", 429)):
        async with client(service, other) as http:
            assert (await http.post(f"{PREFIX}/sessions")).status_code == status, other


async def test_addresses_of_one_household_count_together(made: Made) -> None:
    service = made()
    for number in range(limits.ADDRESS_SESSIONS_BURST):
        async with client(service, f"2001:db8:1:2::{number:x}") as http:
            assert (await http.post(f"{PREFIX}/sessions")).status_code == 201
    async with client(service, "2001:db8:1:2:ffff::1") as http:
        assert (await http.post(f"{PREFIX}/sessions")).status_code == 429
    async with client(service, "2001:db8:1:3::1") as http:
        assert (await http.post(f"{PREFIX}/sessions")).status_code == 201


async def test_messages_of_many_sessions_count_by_address(made: Made) -> None:
    service = made()
    async with client(service) as http:
        answers = []
        for number in range(7):
            session = (await http.post(f"{PREFIX}/sessions")).json()["session"]
            head = {"Authorization": f"Bearer {session}"}
            answers.append(
                await http.post(f"{PREFIX}/messages", json={"id": f"m{number}", "text": "halo"}, headers=head)
            )
    assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 2


@pytest.mark.parametrize(("trusted", "believed"), [("127.0.0.1", True), ("192.0.2.0/24", False)])
async def test_only_a_trusted_proxy_is_believed(made: Made, trusted: str, believed: bool) -> None:
    service = made(PANDU_TRUSTED_PROXIES=trusted)
    running = asyncio.create_task(service.run())
    base = f"http://{service.settings.bind}"
    await until_up(f"{base}/readyz")
    async with httpx.AsyncClient(base_url=base) as http:
        for number in range(limits.ADDRESS_SESSIONS_BURST + 1):
            said = {"X-Forwarded-For": f"6.6.6.{number % 250}, 203.0.113.9"}
            last = await http.post(f"{PREFIX}/sessions", headers=said)
        assert last.status_code == 429
        other = await http.post(f"{PREFIX}/sessions", headers={"X-Forwarded-For": "203.0.113.10"})
        assert (other.status_code == 201) is believed, "an address that anybody may write is not believed"
    service.stop()
    await running


def test_a_wrong_network_is_named(tmp_path: Path) -> None:
    with pytest.raises(settings.SettingsError, match="PANDU_TRUSTED_PROXIES: 'caddy'"):
        settings.load({"PANDU_SECRET_KEY": "k", "PANDU_TRUSTED_PROXIES": "caddy"})
