"""Pictures on their way to a platform: handed over once, afterwards named by the id that the platform gave (docs/broadcast.md)."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final

import structlog
from sqlalchemy import Connection

from bot.channel import Outcome, Retry, Throttled
from bot.receiver import Clock
from storage import pictures
from storage.database import Database, database_now, is_outage

log = structlog.get_logger()

REMEMBERED_SECONDS: Final = (
    20.0  # then the database is asked again: another process may have heard that the id is no good
)
WAIT_SECONDS: Final = (
    5.0  # for somebody else's upload; the message then comes back a moment later, without an attempt lost
)
AGAIN_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class Held:
    """The platform has the picture under this id."""

    platform_id: str


@dataclass(frozen=True, slots=True)
class Missing:
    """There is no such picture: the text goes without it, and says all."""


Upload = Callable[[bytes], Awaitable[Held | Outcome]]
"""Hands over the bytes: the id, or why not."""


class Pictures:
    """The pictures of one channel account."""

    def __init__(
        self,
        database: Database,
        source: str,
        *,
        lasts: timedelta | None = None,
        now: Clock = database_now,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`source`: "telegram:123"; `lasts`: how long the platform keeps an upload; none: for ever."""
        self._database = database
        self._source = source
        self._lasts = lasts
        self._now = now
        self._clock = clock
        self._known: dict[str, tuple[str, float]] = {}  # sha256 → id, and until when it is believed without a look
        self._uploading: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def held(self, sha256: str, upload: Upload) -> Held | Missing | Outcome:
        """The platform's id of a picture. Where it has none one caller uploads and the others wait; an upload that fails is its caller's own outcome."""
        try:
            return await self._held(sha256, upload)
        except Exception as error:
            if not is_outage(error):
                raise
            return Retry("the database with the picture is away")  # nothing has left

    async def _held(self, sha256: str, upload: Upload) -> Held | Missing | Outcome:
        if found := await self._look(sha256):
            return Held(found)
        lock = self._uploading[sha256]
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await lock.acquire()
        except TimeoutError:
            return Throttled(AGAIN_SECONDS, "chat")
        try:
            if found := await self._look(sha256):
                return Held(found)
            jpeg = await self._database.read(partial(pictures.jpeg, sha256=sha256))
            if jpeg is None:
                log.error("a picture is gone; the text leaves without it", sha256=sha256)
                return Missing()
            made = await upload(jpeg)
            if isinstance(made, Held):
                await self.keep(sha256, made.platform_id)
            return made
        finally:
            lock.release()

    async def keep(self, sha256: str, platform_id: str) -> None:
        """The platform has it now. That this cannot be written down costs one more upload, and nobody their message."""
        self._remember(sha256, platform_id)
        await self._written(partial(self._keep, sha256, platform_id))

    async def forget(self, sha256: str, platform_id: str) -> None:
        """The platform refused this id; the next message uploads anew."""
        if self._known.get(sha256, ("", 0.0))[0] == platform_id:
            del self._known[sha256]
        forget = partial(pictures.forget_upload, source=self._source, sha256=sha256, platform_id=platform_id)
        await self._written(forget)

    async def _look(self, sha256: str) -> str:
        platform_id, until = self._known.get(sha256, ("", 0.0))
        if platform_id and self._clock() < until:
            return platform_id
        self._known.pop(sha256, None)
        found = await self._database.read(partial(self._upload, sha256))
        if found:
            self._remember(sha256, found)
        return found

    async def _written(self, work: Callable[[Connection], None]) -> None:
        try:
            await self._database.write(work)
        except Exception as error:
            log.warning("what became of an upload could not be written down", reason=type(error).__name__)

    def _remember(self, sha256: str, platform_id: str) -> None:
        self._known[sha256] = (platform_id, self._clock() + REMEMBERED_SECONDS)

    # -- the transactions

    def _upload(self, sha256: str, connection: Connection) -> str:
        found = pictures.upload(connection, self._source, sha256, self._now(connection))
        return found["platform_id"] if found else ""

    def _keep(self, sha256: str, platform_id: str, connection: Connection) -> None:
        until = self._now(connection) + self._lasts if self._lasts else None
        pictures.keep_upload(connection, self._source, sha256, platform_id=platform_id, until=until)
