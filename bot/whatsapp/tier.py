"""How many people may be written to first in a moving day: what Meta allows the whole portfolio, less whom we have reached.

https://developers.facebook.com/documentation/business-messaging/whatsapp/messaging-limits
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from bot.whatsapp import limits
from bot.whatsapp.receive import CHANNEL
from storage import initiated, progress

DAY: Final = timedelta(hours=24)
_LONGEST_WAIT: Final = timedelta(days=7)  # of anything in the outbox
_UNLIMITED: Final = 1_000_000_000
_THOUSANDS: Final = {"K": 1_000, "": 1}


def read(told: Any) -> int | None:
    """People a day from Meta's word ("TIER_2K", "TIER_UNLIMITED"); None where it says nothing that we know."""
    word = str(told or "").upper()
    if "UNLIMITED" in word:
        return _UNLIMITED
    match = re.fullmatch(r"(?:TIER_)?(\d{1,9})(K?)", word)
    return int(match[1]) * _THOUSANDS[match[2]] if match else None


def keep(connection: Connection, account_id: str, told: Any, now: datetime) -> None:
    """Remembers what Meta has told."""
    if (limit := read(told)) is not None:
        progress.keep(connection, _name(account_id), {"limit": limit, "told": str(told)}, now)


def limit(connection: Connection, account_id: str) -> int:
    """People a day; the lowest there is until Meta has told."""
    return int(progress.get(connection, _name(account_id)).get("limit", limits.TIER_UNKNOWN))


def room(connection: Connection, account_id: str, now: datetime) -> int:
    """How many more people may be written to first now; the numbers of one portfolio count together."""
    most = limit(connection, account_id)
    if most >= _UNLIMITED:
        return most
    return most - initiated.people(connection, CHANNEL, now - DAY, made_since=now - DAY - _LONGEST_WAIT)


def _name(account_id: str) -> str:
    return f"wa tier {account_id}"[:32]  # as wide as the column
