"""Makes models in the background: one job at a time in the whole installation, in a process of its own at low priority.

`Leader` elects the process that looks for jobs; the job's own lease covers the moment in which two believe that they lead. Whatever dies in between, the lease
runs out and the job is begun again, three times at most.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import sys
import tempfile
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import Connection, RowMapping

from bot.pack import Pack
from nlu.fingerprint import code_fingerprint
from nlu.packed import pack as packed_files
from nlu.packed import unpack
from storage import models, taught, training_jobs
from storage.database import Database, database_now

log = structlog.get_logger()

LEASE = timedelta(seconds=60)
_RENEW_SECONDS = 10.0
_ROOT = Path(__file__).parent.parent


@dataclass(frozen=True, slots=True, kw_only=True)
class _Order:
    """What a job needs of the database."""

    job: RowMapping
    rows: list[RowMapping]  # taught messages
    base: RowMapping | None  # the published model, which the new one is measured against; none: the shipped one
    packed: bytes


class TrainingFailedError(Exception):
    """The process ended without a model; the message is for people."""


class Trainer:
    """Does training jobs."""

    def __init__(self, database: Database, pack: Pack) -> None:
        self._database, self._pack = database, pack
        self._owner = secrets.token_hex(16)

    async def run_once(self) -> bool:
        """Does one job; False where there is none to do."""
        order = await self._database.write(self._claim)
        if order is None:
            return False
        key = order.job["id"]
        log.info("training", job=key, taught=len(order.rows))
        try:
            with tempfile.TemporaryDirectory(prefix="pandu-train-") as folder:
                made = await self._train(order, Path(folder))
                await self._database.write(partial(self._keep, key, made))
        except (TrainingFailedError, ValueError, KeyError) as error:
            log.error("training failed", job=key, reason=str(error)[:200])
            await self._database.write(partial(self._failed, key, str(error)))
        return True

    def _claim(self, connection: Connection) -> _Order | None:
        now = database_now(connection)
        job = training_jobs.claim(connection, owner=self._owner, now=now, lease=LEASE)
        if job is None:
            return None
        base = models.published(connection)
        if base is not None and base["code"] != code_fingerprint():
            base = None  # it is not in use (bot/models.py): the new one is measured against the shipped one
        packed = models.packed(connection, base["id"]) if base else b""
        return _Order(job=job, rows=taught.active(connection), base=base, packed=packed)

    async def _train(self, order: _Order, folder: Path) -> models.Made:
        base = self._pack.model
        if order.packed:
            base = folder / "base"
            unpack(order.packed, base)
        wanted = {
            "data": str(self._pack.data.resolve()),
            "taught": [[row["text"], row["intent"]] for row in order.rows],
            "base": str(base.resolve()),
            "cases": str(self._pack.cases.resolve()) if self._pack.cases else None,
        }
        (folder / "order.json").write_text(json.dumps(wanted), encoding="utf-8")
        await self._process(order.job["id"], folder)
        result: dict[str, Any] = json.loads((folder / "result.json").read_text(encoding="utf-8"))
        return models.Made(
            name=result["name"],
            code=result["code"],
            seed=result["seed"],
            taught=len(order.rows),
            compared_with=order.base["id"] if order.base else None,
            report={**result["report"], "messages": result["messages"]},
            worse="; ".join(result["report"]["worse"]),
            packed=packed_files(folder / "model"),
        )

    async def _process(self, key: int, folder: Path) -> None:
        """Runs `nlu.teach`, renewing the job's lease; TrainingFailedError with its last line where it fails, or where the job is another's by now."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "nlu.teach",
            str(folder),
            cwd=_ROOT,  # `-m` finds this program's own code there
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        said: list[str] = ["mulai"]
        reading = asyncio.gather(_lines(process.stdout, said), _tail(process.stderr))
        try:
            while not reading.done():
                if not await self._database.write(partial(self._renew, key, said[-1])):
                    raise TrainingFailedError("pekerjaan ini diambil alih proses lain")
                await asyncio.wait([reading], timeout=_RENEW_SECONDS)
            _, problem = await reading
            if await process.wait():
                raise TrainingFailedError(problem or f"proses berhenti dengan kode {process.returncode}")
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                reading.cancel()
                await process.wait()

    def _renew(self, key: int, said: str, connection: Connection) -> bool:
        until = database_now(connection) + LEASE
        return training_jobs.renew(connection, key, owner=self._owner, until=until, progress=said)

    def _keep(self, key: int, made: models.Made, connection: Connection) -> None:
        now = database_now(connection)
        number = models.keep(connection, made, now)
        if not training_jobs.finish(connection, key, owner=self._owner, model_id=number, now=now):
            raise TrainingFailedError("pekerjaan ini diambil alih proses lain")

    def _failed(self, key: int, error: str, connection: Connection) -> None:
        training_jobs.fail(connection, key, owner=self._owner, error=error, now=database_now(connection))


async def _lines(stream: asyncio.StreamReader | None, said: list[str]) -> None:
    """Keeps the last line of progress."""
    while stream and (line := await stream.readline()):
        said[-1] = line.decode(errors="replace").strip()[:200] or said[-1]


async def _tail(stream: asyncio.StreamReader | None) -> str:
    """The last line that tells what was wrong."""
    last = ""
    while stream and (line := await stream.readline()):
        last = line.decode(errors="replace").strip() or last
    return last[:300]
