"""What `pandu doctor` looks at around the program: disk, files' modes, clocks, ports, the public address, the model."""

from __future__ import annotations

import asyncio
import shutil
import stat
from collections.abc import Iterator, Mapping
from dataclasses import fields
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit

from bot import ports
from bot.settings import Settings
from nlu.fingerprint import is_current

ROOM = 1 << 30  # below a gigabyte a busy day may fill the disk
SKEW_SECONDS = 30  # signatures and codes by time bear less than a minute
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_TIMEOUT = 5.0


def around(loaded: Settings, env: Mapping[str, str]) -> Iterator[str]:
    """What is wrong on this machine, each with its mend; asks nobody outside."""
    yield from _disk(loaded)
    yield from _modes(loaded, env)
    yield from _ports(loaded)
    if loaded.nlu == "embedded" and not is_current():
        yield "the model was not trained from this version's data: run `pandu nlu train`, restart the workers"
    public = urlsplit(loaded.public_url)
    if loaded.public_url and public.scheme != "https" and public.hostname not in _LOOPBACK:
        yield "PANDU_PUBLIC_URL is not https: what people type into the secure form can be read on the way; see docs/deploy.md"


async def public_address(loaded: Settings) -> list[str]:
    """Whether the public address leads to a Pandu, and how our clock compares with the answer's."""
    if not loaded.public_url:
        return []
    import aiohttp  # other commands need no HTTP client

    address = f"{loaded.public_url.rstrip('/')}/healthz"
    try:
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT)
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(address) as answer:
            body, status, date = (
                (await answer.text(errors="replace"))[:20].strip(),
                answer.status,
                answer.headers.get("Date"),
            )
    except aiohttp.ClientConnectorCertificateError:
        return [f"{address}: the certificate does not hold; renew it at the proxy"]
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        return [
            f"{address} does not answer ({type(error).__name__}): is Pandu running, does the proxy lead to PANDU_BIND?"
        ]
    if status != 200 or body != "ok":
        return [f"{address} answers {status} and not as Pandu does: does the proxy lead to PANDU_BIND?"]
    return skewed(datetime.now(UTC), _moment(date), "the public address")


def skewed(here: datetime, there: datetime | None, whose: str) -> list[str]:
    """What is wrong where two clocks differ."""
    if there is None or abs((here - there).total_seconds()) <= SKEW_SECONDS:
        return []
    seconds = (here - there).total_seconds()
    return [
        f"this machine's clock is {seconds:+.0f} s beside that of {whose}: switch time synchronisation on (timedatectl)"
    ]


def _moment(date: str | None) -> datetime | None:
    try:
        return parsedate_to_datetime(date) if date else None
    except ValueError:
        return None


def _disk(loaded: Settings) -> Iterator[str]:
    database = sqlite_path(loaded)
    folder = _existing(database.parent if database else Path.cwd())
    free = shutil.disk_usage(folder).free
    if free < ROOM:
        yield f"{folder} has {free / 2**20:,.0f} MiB left: make room before the database stands still"


def sqlite_path(loaded: Settings) -> Path | None:
    """The SQLite file; None on PostgreSQL, and where none is named."""
    name = loaded.database_url.removeprefix("sqlite:///")
    return Path(name) if name and name != loaded.database_url else None


def _existing(folder: Path) -> Path:
    while not folder.exists():
        folder = folder.parent
    return folder


def _modes(loaded: Settings, env: Mapping[str, str]) -> Iterator[str]:
    """Files that others may read: secrets, and the database with what people have written."""
    named = {f"{item.metadata['env']}_FILE" for item in fields(loaded) if item.metadata.get("secret")}
    files = [Path(env[name]) for name in sorted(named) if env.get(name)]
    if (database := sqlite_path(loaded)) is not None:
        files += [database, database.with_suffix(".key")]
    for file in files:
        if file.is_relative_to("/run"):
            continue  # handed over by systemd or a container engine, readable in our own namespace alone
        if file.exists() and stat.S_IMODE(file.stat().st_mode) & 0o007:
            yield f"{file} may be read by everybody on this machine: chmod 600 {file}"


def _ports(loaded: Settings) -> Iterator[str]:
    for name, address in ports.of(loaded, web=True).items():
        if address.endswith(":0") or ports.answers_as_pandu(address):
            continue
        if wrong := ports.trouble(name, address):
            yield wrong


async def channels(loaded: Settings) -> list[str]:
    """What the platforms say about us, by each channel's own `check`."""
    asked = []
    if loaded.telegram_token:
        from bot.telegram.cli import problems as telegram

        asked.append(("Telegram", telegram()))
    if loaded.whatsapp_token:
        from bot.whatsapp.cli import problems_found as whatsapp

        asked.append(("WhatsApp", whatsapp()))
    if loaded.sms_config:
        from bot.sms.cli import problems as sms

        asked.append(("SMS", sms()))
    found = await asyncio.gather(*(work for _, work in asked))
    return [f"{name}: {one}" for (name, _), told in zip(asked, found, strict=True) for one in told]
