"""What came of a campaign: states, throughput, who answered, who stopped, what people asked next; and its ledger, page by page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, and_, func, select

from storage import ledger
from storage.schema import campaign_lanes, campaign_progress, campaign_recipients, chats, messages, subscriptions

ANSWERED_WITHIN: Final = timedelta(days=3)
REACHED: Final = ("accepted", "delivered", "read")
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


def answers(connection: Connection, campaign_id: int) -> dict[str, Any]:
    """How many answered within three days of the last message, and the intents of their first messages afterwards."""
    last = connection.execute(
        select(func.max(campaign_progress.c.minute)).where(campaign_progress.c.campaign_id == campaign_id)
    ).scalar()
    if last is None:
        return {"replied": 0, "asked": {}}
    ours, said = messages.alias("ours"), messages.alias("said")
    first = (
        select(func.min(said.c.id))
        .join(ours, and_(ours.c.chat_id == said.c.chat_id, ours.c.author == ledger.author_of(campaign_id)))
        .where(said.c.id > ours.c.id, said.c.author == "person", said.c.at < last + ANSWERED_WITHIN)
        .group_by(said.c.chat_id)
    )
    found = select(messages.c.intent, func.count()).where(messages.c.id.in_(first)).group_by(messages.c.intent)
    rows = connection.execute(found.order_by(func.count().desc(), messages.c.intent)).all()
    return {"replied": sum(row[1] for row in rows), "asked": {row[0] or "-": row[1] for row in rows}}


def stopped_since(connection: Connection, campaign_id: int, since: datetime) -> int:
    """Of those it reached, how many have said stop or left since it began."""
    ended = select(subscriptions.c.id).where(
        subscriptions.c.chat_id == _rows.chat_id, subscriptions.c.topic == "semua", subscriptions.c.ended_at >= since
    )
    statement = (
        select(func.count())
        .select_from(campaign_recipients)
        .join(chats, chats.c.id == _rows.chat_id)
        .where(_rows.campaign_id == campaign_id, _rows.state.in_(REACHED))
        .where(ended.exists() | (chats.c.stopped_at >= since))
    )
    return int(connection.execute(statement).scalar_one())


def page(connection: Connection, campaign_id: int, after: int, limit: int = 5000) -> Sequence[RowMapping]:
    """The ledger, row by row in its order."""
    statement = select(_rows.n, _rows.chat_id, _rows.source, _rows.zone, _rows.state, _rows.reason, _rows.at)
    where = (_rows.campaign_id == campaign_id, _rows.n > after)
    return connection.execute(statement.where(*where).order_by(_rows.n).limit(limit)).mappings().all()
