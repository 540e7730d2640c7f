"""Why something of an announcement may not be done, for commands and pages alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class Refusal(ValueError):  # noqa: N818 - listed as often as raised
    """The message is the command line's own sentence; `key` and `values` are what the desk's is made of (content/announcing.yml)."""

    def __init__(self, key: str, message: str, *, field: str = "", **values: Any) -> None:
        super().__init__(message)
        self.key, self.field, self.values = key, field, values
        self.path: tuple[str | int, ...] = ()  # of a filter: the keys that lead to it

    def within(self, *path: str | int) -> Refusal:
        """The same, found deeper: `path` leads there."""
        self.path = (*path, *self.path)
        return self


class NotReadyError(ValueError):
    """What is wrong with an announcement, all of it."""

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        super().__init__("; ".join(map(str, refusals)))
        self.refusals = list(refusals)
