"""A file of rows, whatever its format: where its headings stand, and its rows with their lines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bot.exchange.columns import Heading, UnusableError, known, read_heading

LOOKED_AT = 10  # rows that may stand above the headings (a title, an empty row)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One row."""

    line: int
    cells: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """A row that cannot be read."""

    line: int
    reason: str
    mend: str


class Table(Protocol):
    """An open file."""

    hash: str

    @property
    def progress(self) -> float:
        """How much of it has been read, 0 to 1."""

    def records(self) -> Iterator[Record | Broken]:
        """Its rows from the first, each time anew."""


def open_table(path: Path, kind: str) -> Table:
    """Opens a file by its ending; raises `UnusableError`."""
    from bot.exchange.csv_read import CsvTable
    from bot.exchange.xlsx_read import XlsxTable

    if path.suffix.lower() not in (".csv", ".txt", ".tsv", ".xlsx"):
        raise UnusableError(f"{path.suffix or 'a file without ending'}: give .csv or .xlsx")
    try:
        return XlsxTable(path) if path.suffix.lower() == ".xlsx" else CsvTable(path, kind)
    except OSError as error:
        raise UnusableError(f"cannot be read: {error.strerror or error}") from None


def find_heading(table: Table, kind: str) -> tuple[int, Heading]:
    """The headings' line and what they say: of the first rows the one that names most columns."""
    best: Record | None = None
    most = 0
    for number, record in enumerate(table.records()):
        if number == LOOKED_AT:
            break
        if isinstance(record, Record) and (count := known(kind, record.cells)) > most:
            best, most = record, count
    if best is None:
        raise UnusableError(f"no headings of {kind} in the first {LOOKED_AT} rows; see docs/data.md")
    return best.line, read_heading(
        kind, ["".join(char if char.isprintable() else " " for char in cell) for cell in best.cells]
    )
