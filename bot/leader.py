"""One process of many does a job (polling a bot, reminders): elected by a lease row."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial

import structlog

from storage import leases
from storage.database import Database, is_outage

log = structlog.get_logger()

LEASE = timedelta(seconds=15)
_RENEW_SECONDS = 5.0


class Leader:
    """Runs a job while this process holds its lease."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._owner = secrets.token_hex(8)

    async def hold(self, name: str, job: Callable[[], Awaitable[None]]) -> None:
        """Waits for the lease, runs `job`, and stops it when the lease is lost; runs until cancelled. A job that returns is done for good."""
        while True:
            if await self._take(name):
                running = asyncio.ensure_future(job())
                try:
                    while not running.done() and await self._take(name):
                        await asyncio.wait([running], timeout=_RENEW_SECONDS)
                    if running.done() and running.exception() is None:
                        await asyncio.Event().wait()  # a job that has nothing to do here
                    if running.done():
                        log.error("a job failed and is started again", job=name, exc_info=running.exception())
                finally:
                    running.cancel()
                    with contextlib.suppress(asyncio.CancelledError, Exception):
                        await running
            await asyncio.sleep(_RENEW_SECONDS)

    async def every(self, name: str, once: Callable[[], Awaitable[object]], seconds: float) -> None:
        """Does something every so many seconds while this process holds the lease `name`; what fails is logged and tried again."""

        async def again() -> None:
            while True:
                try:
                    await once()
                except Exception as error:
                    if is_outage(error):
                        log.warning("a job waits for the database", job=name, reason=type(error).__name__)
                    else:
                        log.exception("a job failed and is tried again", job=name)
                await asyncio.sleep(seconds)

        await self.hold(name, again)

    async def _take(self, name: str) -> bool:
        try:
            return await self._database.write(partial(leases.take, name=name, owner=self._owner, lease=LEASE))
        except Exception as error:
            log.warning("lease not renewed", lease=name, reason=type(error).__name__)
            return False
