"""A web chat on a fresh database, asked over HTTP as a page would."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import httpx
import pytest
from sqlalchemy import Connection, select
from starlette.applications import Starlette

from bot.channel import Receive
from bot.receiver import Receiver
from bot.sender import Sender
from bot.wake import Wake
from bot.webchat.channel import WebChat
from bot.webchat.receive import PREFIX, address_of
from handlers.messages import Reply
from storage import chats, outbox
from storage.database import Database
from storage.schema import inbox


class Side:
    """Both sides: a person's page (HTTP) and Pandu's (the outbox and its sender)."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.reads = 0
        self.down: Exception | None = None
        self.heard: Receive | None = None  # is given the events, too
        wake = Wake(database)
        self.channel = WebChat(database, wake)
        self.sender = Sender(database, self.channel, wake)
        self._receiver = Receiver(database, wake)
        app = Starlette(routes=self.channel.routes(self._receive))
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://pandu")
        self._count_reads()

    def _count_reads(self) -> None:
        read = self.database.read

        async def counted(work: Any) -> Any:
            self.reads += 1
            return await read(work)

        self.database.read = counted  # type: ignore[method-assign]

    async def _receive(self, events: Sequence[Any]) -> None:
        if self.down:
            raise self.down
        if self.heard:
            await self.heard(events)
        await self._receiver.receive(events)

    async def session(self) -> str:
        answer = await self.http.post(f"{PREFIX}/sessions")
        assert answer.status_code == 201
        return str(answer.json()["session"])

    async def post(self, session: str | None, body: Any = None, **values: Any) -> httpx.Response:
        """POST /messages; `body`: bytes as they are, anything else as JSON."""
        headers = {"Content-Type": "application/json", **values.pop("headers", {})}
        if session is not None:
            headers["Authorization"] = f"Bearer {session}"
        given = {"content": body} if isinstance(body, bytes) else {"json": body}
        return await self.http.post(f"{PREFIX}/messages", headers=headers, **given)

    async def replies(self, session: str, after: str | int = "", wait: float = 0) -> httpx.Response:
        params = {"after": after, "wait": wait}
        headers = {"Authorization": f"Bearer {session}"}
        return await self.http.get(f"{PREFIX}/replies", params=params, headers=headers, timeout=30)

    async def stored(self) -> list[Any]:
        """The inbox, oldest first."""
        return await self.database.write(lambda c: list(c.execute(select(inbox).order_by(inbox.c.id)).mappings()))

    async def say(self, session: str, *replies: Reply, lane: int = outbox.REPLIES, author: str = "bot") -> None:
        """Puts replies for this chat into the outbox."""
        await self.database.write(
            partial(_enqueue, address=address_of(session), replies=replies, lane=lane, author=author)
        )

    async def send(self) -> int:
        """Lets the sender send what may go."""
        return await self.sender.drain()


def _enqueue(connection: Connection, *, address: str, replies: Sequence[Reply], lane: int, author: str) -> None:
    chat = chats.find(connection, "web", "web", address)
    assert chat is not None
    now = datetime.now(UTC)
    version = chats.lock_conversations(connection, [chat["id"]])[chat["id"]]["owner_version"]
    row = {
        "chat_id": chat["id"],
        "source": "web:web",
        "owner_version": version,
        "expires_at": now + timedelta(hours=24),
    }
    drafts = [outbox.Draft(**row, payload=reply.to_json(), lane=lane, author=author) for reply in replies]
    outbox.enqueue(connection, drafts, now)


@pytest.fixture
async def side(sqlite: Database) -> AsyncIterator[Side]:
    made = Side(sqlite)
    yield made
    await made.channel.close()
    await made.http.aclose()


@pytest.fixture
async def session(side: Side) -> str:
    """A session whose chat exists already."""
    token = await side.session()
    assert (await side.post(token, {"id": "first", "text": "halo"})).status_code == 200
    return token
