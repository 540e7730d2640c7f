"""Enforces how long what is kept (`storage.privacy_rules`), in small batches, and counts it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

import structlog

from bot import metrics
from storage import retention
from storage.database import Database

log = structlog.get_logger()

_BATCH = 500
_PAUSE_SECONDS = 0.05


async def enforce(database: Database, *, tell: Callable[[str, int], None] = lambda name, done: None) -> dict[str, int]:
    """Deletes everything that is over; returns how many rows by table. Others write between the batches."""
    now = await database.now()
    gone: dict[str, int] = {}
    for name in retention.names():
        while done := await database.write(partial(retention.delete, name=name, now=now, limit=_BATCH)):
            gone[name] = gone.get(name, 0) + done
            metrics.retained.add(done, name)
            tell(name, done)
            if done < _BATCH:
                break
            await asyncio.sleep(_PAUSE_SECONDS)
    if gone:
        log.info("deleted after its time", **gone)
    return gone
