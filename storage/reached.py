"""Whom announcements have reached before: for a series that each person gets once, and for the condition `got` of a filter.

A repeated announcement and all that follow it are one series, named by the key of its first one. A person is a chat, every
other chat that is linked to the same record, and every other chat with the same vouched number.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, case, func, or_, select

from storage.schema import campaign_recipients, campaigns, identities, links

NOT_HAD: Final = ("skipped", "cancelled", "failed")
GOT: Final = ("accepted", "delivered", "read", "unknown")  # of `unknown` it may be so, and once more would be worse
HAD_IT: Final = "had_it"
_WIB: Final = timezone(timedelta(hours=7))  # by whose days the operators count

_rows, _of = campaign_recipients.alias("before"), campaigns.alias("earlier")
# A report that somebody has read it moves the row's moment, but none was sent after its announcement had ended.
_sent = case((_of.c.ended_at < _rows.c.at, _of.c.ended_at), else_=_rows.c.at)


def root(campaign: Mapping[Any, Any]) -> int:
    """The key of a campaign's series."""
    return int(campaign["series_id"] or campaign["id"])


def names(connection: Connection) -> dict[str, int]:
    """Every announcement's name → its series."""
    row = campaigns.c
    found = connection.execute(select(row.name, func.coalesce(row.series_id, row.id)))
    return {name: int(series) for name, series in found}


def titles(connection: Connection) -> dict[int, str]:
    """Every series → the name of its first announcement, the newest first."""
    row = campaigns.c
    found = connection.execute(select(row.id, row.name).where(row.series_id.is_(None)).order_by(row.id.desc()))
    return {int(key): name for key, name in found}


def had(chat: ColumnElement[Any], series: int, campaign_id: int) -> ColumnElement[bool]:
    """Whether the chat's person has, or is still to get, another announcement of this series."""
    return _before(chat, series, _of.c.id != campaign_id, _rows.c.state.not_in(NOT_HAD))


def got(
    chat: ColumnElement[Any],
    series: int,
    now: datetime,
    *,
    within_days: int | None = None,
    before_days: int | None = None,
) -> ColumnElement[bool]:
    """Whether an announcement of this series has reached the chat's person: not longer ago, and at least so long ago.

    Days are those of the calendar: what leaves at nine and a minute is three days old at nine on the third day after it.
    """
    today = now.astimezone(_WIB).replace(hour=0, minute=0, second=0, microsecond=0)
    when = [] if within_days is None else [_sent >= today - timedelta(days=within_days)]
    when += [] if before_days is None else [_sent < today - timedelta(days=before_days - 1)]
    return _before(chat, series, _rows.c.state.in_(GOT), *when)


def _before(chat: ColumnElement[Any], series: int, *what: ColumnElement[bool]) -> ColumnElement[bool]:
    """Each of the three looks goes by an index, from the chat to its few rows of the ledger (chat_id, campaign_id)."""
    of_series = or_(_of.c.id == series, _of.c.series_id == series)
    ledger = select(_rows.c.n).join(_of, _of.c.id == _rows.c.campaign_id).where(of_series, *what)
    link, other_link = links.alias("link"), links.alias("other_link")
    same_record = (
        select(other_link.c.chat_id)
        .join(link, link.c.participant_id == other_link.c.participant_id)
        .where(link.c.chat_id == chat, link.c.ended_at.is_(None), other_link.c.ended_at.is_(None))
    )
    phone, other_phone = identities.alias("phone"), identities.alias("other_phone")
    vouched = (*(one.c.kind == "phone" for one in (phone, other_phone)), phone.c.vouched, other_phone.c.vouched)
    same_number = (
        select(other_phone.c.chat_id)
        .join(phone, phone.c.value == other_phone.c.value)
        .where(phone.c.chat_id == chat, *vouched)
    )
    return or_(
        ledger.where(_rows.c.chat_id == chat).exists(),
        ledger.where(_rows.c.chat_id.in_(same_record.correlate_except(link, other_link))).exists(),
        ledger.where(_rows.c.chat_id.in_(same_number.correlate_except(phone, other_phone))).exists(),
    )
