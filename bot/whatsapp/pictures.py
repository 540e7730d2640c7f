"""Pictures by WhatsApp: uploaded once, then named by Meta's id, with the words as its caption where they fit.

https://developers.facebook.com/documentation/business-messaging/whatsapp/business-phone-numbers/media, …/messages/image-messages
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Connection

from bot.channel import Down, Failed, Outcome, Retry, Throttled
from bot.pictures import Held, Missing, Pictures
from bot.receiver import Clock
from bot.whatsapp import limits
from bot.whatsapp.client import Graph, GraphError
from handlers.messages import Reply
from storage import pictures
from storage.database import Database

_NAME, _MIME = "gambar.jpg", "image/jpeg"
_BLAMES_PICTURE: Final = frozenset({100, 131009, 131052, 131053})
"""Codes that may mean the id of a picture: unknown or too old, or its file could not be fetched (support/error-codes)."""
_PASSING: Final = frozenset({131052, 131053})  # Meta could not fetch or take the file: often only for a moment


@dataclass(frozen=True, slots=True)
class Carried:
    """The picture that a message carries."""

    sha256: str
    media_id: str


@dataclass(frozen=True, slots=True)
class OldPicture:
    """Refused, perhaps for its picture, whose id is forgotten: one more try uploads it anew."""

    outcome: Outcome  # where that was the second try


class Uploads:
    """The pictures of one business number."""

    def __init__(
        self, graph: Graph, database: Database, number_id: str, *, now: Clock, clock: Callable[[], float]
    ) -> None:
        self._graph = graph
        self._number_id = number_id
        lasts = timedelta(days=limits.UPLOAD_DAYS)
        self._pictures = Pictures(database, f"whatsapp:{number_id}", lasts=lasts, now=now, clock=clock)

    async def carried(self, reply: Reply) -> Carried | Outcome | None:
        """A reply's picture with Meta's id, uploaded where it has none yet; None where none goes with it: a template's text says all."""
        if not reply.image or (reply.template and reply.template.language):
            return None
        found = await self._pictures.held(reply.image, self._upload)
        if isinstance(found, Held):
            return Carried(reply.image, found.platform_id)
        return None if isinstance(found, Missing) else found

    async def refused(self, picture: Carried, error: GraphError) -> Outcome | OldPicture:
        """What a refusal of a message with a picture means."""
        code = error.refusal.code if error.refusal else 0
        if code not in _BLAMES_PICTURE:
            return error.outcome
        await self._pictures.forget(picture.sha256, picture.media_id)
        return OldPicture(Retry(str(error)) if code in _PASSING else error.outcome)

    async def _upload(self, jpeg: bytes) -> Held | Outcome:
        """Nothing has gone to anybody yet, so whatever cut it short is tried again."""
        fields = {"messaging_product": "whatsapp", "type": _MIME}
        try:
            answer = await self._graph.upload(f"{self._number_id}/media", fields, jpeg, name=_NAME, mime=_MIME)
        except GraphError as error:
            match error.outcome:
                case Down() | Throttled():
                    return error.outcome
                case Failed(reason=reason):
                    return Failed(
                        reason, f"{reason}; Meta does not take the picture: make the announcement with another one"
                    )
            return Retry(str(error))
        media_id = answer.get("id")
        return Held(media_id) if isinstance(media_id, str) and media_id else Retry("an upload without an id")


def failed(connection: Connection, row: Mapping[str, Any], code: int | None) -> None:
    """Draws from a message that Meta had taken and could not deliver: if it was for the picture, what is sent next uploads it anew."""
    image = row["payload"].get("image")
    if image and code in _PASSING:
        pictures.forget_upload(connection, row["source"], image)
