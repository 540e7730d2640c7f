"""Spares a server that does not answer: after a few failures it rests, then one message probes whether it is back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Breaker:
    """Closed: everybody may ask. Open: nobody until the pause is over, then one. Each failed probe doubles the pause."""

    def __init__(
        self,
        *,
        failures: int = 3,
        pause: float = 2.0,
        longest: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`failures` in a row open it for `pause` seconds, doubled up to `longest`."""
        self._limit = failures
        self._first_pause = pause
        self._longest = longest
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._pause = pause
        self._until = 0.0

    def allows(self) -> bool:
        """Whether the server may be asked now. In the open state the caller who hears yes is the probe."""
        with self._lock:
            if self._failures < self._limit:
                return True
            now = self._clock()
            if now < self._until:
                return False
            self._until = now + self._pause  # the others wait for what the probe finds
            return True

    def succeeded(self) -> None:
        """The server answered."""
        with self._lock:
            self._failures = 0
            self._pause = self._first_pause

    def failed(self) -> None:
        """The server did not answer in time, or not sensibly."""
        with self._lock:
            self._failures += 1
            if self._failures < self._limit:
                return
            if self._failures > self._limit:
                self._pause = min(self._longest, self._pause * 2)
            self._until = self._clock() + self._pause
