"""One import from the file to the records: staged whole, checked whole, reported, then applied in small batches.

No record is touched before the whole file has been read and its report written. A killed import goes on where it was when the
same file is given again. A dry run stages into a temporary database and only compares with the records.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, RowMapping

from bot.exchange.report import Entry, Report, path_of, unknown_columns
from bot.exchange.staging import PAGE, Progress, Source, Staging
from bot.exchange.writer import Writer
from bot.receiver import Clock
from handlers.record import NOT_BY_NUMBER
from storage import imports
from storage.database import Database, database_now
from storage.import_apply import COUNTED, Application, last_line
from storage.import_statements import Plan
from storage.schema import import_rows, metadata
from storage.schema import imports as import_table

_WINDOW = 50_000  # lines whose references are looked up at once
_SHOWN = 5  # refused rows that a command shows by itself


@dataclass(kw_only=True)
class Outcome:
    """What an import came to; of a dry run, what it would come to."""

    kind: str
    file: str
    as_of: datetime
    dry_run: bool
    resumed: bool = False
    rows: int = 0
    refused: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    unknown_columns: list[str] = field(default_factory=list)
    report: str | None = None
    first_refused: list[Entry] = field(default_factory=list)
    longest_write_ms: float = 0.0
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Flat, for machines."""
        told = {name: value for name, value in asdict(self).items() if name not in ("counts", "first_refused")}
        return {**told, "as_of": self.as_of.isoformat(), **self.counts}


def _outcome(source: Source, as_of: datetime, *, dry_run: bool) -> Outcome:
    unknown = list(source.heading.unknown)
    return Outcome(kind=source.kind, file=str(source.path), as_of=as_of, dry_run=dry_run, unknown_columns=unknown)


async def run(
    database: Database,
    source: Source,
    *,
    as_of: datetime,
    report_to: Path | None,
    tell: Progress,
    clock: Clock = database_now,
) -> Outcome:
    """Imports a file; raises `UnusableError` when it cannot be read to its end, or while another import runs."""
    began = time.monotonic()
    writer = Writer(database, clock=clock)
    await writer.take_place()
    try:
        outcome = await _run(writer, source, _outcome(source, as_of, dry_run=False), report_to, tell)
    finally:
        await writer.leave_place()
    outcome.longest_write_ms = round(writer.longest * 1000, 1)
    outcome.seconds = round(time.monotonic() - began, 1)
    return outcome


async def _run(writer: Writer, source: Source, outcome: Outcome, report_to: Path | None, tell: Progress) -> Outcome:
    row = await writer.write(partial(_begin, source=source, outcome=outcome, clock=writer.clock))
    await _clear(writer)
    staging = Staging(writer, source, row["id"], tell)
    plan = Plan(kind=source.kind, columns=row["columns"], as_of=row["as_of"], exempt=NOT_BY_NUMBER)
    application = Application(plan, writer.database.backend)
    counts = dict(row["counts"])
    if row["state"] == "staging":
        await staging.fill(row["staged_line"])
        tell("checking", 0.0)
        await _refuse_missing(writer, staging, application, row["id"])
        await staging.refuse_repeated()
        counts["rows"], counts["refused"] = await writer.database.read(partial(imports.count, import_id=row["id"]))
    await _report(staging, source, outcome, report_to or path_of(source.path))
    await writer.write(partial(_note, import_id=row["id"], clock=writer.clock, state="applying", counts=counts))
    await _apply(writer, application, row, counts, tell)
    await writer.write(
        partial(_note, import_id=row["id"], clock=writer.clock, state="done", counts=counts, finished=True)
    )
    await _clear(writer)
    outcome.rows, outcome.refused = counts.pop("rows"), counts.pop("refused") + counts.pop("missing")
    outcome.counts = counts
    return outcome


def _begin(connection: Connection, source: Source, outcome: Outcome, clock: Clock) -> RowMapping:
    """The import's row: that of an earlier, unfinished one of the same file, with its moment, or a new one."""
    columns = source.checker.columns
    row = imports.unfinished(connection, source.kind, source.table.hash, columns)
    if row is not None:
        outcome.resumed, outcome.as_of = True, row["as_of"]
        return row
    return imports.begin(
        connection,
        kind=source.kind,
        file_name=source.path.name.encode("utf-8", "replace").decode(),
        file_hash=source.table.hash,
        columns=columns,
        as_of=outcome.as_of,
        now=clock(connection),
    )


