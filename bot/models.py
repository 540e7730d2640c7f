"""The model that is published in the database, in place of the shipped one: found at the start, and again within half a minute of a change.

Every process looks for itself; the files come out of the database, so that all machines have them. A published model that was made with other code or word
lists than this program's is not used, because it may be misread (during an upgrade old and new workers each use what they understand): the shipped one is, and
the log says so.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Protocol

import structlog
from sqlalchemy import Connection, RowMapping

from bot.effects import Parts
from bot.pack import Pack
from nlu.embedded import EmbeddedEngine
from nlu.fingerprint import code_fingerprint, fingerprint
from nlu.packed import unpack
from nlu.understanding import Engine
from storage import models
from storage.database import Database, is_outage

log = structlog.get_logger()

LOOK_SECONDS = 15.0


class Uses(Protocol):
    """Something that has parts which may be swapped: a worker."""

    parts: Parts


Wrap = Callable[[EmbeddedEngine], Engine]


def engine_of(packed: bytes, pack: Pack) -> EmbeddedEngine:
    """The engine of a model's files."""
    with tempfile.TemporaryDirectory(prefix="pandu-model-") as folder:
        unpack(packed, Path(folder))
        return EmbeddedEngine.load(Path(folder), data=pack.data)


class PublishedModel:
    """Keeps a worker's engine the published one."""

    def __init__(self, database: Database, worker: Uses, pack: Pack, wrap: Wrap) -> None:
        """`wrap`: makes the engine of `PANDU_NLU` out of an embedded one."""
        self._database, self._worker, self._pack, self._wrap = database, worker, pack, wrap
        self._shipped = worker.parts.engine
        self._key: int | None = None  # of the model that the worker has

    async def run(self) -> None:
        """Looks until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await self.look()

    async def look(self) -> None:
        """Swaps the engine where another model is published; a model that cannot be read changes nothing and is logged."""
        try:
            row, packed = await self._database.read(partial(_changed, self._key))
            if row is not None and row["id"] == self._key:
                return
            if row is None:
                self._take(None, self._shipped)
                return
            if wrong := problem(row, self._pack):
                log.warning(wrong)
            if row["code"] != code_fingerprint():
                self._take(row["id"], self._shipped)
            else:
                self._take(row["id"], await asyncio.to_thread(self._made, packed))
        except Exception as error:
            if is_outage(error):
                log.warning("published model not looked up", reason=type(error).__name__)
            else:
                log.exception("the published model could not be read; the present one goes on")

    def _made(self, packed: bytes) -> Engine:
        return self._wrap(engine_of(packed, self._pack))

    def _take(self, key: int | None, engine: Engine) -> None:
        if engine is not self._worker.parts.engine:
            log.info("model", name=engine.version)
            parts: Parts = replace(self._worker.parts, engine=engine)
            self._worker.parts = parts
        self._key = key


@dataclass(slots=True)
class _Held:
    parts: Parts


async def with_published(database: Database, parts: Parts, pack: Pack, wrap: Wrap) -> Parts:
    """The parts with the published model, for a program that looks once."""
    held = _Held(parts)
    await PublishedModel(database, held, pack, wrap).look()
    return held.parts


def problem(row: RowMapping, pack: Pack) -> str:
    """What is wrong with the published version and this program; "" for nothing."""
    if row["code"] != code_fingerprint():
        return f"the published model {row['name']} needs other code than this, so the shipped one is used: run `pandu nlu retrain`"
    if row["seed"] != fingerprint(pack.data):
        return f"the published model {row['name']} is older than the training files: run `pandu nlu retrain`"
    return ""


def _changed(key: int | None, connection: Connection) -> tuple[RowMapping | None, bytes]:
    """The published row, and its files where it is another than `key`."""
    row = models.published(connection)
    return row, models.packed(connection, row["id"]) if row and row["id"] != key else b""
