"""Reminders: half-done forms, and the deadline for the first course. Within 08–20 of the person's own clock, once each, never to who said stop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection

from bot import proactive
from bot.receiver import Clock
from bot.wake import OUTBOX, Wake
from handlers.catalogue import Catalogue
from handlers.messages import Reply, Template
from handlers.telling import OLDEST, deadline_in, moment_in
from handlers.turn import ZONES
from storage import reminders
from storage.database import Database, database_now

AUTHOR = "reminder"
DRAFT_AFTER = (timedelta(hours=20), timedelta(hours=22))  # within WhatsApp's 24-hour window (platform-rules 2.4)
DAYS_BEFORE = (7, 3, 1)
_BATCH = 200


class Reminders:
    """Done by the clock, by one process of many (`bot.jobs`)."""

    def __init__(
        self, database: Database, catalogue: Callable[[], Catalogue], wake: Wake, *, clock: Clock = database_now
    ) -> None:
        self._database = database
        self._catalogue = catalogue
        self._wake = wake
        self._clock = clock

    async def run_once(self) -> int:
        """Puts what is due into the outbox, a batch a transaction; returns how many."""
        count = 0
        deadlines = [partial(self._deadlines, left=left) for left in DAYS_BEFORE]
        works: list[Callable[[Connection], tuple[int, int]]] = [self._drafts, *deadlines]
        for work in works:
            looked = _BATCH
            while looked == _BATCH:
                looked, sent = await self._database.write(work)
                count += sent
        if count:
            self._wake.notify(OUTBOX)
        return count

    def _drafts(self, connection: Connection) -> tuple[int, int]:
        """(drafts looked at, reminders sent)."""
        now = self._clock(connection)
        soonest, latest = DRAFT_AFTER
        rows = reminders.drafts_due(
            connection,
            seen_from=now - latest,
            seen_to=now - soonest,
            now=now,
            zones=proactive.daytime_zones(now),
            limit=_BATCH,
        )
        sent = 0
        reply = self._reply("reminder_draft")
        for row in rows:
            reminders.mark_draft(connection, row["chat_id"], row["form"], now)
            sent += proactive.send(connection, row, reply, now, author=AUTHOR)
        return len(rows), sent

    def _deadlines(self, connection: Connection, left: int) -> tuple[int, int]:
        """(chats with a noted course, reminders sent) for the deadline that is so many days away."""
        now = self._clock(connection)
        day = now.astimezone(ZONES["WIB"]).date() + timedelta(days=left)
        key = f"buy_by:{day}:{left}"
        rows = reminders.deadlines_due(
            connection,
            day=day,
            key=key,
            fresh_from=now - OLDEST,
            now=now,
            zones=proactive.daytime_zones(now),
            limit=_BATCH,
        )
        sent = 0
        for row in rows:
            if reminders.once(connection, row["chat_id"], key, now):
                reply = self._reply(f"reminder_buy_{left}", **self._shown(row, now))
                sent += proactive.send(connection, row, reply, now, author=AUTHOR)
        return len(rows), sent

    def _reply(self, key: str, **values: str) -> Reply:
        """The reminder in our words, and in those that a platform has approved under the same name."""
        return Reply(text=self._catalogue().text(key, **values), template=Template(name=key, values=values))

    def _shown(self, row: Mapping[Any, Any], now: datetime) -> dict[str, str]:
        zone = row["zone"] or "WIB"
        platforms = self._catalogue().files["courses"]["platforms"]
        mark = " " + self._catalogue().text("course_invented") if row["invented"] else ""
        return {
            "course": row["title"] + mark,
            "platform": platforms.get(row["platform"], {}).get("name", row["platform"]),
            "deadline": deadline_in(zone, row["buy_by"]),
            "as_of": moment_in(zone, row["as_of"], now),
        }
