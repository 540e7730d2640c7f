"""The page with phones: what is done on it reaches the bot, and what the bot sends is shown."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from tests.fakes import sms, telegram, whatsapp
from tests.fakes.phone import PAGE
from tests.fakes.pictures import drawn
from tests.fakes.sms_phone import SmsWithPhones
from tests.fakes.telegram import FakeTelegram, run_app
from tests.fakes.whatsapp import FakeWhatsApp


class Page:
    """The page's own questions."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def act(self, phone: str, act: str, **more: Any) -> int:
        answer = await self.client.post("/_/phone/act", json={"phone": phone, "act": act, **more})
        return answer.status_code

    async def phone(self, place: int = 0) -> dict[str, Any]:
        state = (await self.client.get("/_/phone/state")).json()
        found: dict[str, Any] = state["phones"][place]
        return found


@pytest.fixture
async def bot_api() -> AsyncIterator[FakeTelegram]:
    async with telegram.serve() as fake:
        fake.person(7)
        yield fake


@pytest.fixture
async def graph() -> AsyncIterator[FakeWhatsApp]:
    async with whatsapp.serve() as fake:
        fake.person()
        yield fake


def opened(base: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=base, timeout=60)


def test_the_page_is_one_small_file() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert len(page.encode()) <= 30_000
    assert "src=" not in page  # pictures of messages have their address from the state
    assert "http" not in page.replace("http-equiv", "")


async def test_a_telegram_phone_writes_taps_shares_and_forwards(bot_api: FakeTelegram) -> None:
    async with opened(bot_api.base) as client:
        page, bot = Page(client), f"/bot{bot_api.token}"
        assert (await client.get("/_/phone")).text.startswith("<!doctype html>")
        assert await page.act("7", "say", text="halo") == 200
        assert await page.act("7", "say", text="sebarkan", forwarded=True) == 200
        inline = {"inline_keyboard": [[{"text": "Ya", "callback_data": "o:1:1"}]]}
        await client.post(f"{bot}/sendMessage", json={"chat_id": 7, "text": "<b>Ya?</b>", "parse_mode": "HTML"})
        await client.post(f"{bot}/sendMessage", json={"chat_id": 7, "text": "?", "reply_markup": inline})
        keys = {"keyboard": [[{"text": "Bagikan nomor", "request_contact": True}, "Batal"]], "one_time_keyboard": True}
        await client.post(f"{bot}/sendMessage", json={"chat_id": 7, "text": "Nomor?", "reply_markup": keys})
        shown = await page.phone()
        assert shown["keyboard"] == ["Bagikan nomor", "Batal"]
        assert [message["mine"] for message in shown["messages"]] == [True, True, False, False, False]
        assert shown["messages"][2]["entities"] == [{"type": "bold", "offset": 0, "length": 3}]
        ask = shown["messages"][3]
        assert await page.act("7", "tap", message=ask["id"], place=1, text="Ya") == 200
        assert await page.act("7", "press", text="Bagikan nomor") == 200
        for act in ("voice", "image", "sticker", "location", "other_contact"):
            assert await page.act("7", act) == 200
        assert await page.act("7", "tap", message=9999, place=1) == 400
        updates = bot_api.queue.fresh()
        assert "forward_origin" in updates[1]["message"]
        assert updates[2]["callback_query"]["data"] == "o:1:1"
        assert updates[3]["message"]["contact"]["user_id"] == 7
        assert [
            next(iter(one["message"].keys() & {"voice", "photo", "sticker", "location", "contact"}))
            for one in updates[4:]
        ] == [
            "voice",
            "photo",
            "sticker",
            "location",
            "contact",
        ]


async def test_a_phone_without_signal_sends_and_shows_when_it_is_back(graph: FakeWhatsApp) -> None:
    siti = graph.person()
    async with opened(graph.base) as client:
        page, head = Page(client), {"Authorization": f"Bearer {graph.token}"}
        await page.act(siti.number, "say", text="halo")
        await page.act(siti.number, "signal", on=False)
        body = {"messaging_product": "whatsapp", "to": f"+{siti.number}", "type": "text", "text": {"body": "hai"}}
        await client.post(f"/v24.0/{graph.number_id}/messages", json=body, headers=head)
        await page.act(siti.number, "say", text="masih di sana?")
        shown = await page.phone()
        assert [message["text"] for message in shown["messages"]] == ["halo", "masih di sana?"]
        assert shown["messages"][1]["state"] == "waits"
        assert len(graph.received_ids) == 1
        assert siti.inbox[0].statuses == ["sent"]
        await page.act(siti.number, "signal", on=True)
        shown = await page.phone()
        assert [message["text"] for message in shown["messages"]] == ["halo", "hai", "masih di sana?"]
        assert siti.inbox[0].statuses == ["sent", "delivered", "read"]


