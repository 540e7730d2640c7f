"""Claims of waiting chats: taken by a worker's token for a lease, completed in the transaction of their effects, given back, buried.

A `queue` row per chat says how many events wait; a worker claims chats, never single events, so a chat's events run in order.
`queue.ready_at` is when the chat may be claimed, and, while it is claimed, the end of the lease.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, select, update

from storage.database import plan_afresh
from storage.schema import chats, conversations, inbox, queue

UNORDERED_CHANNELS = ("whatsapp", "sms")
_LONGEST_WAIT = timedelta(minutes=5)  # leases last half a minute, retries wait seconds


class Fenced(Exception):  # noqa: N818 - a state, not a fault
    """The claim was lost to another worker (its lease ran out); nothing of this transaction may stay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A claimed chat with its waiting events in the platform's order."""

    chat: RowMapping  # of chats
    state: Any  # conversation state as JSON
    events: tuple[RowMapping, ...]  # id, payload, attempts, sent_at, received_at


_ready = (
    select(queue.c.chat_id)
    .where(queue.c.pending > 0, queue.c.ready_at <= bindparam("now"))
    .order_by(queue.c.ready_at)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True)
)
_take = (
    update(queue)
    .where(queue.c.chat_id.in_(bindparam("chat_ids", expanding=True)))
    .values(owner=bindparam("token"), ready_at=bindparam("until"))
)
_events = (
    update(inbox)
    .where(inbox.c.chat_id.in_(bindparam("chat_ids", expanding=True)), inbox.c.state == "pending")
    .values(attempts=inbox.c.attempts + 1)
    .returning(inbox.c.id, inbox.c.chat_id, inbox.c.payload, inbox.c.attempts, inbox.c.sent_at, inbox.c.received_at)
)
_claimed_chats = (
    select(chats, conversations.c.state.label("conversation"))
    .join(conversations, conversations.c.chat_id == chats.c.id)
    .where(chats.c.id.in_(bindparam("chat_ids", expanding=True)))
)


def claim(
    connection: Connection,
    *,
    token: str,
    now: datetime,
    lease: timedelta,
    limit: int,
    gather: timedelta = timedelta(0),
) -> list[Claim]:
    """Takes up to `limit` chats whose events have waited for `gather`, also those whose lease ran out; counts an attempt for each event."""
    plan_afresh(connection)
    chat_ids = list(connection.execute(_ready, {"now": now - gather, "limit": limit}).scalars())
    if not chat_ids:
        return []
    connection.execute(_take, {"chat_ids": chat_ids, "token": token, "until": now + lease})
    events: dict[int, list[RowMapping]] = defaultdict(list)
    for event in connection.execute(_events, {"chat_ids": chat_ids}).mappings():
        events[event["chat_id"]].append(event)
    rows = {row["id"]: row for row in connection.execute(_claimed_chats, {"chat_ids": chat_ids}).mappings()}
    return [
        Claim(
            chat=rows[chat_id],
            state=rows[chat_id]["conversation"],
            events=tuple(sorted(events[chat_id], key=_platform_order)),
        )
        for chat_id in chat_ids
    ]


def _platform_order(event: RowMapping) -> tuple[float, int]:
    """By arrival where the platform delivers in order; by its clock where it promises none (platform-rules 2.1)."""
    by_clock = (event["payload"] or {}).get("channel") in UNORDERED_CHANNELS
    return event["sent_at"].timestamp() if by_clock else 0.0, event["id"]


_mine = (
    select(queue.c.chat_id)
    .where(queue.c.chat_id.in_(bindparam("chat_ids", expanding=True)), queue.c.owner == bindparam("token"))
    .order_by(queue.c.chat_id)
    .with_for_update()
)
_done_events = (
    update(inbox)
    .where(inbox.c.id.in_(bindparam("event_ids", expanding=True)))
    .values(state="done", done_at=bindparam("now"))
)
_give_back = (
    update(queue)
    .where(queue.c.chat_id.in_(bindparam("chat_ids", expanding=True)))
    .values(owner=None, pending=queue.c.pending - bindparam("count"), ready_at=bindparam("ready_at"))
)


def complete(
    connection: Connection, *, token: str, done: Mapping[int, Sequence[int]], now: datetime, keep: bool = False
) -> None:
    """Last statements of the effects transaction: marks the events of each chat done and gives the chats back (`keep`: not yet).

    Raises `Fenced` when one of the chats is no longer ours; the caller's transaction must then roll back.
    """
    _fence(connection, token, done)
    if event_ids := [event for events in done.values() for event in events]:
        connection.execute(_done_events, {"event_ids": event_ids, "now": now})
    if keep:
        for chat_id, events in done.items():
            connection.execute(
                update(queue).where(queue.c.chat_id == chat_id).values(pending=queue.c.pending - len(events))
            )
        return
    by_count: dict[int, list[int]] = defaultdict(list)
    for chat_id, events in done.items():
        by_count[len(events)].append(chat_id)
    for count, chat_ids in by_count.items():
        connection.execute(_give_back, {"chat_ids": chat_ids, "count": count, "ready_at": now})


def _fence(connection: Connection, token: str, chat_ids: Mapping[int, object]) -> None:
    mine = connection.execute(_mine, {"chat_ids": list(chat_ids), "token": token}).scalars().all()
    if len(mine) < len(chat_ids):
        raise Fenced


def bury(connection: Connection, *, token: str, chat_id: int, event_id: int, error: str, now: datetime) -> None:
    """Makes an event a dead letter, so that the chat's later events go on; part of the claim like `complete`."""
    _fence(connection, token, {chat_id: None})
    connection.execute(
        update(inbox).where(inbox.c.id == event_id).values(state="dead", error=error[:2000], done_at=now)
    )
    connection.execute(update(queue).where(queue.c.chat_id == chat_id).values(pending=queue.c.pending - 1))


def give_back(
    connection: Connection, *, token: str, chat_ids: Sequence[int], ready_at: datetime, refund: bool = False
) -> None:
    """Hands claimed chats back untouched, to be claimed again from `ready_at` on; `refund`: the attempt does not count (an outage)."""
    if refund:
        mine = select(queue.c.chat_id).where(queue.c.chat_id.in_(chat_ids), queue.c.owner == token)
        connection.execute(
            update(inbox)
            .where(inbox.c.chat_id.in_(mine), inbox.c.state == "pending", inbox.c.attempts > 0)
            .values(attempts=inbox.c.attempts - 1)
        )
    connection.execute(
        update(queue).where(queue.c.chat_id.in_(chat_ids), queue.c.owner == token).values(owner=None, ready_at=ready_at)
    )


def wake_stranded(connection: Connection, *, now: datetime, limit: int) -> int:
    """Lets chats be claimed that wait for a moment no claim ever sets: the clock has gone back since; returns how many."""
    stranded = select(queue.c.chat_id).where(queue.c.pending > 0, queue.c.ready_at > now + _LONGEST_WAIT).limit(limit)
    return connection.execute(update(queue).where(queue.c.chat_id.in_(stranded)).values(ready_at=now)).rowcount


def renew(connection: Connection, *, token: str, chat_ids: Sequence[int], until: datetime) -> None:
    """Moves the end of the lease."""
    connection.execute(
        update(queue).where(queue.c.chat_id.in_(chat_ids), queue.c.owner == token).values(ready_at=until)
    )
