"""The sending half of Pandu in a process of its own, for `pandu bench broadcast`: python -m benchmarks.broadcast_engine '{"url": …}'.

Its clock stands at noon, whenever it is run: nothing proactive goes out at night. Prints JSON when the campaign is done.
"""

from __future__ import annotations

import asyncio
import json as js
import random
import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from itertools import pairwise
from typing import Any

import psutil
from sqlalchemy import Connection

from bot import settings
from bot.broadcast import Broadcast, Rules
from bot.channel import Accepted, Outcome
from bot.receiver import Receiver
from bot.sender import Sender
from bot.telegram.send import TelegramChannel
from bot.wake import Wake
from bot.worker import Worker
from handlers import catalogue
from handlers.messages import Inbound, Kind, Reply
from handlers.turn import ZONES
from storage import campaigns
from storage.database import Database, database_now
from tests.fakes.telegram import TOKEN

REPLIES_PER_SECOND = 20.0
ACCOUNT = TOKEN.partition(":")[0]
SOURCE = f"telegram:{ACCOUNT}"
_QUESTION = "insentif saya belum cair"
_TALKERS = 400  # chats that write meanwhile; their addresses stand above all recipients'
FIRST_TALKER = 900_000_000

Point = tuple[float, float, int]  # seconds since the start, memory in MiB, messages sent


def at_noon() -> Callable[[Connection], datetime]:
    """The database's clock, moved so that it is noon in Jakarta now."""
    moment = datetime.now(ZONES["WIB"])
    moved = moment.replace(hour=12, minute=0) - moment
    return lambda connection: database_now(connection) + moved


class AtOnce:
    """A client that answers at once and remembers to whom, in a byte each."""

    name, account = "telegram", ACCOUNT

    def __init__(self, recipients: int, rate: float) -> None:
        self.rate = rate
        self.times = bytearray(recipients + 1)
        self.sent = 0

    async def send(self, address: str, reply: Reply, *, lane: int, key: int) -> Outcome:
        """Yes."""
        await asyncio.sleep(0)
        if lane:
            self.times[int(address)] += 1
            self.sent += 1
        return Accepted(str(key))


class Talk:
    """People who ask something meanwhile, and how long they wait."""

    def __init__(self, receiver: Receiver, clock: Callable[[Connection], datetime], database: Database) -> None:
        self._receiver, self._clock, self._database = receiver, clock, database
        self._asked: dict[str, float] = {}
        self.waited: list[float] = []

    def hear(self, address: str) -> None:
        """An answer leaves."""
        if since := self._asked.pop(address, None):
            self.waited.append(time.monotonic() - since)

    async def run(self) -> None:
        """Asks until cancelled."""
        chance, number = random.Random(7), 0
        while True:
            number += 1
            address = str(FIRST_TALKER + chance.randrange(_TALKERS))
            now = await self._database.read(self._clock)
            self._asked.setdefault(address, time.monotonic())
            event = Inbound(
                channel="telegram",
                account=ACCOUNT,
                event_id=f"{time.monotonic_ns()}",
                chat=address,
                sender=address,
                kind=Kind.TEXT,
                sent_at=now,
                text=_QUESTION,
            )
            await self._receiver.receive([event])
            await asyncio.sleep(1 / REPLIES_PER_SECOND)


async def run(wish: dict[str, Any]) -> dict[str, Any]:
    """Sends one campaign to its end; what it measured."""
    database, clock = Database(wish["url"]), at_noon()
    wake = Wake(database)
    made: Any = AtOnce(wish["recipients"], wish["rate"])
    if wish.get("api"):
        made = TelegramChannel(TOKEN, api=wish["api"], rate=wish["rate"])
    talk = Talk(Receiver(database, wake, clock=clock), clock, database)
    send = made.send

    async def heard(address: str, reply: Reply, *, lane: int, key: int) -> Outcome:
        if not lane:
            talk.hear(address)
        outcome: Outcome = await send(address, reply, lane=lane, key=key)
        return outcome

    made.send = heard
    sender = Sender(database, made, wake, clock=clock)
    rules = Rules(ramp_minutes=0, failure_rate=1, block_rate=1)
    cast = Broadcast(database, {SOURCE: wish["rate"]}, catalogue.load, wake, rules=rules, clock=clock)
    loops = [sender.run(), cast.run(), wake.listen()]
    if wish.get("talk"):
        from bot import app  # the understanding takes seconds to load, and only answering needs it

        own = settings.load({"PANDU_DATABASE_URL": wish["url"], "PANDU_SECRET_KEY": "benchmark" * 5})
        loops += [Worker(database, app.parts(own), wake, clock=clock).run(), talk.run()]
    tasks = [asyncio.create_task(loop) for loop in loops]
    began, busy = time.monotonic(), time.process_time()
    points: list[Point] = []
    while (await database.read(partial(campaigns.get, campaign_id=wish["campaign"])))["state"] == "running":
        await asyncio.sleep(0.2)
        rss = psutil.Process().memory_info().rss / 2**20
        points.append((time.monotonic() - began, rss, getattr(made, "sent", 0)))
    seconds = time.monotonic() - began
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    found: dict[str, Any] = {"seconds": seconds, "cpu_s": round(time.process_time() - busy, 2), **over_time(points)}
    waited = sorted(talk.waited)
    found["reply_p95_ms"] = round(waited[int(len(waited) * 0.95)] * 1000, 1) if waited else None
    if isinstance(made, AtOnce):
        found |= {"repeated": sum(max(0, n - 1) for n in made.times), "reached": sum(n > 0 for n in made.times)}
    await database.close()
    return found


def over_time(points: Sequence[Point]) -> dict[str, Any]:
    """Memory and speed in each tenth of the time: what grows with the audience shows here."""
    last = [points[(len(points) - 1) * tenth // 10] for tenth in range(11)]
    rates = [(b[2] - a[2]) / (b[0] - a[0]) for a, b in pairwise(last) if b[0] > a[0]]
    return {
        "rss_mb": round(max(rss for _, rss, _ in points), 1),
        "rss_after_5s_mb": round(next((rss for at, rss, _ in points if at > 5), points[-1][1]), 1),
        "rss_over_time_mb": [round(rss) for _, rss, _ in last],
        "sends_per_s_over_time": [round(rate) for rate in rates],
    }


def main() -> None:
    """The wish stands in the first argument, as JSON."""
    print(js.dumps(asyncio.run(run(js.loads(sys.argv[1])))), flush=True)


if __name__ == "__main__":
    main()
