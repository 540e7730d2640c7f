"""Statuses of what we sent → delivery reports, and their way into the database: grouped, and one by one when a group fails.

https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages/status
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final

import structlog
from sqlalchemy import Connection

from bot import metrics
from bot.batching import Batcher
from bot.channel import Unavailable
from bot.receiver import Clock
from bot.whatsapp.content import part, words
from bot.whatsapp.people import bsuid_of
from storage import addresses, deliveries
from storage.database import Database, database_now, is_outage
from storage.deliveries import Noted, Report

log = structlog.get_logger()

Failure = Callable[[Connection, Noted, datetime], None]
"""What follows from a `failed` report, in its transaction; the report's `code` decides (bot/whatsapp/outcomes.py)."""

_ID_CHARACTERS: Final = 160
_KEY_DIGITS: Final = 18  # of our outbox id: a 64-bit number


def read_status(status: Mapping[str, Any], time_of: Callable[[Any], datetime]) -> Report | str:
    """A report, or why the status is ignored."""
    platform_id, delivery = status.get("id"), status.get("status")
    if not isinstance(platform_id, str) or not platform_id or words(platform_id)[:_ID_CHARACTERS] != platform_id:
        return "status without id"
    if not isinstance(delivery, str) or delivery not in deliveries.RANKS:
        return "unknown status"
    code, reason = _fault(status)
    category, billable = _price(status.get("pricing"))
    return Report(
        platform_id=platform_id,
        delivery=delivery,
        at=time_of(status.get("timestamp")),
        key=_key(status.get("biz_opaque_callback_data")),
        reason=reason,
        code=code,
        category=category,
        billable=billable,
        bsuid=bsuid_of(status.get("recipient_user_id")),
    )


def _key(value: Any) -> int | None:
    plain = isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _KEY_DIGITS
    return int(value) if plain else None


def _fault(status: Mapping[str, Any]) -> tuple[int | None, str | None]:
    """Code and words of the first error; the code decides, never the title (platform-rules 2.8)."""
    errors = status.get("errors")
    first = errors[0] if isinstance(errors, list) and errors else None
    code = part(first, "code")
    if not isinstance(code, int) or isinstance(code, bool):
        return None, None
    told = words(part(first, "error_data", "details")) or words(part(first, "title")) or words(part(first, "message"))
    return code, f"{code}: {told}"[:200]


def _price(pricing: Any) -> tuple[str | None, bool]:
    """(category, billable). `billable` is going away: then the type says it (regular, free_customer_service …)."""
    category = words(part(pricing, "category")).replace("-", "_")[:40]
    billable = part(pricing, "billable")
    if not isinstance(billable, bool):
        billable = part(pricing, "type") == "regular"
    return category or None, billable


class Statuses:
    """Stores reports; concurrent calls share a transaction."""

    def __init__(
        self, database: Database, source: str, *, on_failed: Failure | None = None, clock: Clock = database_now
    ) -> None:
        """`source`: "whatsapp:<number id>"."""
        self._database = database
        self._source = source
        self._on_failed = on_failed
        self._clock = clock
        self._batcher: Batcher[Sequence[Report], None] = Batcher(self._store)

    async def take(self, reports: Sequence[Report]) -> None:
        """Returns when all are committed; raises `Unavailable` when the database cannot take them now."""
        if reports:
            await self._batcher.submit(reports)

    async def _store(self, groups: Sequence[Sequence[Report]]) -> Sequence[None]:
        reports = [report for group in groups for report in group]
        try:
            await self._database.write(partial(self._record, reports))
        except Exception as error:
            if is_outage(error):
                metrics.unavailable.add(len(reports))
                log.error("statuses cannot be stored", reason=type(error).__name__)
                raise Unavailable from error
            await self._one_by_one(reports)
        for report in reports:
            metrics.deliveries.add(1, "whatsapp", report.delivery)
        return [None] * len(groups)

    async def _one_by_one(self, reports: Sequence[Report]) -> None:
        """One bad report must not take the others with it; alone, it is counted and let go."""
        for report in reports:
            try:
                await self._database.write(partial(self._record, [report]))
            except Exception as error:
                if is_outage(error):
                    raise Unavailable from error
                metrics.rejected.add(1)
                log.error("status rejected", reason=type(error).__name__)

    def _record(self, reports: Sequence[Report], connection: Connection) -> None:
        now = self._clock(connection)
        for noted in deliveries.record(connection, self._source, reports, now):
            if noted.message is not None and noted.report.bsuid:
                addresses.learn(connection, noted.message["chat_id"], noted.report.bsuid, now)
            if noted.report.delivery == "failed" and self._on_failed:
                self._on_failed(connection, noted, now)
