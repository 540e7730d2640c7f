"""What a platform says of sent messages after it has taken them: sent, delivered, read, failed, and what they cost.

Reports come in any order, twice, and also before our own mark of the send (platform-rules 2.1, 2.2). A report that
bears our key (the outbox id) is believed at once; one that is known only by the platform's id waits in
`early_deliveries` until the mark brings that id.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, select, update

from storage import charges, ledger_late
from storage.inbox import insert_for
from storage.schema import early_deliveries, outbox

RANKS: Mapping[str, int] = {"sent": 1, "delivered": 2, "read": 3, "played": 4, "failed": 5}
"""Written only where the new one is higher; `failed` is final (platform-rules 2.2)."""

CHANNELS = ("whatsapp", "sms")
"""Channels whose platforms report; the others' marks look for no early report."""

_ARRIVED = ("delivered", "read", "played")  # billing is per delivered message (platform-rules 2.6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One report about one message."""

    platform_id: str
    delivery: str  # a key of RANKS
    at: datetime
    key: int | None = None  # our outbox id, where the report bears it
    reason: str | None = None  # "131026: not on WhatsApp", of a failure
    code: int | None = None  # the platform's, of a failure
    category: str | None = None  # of the price, where the report has one
    billable: bool = False
    bsuid: str | None = None  # the recipient's id, where the platform tells it


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """A report that has changed something; `message` is the row of the outbox before, None where it is not known (yet)."""

    report: Report
    message: RowMapping | None


def record(connection: Connection, source: str, reports: Sequence[Report], now: datetime) -> list[Noted]:
    """Writes reports of a channel account; returns those that were news, by the platform's ids."""
    by_key, by_platform = _messages(connection, source, reports)
    noted: list[Noted] = []
    current: dict[int, dict[str, Any]] = {}
    for report in sorted(reports, key=lambda one: one.platform_id):  # rows are always locked in the same order
        row = by_platform.get(report.platform_id) or by_key.get(report.key or 0)
        if row is None:
            if _keep(connection, source, report, now):
                noted.append(Noted(report=report, message=None))
            continue
        before = current.setdefault(row["id"], dict(row))
        values = _risen(before, report)
        if row["platform_id"] != report.platform_id:  # not marked yet, or one part of several: each has its own price
            _keep(connection, source, report, now)
        elif _charged(connection, source, before, report):
            values["charged"] = True
        if values:
            connection.execute(
                update(outbox).where(outbox.c.id == row["id"]).values(**values, **_arrived(before, report))
            )
            before.update(values)
        if "delivery" in values:
            ledger_late.reported(connection, row, report.delivery, report.reason, report.at)
            noted.append(Noted(report=report, message=row))
    return noted


def _messages(
    connection: Connection, source: str, reports: Sequence[Report]
) -> tuple[dict[int, RowMapping], dict[str, RowMapping]]:
    keys = {report.key for report in reports if report.key}
    ids = {report.platform_id for report in reports}
    rows: dict[int, RowMapping] = {}
    for where in (outbox.c.id.in_(list(keys)), outbox.c.platform_id.in_(list(ids))):
        statement = select(outbox).where(outbox.c.source == source, where).order_by(outbox.c.id).with_for_update()
        rows |= {row["id"]: row for row in connection.execute(statement).mappings()}
    return (
        {number: row for number, row in rows.items() if number in keys},
        {row["platform_id"]: row for row in rows.values() if row["platform_id"]},
    )


def _risen(before: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """The columns that change: delivery only upwards."""
    if RANKS[report.delivery] <= RANKS.get(before["delivery"] or "", 0):
        return {}
    reason = report.reason[:200] if report.reason else None
    return {"delivery": report.delivery, "delivery_at": report.at, "delivery_reason": reason}


def _charged(connection: Connection, source: str, before: Mapping[str, Any], report: Report) -> bool:
    """Whether this report is the first with a price of a message that has arrived; it is then counted."""
    if not report.category or report.delivery not in _ARRIVED or before["charged"]:
        return False
    charges.add(connection, source, category=report.category, at=report.at, billable=int(report.billable))
    return True


def _arrived(row: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """A send that nobody knew the end of has arrived after all; what is still being sent is its sender's to mark."""
    if row["state"] != "unknown" or report.delivery == "failed":
        return {}
    return {"state": "accepted", "platform_id": report.platform_id, "done_at": report.at}


# -- reports that came too early ----------------------------------------------------------------------------------


def _keep(connection: Connection, source: str, report: Report, now: datetime) -> bool:
    where = (early_deliveries.c.source == source, early_deliveries.c.platform_id == report.platform_id)
    row = {"source": source, "platform_id": report.platform_id, "delivery_at": report.at, "noted_at": now}
    made = insert_for(connection)(early_deliveries).values(**row, delivery="", charged=False)
    connection.execute(made.on_conflict_do_nothing())  # waits for whoever is writing the same one
    before = dict(connection.execute(select(early_deliveries).where(*where).with_for_update()).mappings().one())
    risen = _risen(before, report)
    charged = before["charged"] or _charged(connection, source, before, report)
    connection.execute(update(early_deliveries).where(*where).values(**risen, charged=charged))
    return bool(risen)


def catch_up(connection: Connection, source: str, sent: Mapping[str, int]) -> None:
    """Called with each mark of accepted sends (platform's id → outbox id): gives them the reports that came before."""
    waiting = early_deliveries.c
    where = (waiting.source == source, waiting.platform_id.in_(list(sent)))
    for row in connection.execute(select(early_deliveries).where(*where)).mappings().all():
        marked = connection.execute(select(outbox).where(outbox.c.id == sent[row["platform_id"]])).mappings().first()
        if marked:
            values: dict[str, Any] = {"charged": marked["charged"] or row["charged"]}
            if RANKS[row["delivery"]] > RANKS.get(marked["delivery"] or "", 0):
                values |= {name: row[name] for name in ("delivery", "delivery_at", "delivery_reason")}
            connection.execute(update(outbox).where(outbox.c.id == marked["id"]).values(values))
            if "delivery" in values:
                ledger_late.reported(connection, marked, row["delivery"], row["delivery_reason"], row["delivery_at"])
    connection.execute(early_deliveries.delete().where(*where))


def catch_up_missed(connection: Connection, *, limit: int) -> int:
    """Reports that were written in the same moment as the mark they belong to, so that neither saw the other; returns how many."""
    early = early_deliveries.c
    same = (outbox.c.source == early.source) & (outbox.c.platform_id == early.platform_id)
    missed = connection.execute(
        select(early.source, early.platform_id, outbox.c.id).join(outbox, same).limit(limit)
    ).all()
    for source, platform_id, key in missed:
        catch_up(connection, source, {platform_id: key})
    return len(missed)


def delete_early(connection: Connection, *, before: datetime, limit: int) -> int:
    """Deletes a small batch of reports about messages that nobody has marked since; returns how many."""
    waiting = early_deliveries.c
    old = connection.execute(
        select(waiting.source, waiting.platform_id).where(waiting.noted_at < before).limit(limit)
    ).all()
    for source, platform_id in old:
        connection.execute(
            early_deliveries.delete().where(waiting.source == source, waiting.platform_id == platform_id)
        )
    return len(old)
