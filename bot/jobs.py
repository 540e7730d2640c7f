"""What is done by the clock, by one process of many: each line a job with its name, what it does once, and how often (seconds)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from bot import pack, tidy
from bot.figures import Counting
from bot.notices import Notices
from bot.privacy import keeping, ledger
from bot.queue_notices import QueueNotices
from bot.reminders import Reminders
from bot.settings import Settings
from bot.similar import SimilarPeople
from bot.training import Trainer
from bot.wake import Wake
from handlers.catalogue import Catalogue
from storage.database import Database


class Job(NamedTuple):
    """One of them; `once` may raise, the next round tries again."""

    name: str
    once: Callable[[], Awaitable[object]]
    seconds: float


def jobs(settings: Settings, database: Database, content: Callable[[], Catalogue], wake: Wake) -> tuple[Job, ...]:
    """All of them; `content` gives the present catalogue."""
    return (
        Job("reminders", Reminders(database, content, wake).run_once, 300),
        Job("notices", Notices(database, content, wake).run_once, 300),
        Job("queue", QueueNotices(database, content, wake).run_once, 1),
        Job("similar", SimilarPeople(database, wanted=settings.similar).run_once, 600),
        Job("figures", Counting(database).run_once, 60),
        Job("training", Trainer(database, pack.of(settings)).run_once, 5),
        Job("erasures", partial(ledger.keep, database, Path(settings.erasures_file)), 5),
        Job("retention", partial(keeping.enforce, database), 3600),
        Job("tidy", partial(tidy.once, database), 60),
    )
