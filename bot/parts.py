"""Long replies that leave in several messages: which parts a platform has taken, so that a retry goes on behind them."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

REMEMBERED: Final = 1_000  # half-sent replies


class SentParts:
    """What one process remembers of its half-sent replies, by their key."""

    def __init__(self) -> None:
        self._ids: OrderedDict[int, list[str | None]] = OrderedDict()

    def taken(self, key: int) -> int:
        """How many parts of a reply are accepted."""
        return len(self._ids.get(key, ()))

    def add(self, key: int, platform_id: str | None) -> None:
        """One more part is accepted."""
        self._ids.setdefault(key, []).append(platform_id)
        self._ids.move_to_end(key)
        while len(self._ids) > REMEMBERED:
            self._ids.popitem(last=False)

    def finish(self, key: int) -> str | None:
        """All parts are accepted; returns the last one's platform id."""
        return self._ids.pop(key, [None])[-1]
