"""Live pages: server-sent events that say "something has changed" (https://html.spec.whatwg.org/multipage/server-sent-events.html).

A page's state is named by a mark, and the mark is the event's id. So a page that was cut off says which state it shows
(Last-Event-ID), any process can tell whether that is still the present one, and nothing has to be kept for it. One look
at the database serves all pages of a process: after a wake-up, and each half second as the net.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import partial

import structlog
from sqlalchemy import Connection
from starlette.responses import Response, StreamingResponse

from bot.desk.visit import Visit, is_whole
from bot.wake import DESK, Wake
from storage import agents, campaign_report, desk_queue, desk_sessions
from storage.database import Database, database_now, is_outage

log = structlog.get_logger()

NET_SECONDS = 0.5
_GATHER_SECONDS = 0.1  # a busy minute changes something at every moment; a look serves all that came meanwhile
_QUEUE_SECONDS = 0.5  # a busy queue changes with every message; nobody reads it faster than this
_ALIVE_SECONDS = 15.0  # a comment keeps proxies from closing the line, and the agent's heartbeat is noted
_RETRY_MS = 1500
_ANSWERING = frozenset(("agent", "supervisor", "admin"))
MOST_PAGES = 2_000  # of one process


@dataclass(eq=False, slots=True)
class Watcher:
    """One open page."""

    agent_id: int
    chat: int | None  # the conversation it shows
    queue: bool  # it shows the queue
    campaign: int | None = None  # the announcement it shows, and then nothing else
    mark: str = ""
    waiting: int = 0
    stirred: asyncio.Event = field(default_factory=asyncio.Event)
    over: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """What one look has found."""

    queue: dict[int, desk_queue.Mark]
    chats: dict[int, str]
    campaigns: dict[int, str] = field(default_factory=dict)

    @property
    def waiting(self) -> int:
        """How many wait for an agent."""
        return sum(mark.waiting for mark in self.queue.values())

    def mark(self, *, agent_id: int, chat: int | None, queue: bool, campaign: int | None = None) -> str:
        """The name of what such a page shows."""
        if campaign is not None:
            return self.campaigns.get(campaign, "gone")
        shown = [m.text for m in self.queue.values() if queue or m.agent_id == agent_id]
        told = f"{self.waiting}|{'|'.join(sorted(shown))}|{self.chats.get(chat) if chat is not None else ''}"
        return hashlib.sha256(told.encode()).hexdigest()[:20]


def look(connection: Connection, chats: frozenset[int], announced: frozenset[int] = frozenset()) -> Seen:
    """What goes on now: the queue, these conversations, and these announcements."""
    return Seen(
        desk_queue.queue_marks(connection),
        desk_queue.chat_marks(connection, chats),
        campaign_report.marks(connection, announced, database_now(connection)) if announced else {},
    )


class Hub:
    """All open pages of this process."""

    def __init__(self, database: Database, wake: Wake) -> None:
        self._database = database
        self._wake = wake
        self._watchers: set[Watcher] = set()
        self._task: asyncio.Task[None] | None = None
        self._stopped = False

    def stop(self) -> None:
        """Ends all streams; their pages come back by themselves, to another process or to this one's successor."""
        self._stopped = True
        for watcher in self._watchers:
            watcher.over = True
            watcher.stirred.set()
        if self._task:
            self._task.cancel()

    async def stream(self, visit: Visit) -> Response:
        """The events of one page; `?since=` or Last-Event-ID names the state that it shows."""
        if self._stopped or len(self._watchers) >= MOST_PAGES:
            return Response(status_code=503, headers={"Retry-After": "2"})
        chat, campaign = visit.asked("chat"), visit.asked("announcement")
        watcher = Watcher(
            agent_id=visit.me["id"],
            chat=int(chat) if is_whole(chat) else None,
            queue=bool(visit.asked("queue")),
            campaign=int(campaign) if is_whole(campaign) else None,
        )
        shown = visit.request.headers.get("last-event-id") or visit.asked("since")
        return StreamingResponse(
            self._events(watcher, shown, visit), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"}
        )

    async def _events(self, watcher: Watcher, shown: str, visit: Visit) -> AsyncIterator[str]:
        self._watchers.add(watcher)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._watch(), name="desk:watch")
        beats = visit.me["role"] in _ANSWERING
        try:
            yield f"retry: {_RETRY_MS}\n\n"
            if not await self._alive(visit, beats=beats):
                yield _over()
                return
            self._wake.notify(DESK)  # the present state is looked up at once
            alive_at = asyncio.get_running_loop().time() + _ALIVE_SECONDS
            while not watcher.over:
                left = alive_at - asyncio.get_running_loop().time()
                if left <= 0:
                    if not await self._alive(visit, beats=beats):
                        yield _over()
                        return
                    # from now on, not from when it was due: a slow database would leave no time to tell of changes
                    alive_at = asyncio.get_running_loop().time() + _ALIVE_SECONDS
                    yield ": ada\n\n"
                    continue
                try:
                    await asyncio.wait_for(watcher.stirred.wait(), left)
                except TimeoutError:
                    continue
                watcher.stirred.clear()
                if watcher.mark and watcher.mark != shown:
                    shown = watcher.mark
                    yield f"id: {shown}\nevent: changed\ndata: {watcher.waiting}\n\n"
                    if watcher.queue:
                        await asyncio.sleep(_QUEUE_SECONDS)
        finally:
            self._watchers.discard(watcher)

    async def _alive(self, visit: Visit, *, beats: bool) -> bool:
        """Whether the session still holds; notes the heartbeat of who can answer. An outage ends no stream."""
        try:
            return await self._database.write(partial(_beat, visit.token, beats))
        except Exception as error:
            if not is_outage(error):
                raise
            return True

    async def _watch(self) -> None:
        while self._watchers and not self._stopped:
            try:
                chats = frozenset(watcher.chat for watcher in self._watchers if watcher.chat is not None)
                announced = frozenset(one.campaign for one in self._watchers if one.campaign is not None)
                seen = await self._database.read(partial(look, chats=chats, announced=announced))
                for watcher in list(self._watchers):
                    self._tell(watcher, seen)
            except Exception as error:
                if not is_outage(error):
                    log.exception("the desk cannot look for changes")
                await asyncio.sleep(NET_SECONDS)
            await asyncio.sleep(_GATHER_SECONDS)
            await self._wake.wait(DESK, NET_SECONDS)

    def _tell(self, watcher: Watcher, seen: Seen) -> None:
        one = watcher
        mark = seen.mark(agent_id=one.agent_id, chat=one.chat, queue=one.queue, campaign=one.campaign)
        if mark != watcher.mark:
            watcher.mark, watcher.waiting = mark, seen.waiting if one.campaign is None else 0
            watcher.stirred.set()


def _beat(token: str, beats: bool, connection: Connection) -> bool:
    now = database_now(connection)
    agent = desk_sessions.find(connection, token, now)
    if agent is not None and beats:
        agents.beat(connection, agent["id"], now)
    return agent is not None


def _over() -> str:
    return "event: over\ndata: \n\n"
