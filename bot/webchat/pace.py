"""How fast one session, or one address, may ask: a bucket of tokens each, in this process's memory."""

from __future__ import annotations

import time
from collections.abc import Callable

from bot.webchat import limits


class Pace:
    """Allows `burst` at once and then `rate` a second."""

    def __init__(self, burst: float, rate: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._burst = burst
        self._rate = rate
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}  # address → (tokens, when)

    def wait(self, address: str) -> float:
        """0 if it may go on (this is counted), else how many seconds it must wait."""
        now = self._clock()
        tokens, then = self._buckets.pop(address, (self._burst, now))
        tokens = min(self._burst, tokens + (now - then) * self._rate)
        allowed = tokens >= 1
        self._buckets[address] = (tokens - 1 if allowed else tokens, now)
        if len(self._buckets) > limits.SESSIONS_KEPT:
            del self._buckets[next(iter(self._buckets))]  # the one not heard of for the longest time
        return 0.0 if allowed else (1 - tokens) / self._rate
