"""Outbound messages: two lanes a chat, order kept within each, one budget per channel account.

States: pending → sending → accepted, failed, unknown (cut after the request left), cancelled, expired; `held` waits for an agent or a template.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    RowMapping,
    and_,
    bindparam,
    case,
    func,
    literal_column,
    not_,
    select,
    update,
)

from storage import holding, ledger
from storage.database import plan_afresh
from storage.inbox import insert_for
from storage.schema import budgets, chats, conversations, outbox

REPLIES, BROADCASTS = 0, 1
UNSENT = ("pending", "sending")


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A message to be sent; `payload` is a Reply as JSON."""

    chat_id: int
    source: str
    payload: Mapping[str, Any]
    owner_version: int
    expires_at: datetime
    lane: int = REPLIES
    author: str = "bot"
    cancellable: bool = False
    passes_agent: bool = False
    held: bool = False  # waits until the agent gives the chat back
    not_before: datetime | None = None


def enqueue(connection: Connection, drafts: Sequence[Draft], now: datetime) -> None:
    """Puts messages at the end of their chat's lane."""
    if drafts:
        connection.execute(
            outbox.insert(),
            [
                {
                    "chat_id": draft.chat_id,
                    "source": draft.source,
                    "lane": draft.lane,
                    "author": draft.author,
                    "payload": dict(draft.payload),
                    "state": "held" if draft.held else "pending",
                    "owner_version": draft.owner_version,
                    "cancellable": draft.cancellable,
                    "passes_agent": draft.passes_agent,
                    "not_before": draft.not_before or now,
                    "expires_at": draft.expires_at,
                    "created_at": now,
                }
                for draft in drafts
            ],
        )


_cancel = (
    update(outbox)
    .where(
        outbox.c.chat_id.in_(bindparam("chat_ids", expanding=True)),
        outbox.c.lane == REPLIES,
        outbox.c.state == "pending",
        outbox.c.cancellable,
    )
    .values(state="cancelled", reason="overtaken", done_at=bindparam("now"))
)


def cancel_overtaken(connection: Connection, chat_ids: Sequence[int], now: datetime) -> None:
    """Cancels unsent prompts of chats whose turn has moved on."""
    connection.execute(_cancel, {"chat_ids": chat_ids, "now": now})


# -- sending ------------------------------------------------------------------------------------------------------


def _is_unsent(table: FromClause) -> ColumnElement[bool]:
    """The very words of the partial indexes: SQLite uses one only when its condition stands in the statement."""
    return table.c.state.in_([literal_column("'pending'"), literal_column("'sending'")])


