"""Counts the log by day, a batch at a time; nobody waits for it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial

from sqlalchemy import Connection

from bot.receiver import Clock
from storage import visits
from storage.database import Database, database_now

_BATCH = 1_000  # on SQLite written within some 20 ms, so that replies go on
_BREATH_SECONDS = 0.02
# On PostgreSQL a message may be committed after one with a higher key; no transaction of ours lasts so long. SQLite has one writer.
_SETTLED = timedelta(minutes=2)


class Counting:
    """Done by the clock, by one process of many (`bot.jobs`)."""

    def __init__(self, database: Database, *, clock: Clock = database_now) -> None:
        self._database = database
        self._clock = clock

    async def run_once(self, *, breath: float = _BREATH_SECONDS) -> int:
        """Counts all that is there; returns how many messages."""
        number = 0
        while True:
            batch = await self._database.read(self._count)
            if batch.until != {**visits.NOTHING, **batch.since}:
                await self._database.write(partial(self._keep, batch))
                number += batch.read
            if batch.read < _BATCH:
                break
            await asyncio.sleep(breath)
        while await self._database.write(self._settle) == _BATCH:  # noqa: ASYNC110 - nothing to wait for, a breath between batches
            await asyncio.sleep(breath)
        return number

    def _count(self, connection: Connection) -> visits.Batch:
        late = timedelta(0) if self._database.backend == "sqlite" else _SETTLED
        return visits.count(connection, before=self._clock(connection) - late, size=_BATCH)

    def _keep(self, batch: visits.Batch, connection: Connection) -> None:
        visits.keep(connection, batch, self._clock(connection))

    def _settle(self, connection: Connection) -> int:
        return visits.settle(connection, self._clock(connection), _BATCH)
