"""The one place where the parts are put together."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import structlog
import uvicorn
from starlette.applications import Starlette

from bot import broadcast, metrics, pack
from bot.broadcast import Broadcast, Rules
from bot.channel import Channel, announcing_rate, paid_rate
from bot.desk.live import Hub
from bot.effects import Parts
from bot.hook import HookSender
from bot.ids import new_id
from bot.jobs import jobs
from bot.leader import Leader
from bot.models import PublishedModel
from bot.policy import own_hosts, policy
from bot.receiver import Receiver
from bot.refresh import Refresh
from bot.sender import Sender
from bot.settings import Settings, SettingsError
from bot.settings_check import whatsapp_problems
from bot.wake import Wake
from bot.web.application import application
from bot.web.probes import probe_routes
from bot.webchat.channel import WebChat
from bot.worker import Worker
from handlers import announcement, desk_calendar, short
from handlers.catalogue import Catalogue
from handlers.turn import Policy
from nlu import meaning
from nlu.embedded import EmbeddedEngine
from nlu.rasa.engine import RasaEngine
from nlu.semantic import SemanticEngine
from nlu.understanding import Engine
from storage import migrate
from storage.database import Database

log = structlog.get_logger()

ROLES = ("all", "web", "worker", "sender")
STOP_SECONDS = 10.0  # what is claimed is finished within this time, the rest handed back
_SWITCH_SECONDS = 0.0005  # SQLite gives the lock up in each statement; taking it back must not cost the usual 5 ms while the loop is busy


def parts(settings: Settings, *, random_id: Callable[[int], str] = new_id) -> Parts:
    """Understanding, content and the operator's policy."""
    meaning.load()
    desk_calendar.national_days(
        datetime.now(UTC).year
    )  # the library takes a tenth of a second: not in the middle of a turn
    return Parts(
        engine=engine(settings), catalogue=pack.of(settings).catalogue(), policy=policy(settings), new_id=random_id
    )


def engine(settings: Settings) -> Engine:
    """The engine of `PANDU_NLU`. FileNotFoundError where its model was never trained, `SettingsError` without the extra it needs."""
    found = pack.of(settings)
    return wrapped(settings, EmbeddedEngine.load(found.model, data=found.data))


def wrapped(settings: Settings, embedded: EmbeddedEngine) -> Engine:
    """The engine of `PANDU_NLU` with this embedded one at its heart."""
    if settings.nlu == "semantic":
        try:
            return SemanticEngine.load(pack.of(settings).model, first=embedded)
        except ModuleNotFoundError:
            raise SettingsError("PANDU_NLU: semantic needs the extra: pip install 'pandu[semantic]'") from None
    if settings.nlu == "rasa":
        return RasaEngine(settings.rasa_url, embedded, on_reading=partial(metrics.rasa_readings.add, 1))
    return embedded


def channels(settings: Settings, database: Database, wake: Wake) -> list[Channel]:
    """The channels that are configured. A new channel is one more line here."""
    found: list[Channel] = [WebChat(database, wake, trusted_proxies=settings.trusted_proxies)]
    content = pack.of(settings).catalogue()
    if settings.telegram_token:
        from bot.telegram.send import TelegramChannel  # aiogram takes half a second to import

        found.append(TelegramChannel.from_settings(settings, database, contact_label=content.text("contact_button")))
    if lacking := whatsapp_problems(settings):
        log.error("whatsapp is not started", problems=lacking)
    elif settings.whatsapp_token:
        from bot.whatsapp.send import WhatsAppChannel  # aiohttp's client is not needed without it

        found.append(WhatsAppChannel(settings, database, content))
    if settings.sms_config:
        from bot.sms.send import SmsChannel

        found.append(SmsChannel.from_settings(settings, database, short.words(content)))
    return found


class _Server(uvicorn.Server):
    """Uvicorn without its own signal handlers: the service stops all loops together."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leaves the signals alone."""
        yield


