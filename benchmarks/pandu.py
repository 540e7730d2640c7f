"""Pandu as its users start it: `pandu run`, configured by the environment."""

from __future__ import annotations

import signal
import sys
from collections.abc import Mapping, Sequence

from benchmarks.lean_api import TOKEN
from benchmarks.load import WHATSAPP_ACCOUNT, WHATSAPP_NUMBER
from benchmarks.processes import Process, free_port

_PANDU = (sys.executable, "-c", "from bot.cli import main; main()")  # as the command `pandu` of this environment
SECRET = "bench"


def settings(url: str, api: str, port: int, *, rate: float = 0.0) -> dict[str, str]:
    """The environment of a service under test. `rate`: messages a second, 0 = no limit."""
    return {
        "PANDU_DATABASE_URL": url,
        "PANDU_SECRET_KEY": "benchmark" * 5,
        "PANDU_BIND": f"127.0.0.1:{port}",
        "PANDU_TELEGRAM_TOKEN": TOKEN,
        "PANDU_TELEGRAM_API": api,
        "PANDU_TELEGRAM_MODE": "webhook",
        "PANDU_TELEGRAM_SECRET": SECRET,
        "PANDU_TELEGRAM_RATE": f"{rate:g}",
    }


def whatsapp(api: str) -> dict[str, str]:
    """What WhatsApp needs besides, in the environment."""
    return {
        "PANDU_WHATSAPP_TOKEN": "bench",
        "PANDU_WHATSAPP_NUMBER_ID": WHATSAPP_NUMBER,
        "PANDU_WHATSAPP_ACCOUNT_ID": WHATSAPP_ACCOUNT,
        "PANDU_WHATSAPP_APP_SECRET": SECRET,
        "PANDU_WHATSAPP_VERIFY_TOKEN": "benchmark-token",
        "PANDU_WHATSAPP_API": api,
        "PANDU_WHATSAPP_RATE": "0",
    }


class Pandu:
    """One service: one process on SQLite, one for each role on PostgreSQL."""

    def __init__(
        self,
        url: str,
        api: str,
        *,
        roles: Sequence[str] = ("all",),
        rate: float = 0.0,
        extra: Mapping[str, str] | None = None,
        module: str = "",
    ) -> None:
        """`module`: another service than `pandu run`, started with --role."""
        self.url = url
        self.port = free_port()
        self.env = {**settings(url, api, self.port, rate=rate), **(extra or {})}
        self.hook = f"http://127.0.0.1:{self.port}/telegram/{TOKEN.partition(':')[0]}"
        self.whatsapp_hook = f"http://127.0.0.1:{self.port}/whatsapp/{WHATSAPP_NUMBER}"
        self.headers = f"X-Telegram-Bot-Api-Secret-Token: {SECRET}\r\n"
        self.processes = [self._process(role, module) for role in roles]

    def _process(self, role: str, module: str) -> Process:
        start = [sys.executable, "-m", module] if module else [*_PANDU, "run"]
        ready = f"http://127.0.0.1:{self.port}/healthz" if role in ("all", "web") else ""
        return Process([*start, "--role", role], self.env, ready_url=ready)

    async def start(self) -> None:
        """Brings the schema up to date and starts the roles."""
        if not self.url.startswith("sqlite"):
            upgrade = Process([*_PANDU, "db", "upgrade"], self.env)
            await upgrade.start()
            if await upgrade.wait():
                raise RuntimeError("`pandu db upgrade` failed")
        for process in self.processes:
            await process.start()

    async def stop(self) -> None:
        """As a supervisor stops it."""
        for process in self.processes:
            await process.kill(signal.SIGTERM)

    def rss_mb(self) -> float:
        """Resident memory of all its processes in MiB (PostgreSQL's own is not counted)."""
        return sum(process.rss_mb() for process in self.processes)
