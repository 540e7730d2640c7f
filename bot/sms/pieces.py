"""Joining the parts of long inbound messages: sealed in the database until the last has come, or a minute has passed.

Half an identity number cannot be recognised, so no part is readable in the database; the whole is masked like any
other text before its first insert.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import structlog
from sqlalchemy import Connection, RowMapping

from bot.channel import Receive, Unavailable
from bot.receiver import Clock
from bot.sms import limits
from bot.sms.receive import CHANNEL, Piece
from bot.sms.spec import Config
from handlers.messages import Inbound, Kind
from handlers.secure import open_sealed, seal
from storage import sms_pieces
from storage.database import Database, is_outage

log = structlog.get_logger()

_BATCH = 100


class Joiner:
    """Of one account. A crash between the inbox and the forgetting joins once more: the event's id is the same."""

    def __init__(self, database: Database, config: Config, key: bytes, clock: Clock) -> None:
        """`key` seals the parts."""
        self._database, self._config, self._key, self._clock = database, config, key, clock
        self._source = f"{CHANNEL}:{config.number}"

    async def take(self, piece: Piece, receive: Receive) -> None:
        """Keeps a part; with the last one the message goes its way. Raises `Unavailable` while the database cannot take it."""
        try:
            whole = await self._database.write(partial(self._keep, piece))
            if whole:
                await self._deliver(whole, receive)
        except Exception as error:
            if is_outage(error):
                raise Unavailable from error
            raise

    async def sweep(self, receive: Receive) -> int:
        """Lets go what has waited long enough, as far as it has come; returns how many messages."""
        waiting = await self._database.write(self._overdue)
        for parts in waiting:
            await self._deliver(parts, receive)
        return len(waiting)

    async def _deliver(self, parts: Sequence[RowMapping], receive: Receive) -> None:
        await receive([self._joined(parts)])
        await self._database.write(partial(sms_pieces.drop, parts=parts))

    def _joined(self, parts: Sequence[RowMapping]) -> Inbound:
        first = parts[0]
        number = first["address"]
        return Inbound(
            channel=CHANNEL,
            account=self._config.number,
            event_id=first["event_id"],
            chat=number,
            sender=number,
            kind=Kind.TEXT,
            sent_at=min(part["sent_at"] for part in parts),
            text="".join(self._opened(part) for part in parts),
            ids=(("phone", number),) if self._config.vouches else (),
        )

    def _opened(self, part: RowMapping) -> str:
        try:
            return open_sealed(part["text"], self._key, bound_to=part["reference"])["text"]
        except ValueError:  # the key has changed within the minute
            log.error("part of an sms cannot be opened", number=part["number"])
            return ""

    def _keep(self, piece: Piece, connection: Connection) -> list[RowMapping]:
        event = piece.event
        part: dict[str, Any] = {
            "source": self._source,
            "address": event.chat,
            "reference": piece.reference,
            "number": piece.number,
            "total": piece.total,
            "event_id": event.event_id,
            "sent_at": event.sent_at,
        }
        sealed = seal({"text": event.text}, self._key, bound_to=piece.reference)
        return sms_pieces.keep(connection, sms_pieces.Part(**part, text=sealed), self._clock(connection))

    def _overdue(self, connection: Connection) -> list[list[RowMapping]]:
        before = self._clock(connection) - timedelta(seconds=limits.PIECES_SECONDS)
        return sms_pieces.overdue(connection, self._source, before=before, limit=_BATCH)
