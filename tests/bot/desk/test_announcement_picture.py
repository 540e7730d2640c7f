"""Front door of an announcement's picture at the desk: it goes up by the page's script, is shown, saved with the draft, and taken off again."""

from __future__ import annotations

import io
import re
from collections.abc import AsyncIterator
from functools import partial

import pytest
from PIL import Image

from bot import picture_files
from storage import pictures
from tests.bot.desk.conftest import Office
from tests.bot.desk.test_announcements import FIELDS, Room, revision, told

SENT = "/announcements/picture"


def png(width: int = 1600, height: int = 900) -> bytes:
    made = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(made, "PNG")
    return made.getvalue()


@pytest.fixture
async def room(office: Office) -> Room:
    return Room(office)


async def test_a_picture_is_made_small_kept_with_the_draft_shown_and_taken_off(room: Room) -> None:
    ani = await room.office.at_desk("ani", "operator")
    await ani.get("/announcements/new")
    answer = await ani.send(SENT, png())
    assert answer.status_code == 200
    key = answer.json()["image"]
    assert re.fullmatch(r"1\.280 × 720, \d+ kB", answer.json()["told"])
    shown = await ani.get(f"/announcements/picture/{key}")
    assert shown.headers["content-type"] == "image/jpeg"
    assert Image.open(io.BytesIO(shown.content)).size == (1280, 720)

    draft = await room.make(ani, image=key, channel2="sms")
    assert (await room.row(draft))["content"]["image"] == key
    page = (await ani.get(f"/announcements/{draft}/draft")).text
    assert f'name="image" value="{key}" checked' in page
    seen = page.split('<div class="previews">')[1].split("</section>")
    assert f'src="/desk/announcements/picture/{key}"' in seen[0], "Telegram"
    assert "<img" not in seen[1], "an SMS has none"

    without = await ani.post(f"/announcements/{draft}/draft", **FIELDS, revision=revision(page))
    assert without.status_code == 303, told(without.text)
    assert "image" not in (await room.row(draft))["content"]


async def test_a_form_that_is_refused_keeps_its_picture(room: Room) -> None:
    ani = await room.office.at_desk("ani", "operator")
    await ani.get("/announcements/new")
    key = (await ani.send(SENT, png())).json()["image"]
    answer = await ani.post("/announcements/new", **{**FIELDS, "text": "Halo {nik}", "image": key})
    assert answer.status_code == 422
    assert f'name="image" value="{key}" checked' in answer.text


@pytest.mark.parametrize("key", ["f" * 64, "../../etc/passwd", "<b>", ""])
async def test_a_picture_that_nobody_sent_is_refused(room: Room, key: str) -> None:
    ani = await room.office.at_desk("ani", "operator")
    await ani.get("/announcements/new")
    answer = await ani.post("/announcements/new", **{**FIELDS, "image": key})
    if key:
        assert answer.status_code == 422
        assert "ambar" in told(answer.text)
        assert "<b>" not in answer.text
        for address in ("e" * 64, "%00", "%F0%9F%98%80"):
            assert (await ani.get(f"/announcements/picture/{address}")).status_code == 404
    else:
        assert answer.status_code == 303, "none is wanted"


@pytest.mark.parametrize(
    ("body", "said"),
    [(b"no picture", "JPEG, PNG"), (png(400, 10), "400"), (b"", "JPEG, PNG"), (png()[:200], "JPEG, PNG")],
)
async def test_what_is_no_picture_is_told_why(room: Room, body: bytes, said: str) -> None:
    ani = await room.office.at_desk("ani", "operator")
    await ani.get("/announcements/new")
    answer = await ani.send(SENT, body)
    assert answer.status_code == 422
    assert said in answer.json()["told"]


async def test_only_operators_with_the_pages_token_send_one_and_nothing_larger_than_a_picture(room: Room) -> None:
    ani, tini = await room.office.at_desk("ani", "operator"), await room.office.at_desk("tini", "agent")
    await ani.get("/announcements/new")
    refused = [
        await ani.send(SENT, png(), csrf="0" * 64),
        await ani.send(SENT, png(), csrf=""),
        await ani.send(SENT, png(), kind="application/x-www-form-urlencoded"),
        await ani.send(SENT, png(), kind="text/plain"),
        await ani.send(SENT, bytes(picture_files.MOST_BYTES + 1)),
        await tini.send(SENT, png()),
    ]
    assert [answer.status_code for answer in refused] == [403] * len(refused)
    made = picture_files.shrunk(png())
    assert await room.office.database.read(partial(pictures.facts, sha256=made.sha256)) is None
    await ani.send(SENT, png())
    assert (await tini.get(f"/announcements/picture/{made.sha256}")).status_code == 403
    stranger = room.office.browser()
    assert (await stranger.get(f"/announcements/picture/{made.sha256}")).status_code in (303, 401)


async def test_nothing_of_a_picture_is_read_from_whoever_may_send_none(room: Room) -> None:
    read: list[bytes] = []

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(3):
            read.append(b"0" * 1000)
            yield read[-1]

    stranger, tini = room.office.browser(), await room.office.at_desk("tini", "agent")
    await stranger.get("/login")
    for one, status in ((stranger, 401), (tini, 403)):
        headers = {"Content-Type": "image/png", "X-CSRF": one.csrf}
        answer = await one.http.post(f"/desk{SENT}", content=chunks(), headers=headers)
        assert answer.status_code == status
    assert not read
