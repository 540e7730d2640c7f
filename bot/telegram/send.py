"""`TelegramChannel`: sends replies and gives each an outcome; takes events by polling or by webhook."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

import structlog
from aiogram.exceptions import AiogramError
from aiogram.types import ReplyKeyboardRemove
from aiogram.utils.token import TokenValidationError
from starlette.routing import BaseRoute, Route

from bot import metrics
from bot.channel import Accepted, Failed, Outcome, Receive, Unknown
from bot.parts import SentParts
from bot.pictures import Pictures
from bot.settings import Settings, SettingsError
from bot.telegram import limits, webhook
from bot.telegram.client import REQUEST_SECONDS, make_bot
from bot.telegram.keyboard import Markup, contact_keyboard, inline_keyboard, opens_as_button, without_button
from bot.telegram.letter import Letter, taken
from bot.telegram.outcomes import Flood, OldFile, OtherChat, PlainText, Verdict, verdict
from bot.telegram.photos import Photos
from bot.telegram.poll import Poller, Sleep
from bot.telegram.receive import CHANNEL, Ignored, callback_id, parse
from bot.texts import clean, split, visible
from handlers.messages import Inbound, Reply
from storage.database import Database

log = structlog.get_logger()

_ADDRESS: Final = re.compile(r"-?[0-9]{1,16}")  # ids have at most 52 bits


class TelegramChannel:
    """One bot. Implements `bot.channel.Channel`."""

    name = CHANNEL

    def __init__(
        self,
        token: str,
        *,
        api: str = "https://api.telegram.org",
        mode: str = "polling",
        secret: str = "",
        rate: float = 25.0,
        paid_rate: float = 0.0,
        contact_label: str = "Bagikan nomor saya",
        form_label: str = "Buka formulir",
        seconds: float = REQUEST_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        sleep: Sleep = asyncio.sleep,
        database: Database | None = None,
    ) -> None:
        """`seconds`: longest wait for an answer to a send; labels come from handlers/content; `database`: where pictures lie, without it none are sent.

        Raises `SettingsError` for what is no token.
        """
        try:
            self.bot = make_bot(token, api, seconds=seconds)
        except TokenValidationError:
            raise SettingsError("PANDU_TELEGRAM_TOKEN: not a token; @BotFather gives one like 123456789:AA…") from None
        self.account = str(self.bot.id)
        self.rate, self.paid_rate = rate, paid_rate
        self._mode = mode
        self._secret = secret
        self._contact_label = contact_label
        self._form_label = form_label
        self._sleep = sleep
        self._flood = Flood(clock)
        self._sent = SentParts()
        self._photos = (
            Photos(Pictures(database, f"{CHANNEL}:{self.account}", clock=clock), self._deliver) if database else None
        )
        self._answers: set[asyncio.Task[None]] = set()

    @classmethod
    def from_settings(cls, settings: Settings, database: Database | None = None, **labels: str) -> TelegramChannel:
        """The channel as the environment describes it; `labels`: contact_label, form_label."""
        return cls(
            settings.telegram_token,
            api=settings.telegram_api,
            mode=settings.telegram_mode,
            secret=settings.telegram_secret,
            rate=settings.telegram_rate,
            paid_rate=settings.telegram_paid_rate,
            contact_label=labels.get("contact_label", "Bagikan nomor saya"),
            form_label=labels.get("form_label", "Buka formulir"),
            database=database,
        )

    # -- receiving ---------------------------------------------------------------------------------------------------

    def routes(self, receive: Receive) -> Sequence[BaseRoute]:
        """The webhook, in webhook mode."""
        if self._mode != "webhook":
            return []
        handler = webhook.endpoint(self._secret, self._taking(receive))
        return [Route(f"/telegram/{self.account}", handler, methods=["POST"])]

    async def poll(self, receive: Receive) -> None:
        """Fetches updates until cancelled; returns at once in webhook mode."""
        if self._mode != "webhook":
            await Poller(self.bot, self._taking(receive), sleep=self._sleep).run()

    def _taking(self, receive: Receive) -> Callable[[Sequence[Any]], Any]:
        async def take(updates: Sequence[Any]) -> None:
            """Parses, commits, and only then lets the buttons stop spinning."""
            events: list[Inbound] = []
            for update in updates:
                found = parse(update, self.account) if isinstance(update, dict) else Ignored("not an object")
                if isinstance(found, Ignored):
                    metrics.ignored.add(1, CHANNEL, found.reason)
                    log.debug("telegram update ignored", reason=found.reason)
                else:
                    events.append(found)
            if events:
                await receive(events)
            for update in updates:
                if isinstance(update, dict) and (tap := callback_id(update)):
                    task = asyncio.create_task(self._answer(tap))
                    self._answers.add(task)
                    task.add_done_callback(self._answers.discard)

        return take

    async def _answer(self, tap: str) -> None:
        """Stops the button's spinning (https://core.telegram.org/bots/api#answercallbackquery); late harms nobody."""
        try:
            await self.bot.answer_callback_query(tap)
        except (AiogramError, OSError) as error:
            log.debug("telegram tap not answered", error=type(error).__name__)

    # -- sending -----------------------------------------------------------------------------------------------------

    async def send(self, address: str, reply: Reply, *, lane: int, key: int) -> Outcome:
        """Sends one reply, a long one in several messages; a retry goes on behind the parts accepted. Never raises."""
        try:
            most = limits.CAPTION_CHARACTERS if reply.image and self._photos else limits.TEXT_CHARACTERS
            parts = split(self._text(reply), most)
            if not parts:
                return Failed("nothing to say")
            if not _ADDRESS.fullmatch(address):
                return Failed("not a Telegram chat")
            return await self._send_parts(int(address), parts, reply, lane, key)
        except Exception as error:
            log.exception("telegram send broke", error=type(error).__name__)
            return Unknown(type(error).__name__)

    async def _send_parts(self, chat: int, parts: Sequence[str], reply: Reply, lane: int, key: int) -> Outcome:
        for place in range(self._sent.taken(key), len(parts)):
            markup = self._markup(reply, lane) if place == len(parts) - 1 else None
            paid = bool(lane and self.paid_rate)
            letter = Letter(chat=chat, text=parts[place], markup=markup, lane=lane, paid=paid)
            outcome = await self._send_one(letter, "" if place else reply.image)
            if not isinstance(outcome, Accepted):
                return outcome
            self._sent.add(key, outcome.platform_id)
        return Accepted(self._sent.finish(key))

    async def _send_one(self, letter: Letter, image: str) -> Outcome:
        if image and self._photos:
            return await self._photos.send(letter, image)
        found = await self._deliver(letter)
        return Failed(found.reason) if isinstance(found, OldFile) else found

    async def _deliver(self, letter: Letter) -> Outcome | OldFile:
        """One message; a second time where the table says so: as plain text, or to the chat's new id."""
        found = await self._attempt(letter)
        match found:
            case PlainText():
                log.error("telegram could not parse our markup; sent as plain text")
                found = await self._attempt(replace(letter, plain=True))
            case OtherChat(chat=new):
                log.warning("telegram chat has a new id", new_chat=str(new))
                found = await self._attempt(replace(letter, chat=new))
        return Failed("refused twice") if isinstance(found, PlainText | OtherChat) else found

    async def _attempt(self, letter: Letter) -> Verdict:
        try:
            return taken(await self.bot(letter.request()))
        except Exception as error:
            flood = self._flood
            return verdict(error, address=str(letter.chat), lane=letter.lane, flood=flood, paid=letter.paid)

    def _text(self, reply: Reply) -> str:
        """The words, with what cannot be a button written out: descriptions, surplus options, a link without https."""
        pieces = [clean(reply.text).strip()]
        described = [(clean(o.label).strip(), clean(o.description).strip()) for o in reply.options if o.description]
        pieces.append("\n".join(f"• {label}: {text}" for label, text in described))
        pieces.append("\n".join(f"{place}. {clean(option.label).strip()}" for place, option in without_button(reply)))
        if reply.form and (reply.ask_contact or not opens_as_button(reply.form)):
            pieces.append(clean(reply.form.url))
        return "\n\n".join(piece for piece in pieces if visible(piece))

    def _markup(self, reply: Reply, lane: int) -> Markup | None:
        """The one keyboard of a message. A plain reply takes away a contact keyboard that may still be open."""
        if reply.ask_contact:
            return contact_keyboard(self._contact_label, reply.options)
        keyboard = inline_keyboard(reply, self._form_label)
        return keyboard or (ReplyKeyboardRemove(remove_keyboard=True) if lane == 0 else None)

    def stop(self) -> None:
        """Nothing waits here."""

    async def close(self) -> None:
        """Lets taps that are being answered end, for two seconds at most, and closes the connections."""
        if self._answers:
            await asyncio.wait(list(self._answers), timeout=2.0)
        for task in list(self._answers):
            task.cancel()
        await asyncio.gather(*self._answers, return_exceptions=True)
        await self.bot.session.close()
