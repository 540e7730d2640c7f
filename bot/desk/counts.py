"""What is dear to count, of this process: all pages share one count, and counting takes at most a tenth of the time.

The ledger of an announcement may hold a million rows and has no index on their state, which changes all the time
(docs/broadcast.md); a scan of it serves every page that is open, and the next one waits ten times as long as it took.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

_REST = 10.0  # times the last count took
_MOST = 64  # counts that are kept


@dataclass(slots=True)
class _Kept:
    value: Any = None
    cost: float = 0.0
    done_at: float | None = None
    busy: asyncio.Lock = field(default_factory=asyncio.Lock)


class Counts:
    """Counts by key; each is one awaitable's answer."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._kept: dict[object, _Kept] = {}

    async def of(self, key: object, count: Callable[[], Awaitable[Any]]) -> Any:
        """The last count, or a new one where it is due; while one is under way the others get the last one."""
        if key not in self._kept and len(self._kept) >= _MOST:
            del self._kept[next(iter(self._kept))]
        kept = self._kept.setdefault(key, _Kept())
        if kept.done_at is not None and (kept.busy.locked() or self.clock() - kept.done_at < _REST * kept.cost):
            return kept.value
        async with kept.busy:
            if kept.done_at is None or self.clock() - kept.done_at >= _REST * kept.cost:
                began = self.clock()
                kept.value = await count()
                kept.done_at = self.clock()
                kept.cost = kept.done_at - began
        return kept.value

    def forget(self, key: object) -> None:
        """Somebody has changed what is counted: the next page counts anew."""
        self._kept.pop(key, None)
