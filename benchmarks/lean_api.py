"""A Bot API server, and a sender's share of the Graph API, that cost next to nothing: what is measured is the bot, the same for every peer.

One `asyncio.Protocol`, HTTP/1.1 with keep-alive, no framework. It takes what any client library sends (JSON, urlencoded, multipart; with a
length or chunked), finds `chat_id` by one regular expression and answers with a Message that aiogram and python-telegram-bot accept. It keeps
(chat, moment, text) of every message. tests/fakes/telegram.py is the one that behaves as Telegram does; this one only is quick.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple
from urllib.parse import unquote_plus

TOKEN = "123456789:AAFakeFakeFakeFakeFakeFakeFakeFakeFake"
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:[ \t]*chunked", re.IGNORECASE)
_CHAT = re.compile(rb'chat_id(?:"\s*:\s*"?|=|"(?:\r\n[^\r\n]+)*\r\n\r\n)(-?\d+)')
_TEXT_FORM = re.compile(rb"(?:^|&)text=([^&]*)")
_TEXT_JSON = re.compile(rb'"text"\s*:\s*("(?:[^"\\]|\\.)*")')
_TEXT_PART = re.compile(rb'name="text"(?:\r\n[^\r\n]+)*\r\n\r\n(.*?)\r\n--', re.DOTALL)
_ME = b'{"id":123456789,"is_bot":true,"first_name":"Pandu","username":"pandu_bench_bot"'


class Sent(NamedTuple):
    """One message that a bot sent."""

    chat: int
    at: float  # time.perf_counter()
    text: str  # empty unless `keep_text`


def text_of(body: bytes) -> str:
    """The words of a sendMessage in any of the three encodings."""
    if found := _TEXT_FORM.search(body):
        return unquote_plus(found[1].decode())
    if found := _TEXT_JSON.search(body):
        return str(json.loads(found[1]))
    found = _TEXT_PART.search(body)
    return found[1].decode() if found else ""


class LeanApi:
    """What was sent, and how the server behaves."""

    def __init__(self, *, keep_text: bool = False) -> None:
        self.sent: list[Sent] = []
        self.keep_text = keep_text
        self.on_sent: Callable[[Sent], None] = lambda _sent: None
        self.refuse: Callable[[bytes], bytes | None] = lambda _path: None  # a whole answer instead of "ok"
        self.base = ""
        self.calls = 0

    def answer(self, path: bytes, body: bytes) -> bytes:
        """The whole HTTP answer to one request."""
        self.calls += 1
        if (refusal := self.refuse(path)) is not None:
            return refusal
        method = path[path.rfind(b"/") + 1 :].partition(b"?")[0].lower()
        if method == b"messages":  # the Graph API's
            return http(200, b'{"messaging_product":"whatsapp","messages":[{"id":"wamid.lean%d"}]}' % self.calls)
        if method == b"sendmessage":
            return self._take(body)
        if method == b"getme":
            return ok(
                _ME + b',"can_join_groups":true,"can_read_all_group_messages":false,"supports_inline_queries":false}'
            )
        if method == b"getwebhookinfo":
            return ok(b'{"url":"","has_custom_certificate":false,"pending_update_count":0}')
        return ok(b"[]" if method == b"getupdates" else b"true")

    def _take(self, body: bytes) -> bytes:
        found = _CHAT.search(body)
        if found is None:
            return http(400, b'{"ok":false,"error_code":400,"description":"Bad Request: chat_id is empty"}')
        sent = Sent(int(found[1]), time.perf_counter(), text_of(body) if self.keep_text else "")
        self.sent.append(sent)
        self.on_sent(sent)
        return ok(
            b'{"message_id":%d,"from":%b},"chat":{"id":%d,"type":"private","first_name":"Siti"},"date":%d,"text":"ok"}'
            % (len(self.sent), _ME, sent.chat, int(time.time()))
        )


def http(status: int, body: bytes) -> bytes:
    """An HTTP answer with a JSON body."""
    head = b"HTTP/1.1 %d x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (status, len(body))
    return head + body


def ok(result: bytes) -> bytes:
    """The Bot API's envelope."""
    return http(200, b'{"ok":true,"result":' + result + b"}")


def too_many(seconds: int) -> bytes:
    """429 with the wait that it demands."""
    return http(
        429,
        b'{"ok":false,"error_code":429,"description":"Too Many Requests: retry after %d","parameters":{"retry_after":%d}}'
        % (seconds, seconds),
    )


class _Connection(asyncio.Protocol):
    def __init__(self, api: LeanApi, open_now: set[asyncio.BaseTransport]) -> None:
        self._api = api
        self._open = open_now
        self._buffer = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]
        self._open.add(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._open.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        while self._buffer:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head = self._buffer[:end]
            found = _whole(self._buffer, end + 4, head)
            if found is None:
                return
            body, used = found
            self._buffer = self._buffer[used:]
            self._transport.write(self._api.answer(head.split(b" ", 2)[1], body))


def _whole(buffer: bytes, start: int, head: bytes) -> tuple[bytes, int] | None:
    """(body, bytes used) of the first request, None while it is not there yet."""
    if length := _LENGTH.search(head):
        end = start + int(length[1])
        return (buffer[start:end], end) if len(buffer) >= end else None
    if not _CHUNKED.search(head):
        return b"", start
    body = b""
    while (line := buffer.find(b"\r\n", start)) >= 0:
        size = int(buffer[start:line].partition(b";")[0], 16)
        if len(buffer) < line + 2 + size + 2:
            return None
        body += buffer[line + 2 : line + 2 + size]
        start = line + 2 + size + 2
        if size == 0:
            return body, start
    return None


@asynccontextmanager
async def serve(api: LeanApi | None = None, *, port: int = 0) -> AsyncIterator[LeanApi]:
    """The server on a loopback port; `api.base` is its address."""
    api = api or LeanApi()
    connections: set[asyncio.BaseTransport] = set()
    server = await asyncio.get_running_loop().create_server(lambda: _Connection(api, connections), "127.0.0.1", port)
    api.base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield api
    finally:
        server.close()
        for transport in list(connections):
            transport.abort()  # type: ignore[attr-defined]