async def test_a_whatsapp_phone_shows_rows_states_and_reading(graph: FakeWhatsApp) -> None:
    siti = graph.person()
    async with opened(graph.base) as client:
        page, head = Page(client), {"Authorization": f"Bearer {graph.token}"}
        path = f"/v24.0/{graph.number_id}/messages"
        await page.act(siti.number, "say", text="menu")
        own = (await page.phone())["messages"][0]
        assert own["state"] == "sent"
        mark = {"messaging_product": "whatsapp", "status": "read", "message_id": own["id"]}
        await client.post(path, json=mark, headers=head)
        row = {"id": "o:1:1", "title": "Daftar", "description": "akun baru"}
        menu = {"type": "list", "body": {"text": "?"}, "action": {"button": "Pilih", "sections": [{"rows": [row]}]}}
        body = {"messaging_product": "whatsapp", "to": f"+{siti.number}", "type": "interactive", "interactive": menu}
        await client.post(path, json=body, headers=head)
        shown = (await page.phone())["messages"]
        assert shown[0]["state"] == "read"
        assert (shown[1]["list"], shown[1]["state"]) == ("Pilih", "read")
        assert shown[1]["options"] == [{"label": "Daftar", "description": "akun baru", "place": 1}]
        assert await page.act(siti.number, "tap", message=shown[1]["id"], place=1, text="Daftar") == 200
        for act in ("contact", "other_contact", "voice", "image", "sticker", "location", "reaction"):
            assert await page.act(siti.number, act) == 200
        await page.act(siti.number, "block")
        await client.post(path, json=body, headers=head)
        assert (await page.phone())["messages"][-1]["state"] == "failed: 131026 Message undeliverable"
        await page.act("", "add", name="Budi")
        assert (await page.phone(1))["name"] == "Budi"


async def test_an_old_telephone_writes_and_reads_letters() -> None:
    fake, app = SmsWithPhones(), Heard()
    fake.carrier.add("Siti")
    listener = socket.create_server(("127.0.0.1", 0))
    async with sms.serve(fake), run_app(app, listener), opened(fake.base) as client:
        fake.hook = f"http://127.0.0.1:{listener.getsockname()[1]}/sms"
        page, number = Page(client), "+6281200000007"
        assert await page.act(number, "say", text="halo") == 200
        await fake.carrier.settled()
        assert app.told[0]["payload"]["message"] == "halo"
        assert await page.act(number, "voice") == 400
        await page.act(number, "signal", on=False)
        body = {"id": "1", "textMessage": {"text": "hai"}, "phoneNumbers": [number]}
        await client.post("/message", json=body, auth=(fake.user, fake.key))
        assert [message["text"] for message in (await page.phone())["messages"]] == ["halo"]
        await page.act(number, "signal", on=True)
        await fake.carrier.settled()
        shown = (await page.phone())["messages"]
        assert [(message["text"], message["state"]) for message in shown] == [("halo", "sent"), ("hai", "delivered")]
        assert shown[1]["category"] == "1 part"
        assert app.told[1]["event"] == "sms:delivered"


class Heard:
    """A webhook that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.told.append(await Request(scope, receive).json())
        await Response(status_code=200)(scope, receive, send)


async def test_a_picture_that_the_bot_sent_is_shown_with_its_words(bot_api: FakeTelegram) -> None:
    form = aiohttp.FormData({"chat_id": "7", "caption": "Jadwal", "photo": "attach://x"})
    form.add_field("x", drawn(), filename="gambar.jpg")
    url = f"{bot_api.base}/bot{telegram.TOKEN}/sendPhoto"
    async with aiohttp.ClientSession() as client, client.post(url, data=form) as answer:
        assert answer.status == 200
    async with opened(bot_api.base) as client:
        shown = (await Page(client).phone())["messages"][-1]
        assert shown["text"] == "Jadwal"
        found = await client.get(f"/_/phone/picture/{shown['picture']}")
        assert (found.content, found.headers["content-type"]) == (drawn(), "image/jpeg")
        assert (await client.get("/_/phone/picture/none")).status_code == 404


async def test_a_picture_by_whatsapp_is_shown_too(graph: FakeWhatsApp) -> None:
    siti = graph.person()
    siti.says("halo")
    head = {"Authorization": f"Bearer {whatsapp.TOKEN}"}
    address = f"{graph.base}/v24.0/{whatsapp.NUMBER_ID}"
    form = aiohttp.FormData({"messaging_product": "whatsapp", "type": "image/jpeg"})
    form.add_field("file", drawn(), filename="gambar.jpg", content_type="image/jpeg")
    async with aiohttp.ClientSession(headers=head) as client:
        async with client.post(f"{address}/media", data=form) as answer:
            made = await answer.json()
        message = {"messaging_product": "whatsapp", "to": f"+{siti.number}", "type": "image", "image": made}
        async with client.post(f"{address}/messages", json=message) as answer:
            assert answer.status == 200
    async with opened(graph.base) as client:
        shown = (await Page(client).phone())["messages"][-1]
        assert shown["picture"] == made["id"]
        assert (await client.get(f"/_/phone/picture/{made['id']}")).content == drawn()