_earlier = outbox.alias("earlier")
_is_head = not_(
    select(_earlier.c.id)
    .where(
        _earlier.c.chat_id == outbox.c.chat_id,
        _earlier.c.lane == outbox.c.lane,
        _earlier.c.id < outbox.c.id,
        _is_unsent(_earlier),
    )
    .exists()
)
_due = (
    select(outbox.c.id)
    .where(
        outbox.c.source == bindparam("source"),
        outbox.c.lane == bindparam("lane"),
        _is_unsent(outbox),
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
_budget = select(budgets).where(budgets.c.source == bindparam("source")).with_for_update()


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
) -> tuple[list[dict[str, Any]], bool]:
    """Takes the heads of the chats' lanes that may be sent now, replies first, within the account's budget.

    `rate`: messages a second of the account (0 = unlimited); `reserve`: share of it that broadcasts never use; `broadcasts`: at most so many of them.
    Returns the rows, with the chat's address and the end of its window, and whether more is due that the budget did not allow. Idle, it writes nothing.
    """
    plan_afresh(connection)
    replies = _due_ids(connection, source, REPLIES, now, limit)
    room = limit - len(replies) if broadcasts is None else min(limit - len(replies), broadcasts)
    announced = _due_ids(connection, source, BROADCASTS, now, room) if room > 0 else []
    if not replies and not announced:
        return [], False
    allowed, for_broadcasts = _permits(connection, source=source, now=now, rate=rate, limit=limit)
    ids = replies[:allowed]
    spare = max(1 if not replies else 0, int(allowed * (1 - reserve))) if rate else allowed  # a slow budget still moves
    room = min(for_broadcasts, spare, allowed) - len(ids)
    ids += announced[: max(0, room)]
    if rate:
        _spend(connection, source, len(ids))
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


def _permits(connection: Connection, *, source: str, now: datetime, rate: float, limit: int) -> tuple[int, int]:
    """(messages allowed now, of them for broadcasts); refills the bucket. Nothing is allowed while the account is blocked."""
    row = connection.execute(_budget, {"source": source}).mappings().first()
    if row is None:
        first = {"source": source, "permits": rate / 5, "refilled_at": now}
        connection.execute(insert_for(connection)(budgets).on_conflict_do_nothing().values(first))
        row = connection.execute(_budget, {"source": source}).mappings().one()
    if row["account_blocked_until"] and row["account_blocked_until"] > now:
        return 0, 0
    broadcasts = 0 if row["broadcast_blocked_until"] and row["broadcast_blocked_until"] > now else limit
    if not rate:
        return limit, broadcasts
    # A bucket of a fifth of a second keeps a sliding second within the rate.
    passed = max(0.0, (now - row["refilled_at"]).total_seconds())
    permits = min(max(1.0, rate / 5), row["permits"] + passed * rate)
    connection.execute(update(budgets).where(budgets.c.source == source).values(permits=permits, refilled_at=now))
    whole = min(limit, int(permits))
    return whole, min(broadcasts, whole)


def _spend(connection: Connection, source: str, count: int) -> None:
    connection.execute(update(budgets).where(budgets.c.source == source).values(permits=budgets.c.permits - count))


def block(connection: Connection, *, source: str, scope: str, until: datetime) -> None:
    """Stops an account (scope "account") or its broadcasts ("lane") until a moment, as a platform's retry_after demands."""
    column = "account_blocked_until" if scope == "account" else "broadcast_blocked_until"
    statement = insert_for(connection)(budgets).values(
        {"source": source, "permits": 0.0, "refilled_at": until, column: until}
    )
    connection.execute(statement.on_conflict_do_update(index_elements=["source"], set_={column: until}))


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
            _close(connection, row["id"], "expired", "too late", now)
        elif row["stopped_at"]:
            _close(connection, row["id"], "cancelled", "the person left", now)
        elif row["lane"] == BROADCASTS and row["owner"] != "bot":
            holding.for_agent(connection, row["id"])
        elif _speaks_for_owner(row) and row["owner_version"] != row["current_version"]:
            _close(connection, row["id"], "cancelled", "owner changed", now)
        else:
            good.add(row["id"])
    if good:
        connection.execute(_renew, {"ids": list(good), "until": now + lease})
    return good


def _speaks_for_owner(row: RowMapping) -> bool:
    """Whether a row may go only while the conversation is still its author's; queue notices and the rating may always."""
    return not row["passes_agent"] and (row["author"] == "bot" or row["author"].startswith("agent:"))


def _close(connection: Connection, row_id: int, state: str, reason: str, now: datetime) -> None:
    connection.execute(
        update(outbox).where(outbox.c.id == row_id).values(state=state, reason=reason, done_at=now, owner=None)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What became of one send."""

    id: int
    state: str  # accepted, failed, unknown, pending (again, at `not_before`)
    platform_id: str | None = None
    reason: str | None = None
    not_before: datetime | None = None
    refund_attempt: bool = False  # a throttle is no attempt


_accepted = (
    update(outbox)
    .where(outbox.c.id == bindparam("row_id"), outbox.c.owner == bindparam("token"))
    .values(state="accepted", platform_id=bindparam("platform"), done_at=bindparam("now"), owner=None)
)


def mark(connection: Connection, *, marks: Sequence[Mark], token: str, now: datetime) -> None:
    """Records outcomes of our own claims; a mark whose claim was lost changes nothing."""
    accepted = [m for m in sorted(marks, key=lambda m: m.id) if m.state == "accepted"]
    if accepted:
        connection.execute(
            _accepted, [{"row_id": m.id, "token": token, "platform": m.platform_id, "now": now} for m in accepted]
        )
    for m in sorted((m for m in marks if m.state != "accepted"), key=lambda m: m.id):
        values: dict[str, Any] = {"state": m.state, "reason": (m.reason or "")[:200], "owner": None}
        if m.state == "pending":
            values["not_before"] = m.not_before or now
            if m.refund_attempt:
                values["attempts"] = outbox.c.attempts - 1
        else:
            values["done_at"] = now
        connection.execute(update(outbox).where(outbox.c.id == m.id, outbox.c.owner == token).values(values))


def close(connection: Connection, row_id: int, reason: str, now: datetime) -> None:
    """The platform could not deliver a message that it had taken: it has failed after all."""
    _close(connection, row_id, "failed", reason[:200], now)


_COPIED = (
    *("chat_id", "source", "lane", "author", "payload", "owner_version", "cancellable", "passes_agent"),
    *("attempts", "expires_at"),
)


def copy(connection: Connection, row: Mapping[str, Any], *, not_before: datetime, now: datetime) -> int:
    """Sends a message anew under a key of its own, so that late reports about the old one do not touch it; returns that key."""
    values = {name: row[name] for name in _COPIED}
    made = outbox.insert().values(**values, state="pending", not_before=not_before, created_at=now)
    return int(connection.execute(made.returning(outbox.c.id)).scalar_one())


def recover(connection: Connection, *, now: datetime) -> int:
    """Sends whose lease ran out: replies are tried again, broadcast rows become `unknown`; returns how many."""
    lost = and_(outbox.c.state == literal_column("'sending'"), outbox.c.lease_until < now)
    result = connection.execute(
        update(outbox)
        .where(lost)
        .values(
            state=case((outbox.c.lane == REPLIES, "pending"), else_="unknown"),
            reason="sender died",
            owner=None,
            not_before=now,
            done_at=case((outbox.c.lane == REPLIES, None), else_=now),
        )
    )
    return result.rowcount


def wake_stranded(connection: Connection, *, now: datetime, limit: int) -> int:
    """Messages made "in the future" may go now: the clock has gone back since; returns how many."""
    stranded = (
        select(outbox.c.id)
        .where(_is_unsent(outbox), outbox.c.state == "pending", outbox.c.created_at > now + timedelta(minutes=5))
        .limit(limit)
    )
    return connection.execute(
        update(outbox).where(outbox.c.id.in_(stranded)).values(not_before=now, created_at=now)
    ).rowcount


def release(connection: Connection, *, token: str, ids: Sequence[int]) -> None:
    """Hands back claimed rows that were not sent (graceful stop)."""
    connection.execute(
        update(outbox)
        .where(outbox.c.id.in_(ids), outbox.c.owner == token, outbox.c.state == "sending")
        .values(state="pending", owner=None, attempts=outbox.c.attempts - 1)
    )


def has_backlog(connection: Connection, *, count: int) -> bool:
    """Whether at least so many replies wait to be sent."""
    waiting = select(outbox.c.id).where(outbox.c.lane == REPLIES, _is_unsent(outbox)).limit(count).subquery()
    return connection.execute(select(func.count()).select_from(waiting)).scalar_one() >= count


def stop_chat(connection: Connection, chat_id: int, now: datetime) -> None:
    """The person left this channel: nothing more goes out, and the chat is an opt-out until they come back."""
    connection.execute(update(chats).where(chats.c.id == chat_id).values(stopped_at=now))
    connection.execute(
        update(outbox)
        .where(outbox.c.chat_id == chat_id, outbox.c.state.in_(("pending", "held")))
        .values(state="cancelled", reason="the person left", done_at=now)
    )
    ledger.opted_out(connection, chat_id, "the person left", now)


_SAID = ("accepted", "sending", "unknown", "pending")


def last_said(connection: Connection, chat_id: int) -> dict[str, Any] | None:
    """The newest message of a chat that went out or is about to, as its Reply in JSON; None after a week without any."""
    statement = select(outbox.c.payload).where(outbox.c.chat_id == chat_id, outbox.c.state.in_(_SAID))
    found = connection.execute(statement.order_by(outbox.c.id.desc()).limit(1)).scalar()
    return dict(found) if found else None


def delete_done(connection: Connection, *, before: datetime, limit: int) -> int:
    """Deletes a small batch of finished messages older than `before`; returns how many."""
    old = select(outbox.c.id).where(outbox.c.done_at.is_not(None), outbox.c.done_at < before).limit(limit)
    return connection.execute(outbox.delete().where(outbox.c.id.in_(old))).rowcount
