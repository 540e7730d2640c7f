"""The own poll loop: the offset moves only after the events are committed. One poller per bot; the caller elects it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import structlog
from aiogram import Bot
from aiogram.exceptions import (
    AiogramError,
    TelegramConflictError,
    TelegramNotFound,
    TelegramRetryAfter,
    TelegramUnauthorizedError,
)

from bot.channel import Unavailable
from bot.telegram import limits
from bot.telegram.client import CONNECT_SECONDS, RawUpdates
from bot.telegram.receive import update_id

log = structlog.get_logger()

SHORTEST_WAIT: Final = 0.5
LONGEST_WAIT: Final = 10.0

Take = Callable[[Sequence[Any]], Awaitable[None]]
Sleep = Callable[[float], Awaitable[object]]


class Poller:
    """Fetches updates until cancelled."""

    def __init__(
        self, bot: Bot, take: Take, *, seconds: int = limits.POLL_SECONDS, sleep: Sleep = asyncio.sleep
    ) -> None:
        """`take` stores updates and returns once they are committed, or raises `Unavailable`."""
        self._bot = bot
        self._take = take
        self._seconds = seconds
        self._sleep = sleep
        self._failures = 0
        self.offset: int | None = None

    async def run(self) -> None:
        """Never ends by itself and never raises for anything that the platform or the database does."""
        while True:
            try:
                await self._once()
                self._failures = 0
            except Unavailable:
                await self._wait("telegram poll: database unavailable, asking again with the same offset")
            except (TelegramUnauthorizedError, TelegramNotFound):
                await self._wait("telegram poll: 401, the token is not valid; check PANDU_TELEGRAM_TOKEN", error=True)
            except TelegramConflictError as conflict:
                await self._wait(f"telegram poll: 409, {_conflict(conflict.message)}", error=True)
            except TelegramRetryAfter as throttled:
                await self._wait("telegram poll: 429", least=float(throttled.retry_after))
            except (AiogramError, OSError) as error:
                await self._wait("telegram poll: no connection", reason=type(error).__name__)
            except Exception as error:
                log.exception("telegram poll: failed, asking again with the same offset")
                await self._wait("telegram poll: failed", error=True, reason=type(error).__name__)

    async def _once(self) -> None:
        ask = RawUpdates(offset=self.offset, timeout=self._seconds, allowed_updates=list(limits.ALLOWED_UPDATES))
        updates = await self._bot(ask, request_timeout=int(self._seconds + CONNECT_SECONDS))
        if updates:
            await self._take(updates)
        # An empty answer has confirmed the offset; it is forgotten, since after a week of silence numbers start anew at
        # random (https://core.telegram.org/bots/api#update).
        numbers = [number for update in updates if (number := update_id(update)) is not None]
        self.offset = max(numbers) + 1 if numbers else None

    async def _wait(self, what: str, *, least: float = 0.0, error: bool = False, **values: object) -> None:
        """Twice as long each time, between 0.5 and 10 s, with jitter so that many bots do not come back at once."""
        longest = min(LONGEST_WAIT, SHORTEST_WAIT * 2.0**self._failures)
        self._failures = min(self._failures + 1, 10)
        seconds = max(least, longest * random.uniform(0.5, 1.0))  # noqa: S311
        seconds = max(SHORTEST_WAIT, seconds)
        (log.error if error else log.warning)(what, wait=round(seconds, 2), **values)
        await self._sleep(seconds)


def _conflict(description: str) -> str:
    if "webhook" in description.lower():
        return "a webhook is set; run `pandu telegram setup` with PANDU_TELEGRAM_MODE=polling"
    return "another process polls with this token; stop one of them"
