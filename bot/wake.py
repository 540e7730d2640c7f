"""Tells loops that there is work: an event within the process, LISTEN/NOTIFY between processes on PostgreSQL, and slow polling as the net."""

from __future__ import annotations

import asyncio
from collections import defaultdict

import asyncpg
import structlog

from storage.database import Database

CHANNEL = "pandu"
INBOX, OUTBOX, DESK, CONTENT = "inbox", "outbox", "desk", "content"
NET_SECONDS = 1.0  # the slow poll that catches a lost notification, a retry that came due, a lease that ran out
_GATHER_SECONDS = 0.003  # NOTIFY at most once each few milliseconds

log = structlog.get_logger()


class Wake:
    """Named events. `notify` reaches every process on PostgreSQL."""

    def __init__(self, database: Database, *, listen_url: str = "") -> None:
        """`listen_url`: a direct connection for LISTEN where a pooler stands between; default the database's own URL."""
        self._events: dict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._postgres = database.backend == "postgresql"
        self._url = (listen_url or database.url).replace("postgresql+asyncpg://", "postgresql://")
        self._queued: set[str] = set()
        self._connection: asyncpg.Connection | None = None
        self._flusher: asyncio.Task[None] | None = None

    def notify(self, topic: str) -> None:
        """Work of this topic has been committed."""
        self._events[topic].set()
        if self._postgres and self._connection is not None:
            self._queued.add(topic)
            if self._flusher is None or self._flusher.done():
                self._flusher = asyncio.create_task(self._flush())

    async def wait(self, topic: str, seconds: float = NET_SECONDS) -> None:
        """Returns when there may be work, at the latest after so many seconds."""
        event = self._events[topic]
        try:
            await asyncio.wait_for(event.wait(), seconds)
        except TimeoutError:
            return
        finally:
            event.clear()

    async def listen(self) -> None:
        """Keeps the LISTEN connection until cancelled; returns at once on SQLite (one process)."""
        while self._postgres:
            try:
                self._connection = await asyncpg.connect(self._url)
                lost = asyncio.Event()
                self._connection.add_termination_listener(lambda _, lost=lost: lost.set())
                await self._connection.add_listener(CHANNEL, lambda _c, _p, _ch, topic: self._events[str(topic)].set())
                await lost.wait()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                log.warning("listen connection lost", reason=type(error).__name__)
            self._connection = None
            await asyncio.sleep(NET_SECONDS)

    async def _flush(self) -> None:
        await asyncio.sleep(_GATHER_SECONDS)
        topics, self._queued = self._queued, set()
        if self._connection is None or self._connection.is_closed():
            return
        try:
            await self._connection.execute(
                "SELECT pg_notify($1, topic) FROM unnest($2::text[]) AS topic", CHANNEL, list(topics)
            )
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            log.debug("notify failed; polling catches it")
