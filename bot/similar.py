"""Counts what groups of similar people finished, once a day and after each import; nothing where the operator does not want it."""

from __future__ import annotations

from itertools import groupby

import structlog
from sqlalchemy import Connection

from bot.receiver import Clock
from handlers.turn import ZONES
from storage import course_groups, progress
from storage.course_groups import Count
from storage.database import Database, database_now

log = structlog.get_logger()

_NAME = "similar"
_PLACES = 20  # written in one transaction: a few hundred rows, so that nobody waits


class SimilarPeople:
    """Done by the clock, by one process of many (`bot.jobs`)."""

    def __init__(self, database: Database, *, wanted: bool, clock: Clock = database_now) -> None:
        """`wanted`: the operator's decision; without it what was counted before is deleted."""
        self._database = database
        self._wanted = wanted
        self._clock = clock

    async def run_once(self) -> int:
        """Counts anew if the data or the day is another than last time; returns how many counts were written."""
        if not self._wanted:
            await self._database.write(self._forget)
            return 0
        now = await self._database.read(self._clock)
        last, as_of = await self._database.read(course_groups.newest_data)
        today = now.astimezone(ZONES["WIB"]).date()
        mark = {"import": last, "day": today.isoformat()}
        if as_of is None or await self._database.read(lambda c: progress.get(c, _NAME)) == mark:
            return 0
        counts = await self._database.read(lambda c: sorted(course_groups.count(c, today), key=lambda one: one.place))
        by_place = [(place, list(of)) for place, of in groupby(counts, key=lambda one: one.place)]
        gone = await self._database.read(course_groups.known_places) - {place for place, _ in by_place}
        by_place += [(place, []) for place in sorted(gone)]
        for start in range(0, len(by_place), _PLACES):
            chunk = by_place[start : start + _PLACES]
            rows: list[Count] = [one for _, of in chunk for one in of]
            places = [place for place, _ in chunk]
            await self._database.write(
                lambda c, places=places, rows=rows: course_groups.replace(c, places, rows, as_of)  # type: ignore[misc]
            )
        await self._database.write(lambda c: progress.keep(c, _NAME, mark, now))
        return len(counts)

    def _forget(self, connection: Connection) -> None:
        if course_groups.clear(connection):
            log.info("counts of similar people deleted")
        progress.keep(connection, _NAME, {}, self._clock(connection))
