"""A newly published version reaches every process without a restart: one tiny query every few seconds, and a wake-up between."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Final

import structlog
from sqlalchemy import Connection

from bot.effects import Parts
from bot.receiver import Clock
from bot.wake import CONTENT, Wake
from handlers import content_now
from handlers.catalogue import Catalogue
from handlers.content_now import Current
from handlers.turn import Policy
from storage import content_log, editing, program
from storage.database import Database, database_now

SECONDS: Final = 5.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """What the last look has found."""

    mark: tuple[int, int]
    current: Current | None  # none: nothing has changed


class Refresh:
    """Keeps the parts of one process at the database's content."""

    def __init__(
        self,
        database: Database,
        base: Parts,
        wake: Wake,
        use: Callable[[Catalogue, Policy], None],
        *,
        clock: Clock = database_now,
    ) -> None:
        """`base`: catalogue of the files and policy of the settings; `use` gets both with what holds now over them."""
        self._database, self._base, self._wake, self._use, self._clock = database, base, wake, use, clock
        self._mark: tuple[int, int] | None = None
        self._next_at: datetime | None = None

    async def run(self) -> None:
        """Looks until cancelled; outlives outages."""
        while True:
            await self.attempt()
            await self._wake.wait(CONTENT, SECONDS)

    async def attempt(self) -> None:
        """Looks once; while the database is away what was known goes on."""
        try:
            await self.once()
        except Exception as error:
            log.warning("content not looked at", reason=type(error).__name__)

    async def once(self) -> bool:
        """Takes over what has changed, begun or lapsed since the last time; True where something has."""
        seen = await self._database.read(self._look)
        if seen.current is None:
            return False
        if seen.current.parts["answers"] or seen.current.parts["program"]:
            await self._database.write(partial(self._keep, seen.current))
        for version in seen.current.broken:
            log.error("published answer cannot be said; the one before it is", version=version)
        self._use(seen.current.catalogue, content_now.decided(self._base.policy, seen.current.decisions))
        self._mark, self._next_at = seen.mark, seen.current.next_at
        log.info("content", version=seen.current.catalogue.version, change=seen.mark[0])
        return True

    def _look(self, connection: Connection) -> _Seen:
        mark, now = content_log.mark(connection), self._clock(connection)
        if mark == self._mark and (self._next_at is None or now < self._next_at):
            return _Seen(mark=mark, current=None)
        return _Seen(mark=mark, current=current(connection, self._base, now))

    def _keep(self, found: Current, connection: Connection) -> None:
        content_log.keep_version(connection, found.catalogue.version, found.parts, self._clock(connection))


def current(connection: Connection, base: Parts, now: datetime) -> Current:
    """The content as it is now, read whole."""
    return content_now.compose(base.catalogue, editing.published(connection), program.approved(connection), now)


async def as_now(database: Database, base: Parts) -> Parts:
    """The parts with what holds now, for a program that ends before it changes."""
    found = await database.read(lambda c: current(c, base, database_now(c)))
    decided = content_now.decided(base.policy, found.decisions)
    return replace(base, catalogue=found.catalogue, policy=decided)
