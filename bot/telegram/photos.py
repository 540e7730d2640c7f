"""Pictures by Telegram: the first send hands one over, the others name its file_id (https://core.telegram.org/bots/api#sending-files)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import structlog

from bot.channel import Failed, Outcome
from bot.pictures import Held, Missing, Pictures
from bot.telegram.letter import Letter, Pictured
from bot.telegram.outcomes import OldFile, refused_picture

log = structlog.get_logger()

Deliver = Callable[[Letter], Awaitable[Outcome | OldFile]]


class Photos:
    """What one bot sends with pictures."""

    def __init__(self, pictures: Pictures, deliver: Deliver) -> None:
        """`deliver` sends one letter."""
        self._pictures = pictures
        self._deliver = deliver

    async def send(self, letter: Letter, sha256: str) -> Outcome:
        """Sends a letter with a picture; where Telegram does not know the id any more, once more with the picture itself."""
        found = await self._once(letter, sha256)
        if isinstance(found, OldFile):
            found = await self._once(letter, sha256)
        return refused_picture(found.reason) if isinstance(found, OldFile) else found

    async def _once(self, letter: Letter, sha256: str) -> Outcome | OldFile:
        first: Outcome | None = None  # the send that was the upload

        async def upload(jpeg: bytes) -> Held | Outcome:
            nonlocal first
            sent = await self._deliver(replace(letter, photo=jpeg))
            first = refused_picture(sent.reason) if isinstance(sent, OldFile) else sent
            return Held(first.file_id) if isinstance(first, Pictured) else first

        held = await self._pictures.held(sha256, upload)
        if first is not None:
            return first
        if isinstance(held, Missing):
            found = await self._deliver(letter)
            return Failed(found.reason) if isinstance(found, OldFile) else found
        if not isinstance(held, Held):
            return held
        found = await self._deliver(replace(letter, photo=held.platform_id))
        if isinstance(found, OldFile):
            log.warning("telegram does not know a picture any more; uploaded anew", reason=found.reason)
            await self._pictures.forget(sha256, held.platform_id)
        return found
