"""The load side of the benchmarks: a lean HTTP client, people who write, a closed and an open loop."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

QUESTIONS = tuple((Path(__file__).parent / "questions.txt").read_text(encoding="utf-8").split("\n")[:-1])
WHATSAPP_NUMBER, WHATSAPP_ACCOUNT = "106540352242922", "102290129340398"
TIMEOUT = 60.0  # a turn that takes longer counts as lost
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)


class Wire(asyncio.Protocol):
    """One keep-alive connection; one request at a time."""

    def __init__(self) -> None:
        self._buffer = b""
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._transport: asyncio.Transport | None = None

    @classmethod
    async def open(cls, host: str, port: int) -> Wire:
        """Connects."""
        _, wire = await asyncio.get_running_loop().create_connection(cls, host, port)
        return wire

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._answer and not self._answer.done():
            self._answer.set_exception(exc or ConnectionResetError("closed"))

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0 or self._answer is None:
            return
        head = self._buffer[:end]
        length = _LENGTH.search(head)
        if length is not None:
            if len(self._buffer) < end + 4 + int(length[1]):
                return
        elif b"chunked" in head.lower() and not self._buffer.endswith(b"0\r\n\r\n"):
            return
        answer, self._answer = self._answer, None
        body, self._buffer = self._buffer[end + 4 :], b""
        if not answer.done():
            answer.set_result((int(head[9:12]), body))

    @property
    def usable(self) -> bool:
        """Whether it is open and idle."""
        return self._transport is not None and self._answer is None

    async def send(self, request: bytes) -> tuple[int, bytes]:
        """(status, body) of the answer; OSError when the connection breaks."""
        if self._transport is None:
            raise ConnectionResetError("closed")
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        """Ends it."""
        if self._transport:
            self._transport.close()


@dataclass(eq=False)
class Target:
    """Where a system under test takes messages. `base`: its chats are base+1 …, so that late answers of one are not another's."""

    url: str
    base: int = 0
    headers: str = ""
    make: Callable[[int, int, str], bytes] | None = None  # (number, chat, text) → body; default a Telegram update
    sign: Callable[[bytes], str] = lambda _body: ""  # body → header lines that depend on it
    waiting: dict[int, asyncio.Future[float]] = field(default_factory=dict)
    _idle: list[Wire] = field(default_factory=list)
    _number: int = 0

    def request(self, chat: int, text: str) -> bytes:
        """A whole HTTP request with one message."""
        self._number += 1
        number = self.base * 1000 + self._number
        body = (self.make or telegram_update)(number, self.base + chat, text)
        where = urlsplit(self.url)
        head = (
            f"POST {where.path} HTTP/1.1\r\nHost: {where.netloc}\r\nContent-Type: application/json\r\n"
            f"{self.headers}{self.sign(body)}Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    async def post(self, request: bytes) -> tuple[int, bytes]:
        """Sends over an idle connection, or a new one; (0, b"") when it cannot."""
        while self._idle:
            wire = self._idle.pop()
            if not wire.usable:
                continue
            try:
                return self._kept(wire, await wire.send(request))
            except OSError:  # the server closed it while it was idle; the platforms, too, send again then
                continue
        where = urlsplit(self.url)
        try:
            wire = await Wire.open(str(where.hostname), int(where.port or 80))
            return self._kept(wire, await wire.send(request))
        except OSError:
            return 0, b""

    def _kept(self, wire: Wire, answer: tuple[int, bytes]) -> tuple[int, bytes]:
        if wire.usable:
            self._idle.append(wire)
        return answer

    def heard(self, chat: int, at: float) -> None:
        """A reply for one of the chats has arrived."""
        if (future := self.waiting.pop(chat, None)) and not future.done():
            future.set_result(at)

    def close(self) -> None:
        """Ends the idle connections."""
        for wire in self._idle:
            wire.close()
        self._idle.clear()


def telegram_update(number: int, chat: int, text: str, *, date: int | None = None) -> bytes:
    """An Update as the Bot API delivers it."""
    person = {"id": chat, "first_name": "Siti"}
    message = {
        "message_id": number,
        "from": {**person, "is_bot": False, "language_code": "id"},
        "chat": {**person, "type": "private"},
        "date": int(time.time()) if date is None else date,
        "text": text,
    }
    return json.dumps({"update_id": number, "message": message}, ensure_ascii=False, separators=(",", ":")).encode()


def whatsapp_body(number: int, chat: int, text: str) -> bytes:
    """A webhook of WhatsApp's with one message of a person who is known by number and id."""
    phone, bsuid, now = f"62811{chat:08}", f"ID.bench{chat}", str(int(time.time()))
    message = {"from": phone, "from_user_id": bsuid, "id": f"wamid.bench{number}", "timestamp": now}
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "622150996670", "phone_number_id": WHATSAPP_NUMBER},
        "contacts": [{"profile": {"name": "Siti"}, "wa_id": phone, "user_id": bsuid}],
        "messages": [{**message, "type": "text", "text": {"body": text}}],
    }
    entry = {"id": WHATSAPP_ACCOUNT, "changes": [{"field": "messages", "value": value}]}
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}, ensure_ascii=False).encode()


