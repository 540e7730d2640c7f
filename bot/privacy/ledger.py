"""The file of erasures outside the database: one line of JSON each, appended, keyed hashes only."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from storage import erasing
from storage.database import Database

log = structlog.get_logger()

_FIELDS = ("id", "kind", "digest", "key_id", "whole", "number")


def append(path: Path, rows: Iterable[Mapping[Any, Any]]) -> None:
    """Writes lines that survive a crash of the machine; the file is readable by its owner alone.

    All in one write, since a command may append beside the service; behind a torn line (a crash, a full disk) on a line of their own.
    """
    lines = [{**{name: row[name] for name in _FIELDS}, "at": row["at"].isoformat()} for row in rows]
    data = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        if (size := os.fstat(handle).st_size) and os.pread(handle, 1, size - 1) != b"\n":
            data = b"\n" + data
        while data:
            data = data[os.write(handle, data) :]
        os.fsync(handle)
    finally:
        os.close(handle)


def read(path: Path) -> list[dict[str, Any]]:
    """The lines of the file, [] where there is none yet; an unreadable one raises ValueError.

    Torn ones are left out: the last, and those that stand whole further down, because what was not filed is written again.
    """
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").split("\n")
    found = []
    for number, line in enumerate(lines, 1):
        try:
            if line.strip():
                found.append({**json.loads(line)})
        except ValueError:
            if number < len(lines) and not any(later.startswith(line) for later in lines[number:]):
                raise ValueError(f"{path}, line {number}: not readable; restore the file from its own backup") from None
    return found


async def file_new(database: Database, path: Path) -> int:
    """Appends what the file does not hold yet; returns how many. A line that is written twice (a crash in between) does no harm."""
    filed = 0
    while rows := await database.read(erasing.unfiled):
        await asyncio.to_thread(append, path, rows)
        now = await database.now()
        await database.write(partial(erasing.filed, keys=[str(row["id"]) for row in rows], now=now))
        filed += len(rows)
    return filed


async def keep(database: Database, path: Path) -> None:
    """`file_new` for the service: a file that cannot be written is said loudly, and tried again."""
    try:
        await file_new(database, path)
    except OSError as error:
        log.error("erasures are not filed outside the database", path=str(path), reason=error.strerror)
