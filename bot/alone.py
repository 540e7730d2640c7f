"""One service a SQLite file: a second one would do all work twice over and slow the first."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.settings import Settings, SettingsError

try:
    import fcntl
except ImportError:  # no Unix: nothing is guarded there
    fcntl = None  # type: ignore[assignment]


@contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """Holds the lock beside the SQLite file, which ends with the process however it ends; SettingsError where another holds it."""
    if fcntl is None or not settings.database_url.startswith("sqlite:///"):
        yield
        return
    database = Path(settings.database_url.removeprefix("sqlite:///"))
    database.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(database.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(handle, 20).decode(errors="replace").strip()
            raise SettingsError(f"a Pandu is running on {database} already (process {holder}): stop it first") from None
        os.ftruncate(handle, 0)
        os.write(handle, f"{os.getpid()}\n".encode())
        yield
    finally:
        os.close(handle)
