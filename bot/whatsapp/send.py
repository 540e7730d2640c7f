"""The channel: webhook → `Inbound` (receive.py, webhook.py), `Reply` → requests to the Graph API and an outcome."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

import structlog
from starlette.routing import BaseRoute

from bot import metrics
from bot.channel import Accepted, Failed, Outcome, Receive, Throttled, Unknown
from bot.parts import SentParts
from bot.receiver import Clock
from bot.settings import Settings
from bot.whatsapp import render, tier
from bot.whatsapp.client import Graph, GraphError
from bot.whatsapp.failures import failed
from bot.whatsapp.gate import Gate
from bot.whatsapp.outcomes import PAIR
from bot.whatsapp.pace import Pace
from bot.whatsapp.people import bsuid_of, phone_of
from bot.whatsapp.pictures import Carried, OldPicture, Uploads
from bot.whatsapp.reading import Reading
from bot.whatsapp.receive import CHANNEL
from bot.whatsapp.templates import fetched
from bot.whatsapp.webhook import Intake
from handlers import templates
from handlers.catalogue import Catalogue
from handlers.messages import Reply
from storage import templates as registry
from storage.database import Database, database_now

log = structlog.get_logger()

SYNC_SECONDS: Final = 3600.0  # two calls an hour, of the 200 that a new account has


class WhatsAppChannel:
    """One business number. Implements `bot.channel.Channel`."""

    name = CHANNEL

    def __init__(
        self,
        settings: Settings,
        database: Database,
        catalogue: Catalogue,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Clock = database_now,
    ) -> None:
        """`clock`: seconds, for the pace and for how long counts are believed; `now`: the time of what comes in."""
        self.account = settings.whatsapp_number_id
        self.rate = settings.whatsapp_rate
        self.graph = Graph(settings.whatsapp_token, api=settings.whatsapp_api, version=settings.whatsapp_version)
        self.gate = Gate(
            number_id=settings.whatsapp_number_id,
            account_id=settings.whatsapp_account_id,
            wanted=templates.wanted(catalogue),
            common={"operator": settings.operator},
            cap=settings.whatsapp_monthly_cap,
            clock=clock,
        )
        self._account_id = settings.whatsapp_account_id
        self._database = database
        self._labels = render.Labels(
            choose=catalogue.text("options_choose"),
            more=catalogue.text("options_more"),
            form=catalogue.text("form_button"),
        )
        self._intake = Intake(
            database,
            number_id=settings.whatsapp_number_id,
            account_id=settings.whatsapp_account_id,
            app_secret=settings.whatsapp_app_secret,
            verify_token=settings.whatsapp_verify_token,
            on_failed=failed,
            clock=now,
        )
        self._reading = Reading(self.graph, database, self.account)
        self._uploads = Uploads(self.graph, database, self.account, now=now, clock=clock)
        self._pace = Pace(clock)
        self._sent = SentParts()

    # -- receiving ---------------------------------------------------------------------------------------------------

    def routes(self, receive: Receive) -> Sequence[BaseRoute]:
        """The webhook; what it has committed is marked as read."""
        return self._intake.routes(self._reading.after(receive))

    async def poll(self, receive: Receive) -> None:
        """Messages are pushed; what is asked for, once an hour, is the state of our templates and of the number."""
        while True:
            await self.sync()
            await asyncio.sleep(SYNC_SECONDS)

    async def sync(self) -> None:
        """Brings template registry and limit up to date; a failure is logged and tried again the next time."""
        try:
            held = await fetched(self.graph, self._account_id)
            told = await self.graph.get(self.account, fields="whatsapp_business_manager_messaging_limit")
            now = await self._database.now()
            await self._database.write(partial(registry.replace_all, account=self._account_id, found=held, now=now))
            level = told.get("whatsapp_business_manager_messaging_limit")
            await self._database.write(partial(tier.keep, account_id=self._account_id, told=level, now=now))
        except Exception as error:
            log.warning("whatsapp not synchronised", reason=str(error) or type(error).__name__)

    # -- sending -----------------------------------------------------------------------------------------------------

    async def send(self, address: str, reply: Reply, *, lane: int, key: int) -> Outcome:
        """Sends one reply, in one message wherever it fits; a retry goes on behind the parts accepted. Never raises."""
        try:
            to = recipient(address)
            if to is None:
                return Failed("not a WhatsApp address")
            outcome = await self._send(address, to, reply, key)
            if isinstance(outcome, OldPicture):
                outcome = await self._send(address, to, reply, key)
            return outcome.outcome if isinstance(outcome, OldPicture) else outcome
        except Exception as error:
            log.exception("whatsapp send broke", error=type(error).__name__)
            return Unknown(type(error).__name__)

    async def _send(self, address: str, to: dict[str, str], reply: Reply, key: int) -> Outcome | OldPicture:
        picture = await self._uploads.carried(reply)
        if not isinstance(picture, Carried | None):
            return picture
        bodies = self._bodies(reply, hides_number="recipient" in to, media_id=picture.media_id if picture else "")
        if not bodies:
            return Failed("nothing to say")
        for body in bodies[self._sent.taken(key) :]:
            outcome = await self._send_one(address, {**to, **body}, key, picture if "image" in body else None)
            if not isinstance(outcome, Accepted):
                return outcome
            self._sent.add(key, outcome.platform_id)
        return Accepted(self._sent.finish(key))

    def _bodies(self, reply: Reply, *, hides_number: bool, media_id: str) -> list[render.Body]:
        if reply.template and reply.template.language:  # the gate has chosen it
            return [render.template(reply.template)]
        return render.bodies(reply, self._labels, hides_number=hides_number, media_id=media_id)

    async def _send_one(
        self, address: str, body: dict[str, Any], key: int, picture: Carried | None
    ) -> Outcome | OldPicture:
        if wait := self._pace.wait(address):
            return Throttled(wait, "chat")
        whole = {
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            **body,
            "biz_opaque_callback_data": str(key),
        }
        try:
            answer = await self.graph.post(f"{self.account}/messages", whole)
        except GraphError as error:
            if isinstance(error.outcome, Throttled) and error.outcome.seconds == PAIR:
                return Throttled(self._pace.refused(address), "chat")
            return await self._uploads.refused(picture, error) if picture else error.outcome
        self._pace.accepted(address)
        return _accepted(answer)

    def stop(self) -> None:
        """Nothing waits here."""

    async def close(self) -> None:
        """Lets read marks that are under way end, for two seconds at most, and closes the connections."""
        await self._reading.close()
        await self.graph.close()


def recipient(address: str) -> dict[str, str] | None:
    """The field that names the person: `to` with "+62…", or `recipient` with an id (platform-rules 2.9); None for anything else."""
    if phone := phone_of(address):
        return {"to": phone}
    bsuid = bsuid_of(address)
    return {"recipient": bsuid} if bsuid else None


def _accepted(answer: dict[str, Any]) -> Outcome:
    """The id of the first message; without one it is not known what was accepted."""
    messages = answer.get("messages")
    first = messages[0] if isinstance(messages, list) and messages and isinstance(messages[0], dict) else {}
    platform_id = first.get("id")
    if not isinstance(platform_id, str) or not platform_id:
        return Unknown("an answer without an id")
    if first.get("message_status") == "held_for_quality_assessment":
        metrics.windows.add(1, "paced")
        log.warning("whatsapp holds a template back to see how people take it", message=platform_id)
    return Accepted(platform_id)
