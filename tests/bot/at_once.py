"""Work on a database from a test that runs no loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from storage.database import Database


def at_once(url: str, work: Callable[[Database], Awaitable[Any]]) -> Any:
    """Opens the database, does the work, and closes it."""

    async def go() -> Any:
        database = Database(url)
        try:
            return await work(database)
        finally:
            await database.close()

    return asyncio.run(go())
