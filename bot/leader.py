"""One process of many does a job (polling a bot): elected by a lease row."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial

import structlog

from storage import leases
from storage.database import Database

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

    async def _take(self, name: str) -> bool:
        try:
            return await self._database.write(partial(leases.take, name=name, owner=self._owner, lease=LEASE))
        except Exception as error:
            log.warning("lease not renewed", lease=name, reason=type(error).__name__)
            return False
