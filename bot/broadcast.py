"""Announcements on their way: feeds the one sender in small chunks, writes what became of them, and pauses by itself when it goes wrong.

Nothing here sends. Recipients go into the broadcast lane of the outbox, never more than the account sends in about two
seconds, so that memory is flat, a pause takes effect at once, and replies pass (docs/broadcast.md).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final, TypeVar

import structlog
from sqlalchemy import Connection, RowMapping

from bot import campaign_start, pace, proactive
from bot.receiver import Clock
from bot.wake import OUTBOX, Wake
from handlers import announcement, templates
from handlers.announcement import Frame
from handlers.catalogue import Catalogue
from storage import campaign_people, campaign_run, campaigns, channel_notes, ledger, ledger_late, ledger_settle, outbox
from storage.database import Database, database_now, is_outage

log = structlog.get_logger()

ACTOR: Final = "pandu"
LEASE: Final = "broadcast"  # whose holder feeds
CHUNK: Final = 500
SETTLED: Final = 1000
_AHEAD_SECONDS: Final = 2.0  # of the account's pace that stands in the outbox
_AHEAD: Final = (64, 2000)
_BUSY, _QUIET, _IDLE = 0.05, 0.5, 2.0  # seconds until the next look
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the operator has set."""

    ramp_minutes: float = 5.0
    failure_rate: float = 0.1
    block_rate: float = 0.2
    approval_from: float = 1000.0
    account_id: str = ""  # WhatsApp business account, whose templates count


class Broadcast:
    """One loop; exactly one process of many runs it (see `bot.leader`), and two at once would still write each row once."""

    def __init__(
        self,
        database: Database,
        rates: Mapping[str, float],
        content: Callable[[], Catalogue],
        wake: Wake,
        *,
        rules: Rules,
        clock: Clock = database_now,
    ) -> None:
        """`rates`: messages a second of each channel account ("telegram:123"), 0 = no limit; what is not in it waits."""
        self._database = database
        self._rates = rates
        self._content = content
        self._wake = wake
        self._rules = rules
        self._clock = clock

    async def run(self) -> None:
        """Goes on until cancelled; outlives outages of the database."""
        while True:
            pause = _IDLE
            try:
                pause = await self.step()
            except Exception as error:
                if is_outage(error):
                    log.error("database away", reason=type(error).__name__)
                else:
                    log.exception("broadcast failed")
            await asyncio.sleep(pause)

    async def step(self) -> float:
        """Looks once at every campaign that is going on; returns the seconds until the next look is due."""
        live = await self._database.read(partial(campaigns.all_of, states=("scheduled", "running")))
        running = [campaign["id"] for campaign in reversed(live) if campaign["state"] == "running"]
        pause = _QUIET if running else _IDLE
        for campaign in live:
            if campaign["state"] == "scheduled":
                await self._apart(campaign["id"], self._database.write(partial(self._start_due, campaign["id"])))
        for campaign_id in set(await self._database.read(ledger.flying)).difference(running):
            await self._database.write(
                partial(self._settle, campaign_id)
            )  # paused or cancelled while it was being sent
        if await self._database.read(ledger_late.waits):
            for campaign_id, late in (await self._database.write(ledger_late.take)).items():
                await self._database.write(partial(self._watch, campaign_id, late))
        for campaign_id in running:
            if await self._apart(campaign_id, self._go_on(campaign_id)):
                pause = _BUSY
        return pause

    async def _apart(self, campaign_id: int, work: Awaitable[T]) -> T | None:
        """A fault of one announcement does not hold up the others."""
        try:
            return await work
        except Exception as error:
            if is_outage(error):
                raise
            log.exception("announcement failed", campaign=campaign_id)
            return None

    async def _go_on(self, campaign_id: int) -> bool:
        """Settles, feeds, and finishes one campaign; whether there was anything to do."""
        settled = await self._database.write(partial(self._settle, campaign_id))
        now = await self._database.read(self._clock)
        waiting = await self._database.read(
            partial(ledger.lanes, campaign_id=campaign_id, zones=proactive.daytime_zones(now))
        )
        fed = 0
        for lane in waiting:
            fed += await self._database.write(partial(self._feed, lane))
        if fed:
            self._wake.notify(OUTBOX)
        elif not settled and not waiting:
            await self._database.write(partial(self._finish, campaign_id))
        return bool(settled or fed)

    # -- the transactions

    def _start_due(self, campaign_id: int, connection: Connection) -> None:
        now = self._clock(connection)
        campaign = campaigns.get(connection, campaign_id, lock=True)
        if campaign is None or campaign["state"] != "scheduled" or campaign["starts_at"] > now:
            return
        campaign_start.start_scheduled(
            connection,
            campaign,
            self._content(),
            approval_from=self._rules.approval_from,
            account_id=self._rules.account_id,
            now=now,
        )

    def _settle(self, campaign_id: int, connection: Connection) -> int:
        """Writes what became of messages; pauses the campaign where too many go wrong, and ends it with its time. Returns how many rows it looked at."""
        now = self._clock(connection)
        campaign = campaigns.get(connection, campaign_id, lock=True)  # first, as a pause does: they touch the same rows
        told = ledger_settle.settle(connection, campaign_id, now, limit=SETTLED)
        if told["looked"]:
            self._watch(campaign_id, told, connection)
        elif campaign and campaign["state"] == "running" and (why := _fault(connection, campaign)):
            self._stop(connection, campaign, why, now)  # nothing is taken while it lasts, so nothing settles either
            return 0
        if campaign and campaign["state"] == "running" and campaign["valid_until"] and campaign["valid_until"] <= now:
            return told["looked"] + campaign_run.expire(connection, campaign, now)
        return told["looked"]

    def _watch(self, campaign_id: int, told: Mapping[str, int], connection: Connection) -> None:
        now = self._clock(connection)
        campaign = campaigns.get(connection, campaign_id, lock=True)
        if campaign is None:
            return
        recent = pace.faded(campaign, told)
        campaigns.change(connection, campaign_id, **recent)
        if campaign["state"] == "cancelled" and told["again"]:
            ledger.close_rest(connection, campaign_id, "cancelled", "cancelled by the operator", now)
        if campaign["state"] == "running":
            why = pace.alarm(recent, failure_rate=self._rules.failure_rate, block_rate=self._rules.block_rate)
            why = why or _fault(connection, campaign)
            if why:
                self._stop(connection, campaign, why, now)

    def _stop(self, connection: Connection, campaign: RowMapping, why: str, now: datetime) -> None:
        campaign_run.pause(connection, campaign["id"], actor=ACTOR, now=now, why=why)
        log.error("announcement paused by itself", campaign=campaign["name"], reason=why)

    def _finish(self, campaign_id: int, connection: Connection) -> None:
        campaign = campaigns.get(connection, campaign_id, lock=True)
        if campaign and campaign["state"] == "running" and ledger.is_finished(connection, campaign_id):
            campaign_run.finish(connection, campaign, self._clock(connection))

    def _feed(self, lane: RowMapping, connection: Connection) -> int:
        """Puts the next recipients of a lane into the outbox; returns how many it looked at."""
        now = self._clock(connection)
        campaign = campaigns.get(connection, lane["campaign_id"], lock=True)
        if campaign is None or campaign["state"] != "running" or lane["source"] not in self._rates:
            return 0
        if held := campaign_start.template_obstacle(
            connection, campaign, templates.wanted(self._content()), self._rules.account_id
        ):
            self._stop(connection, campaign, str(held), now)
            return 0
        rate = self._rates[lane["source"]]
        ahead = min(max(_AHEAD[0], int(rate * _AHEAD_SECONDS)), _AHEAD[1]) if rate else _AHEAD[1]
        room = min(CHUNK, ahead - ledger.in_flight(connection, lane["source"]))
        credit = pace.credit(campaign, sum(self._rates.values()), self._rules.ramp_minutes, now)
        if credit is not None:
            campaigns.change(connection, campaign["id"], credit=credit, paced_at=now)
            room = min(room, int(credit))
        if room <= 0:
            return 0
        rows = ledger.next_rows(connection, lane, room)
        messages, ends = self._messages(connection, campaign, rows, now)
        ledger.put(connection, campaign["id"], messages, now)
        ledger.write(connection, campaign["id"], ends, now)
        if credit is not None:
            campaigns.change(connection, campaign["id"], credit=credit - len(messages))
        return len(rows)

    def _messages(
        self, connection: Connection, campaign: RowMapping, rows: Sequence[Any], now: datetime
    ) -> tuple[list[tuple[int, dict[str, Any]]], list[tuple[int, str, str | None]]]:
        """Rows of the outbox for those who may be written to, and the ends of those who may not any more."""
        known = campaign_people.facts(connection, [row.chat_id for row in rows], campaign["topic"])
        frame = Frame(kind=campaign["kind"], source=campaign["official_source"] or "", catalogue=self._content())
        messages: list[tuple[int, dict[str, Any]]] = []
        ends: list[tuple[int, str, str | None]] = []
        for row in rows:
            person = known.get(row.chat_id)
            values = announcement.values(person, now, frame.catalogue) if person else {}
            if why := _obstacle(person, campaign["content"], values):
                ends.append((row.n, "skipped", why))
            elif person:
                reply = announcement.render(campaign["content"], frame, person["channel"], values)
                messages.append((row.n, _draft(campaign, person, reply.to_json(), now)))
        return messages, ends


