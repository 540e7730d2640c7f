"""What SMS costs this month: parts by the contract's price, the alarm at 80 % of the operator's cap, and the stop at the cap."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Connection

from bot.channel import Later, Ruling
from bot.sms import limits
from storage import channel_notes, charges, outbox

CATEGORY: Final = "sms"
_AGAIN = timedelta(hours=1)
_LOOK_SECONDS = 2.0  # how long what was counted is believed


def spent(connection: Connection, source: str, price: Decimal, now: datetime) -> Decimal:
    """Rupiah in the month of `now`."""
    return charges.estimate(connection, source, charges.month_of(now), {CATEGORY: price})


class CostGate:
    """At the cap nothing proactive leaves; replies always do. Implements `bot.channel.Gate`."""

    def __init__(self, source: str, *, price: Decimal, cap: float, clock: Callable[[], float] = time.monotonic) -> None:
        """`cap`: rupiah a month, 0 = none."""
        self._source, self._price, self._cap = source, price, Decimal(str(cap))
        self._clock = clock
        self._looked: float | None = None
        self._reached = False

    def rule(self, connection: Connection, rows: Sequence[Mapping[str, Any]], now: datetime) -> Mapping[int, Ruling]:
        """Lets replies go and, at the cap, announcements wait until they are too old."""
        if self._cap and (self._looked is None or self._clock() - self._looked >= _LOOK_SECONDS):
            self._looked = self._clock()
            self._reached = self._watch(connection, now)
        if not self._reached:
            return {}
        waits = Later("the monthly cap is reached", now + _AGAIN)
        return {row["id"]: waits for row in rows if row["lane"] == outbox.BROADCASTS}

    def _watch(self, connection: Connection, now: datetime) -> bool:
        """Whether the cap is reached; notes for operators at 80 % and at the cap, once a month each."""
        so_far = spent(connection, self._source, self._price, now)
        reached, near = so_far >= self._cap, so_far >= self._cap * Decimal(str(limits.CAP_ALARM))
        if near:
            what = (
                "the monthly cap is reached: reminders and announcements wait, replies go on"
                if reached
                else f"{limits.CAP_ALARM:.0%} of the monthly cap is spent; at the cap reminders and announcements stop"
            )
            month = charges.month_of(now)
            text = f"{what} (Rp{so_far:,.0f} of Rp{self._cap:,.0f} in {month})"
            key = f"cap {month} {'reached' if reached else 'near'}"
            channel_notes.add(connection, self._source, kind="cap", key=key, text=text, at=now)
        return reached
