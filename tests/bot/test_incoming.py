"""What platforms and strangers send, before anything reads it (found by `make fuzz`)."""

from __future__ import annotations

import json
from collections.abc import MutableMapping
from urllib.parse import unquote

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from bot.web.application import WellFormed
from bot.web.incoming import json_object


def test_what_no_database_keeps_is_taken_out_of_every_text() -> None:
    body = json.dumps({"a\x00": ["x\ud800y", {"b": "\x00"}], "emoji": "\U0001f600", "n": 1}).encode()
    assert json_object(body) == {"a": ["xy", {"b": ""}], "emoji": "\U0001f600", "n": 1}
    assert json_object(b'{"a": "\xed\xa0\x80z"}') == {"a": "z"}


@pytest.mark.parametrize(
    ("query", "path", "status"),
    [(b"a=%C3%A9", "/x", 200), (b"\xe9", "/x", 400), (b"a=%00", "/x", 400), (b"", "/x%00", 400), (b"", "/x", 200)],
)
async def test_addresses_that_nobody_sends(query: bytes, path: str, status: int) -> None:
    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: MutableMapping[str, object]) -> None:
        if message["type"] == "http.response.start":
            found.append(message["status"])

    async def show(request: Request) -> PlainTextResponse:
        return PlainTextResponse(str(request.url))

    found: list[object] = []
    app = Starlette(routes=[Route("/{rest:path}", show)], middleware=[Middleware(WellFormed)])
    scope = {"type": "http", "method": "GET", "path": unquote(path), "query_string": query, "headers": []}
    await app(scope, receive, send)
    assert found == [status]
