"""Services that start at once: one process imports everything and is forked for each service.

Importing takes seconds, and a crash test would spend its time there. The children are ordinary processes: they are killed, stopped and woken by
their number. Driver: `Nursery`; the other side is `main`, run as `python -m benchmarks.nursery`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import psutil

from benchmarks.processes import ROOT, until_up

_START_SECONDS = 180.0  # importing, on a machine that does other things


class Forked:
    """One service of the nursery; may be killed and started again."""

    def __init__(self, nursery: Nursery, role: str, env: Mapping[str, str]) -> None:
        self._nursery, self.role, self._env = nursery, role, dict(env)
        self.pid = 0

    async def start(self) -> None:
        """Forks it and waits until it serves."""
        self.pid = await self._nursery.fork(self.role, self._env)
        if self.role in ("all", "web"):
            await until_up(f"http://{self._env['PANDU_BIND']}/healthz")

    def change(self, env: Mapping[str, str]) -> None:
        """Other settings from the next start on."""
        self._env |= env

    def tell(self, number: int) -> None:
        """Sends a signal."""
        os.kill(self.pid, number)

    async def kill(self, number: int = signal.SIGKILL) -> None:
        """Sends a signal and waits for the end."""
        if not self.pid:
            return
        with contextlib.suppress(ProcessLookupError):
            self.tell(number)
        while psutil.pid_exists(self.pid):
            await asyncio.sleep(0.005)
        self.pid = 0


class Nursery:
    """The driver's side."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._turn = asyncio.Lock()

    async def fork(self, role: str, env: Mapping[str, str]) -> int:
        """The number of a new service that is ready."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        async with self._turn, asyncio.timeout(_START_SECONDS):
            stdin.write(json.dumps({"role": role, "env": dict(env)}).encode() + b"\n")
            while line := await stdout.readline():
                if line.startswith(b"ready "):
                    return int(line.split()[1])
        raise RuntimeError(f"{role}: the service ended at its start")

    def service(self, role: str, env: Mapping[str, str]) -> Forked:
        """A service that is not started yet."""
        return Forked(self, role, env)


@asynccontextmanager
async def nursery() -> AsyncIterator[Nursery]:
    """A nursery; what it has forked must be killed before."""
    errors = asyncio.subprocess.DEVNULL if not os.environ.get("PANDU_BENCH_ERRORS") else None
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "benchmarks.nursery",
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=errors,
    )
    try:
        yield Nursery(process)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def main() -> None:
    """Forks a service for each line of its input."""
    from benchmarks import echo_service
    from bot.telegram import send  # noqa: F401 - imported once, for all

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    for line in sys.stdin:
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            wish = json.loads(line)
            os.environ.update(wish["env"])
            null = os.open(os.devnull, os.O_RDONLY)
            os.dup2(null, 0)
            echo_service.serve(wish["role"], ready=lambda: print("ready", os.getpid(), flush=True))
            os._exit(0)


if __name__ == "__main__":
    main()
