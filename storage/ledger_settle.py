"""What became of a campaign's messages, from the outbox into the ledger: each end once, with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, RowMapping, and_, bindparam, insert, or_, select, update

from storage import ledger_late, subscriptions
from storage.database import plan_afresh
from storage.inbox import insert_for
from storage.ledger import OPEN, rewind, write
from storage.schema import campaign_flights, campaign_progress, campaign_recipients, messages, outbox

_rows = campaign_recipients.c


_changed = (
    select(
        campaign_flights.c.outbox_id,
        campaign_flights.c.n,
        outbox.c.id,
        outbox.c.state,
        outbox.c.reason,
        outbox.c.delivery,
        outbox.c.delivery_reason,
        outbox.c.chat_id,
        _rows.state.label("known"),
    )
    .join(
        campaign_recipients,
        and_(_rows.campaign_id == campaign_flights.c.campaign_id, _rows.n == campaign_flights.c.n),
    )
    .outerjoin(outbox, outbox.c.id == campaign_flights.c.outbox_id)
    .where(
        campaign_flights.c.campaign_id == bindparam("campaign"),
        or_(
            outbox.c.id.is_(None),
            outbox.c.state.not_in(("pending", "sending", "held")),
            and_(outbox.c.state == "held", _rows.state == "sending"),
            and_(outbox.c.state.in_(("pending", "sending")), _rows.state == "held"),
        ),
    )
    .order_by(campaign_flights.c.n)
    .limit(bindparam("limit"))
)
_accept = (
    update(campaign_recipients)
    .where(
        _rows.campaign_id == bindparam("campaign"),
        _rows.n.in_(bindparam("ns", expanding=True)),
        _rows.state.in_(OPEN),
    )
    .values(state="accepted", reason=None, at=bindparam("moment"))
)
_logged = insert(messages).from_select(
    ["chat_id", "author", "text", "outbox_id", "at"],
    select(
        outbox.c.chat_id, outbox.c.author, outbox.c.payload["text"].as_string(), outbox.c.id, outbox.c.done_at
    ).where(outbox.c.id.in_(bindparam("ids", expanding=True))),
)
_landed = campaign_flights.delete().where(campaign_flights.c.outbox_id.in_(bindparam("ids", expanding=True)))


def settle(connection: Connection, campaign_id: int, now: datetime, *, limit: int = 1000) -> dict[str, int]:
    """Writes what became of messages in the outbox; returns counts: looked, accepted, failed, gone, unknown, again, other.

    A message that expired unsent in the evening is pending again: its time comes back tomorrow.
    """
    plan_afresh(connection)
    rows = connection.execute(_changed, {"campaign": campaign_id, "limit": limit}).mappings().all()
    told = {"looked": len(rows), "accepted": 0, "failed": 0, "gone": 0, "unknown": 0, "again": 0, "other": 0}
    if not rows:
        return told
    accepted = [row for row in rows if row["state"] == "accepted"]
    plain = [row["n"] for row in accepted if not row["delivery"]]
    gone = subscriptions.unwilling(connection, [row["chat_id"] for row in rows if row["state"] == "failed"])
    ends = [(row, *_end(row, row["chat_id"] in gone)) for row in rows if row["state"] != "accepted" or row["delivery"]]
    if plain:
        connection.execute(_accept, {"campaign": campaign_id, "ns": plain, "moment": now})
    write(connection, campaign_id, [(row["n"], state, why) for row, state, why in ends], now)
    if accepted:
        connection.execute(_logged, {"ids": [row["outbox_id"] for row in accepted]})
    back = [row["n"] for row, state, _ in ends if state == "pending"]
    rewind(connection, campaign_id, back)
    landed = [row["outbox_id"] for row in rows if row["state"] not in ("pending", "sending", "held")]
    if landed:
        connection.execute(_landed, {"ids": landed})
    told["accepted"] = len(accepted)
    told["again"] = len(back)
    for row, state, _ in ends:
        if row["known"] == "failed" or (row["state"] == "accepted" and state == "failed"):
            told["accepted"] += (
                row["state"] != "accepted"
            )  # the platform had taken it; its report has counted the failure
        elif state == "failed":
            told["gone" if row["chat_id"] in gone else "failed"] += 1
        elif state in ("skipped", "unknown"):
            told["unknown" if state == "unknown" else "other"] += 1
    _note_minute(connection, campaign_id, now, told)
    return told


def _end(row: RowMapping, gone: bool) -> tuple[str, str | None]:
    """The ledger's state and reason for a message's."""
    reason = row["reason"] or None
    match row["state"]:
        case None:
            return "skipped", "erased"
        case "accepted":
            return ledger_late.delivered(row["delivery"], row["delivery_reason"])
        case "failed":
            return "failed", f"gone: {reason}" if gone else reason
        case "expired":
            return "pending", None
        case "cancelled":
            return "skipped", reason
        case "held":
            return "held", reason or "an agent speaks"
        case "pending" | "sending":
            return "sending", None
    return str(row["state"]), reason


def _note_minute(connection: Connection, campaign_id: int, now: datetime, told: Mapping[str, int]) -> None:
    accepted, other = told["accepted"], told["failed"] + told["gone"] + told["unknown"] + told["other"]
    if accepted or other:
        row = campaign_progress.c
        minute = now.replace(second=0, microsecond=0)
        made = insert_for(connection)(campaign_progress).values(
            campaign_id=campaign_id, minute=minute, accepted=accepted, other=other
        )
        connection.execute(
            made.on_conflict_do_update(
                index_elements=["campaign_id", "minute"],
                set_={"accepted": row.accepted + accepted, "other": row.other + other},
            )
        )
