"""The way in: cleaned, masked and committed before the platform hears "200"."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy import Connection

from bot import metrics
from bot.batching import Batcher
from bot.channel import Unavailable
from bot.wake import INBOX, Wake
from handlers.messages import Inbound, Media
from nlu.masking import digit_run, mask
from storage import addresses, inbox
from storage.database import Database, database_now, is_outage

log = structlog.get_logger()

MAX_TEXT = 4_096  # Telegram's and WhatsApp's longest text (platform-rules 1.2, 2.7); a longer one is cut, never lost
# U+0000 and lone surrogates cannot be stored as text in PostgreSQL; other controls, marks of direction and invisible joints only deceive
# (the zero-width joiner stays: emoji are made with it).
_UNWANTED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u200b\u200c\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufe0f\ufeff\u20e3]"
)
_GAP = re.compile(r"\s{3,}")  # long runs of blanks carry nothing and make regular expressions slow

Clock = Callable[[Connection], datetime]


def clean(event: Inbound) -> Inbound:
    """Strips what cannot be stored, cuts, and masks identity numbers: nothing later ever sees them (design, rule 4)."""
    text = _GAP.sub(lambda gap: "\n" if "\n" in gap[0] else " ", _UNWANTED.sub("", event.text))
    masked = mask(text[:MAX_TEXT])
    return replace(
        event,
        text=masked.text,
        masked=tuple(sorted({*event.masked, *masked.kinds})),
        name=_masked_name(_UNWANTED.sub("", event.name)[:120]),
        choice=_UNWANTED.sub("", event.choice)[:64] if event.choice else event.choice,
        event_id=_UNWANTED.sub("", event.event_id)[:160],
        chat=_UNWANTED.sub("", event.chat)[:160],
        media=_clean_media(event.media) if event.media else None,
        refers=_UNWANTED.sub("", event.refers)[:160],
    )


def _clean_media(media: Media) -> Media:
    """The names of files hold numbers too ("KTP 3204….pdf")."""
    plain = {key: _UNWANTED.sub("", value) for key, value in media.to_json().items()}
    return Media(**{**plain, "name": mask(plain["name"][:120]).text})


def _masked_name(name: str) -> str:
    """People write their numbers even into their display names."""
    return mask(name).text if any(char.isdigit() for char in name) else name


class Receiver:
    """Stores events; concurrent calls share a transaction."""

    def __init__(self, database: Database, wake: Wake, *, clock: Clock = database_now) -> None:
        """`clock` gives the present inside a transaction; tests pass their own."""
        self._database = database
        self._wake = wake
        self._clock = clock
        self._batcher = Batcher(self._store)

    async def receive(self, events: Sequence[Inbound]) -> None:
        """Returns when all are committed (a repeat is no error); raises `Unavailable` when the database cannot take them now."""
        if events:
            await asyncio.gather(*(self._batcher.submit(event) for event in events))

    async def _store(self, events: Sequence[Inbound]) -> Sequence[None]:
        rows = [row for event in events if (row := await self._cleaned(event))]
        try:
            ids = await self._database.write(partial(self._insert, rows))
            metrics.inbound.add(sum(i is not None for i in ids))
            metrics.repeats.add(sum(i is None for i in ids))
        except Exception as error:
            if is_outage(error):
                metrics.unavailable.add(len(rows))
                log.error("events cannot be stored", reason=type(error).__name__)
                raise Unavailable from error
            await self._one_by_one(rows)
        self._wake.notify(INBOX)
        return [None] * len(events)

    async def _cleaned(self, event: Inbound) -> inbox.Event | None:
        """The row of an event; one that breaks the cleaning is kept as rejected, so that it holds up nobody."""
        try:
            return _row(clean(event))
        except Exception as error:
            metrics.rejected.add(1)
            log.error("event rejected", source=event.channel, reason=type(error).__name__)
            await self._database.write(
                partial(self._reject, _row(replace(event, text="", name="")), type(error).__name__)
            )
            return None

    def _insert(self, rows: Sequence[inbox.Event], connection: Connection) -> list[int | None]:
        now = self._clock(connection)
        return inbox.insert(connection, addresses.settle(connection, rows, now), now)

    async def _one_by_one(self, rows: Sequence[inbox.Event]) -> None:
        """One bad event must not take the others with it; alone, it is kept as rejected and answered 200."""
        for row in rows:
            try:
                await self._database.write(partial(self._insert, [row]))
            except Exception as error:
                if is_outage(error):
                    raise Unavailable from error
                metrics.rejected.add(1)
                log.error("event rejected", source=row.source, reason=type(error).__name__)
                await self._database.write(partial(self._reject, row, type(error).__name__))

    def _reject(self, row: inbox.Event, reason: str, connection: Connection) -> None:
        inbox.reject(connection, row, reason, self._clock(connection))


def _row(event: Inbound) -> inbox.Event:
    return inbox.Event(
        channel=event.channel,
        account=event.account,
        address=event.chat,
        event_id=event.event_id,
        payload=event.to_json(),
        sent_at=event.sent_at,
        name=event.name,
        digits=digit_run(event.text),
        ids=event.ids,
        moved=event.moved,
        window=timedelta(seconds=event.window) if event.window else None,
    )
