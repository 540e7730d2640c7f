"""Files are fetched by id on demand: the token goes to Meta's hosts alone, and nothing is larger than asked for."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from bot.whatsapp.media import File, MediaError, MediaStore
from tests.fakes.telegram import run_app

CONTENT = b"\x89PNG" + b"x" * 5000


@dataclass
class Shelf:
    """Where the file lies, and what was asked with which token."""

    base: str = ""
    url: str = ""
    size: int | str = len(CONTENT)
    status: int = 200
    asked: list[tuple[str, str]] = field(default_factory=list)


@pytest.fixture
async def shelf() -> AsyncIterator[Shelf]:
    found = Shelf()

    async def look_up(request: Request) -> Response:
        found.asked.append((request.url.path, request.headers.get("authorization", "")))
        told = {"url": found.url, "mime_type": "image/png", "file_size": found.size, "id": "77"}
        return JSONResponse(told, found.status)

    async def file(request: Request) -> Response:
        found.asked.append((request.url.path, request.headers.get("authorization", "")))
        return Response(CONTENT)

    async def elsewhere(request: Request) -> Response:
        return RedirectResponse("https://example.com/")

    listener = socket.create_server(("127.0.0.1", 0))
    found.base = f"http://127.0.0.1:{listener.getsockname()[1]}"
    found.url = f"{found.base}/file"
    routes = [Route("/v24.0/77", look_up), Route("/file", file), Route("/elsewhere", elsewhere)]
    async with run_app(Starlette(routes=routes), listener):
        yield found


def store(shelf: Shelf) -> MediaStore:
    return MediaStore("token-1", api=shelf.base, version="v24.0", seconds=5.0)


async def test_a_file_is_fetched_with_the_token(shelf: Shelf) -> None:
    digest = hashlib.sha256(CONTENT).hexdigest()
    assert await store(shelf).fetch("77", sha256=digest) == File(content=CONTENT, mime="image/png")
    assert shelf.asked == [("/v24.0/77", "Bearer token-1"), ("/file", "Bearer token-1")]


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/file",
        "https://fbcdn.net.evil.example/x",
        "http://lookaside.fbsbx.com/x",
        "https://lookaside.fbsbx.com:8443/x",
        "file:///etc/passwd",
        "https://evilfbsbx.com/x",
        "http://127.0.0.1:1/file",
        "https://[::1/x",
        "",
    ],
)
async def test_the_token_goes_to_no_other_host(shelf: Shelf, url: str) -> None:
    shelf.url = url
    with pytest.raises(MediaError):
        await store(shelf).fetch("77")
    assert len(shelf.asked) == 1


async def test_metas_own_hosts_are_known(shelf: Shelf) -> None:
    made = store(shelf)
    for url in ("https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1", "https://mmg.whatsapp.net/x"):
        assert made._is_metas(url)


async def test_a_redirect_is_not_followed(shelf: Shelf) -> None:
    shelf.url = f"{shelf.base}/elsewhere"
    with pytest.raises(MediaError, match="307"):
        await store(shelf).fetch("77")


@pytest.mark.parametrize("told", [len(CONTENT), 1, "", 0])
async def test_nothing_larger_than_asked_for_is_taken_whatever_is_told(shelf: Shelf, told: int | str) -> None:
    shelf.size = told
    with pytest.raises(MediaError, match="larger"):
        await store(shelf).fetch("77", most=1000)


@pytest.mark.parametrize(("status", "words"), [(404, "seven days"), (401, "token"), (500, "try again")])
async def test_why_it_cannot_be_had_is_said(shelf: Shelf, status: int, words: str) -> None:
    shelf.status = status
    with pytest.raises(MediaError, match=words):
        await store(shelf).fetch("77")


@pytest.mark.parametrize("media_id", ["", "../me", "77?fields=x", "7/7", "٧٧"])
async def test_what_is_no_id_is_not_asked_for(shelf: Shelf, media_id: str) -> None:
    with pytest.raises(MediaError, match="id"):
        await store(shelf).fetch(media_id)
    assert shelf.asked == []


async def test_a_damaged_file_is_not_shown(shelf: Shelf) -> None:
    with pytest.raises(MediaError, match="damaged"):
        await store(shelf).fetch("77", sha256="0" * 64)


async def test_nobody_there(shelf: Shelf) -> None:
    gone = MediaStore("t", api="http://127.0.0.1:9", version="v24.0", seconds=2.0)
    with pytest.raises(MediaError, match="no connection"):
        await gone.fetch("77")
