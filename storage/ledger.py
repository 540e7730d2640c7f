"""The ledger of a campaign: one row a recipient, whose state is the whole truth about that person.

pending → sending (in the outbox) → accepted → delivered → read; or held (an agent speaks, the platform makes it wait), unknown
(cut after the request left: a human decides), failed, skipped, cancelled, each with its reason. Sums always equal the audience.
Rows of one channel account and zone stand together (`campaign_lanes`), so that feeding reads on from where it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    Connection,
    RowMapping,
    Select,
    and_,
    bindparam,
    case,
    func,
    insert,
    or_,
    select,
    update,
)

from storage.inbox import insert_for
from storage.schema import chats, messages, outbox
from storage.schema_campaigns import (
    campaign_flights,
    campaign_lanes,
    campaign_progress,
    campaign_recipients,
    campaigns,
)

STATES: Final = (
    *("pending", "sending", "held", "accepted", "delivered", "read", "unknown"),
    *("failed", "skipped", "cancelled"),
)
AUTHOR: Final = "campaign:"
EXPIRED: Final = "its time was over"
_OPEN: Final = ("sending", "held")
_rows = campaign_recipients.c


def author_of(campaign_id: int) -> str:
    """How its messages are signed in outbox and log."""
    return f"{AUTHOR}{campaign_id}"


def counts(connection: Connection, campaign_id: int) -> dict[str, int]:
    """How many recipients are in each state; the sum is the audience."""
    statement = select(_rows.state, func.count()).where(_rows.campaign_id == campaign_id).group_by(_rows.state)
    found = {row[0]: row[1] for row in connection.execute(statement)}
    return {state: found[state] for state in STATES if state in found}


def reasons(connection: Connection, campaign_id: int) -> list[dict[str, Any]]:
    """State, channel account, reason, count."""
    grouped = (_rows.state, _rows.source, _rows.reason)
    statement = select(*grouped, func.count().label("count")).where(_rows.campaign_id == campaign_id)
    return [dict(r) for r in connection.execute(statement.group_by(*grouped).order_by(*grouped)).mappings()]


# -- feeding ------------------------------------------------------------------------------------------------------


def lanes(connection: Connection, campaign_id: int, zones: Iterable[str]) -> list[RowMapping]:
    """The lanes of these zones that have not been fed to their end."""
    row = campaign_lanes.c
    statement = select(campaign_lanes).where(row.campaign_id == campaign_id, row.zone.in_(list(zones)))
    return list(connection.execute(statement.where(row.fed < row.last).order_by(row.first)).mappings())


_lane = (
    campaign_lanes.c.campaign_id == bindparam("campaign"),
    campaign_lanes.c.source == bindparam("of_source"),
    campaign_lanes.c.zone == bindparam("of_zone"),
)
_lock_lane = select(campaign_lanes).where(*_lane).with_for_update()
_next: Select[Any] = (
    select(_rows.n, _rows.chat_id)
    .where(
        _rows.campaign_id == bindparam("campaign"),
        _rows.n > bindparam("after"),
        _rows.n <= bindparam("to_last"),
        _rows.state == "pending",
    )
    .order_by(_rows.n)
    .limit(bindparam("limit"))
)
_feed_to = update(campaign_lanes).where(*_lane).values(fed=bindparam("upto"))


def next_rows(connection: Connection, lane: Mapping[Any, Any], limit: int) -> list[Any]:
    """(n, chat_id) of the next recipients of a lane, which stays locked; moves the lane behind them. [] at its end."""
    where = {"campaign": lane["campaign_id"], "of_source": lane["source"], "of_zone": lane["zone"]}
    held = connection.execute(_lock_lane, where).mappings().one()
    asked = {"campaign": lane["campaign_id"], "after": held["fed"], "to_last": held["last"], "limit": limit}
    found = list(connection.execute(_next, asked))
    connection.execute(_feed_to, {**where, "upto": found[-1].n if len(found) == limit else held["last"]})
    return found


def put(connection: Connection, campaign_id: int, rows: Sequence[tuple[int, Mapping[str, Any]]], now: datetime) -> None:
    """Hands recipients to the sender: (n, row of the outbox). Message, flight and ledger are one transaction."""
    if not rows:
        return
    made = insert(outbox).returning(outbox.c.id, sort_by_parameter_order=True)
    ids = list(connection.execute(made, [dict(row) for _, row in rows]).scalars())
    connection.execute(
        campaign_flights.insert(),
        [{"outbox_id": key, "campaign_id": campaign_id, "n": n} for key, (n, _) in zip(ids, rows, strict=True)],
    )
    flight = campaign_flights.c
    connection.execute(
        update(campaign_recipients)
        .where(
            _rows.campaign_id == campaign_id,
            _rows.n == flight.n,
            flight.campaign_id == campaign_id,
            flight.outbox_id.in_(ids),
        )
        .values(state="sending", outbox_id=flight.outbox_id, reason=None, at=now)
    )


_set = (
    update(campaign_recipients)
    .where(
        _rows.campaign_id == bindparam("campaign"),
        _rows.n == bindparam("row"),
        or_(*(_rows.state == name for name in ("pending", *_OPEN))),  # an executemany takes no list
    )
    .values(state=bindparam("to"), reason=bindparam("why"), at=bindparam("moment"))
)


def write(connection: Connection, campaign_id: int, rows: Sequence[tuple[int, str, str | None]], now: datetime) -> None:
    """(n, state, reason) of recipients whose end is not known yet; what is settled stays."""
    if rows:
        connection.execute(
            _set,
            [
                {"campaign": campaign_id, "row": n, "to": state, "why": why and why[:200], "moment": now}
                for n, state, why in rows
            ],
        )


def in_flight(connection: Connection, source: str) -> int:
    """Unsent proactive messages of a channel account: what the next chunk must leave room for."""
    waiting = (outbox.c.source == source, outbox.c.lane == 1, outbox.c.state.in_(("pending", "sending")))
    return int(connection.execute(select(func.count()).select_from(outbox).where(*waiting)).scalar_one())


def flying(connection: Connection) -> list[int]:
    """Campaigns with messages whose end does not stand in the ledger yet."""
    return list(connection.execute(select(campaign_flights.c.campaign_id).distinct()).scalars())


# -- settling -----------------------------------------------------------------------------------------------------


_changed = (
    select(
        campaign_flights.c.outbox_id,
        campaign_flights.c.n,
        outbox.c.id,
        outbox.c.state,
        outbox.c.reason,
        outbox.c.delivery,
        outbox.c.delivery_reason,
        chats.c.stopped_at,
        _rows.state.label("known"),
    )
    .join(
        campaign_recipients,
        and_(_rows.campaign_id == campaign_flights.c.campaign_id, _rows.n == campaign_flights.c.n),
    )
    .outerjoin(outbox, outbox.c.id == campaign_flights.c.outbox_id)
    .outerjoin(chats, chats.c.id == outbox.c.chat_id)
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
        _rows.state.in_(_OPEN),
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
    rows = connection.execute(_changed, {"campaign": campaign_id, "limit": limit}).mappings().all()
    told = {"looked": len(rows), "accepted": 0, "failed": 0, "gone": 0, "unknown": 0, "again": 0, "other": 0}
    if not rows:
        return told
    accepted = [row for row in rows if row["state"] == "accepted"]
    plain = [row["n"] for row in accepted if not row["delivery"]]
    ends = [(row, *_end(row)) for row in rows if row["state"] != "accepted" or row["delivery"]]
    if plain:
        connection.execute(_accept, {"campaign": campaign_id, "ns": plain, "moment": now})
    write(connection, campaign_id, [(row["n"], state, why) for row, state, why in ends], now)
    if accepted:
        connection.execute(_logged, {"ids": [row["outbox_id"] for row in accepted]})
    back = [row["n"] for row, state, _ in ends if state == "pending"]
    _rewind(connection, campaign_id, back)
    landed = [row["outbox_id"] for row in rows if row["state"] not in ("pending", "sending", "held")]
    if landed:
        connection.execute(_landed, {"ids": landed})
    told["accepted"] = len(accepted)
    told["again"] = len(back)
    for row, state, _ in ends:
        if state == "failed":
            told["gone" if row["stopped_at"] else "failed"] += 1
        elif state in ("skipped", "unknown"):
            told["unknown" if state == "unknown" else "other"] += 1
    _note_minute(connection, campaign_id, now, told)
    return told


def _end(row: RowMapping) -> tuple[str, str | None]:
    """The ledger's state and reason for a message's."""
    reason = row["reason"] or None
    match row["state"]:
        case None:
            return "skipped", "erased"
        case "accepted":
            return delivered(row["delivery"], row["delivery_reason"])
        case "failed":
            return "failed", f"gone: {reason}" if row["stopped_at"] else reason
        case "expired":
            return "pending", None
        case "cancelled":
            return "skipped", reason
        case "held":
            return "held", reason or "an agent speaks"
        case "pending" | "sending":
            return "sending", None
    return str(row["state"]), reason


def delivered(delivery: str, reason: str | None) -> tuple[str, str | None]:
    """The ledger's state and reason for a platform's report."""
    states = {"delivered": "delivered", "read": "read", "played": "read", "failed": "failed"}
    state = states.get(delivery, "accepted")
    return state, reason if state == "failed" else None


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


def _rewind(connection: Connection, campaign_id: int, ns: Sequence[int]) -> None:
    """Lanes go back to before the first of these rows."""
    if not ns:
        return
    row = campaign_lanes.c
    found = connection.execute(select(campaign_lanes).where(row.campaign_id == campaign_id)).mappings().all()
    for lane in found:
        inside = [n for n in ns if lane["first"] <= n <= lane["last"]]
        if inside:
            connection.execute(
                update(campaign_lanes)
                .where(row.campaign_id == campaign_id, row.source == lane["source"], row.zone == lane["zone"])
                .values(fed=case((row.fed < min(inside) - 1, row.fed), else_=min(inside) - 1))
            )


# -- stopping and going on ----------------------------------------------------------------------------------------


def retract(connection: Connection, campaign_id: int, now: datetime) -> int:
    """Takes back what has not left yet: pending again in the ledger. What is being sent ends by itself. Returns how many."""
    flight = campaign_flights.c
    mine = select(flight.outbox_id).where(flight.campaign_id == campaign_id)
    waiting = outbox.delete().where(outbox.c.id.in_(mine), outbox.c.state.in_(("pending", "held")))
    ids = list(connection.execute(waiting.returning(outbox.c.id)).scalars())
    ns: list[int] = []
    for at in range(0, len(ids), 1000):
        part = ids[at : at + 1000]
        gone = campaign_flights.delete().where(flight.outbox_id.in_(part)).returning(flight.n)
        found = list(connection.execute(gone).scalars())
        connection.execute(
            update(campaign_recipients)
            .where(_rows.campaign_id == campaign_id, _rows.n.in_(found), _rows.state.in_(_OPEN))
            .values(state="pending", outbox_id=None, reason=None, at=now)
        )
        ns += found
    _rewind(connection, campaign_id, ns)
    return len(ns)


def close_rest(connection: Connection, campaign_id: int, state: str, reason: str, now: datetime) -> int:
    """Everybody who was not written to gets this end; returns how many."""
    rest = (_rows.campaign_id == campaign_id, _rows.state == "pending")
    return connection.execute(
        update(campaign_recipients).where(*rest).values(state=state, reason=reason, at=now)
    ).rowcount


def again(connection: Connection, campaign_id: int, state: str, reason: str | None, now: datetime) -> int:
    """Recipients of a state (failed, unknown, skipped, cancelled) and of a reason's beginning are pending again; returns how many."""
    where = [_rows.campaign_id == campaign_id, _rows.state == state, _rows.chat_id.is_not(None)]
    if reason is not None:
        where.append(_rows.reason.startswith(reason, autoescape=True))
    first = connection.execute(select(func.min(_rows.n)).where(*where)).scalar_one()
    count = connection.execute(
        update(campaign_recipients).where(*where).values(state="pending", outbox_id=None, reason=None, at=now)
    ).rowcount
    if count:
        row = campaign_lanes.c
        connection.execute(
            update(campaign_lanes)
            .where(row.campaign_id == campaign_id, row.last >= first)
            .values(fed=case((row.fed < row.first - 1, row.fed), else_=row.first - 1))
        )
    return count