class Service:
    """A running Pandu: the loops of its role, started and stopped together."""

    def __init__(
        self,
        settings: Settings,
        made: Parts,
        *,
        role: str = "all",
        extra_channels: Sequence[Channel] = (),
        demo: bool = False,
    ) -> None:
        """`role`: all, web, worker or sender (one process with all on SQLite)."""
        self.settings = settings
        self.role = role
        self.database = Database(settings.database_url)
        self.wake = Wake(self.database, listen_url=settings.database_listen_url)
        self.receiver = Receiver(self.database, self.wake)
        self.channels = [*channels(settings, self.database, self.wake), *extra_channels]
        self.worker = Worker(self.database, made, self.wake)
        self.model = PublishedModel(self.database, self.worker, pack.of(settings), partial(wrapped, settings))
        self.senders = [
            Sender(self.database, channel, self.wake, link_hosts=own_hosts(settings, settings.link_hosts))
            for channel in self.channels
        ]
        self.hook = HookSender(self.database, settings.hook_url, settings.hook_secret) if settings.hook_url else None
        self.hub = Hub(self.database, self.wake)
        self.refresh = Refresh(self.database, made, self.wake, self._use)
        self.web = application(self, demo=demo)
        self._servers: list[uvicorn.Server] = []
        self._stopped = asyncio.Event()

    @property
    def unready(self) -> str:
        """Why this process should get no more work, whatever the database says; "" where it should."""
        return "stopping" if self._stopped.is_set() else ""

    def stop(self) -> None:
        """Asks `run` to finish what is claimed and return (what SIGTERM does)."""
        self._stopped.set()

    @property
    def parts(self) -> Parts:
        """The present ones: new content swaps them."""
        return self.worker.parts

    @property
    def link_hosts(self) -> tuple[str, ...]:
        """The hosts beside .go.id that may stand in messages at present."""
        return own_hosts(self.settings, self.worker.parts.policy.link_hosts)

    def _content(self) -> Catalogue:
        return self.worker.parts.catalogue

    def _use(self, content: Catalogue, decided: Policy) -> None:
        self.worker.parts = replace(self.worker.parts, catalogue=content, policy=decided)
        for sender in self.senders:
            sender.link_hosts = self.link_hosts

    async def run(self, *, ready: Callable[[], None] | None = None) -> None:
        """Serves until SIGTERM or SIGINT, then finishes what is claimed and hands back the rest."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            with contextlib.suppress(NotImplementedError):
                loop.add_signal_handler(number, self.stop)
        if self.role in ("all", "worker"):
            await self.model.look()  # before the first message
        await self.refresh.attempt()  # nobody is told what has been replaced, not even at the start
        tasks = [asyncio.create_task(work, name=name) for name, work in self._work()]
        gc.collect()
        sys.setswitchinterval(_SWITCH_SECONDS)
        gc.freeze()  # the collector need not walk the imported world on every pass (measured: aiogram's tail)
        if ready:
            ready()
        stopper = asyncio.create_task(self._stopped.wait())
        done, _ = await asyncio.wait([stopper, *tasks], return_when=asyncio.FIRST_COMPLETED)
        ended = [task for task in done if task is not stopper]
        stopper.cancel()
        await self._shut(tasks)
        for task in ended:  # no loop ends by itself: the process must end with a failure, so that it is started again
            log.error("a loop ended", loop=task.get_name(), exc_info=task.exception())
            raise RuntimeError(f"the {task.get_name()} loop ended") from task.exception()

    def _work(self) -> list[tuple[str, Coroutine[Any, Any, None]]]:
        work: list[tuple[str, Coroutine[Any, Any, None]]] = [
            ("listen", self._forever(self.wake.listen)),
            ("content", self.refresh.run()),
        ]
        if self.settings.metrics_bind:
            probes = Starlette(routes=probe_routes(self, with_metrics=True))
            work.append(("probes", self._serve(probes, self.settings.metrics_bind)))
        if self.role in ("all", "web"):
            work.append(("web", self._serve(self.web, self.settings.bind)))
            leader = Leader(self.database)
            work += [
                (
                    f"poll:{channel.name}",
                    leader.hold(f"poll:{channel.name}:{channel.account}", partial(channel.poll, self.receiver.receive)),
                )
                for channel in self.channels
            ]
        if self.role in ("all", "worker"):
            work.append(("worker", self.worker.run()))
            work.append(("model", self.model.run()))
            leader = Leader(self.database)
            work += [
                (job.name, leader.every(job.name, job.once, job.seconds))
                for job in jobs(self.settings, self.database, self._content, self.wake)
            ]
        if self.hook and self.role in ("all", "sender"):
            work.append(("hook", self.hook.run()))
        if self.role in ("all", "sender"):
            work += [("sender", sender.run()) for sender in self.senders]
            cast = self._broadcast()
            work.append(("broadcast", Leader(self.database).hold(broadcast.LEASE, cast.run)))
        return work

    def _broadcast(self) -> Broadcast:
        rates = {
            f"{one.name}:{one.account}": announcing_rate(one.rate, paid_rate(one))
            for one in self.channels
            if one.name in announcement.CHANNELS
        }
        rules = Rules(
            ramp_minutes=self.settings.broadcast_ramp_minutes,
            failure_rate=self.settings.broadcast_failure_rate,
            block_rate=self.settings.broadcast_block_rate,
            approval_from=self.settings.broadcast_approval_from,
            account_id=self.settings.whatsapp_account_id,
        )
        return Broadcast(self.database, rates, self._content, self.wake, rules=rules)

    async def _serve(self, web: Starlette, bind: str) -> None:
        host, _, port = bind.rpartition(":")
        config = uvicorn.Config(
            web,
            host=host,
            port=int(port),
            log_level="warning",
            access_log=False,
            server_header=False,
            forwarded_allow_ips=list(self.settings.trusted_proxies),
            timeout_graceful_shutdown=3,
        )
        server = _Server(config)
        self._servers.append(server)
        await server.serve()

    async def _forever(self, loop: Callable[[], Awaitable[None]]) -> None:
        await loop()
        await asyncio.Event().wait()  # a loop that has nothing to do here must not end the service

    async def _shut(self, tasks: Sequence[asyncio.Task[None]]) -> None:
        self.worker.stop()
        self.hub.stop()
        if self.hook:
            self.hook.stop()
        for channel in self.channels:
            channel.stop()
        for sender in self.senders:
            sender.stop()
        for server in self._servers:
            server.should_exit = True
        finishing = [task for task in tasks if task.get_name() in ("worker", "sender", "web", "probes", "hook")]
        if finishing:
            await asyncio.wait(finishing, timeout=STOP_SECONDS)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for channel in self.channels:
            await channel.close()
        await self.database.close()


async def prepare_database(settings: Settings) -> None:
    """Brings the schema up to date on SQLite; on PostgreSQL says when `pandu db upgrade` is due."""
    database = Database(settings.database_url)
    try:
        if database.backend == "sqlite":
            await database.write(migrate.upgrade)
        elif not migrate.serves(await database.read(migrate.current)):
            raise RuntimeError("the database is not at this version's schema: run `pandu db upgrade`")
    finally:
        await database.close()
