"""What linked chats are told, unasked, about the connection to their record."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta

from sqlalchemy import Connection, RowMapping

from handlers.messages import Reply
from handlers.turn import ZONES
from storage import outbox

DAY_BEGINS, DAY_ENDS = time(8), time(20)  # nothing unasked outside these hours (design, rule 12)
KEPT = timedelta(days=3)


def notify(connection: Connection, chats: Iterable[RowMapping], reply: Reply, now: datetime) -> None:
    """Tells these chats (rows of `people.linked_chats`) by day; who has left the channel is left alone."""
    drafts = [
        outbox.Draft(
            chat_id=chat["id"],
            source=f"{chat['channel']}:{chat['account']}",
            payload=reply.to_json(),
            owner_version=chat["owner_version"],
            expires_at=now + KEPT,
            lane=outbox.BROADCASTS,
            not_before=_by_day(now, chat["zone"] or "WIB"),
        )
        for chat in chats
        if not chat["stopped_at"]
    ]
    outbox.enqueue(connection, drafts, now)


def _by_day(now: datetime, zone: str) -> datetime:
    """Now, or the next morning where the person lives."""
    local = now.astimezone(ZONES[zone])
    if DAY_BEGINS <= local.time() < DAY_ENDS:
        return now
    morning = local.date() if local.time() < DAY_BEGINS else local.date() + timedelta(days=1)
    return datetime.combine(morning, DAY_BEGINS, ZONES[zone]).astimezone(UTC)