def _note(connection: Connection, import_id: int, clock: Clock, *, finished: bool = False, **values: Any) -> None:
    now = clock(connection)
    imports.progress(connection, import_id, now, **values, **({"finished_at": now} if finished else {}))


async def _clear(writer: Writer) -> None:
    """Deletes the staged rows of imports that have ended, in small batches."""
    while await writer.write(partial(imports.leftover, limit=writer.size), writer.size):
        pass


async def _refuse_missing(writer: Writer, staging: Staging, application: Application, import_id: int) -> None:
    last = await writer.database.read(partial(imports.last_staged, import_id=import_id))
    for after in range(0, last, _WINDOW):
        look_up = partial(application.unknown, import_id=import_id, after=after, last=after + _WINDOW)
        await staging.refuse_missing(await writer.database.read(look_up))


async def _report(staging: Staging, source: Source, outcome: Outcome, path: Path | None) -> None:
    """Writes the report, and keeps its beginning for whoever has no file."""
    with Report(path) as out:
        for entry in unknown_columns(source.line, source.heading.unknown):
            out.add(entry)
        async for entry in staging.refused():
            out.add(entry)
            if len(outcome.first_refused) < _SHOWN:
                outcome.first_refused.append(entry)
    outcome.report = str(path) if path and out.written else None


async def _apply(
    writer: Writer, application: Application, row: RowMapping, counts: dict[str, int], tell: Progress
) -> None:
    after, whole = row["applied_line"], max(1, counts["rows"] - counts["refused"])

    def batch(connection: Connection, size: int) -> tuple[int, dict[str, int]] | None:
        last = last_line(connection, row["id"], after, size)
        if last is None:
            return None
        now = writer.clock(connection)
        summed = _sum(counts, application.apply(connection, row["id"], after, last, now))
        imports.progress(connection, row["id"], now, applied_line=last, counts=summed)
        return last, summed

    while done := await writer.write(partial(batch, size=writer.size), writer.size):
        after = done[0]
        counts.update(done[1])
        tell("writing", sum(counts[name] for name in ("inserted", "changed", "same", "newer", "missing")) / whole)


def _sum(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return {name: one.get(name, 0) + other.get(name, 0) for name in {**one, **other}}


# -- dry run ------------------------------------------------------------------------------------------------------


async def dry_run(
    database: Database, source: Source, *, as_of: datetime, report_to: Path | None, tell: Progress
) -> Outcome:
    """Says what an import would come to; writes nothing but the report, and that only where it is asked for."""
    began = time.monotonic()
    outcome = _outcome(source, as_of, dry_run=True)
    with tempfile.TemporaryDirectory(prefix="pandu-dry-run-") as folder:
        own = Database(f"sqlite:///{folder}/staging.db")
        try:
            await own.write(lambda connection: metadata.create_all(connection, tables=[import_table, import_rows]))
            writer = Writer(own, alone=True)
            row = await writer.write(partial(_begin, source=source, outcome=outcome, clock=writer.clock))
            staging = Staging(writer, source, row["id"], tell)
            await staging.fill(0)
            await staging.refuse_repeated()
            plan = Plan(kind=source.kind, columns=row["columns"], as_of=as_of)
            application = Application(plan, database.backend, from_staging=False)
            outcome.counts = await _foresee(database, own, staging, application, row["id"], tell)
            outcome.rows, outcome.refused = await own.read(partial(imports.count, import_id=row["id"]))
            outcome.counts.pop("missing")  # they are refused rows of the report
            await _report(staging, source, outcome, report_to)
        finally:
            await own.close()
    outcome.seconds = round(time.monotonic() - began, 1)
    return outcome


async def _foresee(
    database: Database, own: Database, staging: Staging, application: Application, import_id: int, tell: Progress
) -> dict[str, int]:
    counts: dict[str, int] = dict.fromkeys(COUNTED, 0)
    after = 0
    last = max(1, await own.read(partial(imports.last_staged, import_id=import_id)))
    while page := await own.read(partial(imports.good, import_id=import_id, after=after, limit=PAGE)):
        rows = [dict(row) for row in page]

        found = await database.read(partial(application.foresee, rows=rows))
        await staging.refuse_missing(await database.read(partial(application.unknown, rows=rows)))
        counts = _sum(counts, {**found, "missing": 0})
        after = page[-1]["line"]
        tell("comparing", after / last)
    return counts
