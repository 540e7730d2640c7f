"""A message that Meta had taken and could not deliver: the same table decides as for refusals at once (platform-rules 0.4, 2.8)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from sqlalchemy import Connection

from bot import consequences
from bot.channel import Down, Outcome, Retry, Shut, Throttled
from bot.whatsapp import pictures
from bot.whatsapp.outcomes import PAIR, Refusal, outcome
from storage import ledger_late, outbox, outcomes
from storage.deliveries import Noted

log = structlog.get_logger()

AGAIN: Final = timedelta(seconds=30)
PAIR_AGAIN: Final = timedelta(seconds=16)  # 4^2: that it was told late says that the pace is far off
MAX_ATTEMPTS: Final = 4  # of sending one message anew, over all its copies


def failed(connection: Connection, noted: Noted, now: datetime) -> None:
    """What follows from a `failed` status, in its transaction: a fresh copy goes out, or the message is closed with its reason."""
    row, report = dict(noted.message) if noted.message is not None else None, noted.report
    meaning = outcome(Refusal(report.code if report.code is not None else -1, _words(report.reason)))
    log.warning("whatsapp could not deliver", message=row["id"] if row else None, code=report.code)
    if row is None:  # ours has not been marked yet, or was deleted since: only what concerns everyone counts
        return
    consequences.draw(connection, row["source"], row, meaning, now)
    pictures.failed(connection, row, report.code)
    if row["state"] not in ("accepted", "sending", "unknown", "pending"):
        return
    wait = _again(meaning, row)
    reason = report.reason or "not delivered"
    if wait is None:
        outcomes.close(connection, row["id"], reason, now)
    else:
        outcomes.close(connection, row["id"], f"sent anew: {reason}", now)
        copy = outbox.copy(connection, row, not_before=now + wait, now=now)
        ledger_late.sent_anew(connection, row, copy, now)


def _words(reason: str | None) -> str:
    """Without the code, which the refusal shows itself."""
    return (reason or "no reason given").partition(": ")[2] or (reason or "no reason given")


def _again(meaning: Outcome, row: Mapping[str, Any]) -> timedelta | None:
    """After how long a copy goes out; None where none may."""
    if row["attempts"] >= MAX_ATTEMPTS:
        return None
    match meaning:
        case Throttled(scope="lane"):
            return None
        case Throttled(seconds=seconds):
            return PAIR_AGAIN if seconds == PAIR else timedelta(seconds=seconds)
        case Retry():
            return AGAIN
        case Shut():
            return timedelta(0)  # the gate makes a template of it, or holds it
        case Down() if row["lane"] == outbox.REPLIES:
            return consequences.DOWN_PAUSE
    return None
