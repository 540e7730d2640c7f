"""What a platform says of a campaign's messages after it has taken them: into the ledger, and counted for the automatic pause."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, and_, case, func, literal, or_, select, update

from storage import subscriptions
from storage.ledger import AUTHOR, DECIDED, OPEN
from storage.schema import campaign_flights, campaign_late, campaign_recipients, campaigns

TAKEN: Final = 1000
_RANK: Final = {"accepted": 1, "delivered": 2, "read": 3, "failed": 4}
_TOLD: Final = ("accepted", "failed", "unknown", "gone", "again", "late_failed", "late_gone")
_rows = campaign_recipients.c


def delivered(delivery: str, reason: str | None) -> tuple[str, str | None]:
    """The ledger's state and reason for a platform's report."""
    states = {"delivered": "delivered", "read": "read", "played": "read", "failed": "failed"}
    state = states.get(delivery, "accepted")
    return state, reason[:200] if reason and state == "failed" else None


def reported(
    connection: Connection, message: Mapping[Any, Any], delivery: str, reason: str | None, at: datetime
) -> None:
    """A platform has said what became of a campaign's message, however late; a rank never falls.

    A failure counts for the automatic pause; one of an `unknown` has counted already. That of a message which was
    tried again since says nothing about the new one.
    """
    if not str(message["author"]).startswith(AUTHOR):
        return
    key = int(str(message["author"]).removeprefix(AUTHOR))
    state, why = delivered(delivery, reason)
    lower = [name for name, rank in _RANK.items() if rank < _RANK[state]]
    mine = [_rows.chat_id == message["chat_id"], _rows.campaign_id == key]
    if state == "failed":
        mine.append(_rows.outbox_id == message["id"])
        sent_at = literal(message["done_at"] or at, campaign_late.c.sent_at.type)
        counted = select(_rows.campaign_id, _rows.n, sent_at).where(*mine, _rows.state.in_((*lower, *OPEN)))
        connection.execute(campaign_late.insert().from_select(["campaign_id", "n", "sent_at"], counted))
    guessed = and_(_rows.state == "failed", _rows.reason.startswith(DECIDED))  # the platform knows it better
    connection.execute(
        update(campaign_recipients)
        .where(*mine, or_(_rows.state.in_((*lower, *OPEN, "unknown")), guessed))
        .values(state=state, reason=why, at=at)
    )


def sent_anew(connection: Connection, message: Mapping[Any, Any], copy: int, now: datetime) -> None:
    """A message that the platform had taken and then refused goes out again as another: the ledger follows that one.

    Its campaign goes on until that has its end too.
    """
    if not str(message["author"]).startswith(AUTHOR):
        return
    key = int(str(message["author"]).removeprefix(AUTHOR))
    mine = (_rows.campaign_id == key, _rows.outbox_id == message["id"])
    # by the chat too: that is what the index is on
    found = connection.execute(select(_rows.n).where(_rows.chat_id == message["chat_id"], *mine)).scalar()
    if found is None:
        return
    flight, late = campaign_flights.c, campaign_late.c
    connection.execute(campaign_flights.delete().where(flight.outbox_id == message["id"]))
    connection.execute(campaign_flights.insert().values(outbox_id=copy, campaign_id=key, n=found))
    connection.execute(campaign_late.delete().where(late.campaign_id == key, late.n == found))
    connection.execute(
        update(campaign_recipients)
        .where(_rows.campaign_id == key, _rows.n == found)
        .values(state="sending", reason=None, outbox_id=copy, at=now)
    )
    done = (campaigns.c.id == key, campaigns.c.state == "done")
    connection.execute(update(campaigns).where(*done).values(state="running", ended_at=None))


def waits(connection: Connection) -> bool:
    """Whether there is anything to take."""
    return connection.execute(select(campaign_late.c.id).limit(1)).first() is not None


def take(connection: Connection) -> dict[int, dict[str, int]]:
    """Takes the late failures that wait to be weighed: by campaign what `bot.pace.faded` wants.

    Who has left or said stop since is named in the ledger as elsewhere. Only messages count that left since the campaign's last
    start or resume: what was bad before a human let it go on does not stop it again.
    """
    late = campaign_late.c
    rows = connection.execute(
        select(late.id, late.campaign_id, late.n, late.sent_at, campaigns.c.ramp_from, _rows.chat_id)
        .join(campaigns, campaigns.c.id == late.campaign_id)
        .outerjoin(campaign_recipients, (_rows.campaign_id == late.campaign_id) & (_rows.n == late.n))
        .order_by(late.id)
        .limit(TAKEN)
    ).all()
    told: dict[int, dict[str, int]] = {}
    gone: dict[int, list[int]] = {}
    unwilling = subscriptions.unwilling(connection, [row.chat_id for row in rows])
    for row in rows:
        if row.chat_id in unwilling:
            gone.setdefault(row.campaign_id, []).append(row.n)
        if row.ramp_from and row.sent_at >= row.ramp_from:
            found = told.setdefault(row.campaign_id, dict.fromkeys(_TOLD, 0))
            found["late_gone" if row.chat_id in unwilling else "late_failed"] += 1
    for key, ns in gone.items():
        connection.execute(
            update(campaign_recipients)
            .where(_rows.campaign_id == key, _rows.n.in_(ns), _rows.state == "failed")
            .values(reason=case((_rows.reason.is_(None), "gone"), else_=func.substr("gone: " + _rows.reason, 1, 200)))
        )
    if rows:
        connection.execute(campaign_late.delete().where(late.id.in_([row.id for row in rows])))
    return told
