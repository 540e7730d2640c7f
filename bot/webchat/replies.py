"""What a page is given: the chat's replies as the outbox has them, read when there are any (long polling)."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import structlog
from sqlalchemy import Connection, RowMapping, and_, or_, select

from bot.wake import Wake
from bot.webchat import limits
from bot.webchat.cursor import Cursor
from bot.webchat.waiting import Waiters
from handlers.messages import reply_from_json
from storage import kiosk
from storage.database import Database, database_now, is_outage
from storage.schema import chats, outbox, queue

log = structlog.get_logger()

CHANNEL = "web"
ACCOUNT = "web"
TOPIC = "webchat"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_OVERLAP = timedelta(seconds=limits.OVERLAP_SECONDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What one look at the database gives."""

    replies: tuple[Mapping[str, Any], ...] = ()  # as the page reads them
    cursor: Cursor
    typing: bool = False  # messages of this chat wait to be answered


class Reader:
    """Gives pages their replies; knows within this process when there are none, and then asks nobody."""

    def __init__(self, database: Database, wake: Wake) -> None:
        self._database = database
        self._wake = wake
        self._alone = database.backend == "sqlite"  # one service process runs all roles there (design)
        self._waiters = Waiters()
        self._handed: dict[int, None] = {}  # given to us by this process's sender, the mark perhaps not yet committed
        self._quiet: dict[str, str] = {}  # address → cursor after which there was nothing, and nothing has come since
        self._watcher: asyncio.Task[None] | None = None
        self._stopped = False

    def handed(self, address: str, key: int) -> None:
        """The sender has just given us a reply for this chat."""
        self._handed[key] = None
        if len(self._handed) > limits.HANDED:
            del self._handed[next(iter(self._handed))]
        self.stirred(address)
        self._waiters.wake(address)
        if not self._alone:
            asyncio.get_running_loop().call_later(limits.AFTER_MARK_SECONDS, self._wake.notify, TOPIC)

    def stirred(self, address: str) -> None:
        """Something happened in this chat: the next look must go to the database."""
        self._quiet.pop(address, None)

    async def kiosk_runs(self, address: str) -> bool:
        """Whether a shared screen's session has not ended."""
        now = await self._database.now()
        place = (CHANNEL, ACCOUNT, address)
        return await self._database.read(partial(kiosk.running, place=place, now=now)) is not None

    @property
    def full(self) -> bool:
        """Whether no further page may wait here."""
        return len(self._waiters) >= limits.WAITERS

    def stop(self) -> None:
        """Ends all waiting at once (the service stops)."""
        self._stopped = True
        self._waiters.end_all()
        if self._watcher:
            self._watcher.cancel()

    async def read(self, address: str, cursor: Cursor, seconds: float) -> Found:
        """The replies after `cursor`; waits up to `seconds` for the first one."""
        loop = asyncio.get_running_loop()
        end = loop.time() + (0 if self._stopped else seconds)
        with self._waiters.waiting(address) as waiter:
            while True:
                waiter.event.clear()
                found = await self._look(address, cursor)
                if self._alone and not found.replies and not found.typing and not waiter.event.is_set():
                    self._note_quiet(address, cursor)
                left = end - loop.time()
                if found.replies or waiter.over or left <= 0:
                    return found
                self._watch()
                await waiter.wait(left)

    async def _look(self, address: str, cursor: Cursor) -> Found:
        if self._quiet.get(address) == str(cursor):
            return Found(cursor=cursor)
        return await self._database.read(partial(look, address=address, cursor=cursor, handed=self._handed))

    def _note_quiet(self, address: str, cursor: Cursor) -> None:
        self._quiet[address] = str(cursor)
        if len(self._quiet) > limits.SESSIONS_KEPT:
            del self._quiet[next(iter(self._quiet))]

    # -- what other processes send

    def _watch(self) -> None:
        if not self._alone and not self._stopped and (self._watcher is None or self._watcher.done()):
            self._watcher = asyncio.create_task(self._watch_others(), name="webchat:watch")

    async def _watch_others(self) -> None:
        """One question for all waiting pages, each second and shortly after any send."""
        seen: Collection[int] = ()
        while self._waiters:
            await self._wake.wait(TOPIC, limits.NET_SECONDS)
            try:
                sent = await self._database.read(partial(recently_sent, addresses=self._waiters.addresses()))
            except Exception as error:
                if not is_outage(error):
                    log.exception("web chat cannot look for replies")
                await asyncio.sleep(limits.NET_SECONDS)
                continue
            for row_id, address in sent.items():
                if row_id not in seen:
                    self._waiters.wake(address)
            seen = sent.keys()


