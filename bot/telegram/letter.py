"""One message to one chat as Telegram takes it: words, or a picture with words below it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from aiogram.methods import SendMessage, SendPhoto
from aiogram.types import BufferedInputFile, Message

from bot.channel import Accepted
from bot.telegram.keyboard import Markup
from bot.telegram.text import escape

_NAME: Final = "gambar.jpg"


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What is to be sent."""

    chat: int
    text: str
    markup: Markup | None
    lane: int
    photo: str | bytes = ""  # a picture: its file_id, or its bytes
    plain: bool = False  # without markup of the words
    paid: bool = False  # faster than the free rate, for Stars (https://core.telegram.org/bots/api#sendmessage)

    def request(self) -> SendMessage | SendPhoto:
        """The method to call."""
        text = self.text if self.plain else escape(self.text)
        more: dict[str, Any] = {"parse_mode": None} if self.plain else {}
        more |= {"allow_paid_broadcast": True} if self.paid else {}
        if not self.photo:
            return SendMessage(chat_id=self.chat, text=text, reply_markup=self.markup, **more)
        photo = BufferedInputFile(self.photo, _NAME) if isinstance(self.photo, bytes) else self.photo
        return SendPhoto(chat_id=self.chat, photo=photo, caption=text, reply_markup=self.markup, **more)


@dataclass(frozen=True, slots=True)
class Pictured(Accepted):
    """Taken, with a picture."""

    file_id: str = ""  # under which it can be sent again, for ever (https://core.telegram.org/bots/api#sending-files)


def taken(message: Message) -> Accepted:
    """What was accepted; of a picture the id of its largest size."""
    if not message.photo:
        return Accepted(str(message.message_id))
    largest = max(message.photo, key=lambda size: size.width * size.height)
    return Pictured(str(message.message_id), largest.file_id)