def question(number: int) -> str:
    """Another question for another number: chats go through the list at different places."""
    return QUESTIONS[(number * 7 + number // 1000) % len(QUESTIONS)]


# -- one turn -----------------------------------------------------------------------------------------------------


async def turn_by_send(target: Target, chat: int, text: str) -> float | None:
    """Webhook in → reply at the fake Bot API; seconds, or None when it was lost."""
    future: asyncio.Future[float] = asyncio.get_running_loop().create_future()
    target.waiting[target.base + chat] = future
    request = target.request(chat, text)
    start = time.perf_counter()
    status, _ = await target.post(request)
    if status != 200:
        return None
    try:
        return (future.result() if future.done() else await asyncio.wait_for(future, TIMEOUT)) - start
    except TimeoutError:
        return None


async def turn_in_body(target: Target, chat: int, text: str) -> float | None:
    """For a peer that replies in the answer's body (Rasa's rest webhook)."""
    request = target.request(chat, text)
    start = time.perf_counter()
    status, body = await target.post(request)
    return time.perf_counter() - start if status == 200 and len(body) > 2 else None


Turn = Callable[[Target, int, str], Awaitable[float | None]]


@dataclass(frozen=True)
class Result:
    """What a loop saw."""

    seconds: float
    times: Sequence[float]  # of the turns that were answered
    lost: int

    @property
    def per_second(self) -> float:
        """Answered turns a second."""
        return len(self.times) / self.seconds if self.seconds else 0.0

    def ms(self, share: float) -> float:
        """A percentile in milliseconds."""
        ordered = sorted(self.times)
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


async def closed(
    target: Target, numbers: Iterable[int], *, chats: int, width: int = 32, turn: Turn = turn_by_send
) -> Result:
    """`width` people at a time, each waiting for the answer before the next one writes."""
    source, found = iter(numbers), []

    async def slot() -> None:
        for number in source:
            found.append(await turn(target, number % chats + 1, question(number)))

    start = time.perf_counter()
    await asyncio.gather(*(slot() for _ in range(width)))
    times = [value for value in found if value is not None]
    return Result(time.perf_counter() - start, times, len(found) - len(times))


async def open_loop(
    target: Target, numbers: Sequence[int], *, chats: int, rate: float, turn: Turn = turn_by_send
) -> Result:
    """People write at a steady rate, whether or not others have been answered."""
    start = time.perf_counter()
    tasks = []
    for place, number in enumerate(numbers):
        if (wait := start + place / rate - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        tasks.append(asyncio.create_task(turn(target, number % chats + 1, question(number))))
    found = await asyncio.gather(*tasks)
    times = [value for value in found if value is not None]
    return Result(time.perf_counter() - start, times, len(found) - len(times))
