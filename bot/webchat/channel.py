"""The web chat as a channel: its page, its HTTP interface, and replies that wait in the outbox until the page asks."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.routing import BaseRoute

from bot.channel import Accepted, Outcome, Receive
from bot.settings import TRUSTED_PROXIES
from bot.wake import Wake
from bot.webchat import receive as http
from bot.webchat.origin import Origins
from bot.webchat.page import Page
from bot.webchat.replies import ACCOUNT, CHANNEL, Reader
from handlers.messages import Reply
from storage.database import Database


class WebChat:
    """The one web chat of a Pandu. The address of a chat is the hash of its session."""

    name = CHANNEL
    account = ACCOUNT
    rate = 0.0  # pages fetch; nobody limits us

    def __init__(self, database: Database, wake: Wake, *, trusted_proxies: Sequence[str] = TRUSTED_PROXIES) -> None:
        """Reads replies from `database`; `wake` tells other processes of new ones; `trusted_proxies`: not limited as if they were people."""
        self._origins = Origins(trusted_proxies)
        self._reader = Reader(database, wake)

    def routes(self, receive: Receive) -> Sequence[BaseRoute]:
        """The page and its interface."""
        return [*Page().routes(), *http.routes(receive, self._reader, self._origins)]

    async def poll(self, receive: Receive) -> None:
        """Nothing to fetch: pages push."""

    async def send(self, address: str, reply: Reply, *, lane: int, key: int) -> Outcome:
        """Wakes the pages of this chat; the reply is theirs as soon as they ask, now or when the signal is back."""
        self._reader.handed(address, key)
        return Accepted(str(key))

    def stop(self) -> None:
        """Ends the waiting of all pages, so that the web server can stop at once."""
        self._reader.stop()

    async def close(self) -> None:
        """Ends what still waits."""
        self._reader.stop()
