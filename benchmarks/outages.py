"""`pandu bench outages`: the same load and the same counts as `bench crash`, while something around Pandu fails instead of Pandu itself.

PANDU_BENCH_OUTAGES chooses (names, comma separated); PANDU_BENCH_TIMES says how often each thing fails (10).
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks import options
from benchmarks.crash import POSTGRES_ROLES, Disturb, Trial, measure, report
from benchmarks.databases import Postgres, postgres_server
from benchmarks.processes import sqlite_url
from tests.fakes.telegram import FakeTelegram

Figures = dict[str, Any]


def times() -> int:
    """How often each thing fails."""
    return options.count("TIMES", 10)


def _statuses(trial: Trial) -> dict[str, int]:
    given = Counter(status for _, status in trial.fake.queue.attempts)
    return {"http_503": given[503], "http_other": sum(n for status, n in given.items() if status not in (200, 503))}


# -- PostgreSQL restarts ------------------------------------------------------------------------------------------


def restarting(server: Postgres) -> Disturb:
    """The server is restarted, by turns politely (open connections are ended) and as by a power cut."""

    async def disturb(trial: Trial) -> None:
        for turn in range(times()):
            await asyncio.sleep(trial.chance.uniform(1.0, 2.5))
            await asyncio.to_thread(server.control, "restart", "-m", "fast" if turn % 2 else "immediate")
        await asyncio.sleep(2)
        trial.notes |= {"restarts": times(), **_statuses(trial)}

    return disturb


async def postgres_restarts() -> Figures:
    """PostgreSQL restarted under load: webhooks answer 503 meanwhile, everything goes on by itself."""
    with postgres_server() as server:
        return await measure(server.database("bench"), POSTGRES_ROLES, restarting(server))


# -- the network to the Bot API -----------------------------------------------------------------------------------


class Cable:
    """A proxy between Pandu and the Bot API that can be cut."""

    def __init__(self) -> None:
        self._target = ("", 0)
        self._port = 0
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def plug(self, fake: FakeTelegram) -> Mapping[str, str]:
        """Connects it; the setting that leads Pandu through it."""
        where = urlsplit(fake.base)
        self._target = (str(where.hostname), int(where.port or 0))
        await self.mend()
        return {"PANDU_TELEGRAM_API": f"http://127.0.0.1:{self._port}"}

    async def mend(self) -> None:
        """Lets connections through."""
        self._server = await asyncio.start_server(self._through, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    def cut(self) -> None:
        """Ends all connections, whatever is on its way, and refuses new ones."""
        if self._server:
            self._server.close()
        for writer in list(self._open):
            writer.transport.abort()

    async def _through(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            there, back = await asyncio.open_connection(*self._target)
            self._open.add(back)
            await asyncio.gather(_copy(reader, back), _copy(there, writer))
            self._open.discard(back)
        except OSError:
            pass
        finally:
            self._open.discard(writer)


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while piece := await source.read(65_536):
            sink.write(piece)
            await sink.drain()
    sink.close()


async def network_cut() -> Figures:
    """The way to the Bot API is cut: requests on their way are lost with their answers, later ones are refused."""
    cable = Cable()

    async def disturb(trial: Trial) -> None:
        for _ in range(times()):
            await asyncio.sleep(trial.chance.uniform(0.5, 1.5))
            cable.cut()
            await asyncio.sleep(trial.chance.uniform(0.5, 4.0))
            await cable.mend()
        trial.notes |= {"cuts": times()}

    try:
        with sqlite_url() as url:
            return await measure(url, ("all",), disturb, extra=cable.plug)
    finally:
        cable.cut()


# -- 429 ----------------------------------------------------------------------------------------------------------


async def throttled() -> Figures:
    """Storms of 429: each time thirty sends in a row are refused with a wait of one to three seconds."""

    async def disturb(trial: Trial) -> None:
        for _ in range(times()):
            await asyncio.sleep(trial.chance.uniform(0.5, 2.0))
            seconds = trial.chance.randint(1, 3)
            told = {"description": f"Too Many Requests: retry after {seconds}", "parameters": {"retry_after": seconds}}
            trial.fake.fail(30, status=429, **told)
        await asyncio.sleep(3)
        refused = sum(call.status == 429 for call in trial.fake.calls)
        trial.notes |= {"storms": times(), "http_429": refused}

    with sqlite_url() as url:
        return await measure(url, ("all",), disturb)


# -- a full disk --------------------------------------------------------------------------------------------------


async def disk_full() -> Figures:
    """SQLite may not grow: webhooks answer 503 and the platform keeps the events; with room again all goes on, nothing is broken."""
    with sqlite_url() as url:
        path = urlsplit(url).path

        async def disturb(trial: Trial) -> None:
            for _ in range(120):
                await asyncio.sleep(0.5)
                if _statuses(trial)["http_503"] >= 20:
                    break
            await asyncio.sleep(options.number("FULL_SECONDS", 20))  # longer than a few attempts take
            trial.notes |= _statuses(trial)
            await trial.processes[0].kill(signal.SIGTERM)
            trial.processes[0].change({"PANDU_SQLITE_MAX_PAGES": "1000000"})
            await trial.processes[0].start()
            await asyncio.sleep(2)

        async def limit(_fake: FakeTelegram) -> Mapping[str, str]:
            return {"PANDU_SQLITE_MAX_PAGES": str(await asyncio.to_thread(_pages, path) + 60)}

        result = await measure(url, ("all",), disturb, extra=limit)
        with contextlib.closing(sqlite3.connect(path)) as connection:
            return {**result, "integrity": connection.execute("PRAGMA integrity_check").fetchone()[0]}


def _pages(path: str) -> int:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("PRAGMA page_count").fetchone()[0])


# -- a process that sleeps past its lease -------------------------------------------------------------------------


async def stopped_past_lease() -> Figures:
    """A worker or sender is stopped (SIGSTOP) past its lease of three seconds, its work is taken over, then it is woken."""

    async def disturb(trial: Trial) -> None:
        for _ in range(times()):
            await asyncio.sleep(trial.chance.uniform(0.3, 1.5))
            sleeper = trial.chance.choice(trial.processes[1:])
            sleeper.tell(signal.SIGSTOP)
            await asyncio.sleep(6)
            sleeper.tell(signal.SIGCONT)
        trial.notes |= {"stops": times()}

    async def short(_fake: FakeTelegram) -> Mapping[str, str]:
        return {"PANDU_BENCH_LEASE": "3", "PANDU_BENCH_SLOW": "0.01"}

    with postgres_server() as server:
        return await measure(server.database("bench"), POSTGRES_ROLES, disturb, extra=short)


# -- a clock that jumps -------------------------------------------------------------------------------------------


async def clock_jumps() -> Figures:
    """The clock goes an hour forward, then back, and so on: nothing is done twice and nothing waits for the hour to pass."""
    with tempfile.TemporaryDirectory() as folder, sqlite_url() as url:
        path = Path(folder) / "clock"

        async def disturb(trial: Trial) -> None:
            for turn in range(times()):
                await asyncio.sleep(trial.chance.uniform(1.0, 2.0))
                path.with_suffix(".new").write_text("3600" if turn % 2 == 0 else "0")
                path.with_suffix(".new").replace(path)
            path.write_text("0")
            trial.notes |= {"jumps": times()}

        async def clock(_fake: FakeTelegram) -> Mapping[str, str]:
            return {"PANDU_BENCH_CLOCK": str(path)}

        return await measure(url, ("all",), disturb, extra=clock)


OUTAGES: Mapping[str, Callable[[], Awaitable[Figures]]] = {
    made.__name__: made
    for made in (postgres_restarts, network_cut, throttled, disk_full, stopped_past_lease, clock_jumps)
}


def run(*, json: bool = False, only: str = "") -> None:
    """Prints the table, or one JSON object."""
    wanted = options.wanted("OUTAGES", only or ",".join(OUTAGES))
    result = {name: asyncio.run(_coroutine(made)) for name, made in OUTAGES.items() if name in wanted}
    report(result, json=json, title="what fails around Pandu, under 40 events a second")


async def _coroutine(made: Callable[[], Awaitable[Figures]]) -> Figures:
    return await made()
