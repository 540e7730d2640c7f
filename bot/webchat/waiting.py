"""Pages that wait for a reply, by the address of their chat."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from bot.webchat import limits


@dataclass(slots=True, eq=False)
class Waiter:
    """One page that waits."""

    event: asyncio.Event = field(default_factory=asyncio.Event)
    over: bool = False  # it must not wait any longer: the service stops, or newer pages of the session took its place

    async def wait(self, seconds: float) -> None:
        """Returns when woken, at the latest after `seconds`."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.event.wait(), seconds)

    def end(self) -> None:
        """No more waiting."""
        self.over = True
        self.event.set()


class Waiters:
    """All waiting pages of this process."""

    def __init__(self) -> None:
        self._by_address: dict[str, list[Waiter]] = {}
        self._count = 0

    def __len__(self) -> int:
        """How many pages wait."""
        return self._count

    @contextlib.contextmanager
    def waiting(self, address: str) -> Iterator[Waiter]:
        """A place for one page; where a session has too many, the oldest one ends."""
        waiter = Waiter()
        places = self._by_address.setdefault(address, [])
        places.append(waiter)
        self._count += 1
        for older in places[: -limits.WAITERS_PER_SESSION]:
            older.end()
        try:
            yield waiter
        finally:
            places.remove(waiter)
            self._count -= 1
            if not places:
                self._by_address.pop(address, None)

    def wake(self, address: str) -> None:
        """There may be something for this chat."""
        for waiter in self._by_address.get(address, ()):
            waiter.event.set()

    def addresses(self) -> list[str]:
        """The chats somebody waits for."""
        return list(self._by_address)

    def end_all(self) -> None:
        """Nobody waits any longer."""
        for waiters in self._by_address.values():
            for waiter in waiters:
                waiter.end()
