"""A file into the staging table: read and checked row by row, then as a whole (keys that repeat)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from itertools import islice
from pathlib import Path

from sqlalchemy import Connection

from bot.exchange.columns import Heading
from bot.exchange.report import Entry
from bot.exchange.rows import Checker
from bot.exchange.table import Broken, Table, find_heading, open_table
from bot.exchange.writer import Writer
from storage import imports
from storage.database import database_now
from storage.imports import Problem, Row

Progress = Callable[[str, float], None]

PAGE = 500
_MISSING = {
    "record_key": "import participants first, or correct the key",
    "course_key": "import courses first, or correct the key",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file that was opened and whose headings are understood."""

    kind: str
    path: Path
    table: Table
    line: int  # of the headings
    heading: Heading
    checker: Checker

    def rows(self, after: int) -> Iterator[Row]:
        """The checked rows from the line after one."""
        after = max(after, self.line)
        for record in self.table.records():
            if record.line <= after:
                continue
            if isinstance(record, Broken):
                yield Row(
                    line=record.line, key="", second="", data=None, problems=[("", "", record.reason, record.mend)]
                )
            else:
                yield self.checker.check(record.line, record.cells)


def open_source(path: Path, kind: str, *, today: date, lookup_key: bytes) -> Source:
    """Opens a file and reads its headings; raises `UnusableError`."""
    table = open_table(path, kind)
    line, heading = find_heading(table, kind)
    checker = Checker(kind, heading, today=today, lookup_key=lookup_key)
    return Source(kind=kind, path=path, table=table, line=line, heading=heading, checker=checker)


class Staging:
    """The staged rows of one import."""

    def __init__(self, writer: Writer, source: Source, import_id: int, tell: Progress) -> None:
        self._writer, self._source, self._id, self._tell = writer, source, import_id, tell

    async def fill(self, after: int) -> None:
        """Stages the rows from the line after one. Nothing is read while a batch is written: on SQLite that would draw the writing out."""
        rows = self._source.rows(after)
        while batch := await asyncio.to_thread(lambda: list(islice(rows, self._writer.size))):
            await self._writer.write(partial(self._stage, batch), len(batch))
            self._tell("reading", self._source.table.progress)

    def _stage(self, batch: Sequence[Row], connection: Connection) -> None:
        imports.progress(connection, self._id, database_now(connection), staged_line=batch[-1].line)
        imports.stage(connection, self._id, batch)

    async def refuse_repeated(self) -> None:
        """Refuses rows whose key stands in an earlier row."""
        await self._writer.write(imports.analyse)
        found = await self._writer.database.read(partial(imports.repeated, import_id=self._id))
        names = " and ".join(imports.KEYS[self._source.kind])
        for at in range(0, len(found), 2 * PAGE):
            some = found[at : at + 2 * PAGE]
            problems: dict[int, list[Problem]] = {
                line: [(names, "", f"the same {names} as in line {first}", "keep one of the two lines")]
                for line, first in zip(some[::2], some[1::2], strict=True)
            }
            await self.refuse(problems)

    async def refuse_missing(self, found: Sequence[tuple[int, str]]) -> None:
        """Refuses rows that name a participant or a course that is not there."""
        for at in range(0, len(found), PAGE):
            problems: dict[int, list[Problem]] = {}
            for line, name in found[at : at + PAGE]:
                problems.setdefault(line, []).append((name, "", f"no record has this {name}", _MISSING[name]))
            await self.refuse(problems)

    async def refuse(self, problems: dict[int, list[Problem]]) -> None:
        await self._writer.write(partial(imports.refuse, import_id=self._id, problems=problems))

    async def refused(self) -> AsyncIterator[Entry]:
        """What is wrong, line by line."""
        after = 0
        while page := await self._writer.database.read(
            partial(imports.refused, import_id=self._id, after=after, limit=PAGE)
        ):
            for row in page:
                for column, value, reason, mend in row["problems"]:
                    yield row["line"], column, value, reason, mend
            after = page[-1]["line"]
