"""What every message that Pandu sends of its own accord keeps to: 08–20 of the person's own clock, never after a stop, waiting while an agent speaks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Any

from sqlalchemy import Connection

from handlers.messages import Reply
from handlers.turn import ZONES
from storage import outbox, restrictions, subscriptions

HOURS = range(8, 20)  # nothing proactive outside 08–20 local (design, rule 12)
LIFE = timedelta(hours=6)  # one that could not be sent by then is pointless


def daytime_zones(now: datetime) -> list[str]:
    """The zones in which people may be written to now."""
    return [name for name, zone in ZONES.items() if now.astimezone(zone).hour in HOURS]


def next_hours(zone: str, now: datetime) -> tuple[datetime, datetime]:
    """From when until when somebody in a zone may be written to: from now until this evening; at night, the day that comes."""
    local = now.astimezone(ZONES[zone])
    day = midnight(zone, now) + timedelta(days=local.hour >= HOURS.stop)
    return max(day + timedelta(hours=HOURS.start), now), day + timedelta(hours=HOURS.stop)


def midnight(zone: str, now: datetime) -> datetime:
    """The beginning of the day in a zone."""
    return datetime.combine(now.astimezone(ZONES[zone]).date(), time(0), ZONES[zone])


def send(connection: Connection, row: Mapping[Any, Any], reply: Reply, now: datetime, *, author: str) -> int:
    """Puts one row into the broadcast lane; 0 where the person has said stop or the use of their data is restricted.

    It never leaves after 20 local, however long the way out was blocked.

    A channel with a window sends the reply's template where free text may not go any more.
    """
    if subscriptions.stopped(connection, row["chat_id"]) or restrictions.restricted(connection, row["chat_id"]):
        return 0
    evening = midnight(row["zone"] or "WIB", now) + timedelta(hours=HOURS.stop)
    draft = outbox.Draft(
        chat_id=row["chat_id"],
        source=f"{row['channel']}:{row['account']}",
        payload=reply.to_json(),
        owner_version=row["owner_version"],
        expires_at=min(now + LIFE, evening),
        lane=outbox.BROADCASTS,
        author=author,
        held=row["owner"] != "bot",
    )
    outbox.enqueue(connection, [draft], now)
    return 1
