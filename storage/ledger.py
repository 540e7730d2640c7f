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
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    bindparam,
    case,
    func,
    insert,
    literal_column,
    not_,
    or_,
    select,
    update,
)

from storage.schema import (
    campaign_flights,
    campaign_lanes,
    campaign_recipients,
    campaigns,
    outbox,
)

STATES: Final = (
    *("pending", "sending", "held", "accepted", "delivered", "read", "unknown"),
    *("failed", "skipped", "cancelled"),
)
AUTHOR: Final = "campaign:"
EXPIRED: Final = "its time was over"
DECIDED: Final = "decided by "  # and who
OPEN: Final = ("sending", "held")  # in the outbox
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
        or_(*(_rows.state == name for name in ("pending", *OPEN))),  # an executemany takes no list
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


_waiting = (
    select(func.count())
    .select_from(outbox)
    .where(
        outbox.c.source == bindparam("source"),
        outbox.c.lane == 1,
        # the very words of the partial index: with values in their place SQLite reads the whole outbox
        outbox.c.state.in_([literal_column("'pending'"), literal_column("'sending'")]),
    )
)


def in_flight(connection: Connection, source: str) -> int:
    """Unsent proactive messages of a channel account: what the next chunk must leave room for."""
    return int(connection.execute(_waiting, {"source": source}).scalar_one())


def flying(connection: Connection) -> list[int]:
    """Campaigns with messages whose end does not stand in the ledger yet."""
    return list(connection.execute(select(campaign_flights.c.campaign_id).distinct()).scalars())


# -- stopping and going on ----------------------------------------------------------------------------------------


def rewind(connection: Connection, campaign_id: int, ns: Sequence[int]) -> None:
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
            .where(_rows.campaign_id == campaign_id, _rows.n.in_(found), _rows.state.in_(OPEN))
            .values(state="pending", outbox_id=None, reason=None, at=now)
        )
        ns += found
    rewind(connection, campaign_id, ns)
    return len(ns)


def close_rest(connection: Connection, campaign_id: int, state: str, reason: str, now: datetime) -> int:
    """Everybody who was not written to gets this end; returns how many."""
    rest = (_rows.campaign_id == campaign_id, _rows.state == "pending")
    return connection.execute(
        update(campaign_recipients).where(*rest).values(state=state, reason=reason, at=now)
    ).rowcount


def again(
    connection: Connection,
    campaign_id: int,
    state: str,
    reason: str | None,
    now: datetime,
    *,
    whole: bool = False,
    never: Sequence[str] = (),
    but: ColumnElement[bool] | None = None,
) -> int:
    """Recipients of a state (failed, unknown, skipped) and of a reason's beginning are pending again; returns how many.

    `whole`: only of exactly that reason. `never`: reasons, by their beginning, that stay what they are; `but`: rows that do.
    """
    where = [_rows.campaign_id == campaign_id, _rows.state == state, _rows.chat_id.is_not(None)]
    if reason is not None:
        where.append(_rows.reason == reason if whole else _rows.reason.startswith(reason, autoescape=True))
    told = func.coalesce(_rows.reason, "")
    where += [not_(told.startswith(word, autoescape=True)) for word in never]
    where += [] if but is None else [not_(but)]
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
    left = select(_rows.n).where(_rows.campaign_id == campaign_id, _rows.state.in_(("pending", *OPEN))).limit(1)
    if connection.execute(left).first() is None:
        return True
    connection.execute(update(campaign_lanes).where(row.campaign_id == campaign_id).values(fed=row.first - 1))
    return False


# -- what others tell it ------------------------------------------------------------------------------------------


def opted_out(
    connection: Connection, chat_id: int, reason: str, now: datetime, *, topics: Sequence[str] | None = None
) -> None:
    """The person wants nothing more (of these topics): whoever was still to be written to is not, from this transaction on."""
    mine = [_rows.chat_id == chat_id, _rows.state.in_(("pending", *OPEN))]
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
