"""Writes in small batches: as much at once as keeps others waiting no longer than a moment, and only while the place is ours."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from bot.exchange.columns import UnusableError
from bot.receiver import Clock
from storage import leases
from storage.database import Database, database_now, is_outage

T = TypeVar("T")

LEASE = timedelta(seconds=10)
_NAME = "import"
_TRIES = 6  # while the database is away or its writer busy
_SMALLEST, _LARGEST = 200, 5_000
_AIM = {"sqlite": 0.02, "postgresql": 0.2}  # seconds a batch may hold


class Writer:
    """Writes for one import. `size` is how many rows the next batch should have, by how long the last ones took.

    SQLite has one writer at a time: the service waits while a batch is written and asks again every few milliseconds, so each batch is followed by a
    pause as long as itself. On PostgreSQL a batch holds nothing but its own rows. One import runs at a time; each batch renews the
    lease of that place in its own transaction, so whoever lost it writes nothing.
    """

    def __init__(
        self, database: Database, *, alone: bool = False, size: int = 500, clock: Clock = database_now
    ) -> None:
        """`alone`: the database is nobody else's, so nothing is leased and there are no pauses; `clock`: of what is noted."""
        self.database = database
        self.clock = clock
        self.size = size
        self.longest = 0.0
        self._alone = alone
        self._rested_at = 0.0
        self._owner = secrets.token_hex(16)
        self._aim = _AIM[database.backend]

    async def take_place(self) -> None:
        """Waits for the place of the one import that may run; raises `UnusableError` when another goes on."""
        until = time.monotonic() + 2 * LEASE.total_seconds()
        while not await self.database.write(self._take):
            if time.monotonic() > until:
                raise UnusableError("another import is running; wait for its end")
            await asyncio.sleep(0.5)

    async def leave_place(self) -> None:
        """Gives the place up."""
        with contextlib.suppress(DBAPIError, OSError):  # without the database the lease runs out by itself
            await self.database.write(partial(leases.drop, name=_NAME, owner=self._owner))

    async def write(self, work: Callable[[Connection], T], rows: int = 0) -> T:
        """Runs `work` in a transaction of its own, after a rest from the last one; `rows`: how many it was meant for."""
        await asyncio.sleep(self._rested_at - time.perf_counter())
        for left in reversed(range(_TRIES)):
            try:
                result, seconds = await self._write(work)
                break
            except DBAPIError as error:
                if not left or not is_outage(error):
                    raise
                await asyncio.sleep(0.5 * 2 ** (_TRIES - left))
        self.longest = max(self.longest, seconds)
        if rows >= self.size // 2:
            wanted = self.size * min(1.5, max(0.5, self._aim / max(seconds, 1e-6)))
            self.size = int(min(_LARGEST, max(_SMALLEST, wanted)))
        if self.database.backend == "sqlite" and not self._alone:
            self._rested_at = time.perf_counter() + max(0.005, seconds)
        return result

    async def _write(self, work: Callable[[Connection], T]) -> tuple[T, float]:
        began = 0.0

        def fenced(connection: Connection) -> T:
            nonlocal began
            began = time.perf_counter()  # waiting for the writer is over here
            if not self._alone and not self._take(connection):
                raise UnusableError("another import has taken the place of this one; give the file again later")
            return work(connection)

        result = await self.database.write(fenced)
        return result, time.perf_counter() - began

    def _take(self, connection: Connection) -> bool:
        return leases.take(connection, name=_NAME, owner=self._owner, lease=LEASE)
