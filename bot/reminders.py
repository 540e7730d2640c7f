"""Reminders: half-done forms, and the deadline for the first course. Within 08–20 of the person's own clock, once each, never to who said stop."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection

from bot.receiver import Clock
from bot.wake import OUTBOX, Wake
from handlers.catalogue import Catalogue
from handlers.messages import Reply
from handlers.telling import OLDEST, deadline_in
from handlers.turn import ZONES
from storage import outbox, reminders, subscriptions
from storage.database import Database, database_now, is_outage

log = structlog.get_logger()

HOURS = range(8, 20)  # nothing proactive outside 08–20 local (design, rule 12)
DRAFT_AFTER = (timedelta(hours=20), timedelta(hours=22))  # within WhatsApp's 24-hour window (platform-rules 2.4)
DAYS_BEFORE = (7, 3, 1)
LIFE = timedelta(hours=6)  # a reminder that could not be sent by then is pointless
_EVERY_SECONDS = 300.0
_BATCH = 200


class Reminders:
    """One loop; exactly one process of many runs it (see `bot.leader`)."""

    def __init__(self, database: Database, catalogue: Catalogue, wake: Wake, *, clock: Clock = database_now) -> None:
        self._database = database
        self._catalogue = catalogue
        self._wake = wake
        self._clock = clock

    async def run(self) -> None:
        """Looks every five minutes, until cancelled."""
        while True:
            try:
                await self.run_once()
            except Exception as error:
                if not is_outage(error):
                    log.exception("reminders failed")
            await asyncio.sleep(_EVERY_SECONDS)

    async def run_once(self) -> int:
        """Puts what is due into the outbox; returns how many."""
        count = await self._database.write(self._drafts) + await self._database.write(self._deadlines)
        if count:
            self._wake.notify(OUTBOX)
        return count

    def _drafts(self, connection: Connection) -> int:
        now = self._clock(connection)
        soonest, latest = DRAFT_AFTER
        rows = reminders.drafts_due(connection, seen_from=now - latest, seen_to=now - soonest, now=now, limit=_BATCH)
        sent = 0
        for row in rows:
            if not _is_daytime(row, now):
                continue
            reminders.mark_draft(connection, row["chat_id"], row["form"], now)
            sent += self._send(connection, row, self._catalogue.text("reminder_draft"), now)
        return sent

    def _deadlines(self, connection: Connection) -> int:
        now = self._clock(connection)
        today = now.astimezone(ZONES["WIB"]).date()
        days = {today + timedelta(days=count): count for count in DAYS_BEFORE}
        rows = reminders.deadlines_due(connection, days=list(days), fresh_from=now - OLDEST, limit=_BATCH)
        sent = 0
        for row in rows:
            left = days[row["buy_by"]]
            if _is_daytime(row, now) and reminders.once(
                connection, row["chat_id"], f"buy_by:{row['buy_by']}:{left}", now
            ):
                shown = {
                    "course": row["title"],
                    "platform": row["platform"],
                    "deadline": deadline_in(row["zone"] or "WIB", row["buy_by"]),
                }
                sent += self._send(connection, row, self._catalogue.text(f"reminder_buy_{left}", **shown), now)
        return sent

    def _send(self, connection: Connection, row: Mapping[Any, Any], text: str, now: datetime) -> int:
        """One row of the broadcast lane; 0 where the person has said stop. While an agent owns the chat it waits (`held`)."""
        if subscriptions.stopped(connection, row["chat_id"]):
            return 0
        draft = outbox.Draft(
            chat_id=row["chat_id"],
            source=f"{row['channel']}:{row['account']}",
            payload=Reply(text=text).to_json(),
            owner_version=row["owner_version"],
            expires_at=now + LIFE,
            lane=outbox.BROADCASTS,
            author="reminder",
            held=row["owner"] != "bot",
        )
        outbox.enqueue(connection, [draft], now)
        return 1


def _is_daytime(row: Mapping[Any, Any], now: datetime) -> bool:
    return now.astimezone(ZONES[row["zone"] or "WIB"]).hour in HOURS
