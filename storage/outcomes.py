"""What became of a send: marked by its sender, ended with a reason, handed back, or left behind by a sender that died."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, bindparam, case, literal_column, update

from storage.outbox import REPLIES
from storage.schema import outbox


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


def end(connection: Connection, row_id: int, state: str, reason: str, now: datetime) -> None:
    """Ends a message in a state (failed, cancelled, expired), with the reason; nobody has it claimed any more."""
    connection.execute(
        update(outbox).where(outbox.c.id == row_id).values(state=state, reason=reason, done_at=now, owner=None)
    )


def close(connection: Connection, row_id: int, reason: str, now: datetime) -> None:
    """The platform could not deliver a message that it had taken: it has failed after all."""
    end(connection, row_id, "failed", reason[:200], now)


def release(connection: Connection, *, token: str, ids: Sequence[int]) -> None:
    """Hands back claimed rows that were not sent (graceful stop)."""
    connection.execute(
        update(outbox)
        .where(outbox.c.id.in_(ids), outbox.c.owner == token, outbox.c.state == "sending")
        .values(state="pending", owner=None, attempts=outbox.c.attempts - 1)
    )


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