# -- questions to the database ------------------------------------------------------------------------------------

_HERE = and_(chats.c.channel == CHANNEL, chats.c.account == ACCOUNT)


def look(connection: Connection, *, address: str, cursor: Cursor, handed: Collection[int] = ()) -> Found:
    """The replies after `cursor`, oldest first; those in `sending` only if this process has been `handed` them."""
    since = _EPOCH + cursor.at * _MICROSECOND - _OVERLAP
    sent = and_(outbox.c.state == "accepted", outbox.c.done_at > since)
    rows = connection.execute(
        select(outbox.c.id, outbox.c.state, outbox.c.author, outbox.c.payload, outbox.c.done_at)
        .join(chats, chats.c.id == outbox.c.chat_id)
        .where(_HERE, chats.c.address == address, outbox.c.id > cursor.floor, or_(sent, outbox.c.state == "sending"))
        .order_by(outbox.c.done_at.is_(None), outbox.c.done_at, outbox.c.id)
        .limit(limits.REPLIES + len(cursor.given))
    ).mappings()
    present = [row for row in rows if row["state"] == "accepted" or row["id"] in handed]
    fresh = [row for row in present if row["id"] not in cursor.given][: limits.REPLIES]
    waiting = connection.execute(
        select(queue.c.pending).join(chats, chats.c.id == queue.c.chat_id).where(_HERE, chats.c.address == address)
    ).scalar()
    return Found(replies=tuple(map(_as_page_reads, fresh)), cursor=_moved(cursor, present, fresh), typing=bool(waiting))


def _moved(cursor: Cursor, present: list[RowMapping], fresh: list[RowMapping]) -> Cursor:
    """The cursor behind `fresh`; of the ids given it keeps those that a later read may meet again."""
    if not fresh:
        return cursor
    known = cursor.given | {row["id"] for row in fresh}
    read = fresh if len(fresh) == limits.REPLIES else [row for row in present if row["id"] in known]
    at = max([cursor.at, *((row["done_at"] - _EPOCH) // _MICROSECOND for row in read if row["done_at"])])
    since = _EPOCH + at * _MICROSECOND - _OVERLAP
    near = (row["id"] for row in present if row["done_at"] is None or row["done_at"] > since)
    return Cursor(at=at, given=frozenset(i for i in near if i in known))


def _as_page_reads(row: RowMapping) -> Mapping[str, Any]:
    reply = reply_from_json(row["payload"])
    options = [
        {"number": number, "label": option.label, "description": option.description}
        for number, option in enumerate(reply.options, 1)
    ]
    return {
        "id": row["id"],
        "author": row["author"].partition(":")[0],
        "text": reply.text,
        "options": options,
        "version": reply.version,
        "form": {"url": reply.form.url} if reply.form else None,
    }


def recently_sent(connection: Connection, *, addresses: Collection[str]) -> dict[int, str]:
    """Replies accepted a moment ago for these chats: id → address."""
    rows = connection.execute(
        select(outbox.c.id, chats.c.address)
        .join(chats, chats.c.id == outbox.c.chat_id)
        .where(_HERE, chats.c.address.in_(addresses), outbox.c.state == "accepted")
        .where(outbox.c.done_at > database_now(connection) - _OVERLAP)
    )
    return {row.id: row.address for row in rows}
