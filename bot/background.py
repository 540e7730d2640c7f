"""What happens without anybody writing, for conversations in YAML: time passes, the operator imports a file, reminders and notices go out."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from bot.effects import Parts
from bot.exchange.importer import run
from bot.exchange.staging import open_source
from bot.notices import Notices
from bot.queue_notices import QueueNotices
from bot.reminders import Reminders
from bot.terminal.session import Session
from bot.wake import Wake
from handlers.messages import Reply
from handlers.turn import ZONES


async def by_itself(session: Session, parts: Parts) -> list[Reply]:
    """What Pandu sends of its own accord at the session's time."""
    now = session.now or datetime.now(UTC)
    for job in (Reminders, Notices, QueueNotices):
        await job(session.database, lambda: parts.catalogue, Wake(session.database), clock=lambda _: now).run_once()
    await session.settle()
    return session.heard()


async def imported(session: Session, parts: Parts, kind: str, lines: Sequence[str]) -> None:
    """Takes rows as `pandu import` does, with data of the session's time; raises ValueError where a row is refused."""
    now = session.now or datetime.now(UTC)
    with tempfile.TemporaryDirectory(prefix="pandu-import-") as folder:
        path = Path(folder) / f"{kind}.csv"
        path.write_text("\n".join(lines), encoding="utf-8")
        today = now.astimezone(ZONES["WIB"]).date()
        source = open_source(path, kind, today=today, lookup_key=parts.policy.lookup_key)
        outcome = await run(
            session.database, source, as_of=now, report_to=None, tell=lambda phase, done: None, clock=lambda _: now
        )
    if outcome.refused:
        raise ValueError(f"import {kind}: refused {outcome.first_refused}")
