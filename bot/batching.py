"""Group commit: concurrent calls share one flush. While one flush runs, the next one gathers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

I = TypeVar("I")  # noqa: E741
O = TypeVar("O")  # noqa: E741


class Batcher(Generic[I, O]):
    """Collects items and hands them to `flush` in lists of at most `limit`; each caller gets its own result or the flush's exception."""

    def __init__(self, flush: Callable[[Sequence[I]], Awaitable[Sequence[O]]], *, limit: int = 250) -> None:
        """`flush` returns one result for each item, in order."""
        self._flush = flush
        self._limit = limit
        self._waiting: list[tuple[I, asyncio.Future[O]]] = []
        self._task: asyncio.Task[None] | None = None

    async def submit(self, item: I) -> O:
        """Waits until the item's flush has returned."""
        future: asyncio.Future[O] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        return await future

    async def _run(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[: self._limit], self._waiting[self._limit :]
            try:
                results = await self._flush([item for item, _ in batch])
            except Exception as error:
                for _, future in batch:
                    if not future.done():
                        future.set_exception(error)
                continue
            for (_, future), result in zip(batch, results, strict=True):
                if not future.done():
                    future.set_result(result)
