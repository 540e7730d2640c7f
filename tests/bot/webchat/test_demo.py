"""The demo: sample people once, the selector, the look inside; and nothing of it in a service without the demo."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select, update

from bot import demo
from bot.app import Service
from bot.effects import Parts
from bot.settings import Settings, SettingsError
from bot.webchat.page import FOLDER
from bot.webchat.receive import PREFIX
from handlers import catalogue
from handlers.turn import Policy
from nlu.understanding import Context, Outcome, Understanding
from storage import schema
from storage.database import Database

BIND = "127.0.0.1:8123"


class Greeter:
    """Understands every message as a greeting."""

    version = "greeter"

    def parse(self, text: str, context: Context) -> Understanding:
        ranking = (("greet", 0.91), ("thanks", 0.05), ("goodbye", 0.03), ("affirm", 0.01))
        return Understanding(intent="greet", confidence=0.91, outcome=Outcome.ANSWER, ranking=ranking)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.chdir(tmp_path)
    return demo.demo_settings(BIND, {})


def made(settings: Settings, *, demo: bool = True) -> Service:
    parts = Parts(engine=Greeter(), catalogue=catalogue.load(), policy=Policy(), new_id=lambda n: "7" * n)
    return Service(settings, parts, demo=demo)


def client(service: Service) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=service.web), base_url="http://pandu")


@pytest.fixture
async def service(settings: Settings) -> AsyncIterator[Service]:
    await demo.prepare(settings)
    service = made(settings)
    yield service
    await service.database.close()


@pytest.fixture
async def http(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    async with client(service) as made_client:
        yield made_client


async def say(service: Service, http: httpx.AsyncClient, session: str, text: str) -> list[dict[str, Any]]:
    headers = {"Authorization": f"Bearer {session}"}
    assert (await http.post(f"{PREFIX}/messages", json={"id": "1", "text": text}, headers=headers)).status_code == 200
    while await service.worker.run_once() or await service.senders[0].drain():
        pass
    found: list[dict[str, Any]] = (await http.get(f"{PREFIX}/replies", headers=headers)).json()["replies"]
    return found


def test_the_demo_has_its_own_database_and_no_messenger(settings: Settings) -> None:
    assert settings.database_url == "sqlite:///var/demo.db"
    assert settings.public_url == f"http://{BIND}"
    assert settings.secret_key
    assert demo.demo_settings("0.0.0.0:81", {"PANDU_TELEGRAM_TOKEN": "1:x"}).public_url == "http://127.0.0.1:81"
    assert demo.demo_settings(BIND, {"PANDU_TELEGRAM_TOKEN": "1:x"}).telegram_token == ""
    with pytest.raises(SettingsError):
        demo.demo_settings("nowhere", {})


async def test_samples_are_filled_once_and_kept_fresh(settings: Settings) -> None:
    p = schema.participants
    await demo.prepare(settings)
    database = Database(settings.database_url)
    count, first = await database.read(lambda c: c.execute(select(func.count(), func.max(p.c.as_of))).one())
    assert count == 500
    await demo.prepare(settings)
    assert await database.read(lambda c: c.execute(select(func.max(p.c.as_of))).scalar_one()) == first
    old = first - timedelta(days=4)  # the data of a demo that was started last week would be hidden
    await database.write(lambda c: c.execute(update(p).values(as_of=old)))
    await demo.prepare(settings)
    count, again = await database.read(lambda c: c.execute(select(func.count(), func.max(p.c.as_of))).one())
    assert count == 500
    assert again > first
    await database.close()


async def test_a_dozen_people_in_all_states(http: httpx.AsyncClient) -> None:
    people = (await http.get("/demo/people")).json()
    assert len(people) == len(demo.TYPICAL)
    states = {(p["membership"], p["course"], p["payment"], p["reason"], p["rated"]) for p in people}
    assert len(states) >= 12
    assert {p["membership"] for p in people} == {"applied", "selected", "active", "finished", "failed", "revoked"}
    part = (FOLDER / "demo.html").read_text(encoding="utf-8")
    for person in people:
        assert person["name"].startswith("Contoh ")
        for code in (person["membership"], person["course"], person["payment"], person["reason"]):
            assert code is None or f"{code}:" in part  # every state has its words


async def test_chat_as_a_participant(service: Service, http: httpx.AsyncClient) -> None:
    person = (await http.get("/demo/people")).json()[0]
    answer = await http.post("/demo/sessions", json={"participant": person["id"]})
    assert answer.status_code == 201
    session = answer.json()["session"]
    replies = await say(service, http, session, "halo")
    assert "Pandu" in replies[0]["text"]
    inside = (await http.get("/demo/inside", headers={"Authorization": f"Bearer {session}"})).json()
    assert inside["participant"] == {"id": person["id"], "name": person["name"]}
    assert (inside["level"], inside["owner"], inside["form"]) == ("2", "bot", None)
    assert (inside["text"], inside["intent"], inside["handler"]) == ("halo", "greet", "greet")
    assert (inside["confidence"], inside["model"]) == (0.91, "greeter")
    assert [intent for intent, _ in inside["ranking"]] == ["greet", "thanks", "goodbye"]
    assert 0 < inside["ms"] < 60_000


async def test_chat_as_a_stranger(service: Service, http: httpx.AsyncClient) -> None:
    session = (await http.post("/demo/sessions", json={"participant": None})).json()["session"]
    headers = {"Authorization": f"Bearer {session}"}
    assert (await http.get("/demo/inside", headers=headers)).json()["text"] is None
    await say(service, http, session, "halo")
    inside = (await http.get("/demo/inside", headers=headers)).json()
    assert (inside["participant"], inside["level"], inside["text"]) == (None, None, "halo")


async def test_nobody_else_can_be_chosen(http: httpx.AsyncClient) -> None:
    for participant in (0, -1, 999_999, "1", True, 1.5, [1], 2**70):
        answer = await http.post("/demo/sessions", json={"participant": participant})
        assert (answer.status_code, answer.json()["reason"]) == (400, "bad_participant"), participant


async def test_the_page_of_the_demo(http: httpx.AsyncClient) -> None:
    for path in ("/", "/chat"):
        answer = await http.get(path)
        assert "Chat sebagai" in answer.text
        assert answer.headers["content-security-policy"].count("sha256-") == 4


async def test_without_the_demo_there_is_nothing_of_it(settings: Settings) -> None:
    await demo.prepare(settings)
    service = made(settings, demo=False)
    async with client(service) as http:
        page = await http.get("/")
        assert page.status_code == 200
        assert "demo" not in page.text.lower()
        assert (await http.get("/demo/people")).status_code == 404
        assert (await http.get("/demo/inside")).status_code == 404
        assert (await http.post("/demo/sessions", json={"participant": None})).status_code == 404
    await service.database.close()


async def test_a_taken_address_is_told(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(SettingsError, match="another program has"):
        await demo.run_demo(f"127.0.0.1:{taken.getsockname()[1]}")