def decide_unknown(connection: Connection, campaign_id: int, state: str, reason: str, now: datetime) -> int:
    """A human has said what became of sends that were cut: accepted or failed; returns how many."""
    where = (_rows.campaign_id == campaign_id, _rows.state == "unknown")
    return connection.execute(
        update(campaign_recipients).where(*where).values(state=state, reason=reason[:200], at=now)
    ).rowcount


def is_finished(connection: Connection, campaign_id: int) -> bool:
    """Whether no row waits and none is under way; where rows wait behind their lane's end, the lanes begin anew."""
    flying = select(campaign_flights.c.outbox_id).where(campaign_flights.c.campaign_id == campaign_id).limit(1)
    if connection.execute(flying).first() is not None:
        return False
    row = campaign_lanes.c
    to_come = select(row.zone).where(row.campaign_id == campaign_id, row.fed < row.last).limit(1)
    if connection.execute(to_come).first() is not None:
        return False
    left = select(_rows.n).where(_rows.campaign_id == campaign_id, _rows.state.in_(("pending", *_OPEN))).limit(1)
    if connection.execute(left).first() is None:
        return True
    connection.execute(update(campaign_lanes).where(row.campaign_id == campaign_id).values(fed=row.first - 1))
    return False


# -- what others tell it ------------------------------------------------------------------------------------------


