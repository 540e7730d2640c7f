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

from storage import charges
from storage.inbox import insert_for
from storage.schema import early_deliveries, outbox

RANKS: Mapping[str, int] = {"sent": 1, "delivered": 2, "read": 3, "played": 4, "failed": 5}
"""Written only where the new one is higher; `failed` is final (platform-rules 2.2)."""

CHANNELS = ("whatsapp", "sms")
"""Channels whose platforms report; the others' marks look for no early report."""

_ARRIVED = ("delivered", "read", "played")  # billing is per delivered message (platform-rules 2.6)
_PERHAPS_SENT = ("pending", "sending", "unknown")


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
    """Writes reports of a channel account; returns those that were news. Rows are locked in the order of their ids."""
    by_key, by_platform = _messages(connection, source, reports)
    unknown: list[Report] = []
    noted: list[Noted] = []
    current: dict[int, dict[str, Any]] = {}
    for report in reports:
        row = by_key.get(report.key or 0) or by_platform.get(report.platform_id)
        if row is None:
            unknown.append(report)
            continue
        before = current.setdefault(row["id"], dict(row))
        values = _news(source, before, report, connection)
        if values:
            connection.execute(update(outbox).where(outbox.c.id == row["id"]).values(**values, **_sent(before, report)))
            before.update(values)
        if "delivery" in values:
            noted.append(Noted(report=report, message=row))
    return noted + [Noted(report=r, message=None) for r in unknown if _keep(connection, source, r, now)]


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


def _news(source: str, before: Mapping[str, Any], report: Report, connection: Connection) -> dict[str, Any]:
    """The columns that change: delivery only upwards, the price once."""
    values: dict[str, Any] = {}
    if RANKS[report.delivery] > RANKS.get(before["delivery"] or "", 0):
        reason = report.reason[:200] if report.reason else None
        values = {"delivery": report.delivery, "delivery_at": report.at, "delivery_reason": reason}
    if report.category and report.delivery in _ARRIVED and not before["charged"]:
        charges.add(connection, source, category=report.category, at=report.at, billable=int(report.billable))
        values["charged"] = True
    return values


def _sent(before: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """What a report proves about the send itself: who died before marking it, or was cut off, need not send again."""
    values: dict[str, Any] = {} if before["platform_id"] else {"platform_id": report.platform_id}
    if report.delivery != "failed" and before["attempts"] and before["state"] in _PERHAPS_SENT:
        values |= {"state": "accepted", "owner": None, "done_at": report.at}
    return values


# -- reports that came too early ----------------------------------------------------------------------------------


def _keep(connection: Connection, source: str, report: Report, now: datetime) -> bool:
    where = (early_deliveries.c.source == source, early_deliveries.c.platform_id == report.platform_id)
    found = connection.execute(select(early_deliveries).where(*where).with_for_update()).mappings().first()
    before: dict[str, Any] = dict(found) if found else {"delivery": None, "charged": False}
    values = _news(source, before, report, connection)
    if found and values:
        connection.execute(update(early_deliveries).where(*where).values(values))
    elif not found:
        row = {"source": source, "platform_id": report.platform_id, "charged": False, "noted_at": now, **values}
        connection.execute(insert_for(connection)(early_deliveries).on_conflict_do_nothing().values(row))
    return "delivery" in values


def catch_up(connection: Connection, source: str, sent: Mapping[str, int]) -> None:
    """Called with each mark of accepted sends (platform's id → outbox id): gives them the reports that came before."""
    waiting = early_deliveries.c
    where = (waiting.source == source, waiting.platform_id.in_(list(sent)))
    for row in connection.execute(select(early_deliveries).where(*where)).mappings().all():
        connection.execute(
            update(outbox)
            .where(outbox.c.id == sent[row["platform_id"]], outbox.c.delivery.is_(None))
            .values({name: row[name] for name in ("delivery", "delivery_at", "delivery_reason", "charged")})
        )
    connection.execute(early_deliveries.delete().where(*where))


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
