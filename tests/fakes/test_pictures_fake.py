"""The fakes refuse pictures as the platforms do."""

from __future__ import annotations

import io
from typing import Any

import aiohttp
import pytest

from tests.fakes import telegram, whatsapp
from tests.fakes.pictures import drawn
from tests.fakes.whatsapp_sending import UPLOAD_LIFE

NUMBER = "6281200000007"


async def photo(fake: telegram.FakeTelegram, picture: bytes | str, **more: str) -> tuple[int, dict[str, Any]]:
    form = aiohttp.FormData({"chat_id": "7", **more})
    if isinstance(picture, bytes):
        form.add_field("photo", io.BytesIO(picture), filename="gambar.jpg")
    else:
        form.add_field("photo", picture)
    url = f"{fake.base}/bot{telegram.TOKEN}/sendPhoto"
    async with aiohttp.ClientSession() as client, client.post(url, data=form) as answer:
        return answer.status, await answer.json()


@pytest.mark.parametrize(
    ("picture", "more", "told"),
    [
        (b"no picture", {}, "IMAGE_PROCESS_FAILED"),
        (drawn(2100, 100), {}, "PHOTO_INVALID_DIMENSIONS"),
        (drawn(9000, 1001), {}, "PHOTO_INVALID_DIMENSIONS"),
        (drawn(), {"caption": "a" * 1025}, "caption is too long"),
        ("AgACAgUAAx", {}, "wrong remote file identifier specified"),
        ("", {}, "there is no photo"),
        (drawn() + bytes(10 * 1_048_576), {}, "Request Entity Too Large"),
    ],
    ids=["none", "narrow", "large", "caption", "id", "nothing", "heavy"],
)
async def test_telegram_refuses(picture: bytes | str, more: dict[str, str], told: str) -> None:
    async with telegram.serve() as fake:
        fake.person(7)
        status, answer = await photo(fake, picture, **more)
        assert status in (400, 413)
        assert told in answer["description"]
        assert not fake.sent


async def test_each_of_telegrams_sizes_can_be_sent_again() -> None:
    async with telegram.serve() as fake:
        fake.person(7)
        _, answer = await photo(fake, drawn(640, 360))
        sizes = answer["result"]["photo"]
        assert [(size["width"], size["height"]) for size in sizes] == [(160, 90), (640, 360)]
        for size in sizes:
            assert (await photo(fake, size["file_id"]))[0] == 200
        assert (len(fake.uploads), len(fake.sent)) == (1, 3)


class Graph:
    """A bare client."""

    def __init__(self, fake: whatsapp.FakeWhatsApp, client: aiohttp.ClientSession) -> None:
        self.fake, self.client = fake, client

    async def upload(self, data: bytes, mime: str = "image/jpeg") -> dict[str, Any]:
        form = aiohttp.FormData({"messaging_product": "whatsapp", "type": mime})
        form.add_field("file", io.BytesIO(data), filename="gambar", content_type=mime)
        return await self._post("media", data=form)

    async def send(self, **image: str) -> dict[str, Any]:
        body = {"messaging_product": "whatsapp", "to": f"+{NUMBER}", "type": "image", "image": image}
        return await self._post("messages", json=body)

    async def _post(self, edge: str, **body: Any) -> dict[str, Any]:
        async with self.client.post(f"/v24.0/{whatsapp.NUMBER_ID}/{edge}", **body) as answer:
            found: dict[str, Any] = await answer.json()
            return found


async def test_whatsapp_takes_jpeg_and_png_and_forgets_after_thirty_days() -> None:
    now = [1_800_000_000.0]
    head = {"Authorization": f"Bearer {whatsapp.TOKEN}"}
    async with whatsapp.serve(clock=lambda: now[0]) as fake, aiohttp.ClientSession(fake.base, headers=head) as client:
        fake.person(NUMBER).written = now[0]
        graph = Graph(fake, client)
        assert (await graph.upload(drawn(kind="WEBP"), "image/webp"))["error"]["code"] == 100
        assert (await graph.upload(b"no picture"))["error"]["code"] == 131053
        assert (await graph.upload(drawn(kind="PNG"), "image/jpeg"))["error"]["code"] == 131053
        assert (await graph.upload(drawn() + bytes(5 * 1_048_576)))["error"]["code"] == 131053
        made = (await graph.upload(drawn()))["id"]
        assert fake.uploads[made].data == drawn()
        assert (await graph.send(id="1"))["error"]["code"] == 131009
        assert (await graph.send(id=made, caption="a" * 1025))["error"]["code"] == 131009
        assert "messages" in await graph.send(id=made, caption="a" * 1024)
        now[0] += UPLOAD_LIFE + 1
        fake.person(NUMBER).written = now[0]
        assert (await graph.send(id=made))["error"]["code"] == 131009
