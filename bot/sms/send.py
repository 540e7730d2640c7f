"""`SmsChannel`: a reply as one SMS of at most two parts, and its outcome; messages come by webhook."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path

import structlog
from sqlalchemy import Connection
from starlette.routing import BaseRoute

from bot import keys
from bot.channel import Accepted, Failed, Outcome, Receive, Retry, Unknown
from bot.receiver import Clock
from bot.settings import Settings, SettingsError
from bot.sms import config as config_file
from bot.sms import limits
from bot.sms.android import AndroidGateway
from bot.sms.cost import CATEGORY, CostGate
from bot.sms.gateway import Client, Gateway
from bot.sms.http import HttpGateway
from bot.sms.pieces import Joiner
from bot.sms.positions import ConfigError
from bot.sms.receive import CHANNEL
from bot.sms.spec import Config
from bot.sms.webhook import Intake
from handlers import gsm7, short
from handlers.messages import Reply
from storage import charges
from storage.database import Database, database_now, is_outage

log = structlog.get_logger()

_SWEEP_SECONDS = 10.0
_ADDRESS = re.compile(limits.NUMBER_PATTERN)


class SmsChannel:
    """One number at one gateway. Implements `bot.channel.Channel`."""

    name = CHANNEL

    def __init__(
        self,
        config: Config,
        database: Database,
        *,
        words: short.Words,
        key: str = "",
        user: str = "",
        webhook_secret: str = "",
        sealing_key: bytes,
        cap: float = 0.0,
        seconds: float = limits.REQUEST_SECONDS,
        clock: Clock = database_now,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`key`, `user`: the gateway's; `cap`: rupiah a month; `seconds`: longest wait for an answer to a send."""
        self.account = config.number
        self.rate = config.rate
        self._config, self._database, self._words = config, database, words
        self._source = f"{CHANNEL}:{config.number}"
        self.gate = CostGate(self._source, price=config.price, cap=cap)
        self._gateway = gateway_of(config, key=key, user=user)
        self._client = Client(seconds)
        self._clock, self._sleep = clock, sleep
        self._joiner = Joiner(database, config, sealing_key, clock)
        self._intake = Intake(database, config, self._joiner, secret=webhook_secret, clock=clock)

    @classmethod
    def from_settings(cls, settings: Settings, database: Database, words: short.Words) -> SmsChannel:
        """The channel as file and environment describe it; raises `SettingsError` for a file that cannot be used."""
        return cls(
            read_config(settings),
            database,
            words=words,
            key=settings.sms_key,
            user=settings.sms_user,
            webhook_secret=settings.sms_webhook_secret,
            sealing_key=keys.present(settings).sealing,
            cap=settings.sms_monthly_cap,
        )

    # -- receiving ---------------------------------------------------------------------------------------------------

    def routes(self, receive: Receive) -> Sequence[BaseRoute]:
        """The gateway's webhooks."""
        return self._intake.routes(receive)

    async def poll(self, receive: Receive) -> None:
        """Lets long messages go whose other parts have not come, until cancelled."""
        while True:
            try:
                await self._joiner.sweep(receive)
            except Exception as error:
                log.warning("parts of sms were not swept", reason=type(error).__name__)
            await self._sleep(_SWEEP_SECONDS)

    # -- sending -----------------------------------------------------------------------------------------------------

    async def send(self, address: str, reply: Reply, *, lane: int, key: int) -> Outcome:
        """Sends one SMS; what of the reply did not fit is had by LANJUT. Never raises."""
        try:
            if not _ADDRESS.fullmatch(address):
                return Failed("not a mobile number of Indonesia")
            text, _ = short.shaped(reply, self._words)
            if not text:
                return Failed("nothing to say")
            request = self._gateway.request(address, text, key)
            answer = await self._client.ask(request)
            if isinstance(answer, Retry | Unknown):
                return answer
            outcome = self._gateway.outcome(answer, request)
            if isinstance(outcome, Accepted):
                await self._charge(gsm7.parts(text))
            return outcome
        except Exception as error:
            log.exception("sms send broke", error=type(error).__name__)
            return Unknown(type(error).__name__)

    async def _charge(self, parts: int) -> None:
        """Counts what was taken. A lost count is no reason to send again."""
        try:
            await self._database.write(partial(self._count, parts))
        except Exception as error:
            if not is_outage(error):
                raise
            log.error("sms not counted", parts=parts)

    def _count(self, parts: int, connection: Connection) -> None:
        now = self._clock(connection)
        charges.add(connection, self._source, category=CATEGORY, at=now, billable=parts)

    def stop(self) -> None:
        """Nothing waits here longer than a send."""

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.close()


def gateway_of(config: Config, *, key: str, user: str) -> Gateway:
    """The telephone or the HTTP gateway that the file describes."""
    if config.android:
        return AndroidGateway(config.android, user=user, key=key)
    assert config.sending is not None  # noqa: S101 - one of the two, checked by bot.sms.config
    return HttpGateway(config, config.sending, key=key, user=user)


def read_config(settings: Settings) -> Config:
    """The file of PANDU_SMS_CONFIG; raises `SettingsError` with its problems."""
    try:
        return config_file.load(Path(settings.sms_config))
    except ConfigError as error:
        raise SettingsError(f"PANDU_SMS_CONFIG: {error}") from None
