"""What came of a campaign: states, throughput, who answered, who stopped, what people asked next; and its ledger, page by page."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, func, select

from storage import ledger
from storage.schema import (
    campaign_acts,
    campaign_lanes,
    campaign_progress,
    campaign_recipients,
    campaigns,
    chats,
    messages,
    subscriptions,
)

ANSWERED_WITHIN: Final = timedelta(days=3)
REACHED: Final = ("accepted", "delivered", "read")
_APART: Final = timedelta(minutes=10)  # that clocks may stand apart
_SHOWN_SECONDS: Final = (30, 2)  # that a page shows the same; the second while it goes out
_rows = campaign_recipients.c


def fed(connection: Connection, campaign_ids: Sequence[int]) -> dict[int, tuple[int, int]]:
    """Campaign → (how many have gone to the sender, how many will), from its lanes: the ledger itself may have a million rows."""
    lane = campaign_lanes.c
    gone, whole = func.sum(lane.fed - lane.first + 1), func.sum(lane.last - lane.first + 1)
    statement = select(lane.campaign_id, gone, whole).where(lane.campaign_id.in_(list(campaign_ids)))
    return {row[0]: (int(row[1]), int(row[2])) for row in connection.execute(statement.group_by(lane.campaign_id))}


def minutes(connection: Connection, campaign_id: int) -> list[RowMapping]:
    """Settled rows by minute: minute, accepted, other."""
    row = campaign_progress.c
    statement = select(row.minute, row.accepted, row.other).where(row.campaign_id == campaign_id)
    return list(connection.execute(statement.order_by(row.minute)).mappings())


def answers(connection: Connection, campaign_id: int, since: datetime) -> dict[str, Any]:
    """How many answered within three days of the last message, and the intents of their first messages afterwards.

    `since`: when it began. Read from what people have said meanwhile, which is little beside a large audience.
    """
    last = connection.execute(
        select(func.max(campaign_progress.c.minute)).where(campaign_progress.c.campaign_id == campaign_id)
    ).scalar()
    if last is None:
        return {"replied": 0, "asked": {}}
    until = last + ANSWERED_WITHIN
    begin, end = _log_at(connection, since - _APART), _log_at(connection, until + _APART)
    ours, said = messages.alias("ours"), messages.alias("said")
    reached = select(ours.c.id).where(
        ours.c.chat_id == said.c.chat_id,
        ours.c.author == ledger.author_of(campaign_id),
        ours.c.id.between(begin, said.c.id),
    )
    first = (
        select(func.min(said.c.id))
        .where(said.c.id.between(begin, end), said.c.author == "person", said.c.at < until, reached.exists())
        .group_by(said.c.chat_id)
    )
    found = select(messages.c.intent, func.count()).where(messages.c.id.in_(first)).group_by(messages.c.intent)
    rows = connection.execute(found.order_by(func.count().desc(), messages.c.intent)).all()
    return {"replied": sum(row[1] for row in rows), "asked": {row[0] or "-": row[1] for row in rows}}


def _log_at(connection: Connection, moment: datetime) -> int:
    """About the key of the log's first line of a moment, by halving: lines come in order of time, and no index holds it."""
    low, high = 0, int(connection.execute(select(func.max(messages.c.id))).scalar() or 0) + 1
    line = select(messages.c.id, messages.c.at).order_by(messages.c.id).limit(1)
    while low < high:
        middle = (low + high) // 2
        found = connection.execute(line.where(messages.c.id >= middle)).first()
        if found is None or found.at >= moment:
            high = middle
        else:
            low = found.id + 1
    return low


def stopped_since(connection: Connection, campaign_id: int, since: datetime) -> int:
    """Of those it reached, how many have said stop or left since it began."""
    ended = select(subscriptions.c.chat_id).where(subscriptions.c.topic == "semua", subscriptions.c.ended_at >= since)
    gone = ended.union(select(chats.c.id).where(chats.c.stopped_at >= since)).subquery("gone")
    reached = select(_rows.n).where(
        _rows.chat_id == gone.c.chat_id, _rows.campaign_id == campaign_id, _rows.state.in_(REACHED)
    )
    return int(connection.execute(select(func.count()).select_from(gone).where(reached.exists())).scalar_one())


def marks(connection: Connection, campaign_ids: Collection[int], now: datetime) -> dict[int, str]:
    """A name of what a page shows of these campaigns: another after each deed, and every few seconds while one goes out."""
    act = func.max(campaign_acts.c.id).label("act")
    statement = (
        select(campaigns.c.id, campaigns.c.state, act)
        .outerjoin(campaign_acts, campaign_acts.c.campaign_id == campaigns.c.id)
        .where(campaigns.c.id.in_(list(campaign_ids)))
        .group_by(campaigns.c.id, campaigns.c.state)
    )
    return {
        row.id: f"{row.state}-{row.act}-{int(now.timestamp()) // _SHOWN_SECONDS[row.state == 'running']}"
        for row in connection.execute(statement)
    }


def page(connection: Connection, campaign_id: int, after: int, limit: int = 5000) -> Sequence[RowMapping]:
    """The ledger, row by row in its order."""
    statement = select(_rows.n, _rows.chat_id, _rows.source, _rows.zone, _rows.state, _rows.reason, _rows.at)
    where = (_rows.campaign_id == campaign_id, _rows.n > after)
    return connection.execute(statement.where(*where).order_by(_rows.n).limit(limit)).mappings().all()
