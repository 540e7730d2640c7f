"""Outbox → one channel account. Renews its lease and checks the owner right before each send, and marks each outcome."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog
from sqlalchemy import Connection

from bot import consequences, metrics
from bot.batching import Batcher
from bot.channel import (
    Accepted,
    Channel,
    Down,
    Failed,
    Gate,
    Go,
    Gone,
    Hold,
    Later,
    Outcome,
    Retry,
    Shut,
    Throttled,
    Unknown,
    announcing_rate,
    paid_rate,
)
from bot.consequences import DOWN_PAUSE
from bot.receiver import Clock
from bot.slots import Slots
from bot.wake import DESK, NET_SECONDS, OUTBOX, Wake
from handlers import links
from handlers.messages import Reply, reply_from_json
from storage import deliveries, holding, outbox, outcomes, sending
from storage.database import Database, database_now, is_outage

log = structlog.get_logger()

LEASE = timedelta(seconds=60)
IN_FLIGHT = 64
OWN_AUTHORS = ("bot", "reminder")
RESERVE = 0.2  # share of the budget that broadcasts never use
MAX_ATTEMPTS = 8
_LONGEST_BACKOFF = 300.0
_RECOVER_SECONDS = 10.0
_OUTAGE_PAUSE = 1.0
_CHECKED_SECONDS = 0.5  # how long a check holds: as long as a busy loop may take to get to the send
_DRAW_SECONDS = 0.1  # permits are drawn for this long at a time


class Sender:
    """Sends the messages of one channel account."""

    def __init__(
        self,
        database: Database,
        channel: Channel,
        wake: Wake,
        *,
        clock: Clock = database_now,
        chance: random.Random | None = None,
        link_hosts: Sequence[str] = (),
    ) -> None:
        """`chance` gives the jitter of retries; `link_hosts` are the operator's own that may stand in messages, and may be replaced."""
        self.link_hosts = tuple(link_hosts)
        self._database = database
        self._channel = channel
        self._wake = wake
        self._clock = clock
        self._chance = chance or random.Random()  # noqa: S311 - jitter, not secrecy
        self._token = secrets.token_hex(16)
        self._source = f"{channel.name}:{channel.account}"
        self._gate: Gate | None = getattr(channel, "gate", None)
        self._checks: Batcher[int, bool] = Batcher(self._check)
        self._marks: Batcher[tuple[Mapping[str, Any], Outcome], None] = Batcher(self._mark)
        self._sending: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()
        self._starved = False  # the budget allowed less than was due
        self._paid = paid_rate(channel)
        self._slots = Slots(self._paid or channel.rate)
        self._probing = False  # the account was down: one message at a time until one gets through

    def stop(self) -> None:
        """No new claims; `run` returns when what is in flight has ended."""
        self._stopping.set()
        self._wake.notify(OUTBOX)

    async def run(self) -> None:
        """Sends until `stop`; outlives outages of database and platform."""
        recover_at = 0.0
        loop = asyncio.get_running_loop()
        while not self._stopping.is_set():
            try:
                if loop.time() >= recover_at:
                    await self._database.write(self._recover)
                    recover_at = loop.time() + _RECOVER_SECONDS
                if not await self.claim_and_start():
                    await self._wake.wait(OUTBOX, _DRAW_SECONDS if self._starved else NET_SECONDS)
            except Exception as error:
                if is_outage(error):
                    log.error("database away", reason=type(error).__name__)
                else:
                    log.exception("sender failed", channel=self._channel.name)
                await asyncio.sleep(_OUTAGE_PAUSE)
        if self._sending:
            await asyncio.wait(self._sending)

    async def drain(self) -> int:
        """Sends all that may go now and waits for it; returns how many (for tests and the terminal)."""
        total = 0
        while count := await self.claim_and_start():
            total += count
            while self._sending:
                await asyncio.wait(self._sending)
        return total

    async def claim_and_start(self) -> int:
        """Claims what may go now and starts sending it; returns how many."""
        room = 1 - len(self._sending) if self._probing else IN_FLIGHT - len(self._sending)
        if room <= 0:
            await asyncio.wait(self._sending, return_when=asyncio.FIRST_COMPLETED)
            return 1
        rows, good, self._starved = await self._database.write(partial(self._claim, room))
        stale_at = asyncio.get_running_loop().time() + _CHECKED_SECONDS
        for row in rows:
            if row["id"] in good:
                task = asyncio.create_task(self._send(row, stale_at))
                self._sending.add(task)
                task.add_done_callback(self._sending.discard)
        return len(rows)

    async def _send(self, row: Mapping[str, Any], stale_at: float) -> None:
        """Sends a row checked in its claim's transaction; checks again when this process has slept since."""
        try:
            async with self._slots.slot(waits=row["lane"] == outbox.BROADCASTS):
                if asyncio.get_running_loop().time() > stale_at and not await self._checks.submit(row["id"]):
                    return
                if self._stopping.is_set():
                    await self._database.write(partial(outcomes.release, token=self._token, ids=[row["id"]]))
                    return
                outcome = self._refused(row) or await self._channel.send(
                    row["address"], self._reply(row), lane=row["lane"], key=row["id"]
                )
            metrics.sends.add(1, self._channel.name, type(outcome).__name__.lower())
            self._probing = isinstance(outcome, Down) or (self._probing and not isinstance(outcome, Accepted))
            if isinstance(outcome, Down):
                log.error("channel down", channel=self._channel.name, reason=outcome.reason)
            await self._marks.submit((row, outcome))
        except Exception as error:
            if not is_outage(error):
                log.exception("send failed", channel=self._channel.name, message=row["id"])
            # the row keeps its lease and is recovered when it runs out
        finally:
            self._wake.notify(OUTBOX)

    def _reply(self, row: Mapping[str, Any]) -> Reply:
        """The reply; what people wrote and we repeat (a report, a warning about a false site) never becomes a link."""
        reply = reply_from_json(row["payload"])
        text = links.defanged(reply.text, self.link_hosts)
        if reply.template:
            values = {key: links.defanged(value, self.link_hosts) for key, value in reply.template.values.items()}
            reply = replace(reply, template=replace(reply.template, values=values))
        return reply if text == reply.text else replace(reply, text=text)

    def _refused(self, row: Mapping[str, Any]) -> Outcome | None:
        """Agents and campaigns may send people only to allowed hosts."""
        if row["author"].partition(":")[0] in OWN_AUTHORS:
            return None
        bad = links.forbidden(row["payload"]["text"], self.link_hosts)
        return Failed(f"link to {bad[0]} is not allowed") if bad else None

    def _as_mark(self, row: Mapping[str, Any], outcome: Outcome, now: datetime) -> outcomes.Mark:
        """The table of outcomes (platform-rules 4)."""
        again = partial(outcomes.Mark, id=row["id"], state="pending")
        match outcome:
            case Accepted(platform_id=platform_id):
                return outcomes.Mark(id=row["id"], state="accepted", platform_id=platform_id)
            case Throttled(seconds=seconds, scope=scope):
                wait = timedelta(seconds=seconds if scope == "chat" else 0)
                return again(reason=f"throttled ({scope})", not_before=now + wait, refund_attempt=True)
            case Down(reason=reason):
                return again(reason=reason, not_before=now + DOWN_PAUSE, refund_attempt=True)
            case Unknown(reason=reason) if row["lane"] == outbox.BROADCASTS:
                return outcomes.Mark(id=row["id"], state="unknown", reason=reason)
            case Retry(reason=reason) | Unknown(reason=reason) | Shut(reason=reason):
                if row["attempts"] >= MAX_ATTEMPTS:
                    return outcomes.Mark(id=row["id"], state="failed", reason=f"given up: {reason}")
                return again(reason=reason, not_before=now + self._backoff(row["attempts"]))
            case Failed(reason=reason) | Gone(reason=reason):
                return outcomes.Mark(id=row["id"], state="failed", reason=reason)

    def _backoff(self, attempts: int) -> timedelta:
        return timedelta(seconds=min(2.0**attempts, _LONGEST_BACKOFF) * self._chance.uniform(0.5, 1.0))

    # -- the transactions

    def _claim(self, room: int, connection: Connection) -> tuple[list[dict[str, Any]], set[int], bool]:
        now = self._clock(connection)
        rows, starved = sending.claim(
            connection,
            source=self._source,
            token=self._token,
            now=now,
            lease=LEASE,
            limit=room,
            broadcasts=self._slots.room(),
            rate=self._channel.rate,
            paid=announcing_rate(self._channel.rate, self._paid) if self._paid else 0.0,
            reserve=RESERVE,
        )
        ids = [row["id"] for row in rows]
        good = sending.check(connection, ids=ids, token=self._token, now=now, lease=LEASE) if rows else set()
        if self._gate and good:
            rows = self._ruled(connection, rows, good, now)
        return rows, good, starved

    def _ruled(
        self, connection: Connection, rows: list[dict[str, Any]], good: set[int], now: datetime
    ) -> list[dict[str, Any]]:
        """The rows as the channel's gate lets them leave; what has to wait is taken out of `good` and handed back."""
        asked = [row for row in rows if row["id"] in good]
        rulings = self._gate.rule(connection, asked, now) if self._gate else {}
        for row_id, ruling in rulings.items():
            match ruling:
                case Hold(reason=reason, expires_at=expires_at):
                    holding.for_person(connection, row_id, reason, expires_at)
                case Later(reason=reason, until=until):
                    waiting = outcomes.Mark(
                        id=row_id, state="pending", reason=reason, not_before=until, refund_attempt=True
                    )
                    outcomes.mark(connection, marks=[waiting], token=self._token, now=now)
            if not isinstance(ruling, Go):
                good.discard(row_id)
        changed = {row_id: ruling.payload for row_id, ruling in rulings.items() if isinstance(ruling, Go)}
        return [{**row, "payload": changed.get(row["id"]) or row["payload"]} for row in rows]

    def _recover(self, connection: Connection) -> int:
        return outcomes.recover(connection, now=self._clock(connection))

    async def _check(self, ids: Sequence[int]) -> Sequence[bool]:
        def work(connection: Connection) -> set[int]:
            return sending.check(connection, ids=ids, token=self._token, now=self._clock(connection), lease=LEASE)

        good = await self._database.write(work)
        return [i in good for i in ids]

    async def _mark(self, sent: Sequence[tuple[Mapping[str, Any], Outcome]]) -> Sequence[None]:
        def work(connection: Connection) -> None:
            now = self._clock(connection)
            marks = [self._as_mark(row, outcome, now) for row, outcome in sent]
            outcomes.mark(connection, marks=marks, token=self._token, now=now)
            if self._channel.name in deliveries.CHANNELS:
                taken = {mark.platform_id: mark.id for mark in marks if mark.platform_id}
                deliveries.catch_up(connection, self._source, taken)
            for row, outcome in sent:
                consequences.draw(connection, self._source, row, outcome, now)

        await self._database.write(work)
        if any(row["author"].startswith("agent:") for row, _ in sent):
            self._wake.notify(DESK)
        return [None] * len(sent)
