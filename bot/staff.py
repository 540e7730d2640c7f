"""Whether this installation has a desk: asked of the database now and then, so that conversations know it at no cost."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from bot.effects import Parts
from storage import agents

_KEPT = timedelta(seconds=5)


class Staffed:
    """Somebody who answers and hours (`agents.staffed`), as of at most five seconds ago."""

    def __init__(self) -> None:
        self._asked_at: datetime | None = None
        self._found = False

    def parts(self, connection: Connection, parts: Parts, now: datetime) -> Parts:
        """The parts whose policy says whether there are agents."""
        if self._asked_at is None or not timedelta(0) <= now - self._asked_at < _KEPT:
            self._found, self._asked_at = agents.staffed(connection), now
        if parts.policy.agents == self._found:
            return parts
        return replace(parts, policy=replace(parts.policy, agents=self._found))
