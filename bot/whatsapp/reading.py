"""Two blue ticks and "typing…" while the bot works: one request a message, beside everything else.

https://developers.facebook.com/documentation/business-messaging/whatsapp/typing-indicators. It never delays a reply, and
nobody hears of one that fails. While an agent owns the chat, the bot neither reads nor types.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Final

import structlog

from bot.channel import Receive
from bot.whatsapp import limits
from bot.whatsapp.client import Graph, GraphError
from bot.whatsapp.receive import CHANNEL
from handlers.messages import Inbound, Kind
from storage import chats
from storage.database import Database

log = structlog.get_logger()

_UNANSWERED: Final = (Kind.REACTION, Kind.TAKEN_BACK, Kind.MOVED, Kind.STOPPED, Kind.RESUMED)
_CLOSE_SECONDS: Final = 2.0


class Reading:
    """Marks of one number."""

    def __init__(self, graph: Graph, database: Database, number_id: str) -> None:
        self._graph = graph
        self._database = database
        self._number_id = number_id
        self._under_way: set[asyncio.Task[None]] = set()

    def after(self, receive: Receive) -> Receive:
        """`receive`, and then the marks for what it has committed."""

        async def received(events: Sequence[Inbound]) -> None:
            await receive(events)
            if len(self._under_way) < limits.MARKS_IN_FLIGHT:
                task = asyncio.create_task(self._mark(events))
                self._under_way.add(task)
                task.add_done_callback(self._under_way.discard)

        return received

    async def _mark(self, events: Sequence[Inbound]) -> None:
        """The last message of each chat that the bot answers; earlier ones become read with it (mark-message-as-read)."""
        last = {event.chat: event for event in events if event.kind not in _UNANSWERED}
        try:
            ids = [event.event_id for event in last.values()]
            asked = partial(chats.heard_by_bot, source=f"{CHANNEL}:{self._number_id}", event_ids=ids)
            for event_id in await self._database.read(asked):
                await self._graph.post(
                    f"{self._number_id}/messages",
                    {
                        "messaging_product": "whatsapp",
                        "status": "read",
                        "message_id": event_id,
                        "typing_indicator": {"type": "text"},
                    },
                )
        except GraphError as error:
            log.debug("whatsapp message not marked as read", reason=str(error))
        except Exception as error:
            log.warning("whatsapp marks failed", reason=type(error).__name__)

    async def close(self) -> None:
        """Lets what is under way end, for two seconds at most."""
        if self._under_way:
            await asyncio.wait(list(self._under_way), timeout=_CLOSE_SECONDS)
        for task in list(self._under_way):
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
