"""Messages on their way out: claimed in the order of their lanes, and looked at once more right before they go."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, func, not_, select, update

from storage import budgets, holding, outcomes
from storage.database import plan_afresh
from storage.outbox import BROADCASTS, REPLIES, is_unsent
from storage.schema import chats, conversations, outbox

_earlier = outbox.alias("earlier")
_is_head = not_(
    select(_earlier.c.id)
    .where(
        _earlier.c.chat_id == outbox.c.chat_id,
        _earlier.c.lane == outbox.c.lane,
        _earlier.c.id < outbox.c.id,
        is_unsent(_earlier),
    )
    .exists()
)
_due = (
    select(outbox.c.id)
    .where(
        outbox.c.source == bindparam("source"),
        outbox.c.lane == bindparam("lane"),
        is_unsent(outbox),
        outbox.c.state == "pending",
        outbox.c.not_before <= bindparam("now"),
        _is_head,
    )
    .order_by(outbox.c.id)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True)
)
_take = (
    update(outbox)
    .where(outbox.c.id.in_(bindparam("ids", expanding=True)))
    .values(state="sending", owner=bindparam("token"), lease_until=bindparam("until"), attempts=outbox.c.attempts + 1)
    .returning(
        outbox.c.id,
        outbox.c.chat_id,
        outbox.c.lane,
        outbox.c.author,
        outbox.c.payload,
        outbox.c.attempts,
        outbox.c.created_at,
        outbox.c.expires_at,
    )
)
_addresses = select(
    chats.c.id, func.coalesce(chats.c.reach, chats.c.address).label("address"), chats.c.window_until
).where(chats.c.id.in_(bindparam("chat_ids", expanding=True)))


def claim(
    connection: Connection,
    *,
    source: str,
    token: str,
    now: datetime,
    lease: timedelta,
    limit: int,
    rate: float,
    reserve: float,
    broadcasts: int | None = None,
    paid: float = 0.0,
) -> tuple[list[dict[str, Any]], bool]:
    """Takes the heads of the chats' lanes that may be sent now, replies first, within the account's budget.

    `rate`: messages a second of the account (0 = unlimited); `reserve`: share of it that broadcasts never use; `broadcasts`: at most so many of them;
    `paid`: messages a second that broadcasts have for themselves, beside `rate`, which is all for replies then (0 = they have not).
    Returns the rows, with the chat's address and the end of its window, and whether more is due that the budget did not allow. Idle, it writes nothing.
    """
    plan_afresh(connection)
    replies = _due_ids(connection, source, REPLIES, now, limit)
    room = limit - len(replies) if broadcasts is None else min(limit - len(replies), broadcasts)
    announced = _due_ids(connection, source, BROADCASTS, now, room) if room > 0 else []
    if not replies and not announced:
        return [], False
    allowed, room = budgets.allowance(connection, source=source, now=now, rate=rate, limit=limit, paid=paid)
    ids = replies[:allowed]
    if not paid:
        spare = (
            max(1 if not replies else 0, int(allowed * (1 - reserve))) if rate else allowed
        )  # a slow one still moves
        room = min(room, spare, allowed) - len(ids)
    going = announced[: max(0, room)]
    if paid and going:
        budgets.spend(connection, source + budgets.PAID, len(going))
    if rate:
        budgets.spend(connection, source, len(ids) + (0 if paid else len(going)))
    ids += going
    if not ids:
        return [], True
    taken = connection.execute(_take, {"ids": ids, "token": token, "until": now + lease}).mappings().all()
    asked = {"chat_ids": [row["chat_id"] for row in taken]}
    where = {row.id: row for row in connection.execute(_addresses, asked)}
    rows = [
        {**row, "address": where[row["chat_id"]].address, "window_until": where[row["chat_id"]].window_until}
        for row in taken
    ]
    return sorted(rows, key=lambda row: (row["lane"], row["id"])), len(ids) < len(replies) + len(announced)


def _due_ids(connection: Connection, source: str, lane: int, now: datetime, limit: int) -> list[int]:
    return list(connection.execute(_due, {"source": source, "lane": lane, "now": now, "limit": limit}).scalars())


_checked = (
    select(
        outbox.c.id,
        outbox.c.author,
        outbox.c.lane,
        outbox.c.passes_agent,
        outbox.c.expires_at,
        outbox.c.owner_version,
        conversations.c.owner,
        conversations.c.owner_version.label("current_version"),
        chats.c.stopped_at,
    )
    .join(conversations, conversations.c.chat_id == outbox.c.chat_id)
    .join(chats, chats.c.id == outbox.c.chat_id)
    .where(
        outbox.c.id.in_(bindparam("ids", expanding=True)),
        outbox.c.owner == bindparam("token"),
        outbox.c.state == "sending",
    )
    .order_by(outbox.c.id)
    .with_for_update(of=outbox)
)
_renew = update(outbox).where(outbox.c.id.in_(bindparam("ids", expanding=True))).values(lease_until=bindparam("until"))


def check(connection: Connection, *, ids: Sequence[int], token: str, now: datetime, lease: timedelta) -> set[int]:
    """Right before sending: renews the lease and returns the ids that may still go.

    Lost claims are simply absent; what expired, whose owner changed or whose person left is closed here with its reason.
    """
    good: set[int] = set()
    for row in connection.execute(_checked, {"ids": ids, "token": token}).mappings():
        if row["expires_at"] <= now:
            outcomes.end(connection, row["id"], "expired", "too late", now)
        elif row["stopped_at"]:
            outcomes.end(connection, row["id"], "cancelled", "the person left", now)
        elif row["lane"] == BROADCASTS and row["owner"] != "bot":
            holding.for_agent(connection, row["id"])
        elif _speaks_for_owner(row) and row["owner_version"] != row["current_version"]:
            outcomes.end(connection, row["id"], "cancelled", "owner changed", now)
        else:
            good.add(row["id"])
    if good:
        connection.execute(_renew, {"ids": list(good), "until": now + lease})
    return good


def _speaks_for_owner(row: RowMapping) -> bool:
    """Whether a row may go only while the conversation is still its author's; queue notices and the rating may always."""
    return not row["passes_agent"] and (row["author"] == "bot" or row["author"].startswith("agent:"))
