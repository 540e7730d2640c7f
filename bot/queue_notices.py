"""The queue's own clock: gives conversations to agents, takes them back from those who are gone, tells people where they stand,
and sends home with a number whoever cannot be served in time. Nobody waits in silence."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Connection, RowMapping

from bot.receiver import Clock
from bot.wake import OUTBOX, Wake
from handlers import desk_acts, desk_calendar, handoff_texts
from handlers.catalogue import Catalogue
from handlers.desk_calendar import Calendar
from handlers.handoff_tell import tell
from storage import chats, handoffs, ownership
from storage.database import Database, database_now

EVERY = timedelta(minutes=5)  # at most so often somebody is told that their place has changed
SPARING = ("whatsapp", "sms")  # where a message costs somebody something: told on joining, when next, and when asked
CLOSED = 0  # the place that stands for "told that nobody is there until the next shift"
_LINE, _BATCH = 1_000, 50


class QueueNotices:
    """Done by the clock, by one process of many (`bot.jobs`)."""

    def __init__(
        self, database: Database, catalogue: Callable[[], Catalogue], wake: Wake, *, clock: Clock = database_now
    ) -> None:
        self._database = database
        self._catalogue = catalogue
        self._wake = wake
        self._clock = clock

    async def run_once(self) -> int:
        """What is due now; returns how many conversations or people it concerned. Idle, it writes nothing."""
        if not await self._database.read(handoffs.any_going_on):
            return 0
        count = await self._database.write(self._drop_out)
        while await self._database.write(self._assign):
            count += 1
        count += await self._database.write(self._tell_waiting)
        if count:
            self._wake.notify(OUTBOX)
        return count

    def _assign(self, connection: Connection) -> bool:
        return desk_acts.assign(connection, self._catalogue(), self._clock(connection)) is not None

    def _drop_out(self, connection: Connection) -> int:
        return desk_acts.drop_out(connection, self._catalogue(), self._clock(connection))

    def _tell_waiting(self, connection: Connection) -> int:
        """One message at most for each who waits. Who is told is chosen before the chats are locked, and looked at once more under the lock."""
        now = self._clock(connection)
        times = desk_calendar.load(connection)
        is_open = times.is_open(now)
        due = [
            (row, place, what)
            for place, row in enumerate(handoffs.waiting(connection, limit=_LINE), 1)
            if (what := news(row, place, is_open=is_open, now=now))
        ][:_BATCH]
        chats.lock_conversations(connection, [row["chat_id"] for row, _, _ in due])
        still = handoffs.of_those_waiting(connection, [row["id"] for row, _, _ in due])
        for row, place, what in due:
            if row["id"] in still:
                self._tell(connection, row, place, what, times, now)
        return len(due)

    def _tell(
        self, connection: Connection, row: RowMapping, place: int, what: str, times: Calendar, now: datetime
    ) -> None:
        content, zone = self._catalogue(), row["zone"] or "WIB"
        due = row["due_at"] or now
        match what:
            case "stopped":
                ownership.leave(connection, row["chat_id"], now, why="stopped")
                return
            case "full" | "hours":
                handoffs.close(connection, row["id"], state=handoffs.CLOSED_OUT, why=what, now=now)
                told = {"number": row["number"], "due": due, "full": what == "full"}
                reply = handoff_texts.closed_out(content, times, now, zone, **told)
            case "closed":
                reply = handoff_texts.hours(content, times, now, zone, live=True, due=due)
                handoffs.told(connection, row["id"], position=CLOSED, now=now)
            case _:
                reply = handoff_texts.moved(content, handoff_texts.place(connection, row, now, position=place))
                handoffs.told(connection, row["id"], position=place, now=now)
        tell(connection, row["chat_id"], reply, now)


def news(row: RowMapping, place: int, *, is_open: bool, now: datetime) -> str | None:
    """What somebody who waits is to be told: "stopped" (nothing: they have left the channel), "full", "hours" (the shift has ended), "closed"
    (it has, but they stay), "moved", or None."""
    if row["stopped_at"]:
        return "stopped"
    if not row["live"]:
        if not is_open:
            return "hours"
        if now - row["waiting_since"] >= handoff_texts.STAYS:
            return "full"
    elif not is_open:
        return None if row["told_position"] == CLOSED else "closed"
    if row["told_position"] == place:
        return None
    if row["channel"] in SPARING:
        return "moved" if place == 1 else None
    return "moved" if row["told_at"] is None or now - row["told_at"] >= EVERY else None
