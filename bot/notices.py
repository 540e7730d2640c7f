"""Messages when an imported change concerns a person who asked to be told: at most one a day, 08–20 local, with a way to stop."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Connection

from bot import proactive
from bot.receiver import Clock
from bot.wake import OUTBOX, Wake
from handlers import notices as texts
from handlers.catalogue import Catalogue
from storage import notices, people, progress
from storage.database import Database, database_now

AUTHOR = "notice"  # with the first change behind it, so that what could not leave is told again
_NAME = "notices"
_CHANGES, _CHATS = 500, 100  # of one transaction
_UNSEEN = timedelta(days=1)  # how far back one looks for what could not leave, before it is known how far one has come
_OVERLAP = timedelta(minutes=10)  # a message may be closed a little before others that were seen


class Notices:
    """One loop; exactly one process of many runs it (see `bot.leader`). How far it has come is kept with what it has noted."""

    def __init__(
        self, database: Database, catalogue: Callable[[], Catalogue], wake: Wake, *, clock: Clock = database_now
    ) -> None:
        self._database = database
        self._catalogue = catalogue
        self._wake = wake
        self._clock = clock

    async def run_once(self) -> int:
        """Notes new changes and takes back what could not leave, then puts what may be told now into the outbox; returns how many messages."""
        while await self._database.write(self._note) == _CHANGES:
            pass
        await self._database.write(self._take_back)
        count = 0
        for zone in proactive.daytime_zones(await self._database.read(self._clock)):
            looked = _CHATS
            while looked == _CHATS:
                looked, sent = await self._database.write(lambda c, zone=zone: self._tell(c, zone))  # type: ignore[misc]
                count += sent
        if count:
            self._wake.notify(OUTBOX)
        return count

    def _note(self, connection: Connection) -> int:
        now = self._clock(connection)
        kept = progress.get(connection, _NAME)
        last, read = notices.note(connection, int(kept.get("after", 0)), now, _CHANGES)
        if read:
            progress.keep(connection, _NAME, {**kept, "after": last}, now)
        return read

    def _take_back(self, connection: Connection) -> None:
        """News whose message came to its evening before it could leave waits once more."""
        now = self._clock(connection)
        kept = progress.get(connection, _NAME)
        since = datetime.fromisoformat(kept["closed"]) - _OVERLAP if "closed" in kept else now - _UNSEEN
        notices.take_back(connection, since=since, author=AUTHOR)
        progress.keep(connection, _NAME, {**kept, "closed": now.isoformat()}, now)

    def _tell(self, connection: Connection, zone: str) -> tuple[int, int]:
        """(chats looked at, messages sent)."""
        now = self._clock(connection)
        midnight = proactive.midnight(zone, now)
        rows = notices.due(connection, zone=zone, midnight=midnight, now=now, limit=_CHATS)
        sent = 0
        for row in rows:
            reply = texts.compose(connection, self._catalogue(), row, notices.news(connection, row, now), now)
            went = proactive.send(connection, row, reply, now, author=f"{AUTHOR}:{row['first_change']}") if reply else 0
            notices.done(connection, row["chat_id"], sent_at=now if went else None)
            if went:
                actor = f"chat:{row['chat_id']}"
                people.log_access(connection, actor=actor, participant_id=row["participant_id"], what="kabar", now=now)
            sent += went
        return len(rows), sent