def _fault(connection: Connection, campaign: RowMapping) -> str:
    """What one of its channels has reported since its last start or resume; "" where nothing."""
    return channel_notes.newest_since(connection, campaign["sources"], campaign["ramp_from"])


def _obstacle(person: Mapping[str, Any] | None, content: Mapping[str, Any], values: Mapping[str, str]) -> str:
    """Why somebody is not written to after all: things change between the freezing and their turn."""
    if person is None:
        return "erased"
    if person["left"]:
        return "the person left"
    if person["opted_out"]:
        return "stopped by the person"
    if person["restricted"]:
        return "restricted"
    name = announcement.missing(content, values)
    return f"no_value: {name}" if name else ""


def _draft(
    campaign: RowMapping, person: Mapping[str, Any], payload: Mapping[str, Any], now: datetime
) -> dict[str, Any]:
    """The row of the outbox. It never leaves after 20 local: then it is pending again, for tomorrow.

    Whose zone has changed since the audience was frozen stands in another zone's lane: it waits in the outbox for their day.
    """
    begin, evening = proactive.next_hours(person["zone"], now)
    held = person["owner"] != "bot"
    return {
        "chat_id": person["id"],
        "source": f"{person['channel']}:{person['account']}",
        "lane": outbox.BROADCASTS,
        "author": ledger.author_of(campaign["id"]),
        "payload": payload,
        "state": "held" if held else "pending",
        "owner_version": person["owner_version"],
        "cancellable": False,
        "passes_agent": False,
        "not_before": begin,
        "expires_at": min(evening, campaign["valid_until"]) if campaign["valid_until"] else evening,
        "created_at": now,
    }
