"""What WhatsApp costs this month by list prices, the alarm at 80 % of the operator's cap, and the stop at the cap."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Connection

from bot.whatsapp import limits, prices
from storage import channel_notes, charges


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A month's estimate beside its cap."""

    month: str
    spent: Decimal
    cap: Decimal  # 0 = none
    currency: str

    @property
    def reached(self) -> bool:
        """Nothing that costs may go unasked."""
        return bool(self.cap) and self.spent >= self.cap

    @property
    def near(self) -> bool:
        """Operators are warned."""
        return bool(self.cap) and self.spent >= self.cap * Decimal(str(limits.CAP_ALARM))

    @property
    def shown(self) -> str:
        """As operators read it."""
        of = f" of {self.cap:.2f}" if self.cap else ""
        return f"{self.currency} {self.spent:.2f}{of} in {self.month}, by list prices"


def standing(connection: Connection, source: str, cap: float, now: datetime) -> Standing:
    """What the month of `now` has cost so far; the platform reports a price with each delivery."""
    listed, month = prices.load(), charges.month_of(now)
    spent = charges.estimate(connection, source, month, listed.by_category)
    return Standing(month=month, spent=spent, cap=Decimal(str(cap)), currency=listed.currency)


def watch(connection: Connection, source: str, cap: float, now: datetime) -> str:
    """Why nothing proactive may go, "" where it may; notes for operators at 80 % and at the cap, once a month each."""
    if not cap:
        return ""
    found = standing(connection, source, cap, now)
    if found.near:
        what = (
            "the monthly cap is reached: reminders and announcements wait, replies go on"
            if found.reached
            else (f"{limits.CAP_ALARM:.0%} of the monthly cap is spent; at the cap reminders and announcements stop")
        )
        key = f"cap {found.month} {'reached' if found.reached else 'near'}"
        channel_notes.add(connection, source, kind="cap", key=key, text=f"{what} ({found.shown})", at=now)
    return "the monthly cap is reached" if found.reached else ""
