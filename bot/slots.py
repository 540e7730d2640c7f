"""When the messages of a channel account may leave, so that no second of the platform's clock holds more than its rate."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

WINDOW: Final = 1.0  # seconds that platforms count in, and they slide
TRANSIT: Final = 0.2  # the way there takes so long at most, where the answer takes as long as usual
REMEMBERED: Final = 200  # answers that say what is the rule; more than are on their way when something stops
CAUGHT_UP: Final = (
    0.5  # what a stop of so many seconds cost is; after a longer one they leave evenly, as at a beginning
)
AHEAD_SECONDS: Final = 0.3  # so far ahead announcements are claimed: less than a check before the send holds


class Slots:
    """Announcements leave evenly, and as though every message arrived as late as it can: with its answer.

    Evenly alone is not enough: 31 messages in a second and 27 ms become 31 in a second as soon as the network, the machine or the platform
    stops for a moment. What a moment cost is caught up where the second has room. Replies wait for nothing here, but they count.

    Of an answer that comes later than TRANSIT nobody can say whether the message was long on its way or the platform at work. A platform is
    slow all the time, a network for a moment: what answers take longer than TRANSIT as a rule is work, what one takes longer still is its way.
    """

    def __init__(self, rate: float) -> None:
        """`rate`: messages a second, 0 = no limit."""
        self._rate = rate
        self._most = max(1, math.ceil(rate))
        self._waiting = 0
        self._next = 0.0
        self._turn = asyncio.Lock()
        self._left: dict[object, float] = {}  # when those left that have no answer yet
        self._arrived: list[float] = []  # the latest moments at which the others may have arrived
        self._took = deque([0.0] * REMEMBERED, maxlen=REMEMBERED)  # how long the last answers took
        self._work = 0.0  # what the platform needs as a rule

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
            self._answered(self._left.pop(message))

    def _answered(self, left: float) -> None:
        took = self._now() - left
        self._arrived.append(left + max(min(took, TRANSIT), took - self._work))
        self._took.append(took)
        self._work = max(0.0, sorted(self._took)[REMEMBERED // 4] - TRANSIT)

    async def _wait(self) -> None:
        self._waiting += 1
        try:
            async with self._turn:
                await asyncio.sleep(max(0.0, self._next - self._now()))
                while (longer := self._full_for()) > 0:  # noqa: ASYNC110 - time alone makes room, no event does
                    await asyncio.sleep(longer)
                now = self._now()
                self._next = (self._next if now - self._next < CAUGHT_UP else now) + 1 / self._rate
        finally:
            self._waiting -= 1

    def _full_for(self) -> float:
        """Seconds until the window may have room; 0 where it has."""
        now = self._now()
        self._arrived = [moment for moment in self._arrived if moment + WINDOW > now]
        frees = [moment + WINDOW - now for moment in self._arrived]
        for left in self._left.values():
            if now - left > TRANSIT + self._work:  # not arrived for sure, and when it will nobody knows
                frees.append(TRANSIT)
            elif left + TRANSIT + WINDOW > now:
                frees.append(left + TRANSIT + WINDOW - now)
        return 0.0 if len(frees) < self._most else max(0.001, min(frees))

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
