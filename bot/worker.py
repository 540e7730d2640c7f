"""Inbox → conversation → outbox. Claims chats, understands outside any transaction, applies effects in one, fenced by the claim's token."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy import Connection

from bot import metrics
from bot.effects import Parts, Prepared, apologise, apply, prepare
from bot.receiver import Clock
from bot.staff import Staffed
from bot.wake import DESK, INBOX, OUTBOX, Wake
from storage import claims, outbox
from storage.database import Database, database_now, is_outage, is_surely_outage

log = structlog.get_logger()

CHATS = 25  # a claim's size: small enough that an urgent chat never waits long (design, path of a message)
LOOPS = 2  # one understands while the other waits for the database
LEASE = timedelta(seconds=30)
MAX_ATTEMPTS = 3
_BACKLOG = 1_000  # replies that wait to be sent: from here on an answer is not there at once anyway …
_GATHER = timedelta(seconds=6)  # … so a person may finish writing first, and gets one answer instead of four
_LOOK_SECONDS = 1.0
_OUTAGE_RETRY = timedelta(seconds=1)
_OUTAGE_PAUSE = (0.2, 5.0)  # seconds: first and longest


class Worker:
    """Turns waiting events into effects."""

    def __init__(self, database: Database, parts: Parts, wake: Wake, *, clock: Clock = database_now) -> None:
        """`parts` may be swapped (`worker.parts = …`) when a new model or content is published."""
        self.parts = parts
        self._database = database
        self._wake = wake
        self._clock = clock
        self._staffed = Staffed()
        self._stopping = asyncio.Event()
        self._gathering, self._look_at = timedelta(0), 0.0

    def stop(self) -> None:
        """Finishes what is claimed, then `run` returns."""
        self._stopping.set()
        self._wake.notify(INBOX)

    async def run(self) -> None:
        """Works until `stop`; outlives outages of the database."""
        await asyncio.gather(*(self._run() for _ in range(LOOPS)))

    async def _run(self) -> None:
        pause = _OUTAGE_PAUSE[0]
        while not self._stopping.is_set():
            try:
                if not await self.run_once():
                    await self._wake.wait(INBOX)
                pause = _OUTAGE_PAUSE[0]
            except Exception as error:
                if not is_outage(error):
                    log.exception("worker failed")
                else:
                    log.error("database away", reason=type(error).__name__)
                await asyncio.sleep(pause)
                pause = min(pause * 2, _OUTAGE_PAUSE[1])

    async def run_once(self) -> int:
        """One claim; returns the number of chats in it."""
        token = secrets.token_hex(16)
        if time.monotonic() >= self._look_at:
            crowded = await self._database.read(partial(outbox.has_backlog, count=_BACKLOG))
            self._gathering, self._look_at = _GATHER if crowded else timedelta(0), time.monotonic() + _LOOK_SECONDS
        claimed, now = await self._database.write(partial(self._claim, token))
        if not claimed:
            return 0
        suspects = [claim for claim in claimed if _attempts(claim) > MAX_ATTEMPTS]
        together = [claim for claim in claimed if _attempts(claim) <= MAX_ATTEMPTS]
        try:
            if together:
                await self._batch(token, together, now)
            for claim in (
                suspects
            ):  # they killed a worker, outlived leases, or broke the database's hand: never in a batch again
                await self._renew(token, [claim])
                await self._suspect(token, claim, now)
        except Exception as error:
            if not is_outage(error):
                raise
            await self._hand_back(token, claimed, now, refund=is_surely_outage(error))
            raise
        return len(claimed)

    async def _batch(self, token: str, claimed: Sequence[claims.Claim], now: datetime) -> None:
        try:
            await self._effects(token, await self._prepare(token, claimed, now))
        except claims.Fenced:
            metrics.fenced.add()
            log.warning("lease lost, batch rolled back", chats=len(claimed))
        except Exception as error:
            if is_outage(error):
                raise
            log.exception("batch failed; its chats are rerun alone", chats=len(claimed))
            for claim in claimed:
                await self._alone(token, claim, now)

    async def _prepare(self, token: str, claimed: Sequence[claims.Claim], now: datetime) -> list[Prepared]:
        """Understands outside any transaction; an engine that waits for a server does so in a thread, so that the other loops go on."""
        prepared: list[Prepared] = []
        renewed = time.monotonic()
        for claim in claimed:
            if self.parts.engine_waits:
                prepared.append(await asyncio.to_thread(prepare, claim, self.parts, now))
            else:
                prepared.append(prepare(claim, self.parts, now))
                await asyncio.sleep(
                    0
                )  # on SQLite the webhook lives in this loop: it never waits for more than one chat
            if time.monotonic() - renewed > LEASE.total_seconds() / 3:  # the lease must not run out under us
                await self._renew(token, claimed)
                renewed = time.monotonic()
        return prepared

    async def _renew(self, token: str, claimed: Sequence[claims.Claim]) -> None:
        def work(connection: Connection) -> None:
            until = self._clock(connection) + LEASE
            claims.renew(connection, token=token, chat_ids=[claim.chat["id"] for claim in claimed], until=until)

        await self._database.write(work)

    async def _hand_back(self, token: str, claimed: Sequence[claims.Claim], now: datetime, *, refund: bool) -> None:
        """After an outage the chats must not wait for the lease; where even this fails, the lease does it.

        `refund`: the database itself could not, so the attempt does not count; else a bad statement would be tried for ever.
        """
        chat_ids = [claim.chat["id"] for claim in claimed]
        try:
            ready_at = now + _OUTAGE_RETRY
            await self._database.write(
                partial(claims.give_back, token=token, chat_ids=chat_ids, ready_at=ready_at, refund=refund)
            )
        except Exception as error:
            log.warning("claims not handed back", reason=type(error).__name__)

    def _claim(self, token: str, connection: Connection) -> tuple[list[claims.Claim], datetime]:
        now = self._clock(connection)
        return claims.claim(connection, token=token, now=now, lease=LEASE, limit=CHATS, gather=self._gathering), now

    async def _effects(self, token: str, prepared: Sequence[Prepared], *, keep: bool = False) -> None:
        names = await self._database.write(partial(self._apply, token, prepared, keep))
        for name in names:
            metrics.turns.add(1, name)
        self._wake.notify(OUTBOX)
        self._wake.notify(DESK)

    def _apply(self, token: str, prepared: Sequence[Prepared], keep: bool, connection: Connection) -> list[str]:
        now = self._clock(connection)
        names = apply(connection, prepared, self._staffed.parts(connection, self.parts, now), now)
        claims.complete(connection, token=token, done={p.chat_id: p.event_ids for p in prepared}, now=now, keep=keep)
        return names

    async def _alone(self, token: str, claim: claims.Claim, now: datetime) -> None:
        """A chat whose batch failed: whole, and on its last attempt event by event, so that only the guilty one is given up."""
        metrics.reruns.add()
        chat_id = claim.chat["id"]
        try:
            await self._effects(token, await self._prepare(token, [claim], now))
            return
        except claims.Fenced:
            metrics.fenced.add()
            return
        except Exception as error:
            if is_outage(error):
                raise
        attempts = _attempts(claim)
        last = attempts >= MAX_ATTEMPTS
        if last and not await self._event_by_event(token, claim, now):
            return
        retry_at = now if last else now + timedelta(seconds=2**attempts)
        await self._database.write(partial(claims.give_back, token=token, chat_ids=[chat_id], ready_at=retry_at))

    async def _event_by_event(self, token: str, claim: claims.Claim, now: datetime) -> bool:
        """False when the claim was lost on the way."""
        for event in claim.events:
            one = claims.Claim(chat=claim.chat, state=claim.state, events=(event,))
            try:
                await self._effects(token, await self._prepare(token, [one], now), keep=True)
            except claims.Fenced:
                return False
            except Exception as error:
                if event["attempts"] < MAX_ATTEMPTS:
                    if is_outage(error):
                        raise
                    return True  # it has attempts left, and what came later must wait for it
                await self._give_up(token, one, f"{type(error).__name__}: {error}")
        return True

    async def _suspect(self, token: str, claim: claims.Claim, now: datetime) -> None:
        """An event claimed too often without an end: once more alone, then it is given up, whatever the error was."""
        doomed = [event for event in claim.events if event["attempts"] > MAX_ATTEMPTS + 1]
        for event in doomed:
            one = claims.Claim(chat=claim.chat, state=claim.state, events=(event,))
            await self._give_up(token, one, "claimed again and again without an end: it kills or outlasts its worker")
        rest = claims.Claim(
            chat=claim.chat, state=claim.state, events=tuple(e for e in claim.events if e not in doomed)
        )
        if await self._event_by_event(token, rest, now):
            chat_ids = [claim.chat["id"]]
            await self._database.write(partial(claims.give_back, token=token, chat_ids=chat_ids, ready_at=now))

    async def _give_up(self, token: str, claim: claims.Claim, error: str) -> None:
        log.error("dead letter", number=claim.events[0]["id"], reason=error.partition(":")[0])
        metrics.dead_letters.add()
        await self._database.write(partial(self._bury, token, claim, error))
        self._wake.notify(OUTBOX)

    def _bury(self, token: str, claim: claims.Claim, error: str, connection: Connection) -> None:
        now = self._clock(connection)
        claims.bury(
            connection, token=token, chat_id=claim.chat["id"], event_id=claim.events[0]["id"], error=error, now=now
        )
        apologise(connection, Prepared(claim=claim, units=()), self.parts, now)


def _attempts(claim: claims.Claim) -> int:
    return max((event["attempts"] for event in claim.events), default=0)