def opted_out(
    connection: Connection, chat_id: int, reason: str, now: datetime, *, topics: Sequence[str] | None = None
) -> None:
    """The person wants nothing more (of these topics): whoever was still to be written to is not, from this transaction on."""
    mine = [_rows.chat_id == chat_id, _rows.state.in_(("pending", *_OPEN))]
    if topics is not None:
        of_topics = select(campaigns.c.id).where(campaigns.c.topic.in_(list(topics)))
        mine.append(_rows.campaign_id.in_(of_topics))
        rows = select(_rows.outbox_id).where(*mine, _rows.outbox_id.is_not(None))
        connection.execute(
            update(outbox)
            .where(outbox.c.id.in_(rows), outbox.c.state.in_(("pending", "held")))
            .values(state="cancelled", reason=reason, done_at=now)
        )
    waiting = _rows.state == "pending"
    taken_back = select(outbox.c.id).where(outbox.c.id == _rows.outbox_id, outbox.c.state == "cancelled").exists()
    connection.execute(
        update(campaign_recipients)
        .where(*mine, or_(waiting, taken_back))
        .values(state="skipped", reason=reason, at=now)
    )


_RANK = {"accepted": 1, "delivered": 2, "read": 3, "failed": 4}


def reported(
    connection: Connection, message: Mapping[Any, Any], delivery: str, reason: str | None, at: datetime
) -> None:
    """A platform has said what became of a campaign's message, however late; a rank never falls."""
    if not str(message["author"]).startswith(AUTHOR):
        return
    state, why = delivered(delivery, reason)
    lower = [name for name, rank in _RANK.items() if rank < _RANK[state]]
    connection.execute(
        update(campaign_recipients)
        .where(
            _rows.chat_id == message["chat_id"],
            _rows.campaign_id == int(str(message["author"]).removeprefix(AUTHOR)),
            _rows.state.in_((*lower, *_OPEN, "unknown")),
        )
        .values(state=state, reason=why, at=at)
    )
