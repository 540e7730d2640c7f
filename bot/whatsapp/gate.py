"""What may leave a WhatsApp number now: asks the planner about each claimed message, with the facts from the database, and logs its choice."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from sqlalchemy import Connection

from bot import metrics
from bot.channel import Go, Hold, Later, Ruling
from bot.whatsapp import cost, tier
from bot.whatsapp.receive import CHANNEL
from bot.whatsapp.templates import obstacle
from bot.whatsapp.window import Choice, Facts, plan
from handlers.templates import Wanted
from storage import channel_notes, initiated, outbox
from storage import templates as registry

log = structlog.get_logger()

KEEP: Final = timedelta(days=7)  # an answer that came too late waits so long for the person's next message
ROOM_AGAIN: Final = timedelta(minutes=10)  # people drop out of the day's limit one by one
_LOOK_SECONDS: Final = 2.0  # how long what was counted is believed


class Gate:
    """Of one number. Implements `bot.channel.Gate`."""

    def __init__(
        self,
        *,
        number_id: str,
        account_id: str,
        wanted: Mapping[str, Wanted],
        common: Mapping[str, str],
        cap: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`wanted`: our templates by name; `common`: values that every template may use; `cap`: US dollars a month, 0 = none."""
        self._source = f"{CHANNEL}:{number_id}"
        self._account_id = account_id
        self._wanted = wanted
        self._common = common
        self._cap = cap
        self._clock = clock
        self._looked: dict[str, float] = {}
        self._capped = ""
        self._room = 0  # people who may still be written to first today

    def rule(self, connection: Connection, rows: Sequence[Mapping[str, Any]], now: datetime) -> Mapping[int, Ruling]:
        """Text inside the window, else an approved template, else it waits; see `bot.whatsapp.window`."""
        if self._due("cost"):
            self._capped = cost.watch(connection, self._source, self._cap, now)
        if any(row["lane"] == outbox.BROADCASTS for row in rows) and self._due("room"):
            self._room = tier.room(connection, self._account_id, now)
        found: dict[int, Ruling] = {}
        left_as: dict[int, str] = {}
        held: dict[str, Any] = {}
        for row in rows:
            ruling, template = self._one(connection, row, held, now)
            found[row["id"]] = ruling
            if template:
                left_as[row["id"]] = template
        initiated.note(connection, left_as)
        return found

    def _one(
        self, connection: Connection, row: Mapping[str, Any], held: dict[str, Any], now: datetime
    ) -> tuple[Ruling, str]:
        """The ruling on one row, and the template that it leaves as."""
        payload = row["payload"]
        asked = payload.get("template") or {}
        want = self._wanted.get(asked.get("name", ""))
        values = {**self._common, **(asked.get("values") or {})}
        proactive = row["lane"] == outbox.BROADCASTS
        in_way = self._obstacle(connection, want, asked, values, held) if asked and proactive else ""
        made = plan(
            Facts(
                now=now,
                window_until=row["window_until"],
                proactive=proactive,
                template=asked.get("name", "") if proactive else "",
                obstacle=in_way,
                capped=self._capped,
                full="" if self._room > 0 else "the day's limit of people is reached",
            )
        )
        self._tell(connection, row, made.choice, made.reason, in_way, now)
        match made.choice:
            case Choice.TEXT:
                return Go({**payload, "template": None} if asked else None), ""
            case Choice.TEMPLATE if want:
                self._room -= 1
                ordered = {name: str(values[name]) for name in want.variables}
                chosen = {"name": want.name, "values": ordered, "language": want.language}
                return Go({**payload, "template": chosen}), want.name
            case Choice.LATER:
                return Later(made.reason, now + ROOM_AGAIN), ""
        return Hold(made.reason, None if proactive else max(row["expires_at"], row["created_at"] + KEEP)), ""

    def _obstacle(
        self,
        connection: Connection,
        want: Wanted | None,
        asked: Mapping[str, Any],
        values: Mapping[str, str],
        held: dict[str, Any],
    ) -> str:
        if want is None:
            return f"there is no template {asked.get('name')!r}"
        if want.name not in held:
            held[want.name] = registry.get(connection, self._account_id, want.name, want.language)
        return obstacle(held[want.name], want, values)

    def _tell(
        self, connection: Connection, row: Mapping[str, Any], choice: Choice, reason: str, in_way: str, now: datetime
    ) -> None:
        """The log, the counter, and the operators where a template that was wanted is not to be had."""
        metrics.windows.add(1, choice.value)
        say = log.debug if choice is Choice.TEXT else log.info
        say("whatsapp window", message=row["id"], lane=row["lane"], choice=choice.value, reason=reason)
        if choice is Choice.HELD and in_way:
            key = f"template {now:%Y-%m-%d} {in_way}"
            channel_notes.add(connection, self._source, kind="template", key=key, text=in_way, at=now)

    def _due(self, what: str) -> bool:
        """Whether to count anew; what was counted is believed for two seconds."""
        now = self._clock()
        if now - self._looked.get(what, now - _LOOK_SECONDS) < _LOOK_SECONDS:
            return False
        self._looked[what] = now
        return True
