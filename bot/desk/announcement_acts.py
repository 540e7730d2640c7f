"""What an operator does with an announcement that goes out or is over. Every deed is written down with who did it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection
from starlette.responses import Response

from bot.desk import announcement_live
from bot.desk.announcement_words import undone
from bot.desk.visit import Visit
from storage import campaign_run, campaigns
from storage.database import database_now

_RETRIED = ("failed", "unknown", "skipped")
_SETTLED = ("accepted", "failed")


async def pause(visit: Visit) -> Response:
    """Stops it at the row where it is."""
    return await _do(visit, "pause", campaign_run.pause)


async def resume(visit: Visit) -> Response:
    """Goes on where it stood."""
    return await _do(visit, "resume", campaign_run.resume)


async def cancel(visit: Visit) -> Response:
    """Ends it for good; only who says so twice."""
    if not visit.sent.get("sure"):
        return await announcement_live.page(visit, status=422, problem=undone(visit, "sure"))
    return await _do(visit, "cancel", campaign_run.cancel)


async def retry(visit: Visit) -> Response:
    """Tries those of a state, or of one reason of it, again; of `unknown` only who knows that somebody may get it twice."""
    state, _, reason = visit.sent.get("which", "").partition(":")
    if state not in _RETRIED or (state == "skipped" and not reason):
        return await announcement_live.page(visit, status=422, problem=undone(visit, "choice"))
    if state == "unknown" and not visit.sent.get("sure"):
        return await announcement_live.page(visit, status=422, problem=undone(visit, "sure"))

    def work(connection: Connection, key: int, **by: Any) -> int:
        return _some(campaign_run.retry(connection, key, state, reason or None, whole=True, **by))

    return await _do(visit, "retry", work)


async def settle(visit: Visit) -> Response:
    """Says what became of sends that were cut, without sending again."""
    state = visit.sent.get("as", "")
    if state not in _SETTLED:
        return await announcement_live.page(visit, status=422, problem=undone(visit, "choice"))
    return await _do(visit, "settle", lambda c, key, **by: _some(campaign_run.settle_unknown(c, key, state, **by)))


class _NobodyError(ValueError):
    """It would have been done to nobody."""


def _some(count: int) -> int:
    if not count:
        raise _NobodyError
    return count


async def _do(visit: Visit, step: str, act: Callable[..., Any]) -> Response:
    key = visit.number("id")

    def work(connection: Connection) -> bool:
        if campaigns.get(connection, key) is None:
            return False
        act(connection, key, actor=visit.actor, now=database_now(connection))
        return True

    try:
        found = await visit.write(work, sends=True)
    except ValueError as error:
        visit.desk.counts.forget(("tally", key))
        why = undone(visit, "none" if isinstance(error, _NobodyError) else step)
        return await announcement_live.page(visit, status=409, problem=why)
    for counted in ("tally", "after"):
        visit.desk.counts.forget((counted, key))
    return visit.go(f"/announcements/{key}", done=f"announcement_{step}") if found else visit.missing()
