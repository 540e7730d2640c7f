"""When the messages of a channel account may leave, so that no second of the platform's clock holds more than its rate."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

WINDOW: Final = 1.0  # seconds that platforms count in, and they slide
TRANSIT: Final = (
    0.2  # a message has arrived after so long at the latest; what its answer takes longer is work, not the way
)
AHEAD_SECONDS: Final = 0.3  # so far ahead announcements are claimed: less than a check before the send holds


class Slots:
    """Announcements leave evenly, and as though every message arrived as late as it can: with its answer.

    Evenly alone is not enough: 31 messages in a second and 27 ms become 31 in a second as soon as the network, the machine or the platform
    stops for a moment. Replies wait for nothing here, but they count.
    """

    def __init__(self, rate: float) -> None:
        """`rate`: messages a second, 0 = no limit."""
        self._rate = rate
        self._most = max(1, math.ceil(rate))
        self._waiting = 0
        self._next = 0.0
        self._turn = asyncio.Lock()
        self._left: dict[object, float] = {}  # when those left that have not arrived for sure
        self._arrived: deque[float] = deque()

    def room(self) -> int | None:
        """How many announcements more are worth claiming now; None = no limit."""
        return max(0, max(1, int(self._rate * AHEAD_SECONDS)) - self._waiting) if self._rate else None

    @asynccontextmanager
    async def slot(self, *, waits: bool) -> AsyncIterator[None]:
        """Around a send; `waits`: not before there is room for it."""
        if not self._rate:
            yield
            return
        if waits:
            await self._wait()
        message = object()
        self._left[message] = self._now()
        try:
            yield
        finally:
            if (left := self._left.pop(message, None)) is not None:
                self._arrived.append(min(self._now(), left + TRANSIT))

    async def _wait(self) -> None:
        self._waiting += 1
        try:
            async with self._turn:
                await asyncio.sleep(max(0.0, self._next - self._now()))
                while (longer := self._full_for()) > 0:  # noqa: ASYNC110 - time alone makes room, no event does
                    await asyncio.sleep(longer)
                self._next = max(self._next, self._now() - 1 / self._rate) + 1 / self._rate
        finally:
            self._waiting -= 1

    def _full_for(self) -> float:
        """Seconds until the window may have room; 0 where it has."""
        now = self._now()
        for message, left in list(self._left.items()):
            if left + TRANSIT <= now:
                del self._left[message]
                self._arrived.append(left + TRANSIT)
        while self._arrived and self._arrived[0] + WINDOW <= now:
            self._arrived.popleft()
        if len(self._left) + len(self._arrived) < self._most:
            return 0.0
        return max(0.001, self._arrived[0] + WINDOW - now if self._arrived else TRANSIT)

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
