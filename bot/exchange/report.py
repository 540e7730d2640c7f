"""The report of an import: each refused row with line, column, masked value, reason and what to do about it."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from bot.exchange.columns import UnusableError
from bot.files import keep_private

HEADINGS = ("line", "column", "value", "reason", "mend")

Entry = tuple[int, str, str, str, str]


_NEW_CELL = re.compile(r"([;\t\r\n] *)(?=[=@]|[+-]\S)")


def defused(text: str) -> str:
    """A cell that a spreadsheet takes for text and never for a formula; a phone number keeps its plus.

    Where lists are separated by semicolons (Indonesia), a spreadsheet that opens the file begins a cell behind each of them too.
    """
    text = _NEW_CELL.sub(r"\1'", text)
    if text[:1] in ("=", "@", "\t", "\r", "\n") or (
        text[:1] in ("+", "-") and not text[1:].replace(" ", "").isdecimal()
    ):
        return f"'{text}"
    return text


def path_of(file: Path) -> Path:
    """Where the report of a file goes by itself: beside it."""
    return file.with_suffix(".report.csv")


def unknown_columns(line: int, names: Sequence[str]) -> list[Entry]:
    """What is said of columns that are not read."""
    return [
        (line, name[:80], "", "unknown column: not read", "see docs/data.md for the columns and their names")
        for name in names
    ]


class Report:
    """The file, made with its first line (UTF-8 with BOM, so that spreadsheets read it right). Without a path it only counts."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: IO[str] | None = None
        self.written = 0

    def add(self, entry: Entry) -> None:
        """One line."""
        self.written += 1
        if self._path is None:
            return
        if self._file is None:
            self._file = self._open(self._path)
        csv.writer(self._file).writerow([entry[0], *(defused(text) for text in entry[1:])])

    @staticmethod
    def _open(path: Path) -> IO[str]:
        try:
            keep_private(path)
            file = path.open("w", encoding="utf-8-sig", newline="")
        except OSError as error:
            raise UnusableError(
                f"the report {path} cannot be written ({error.strerror}): give another with --report"
            ) from None
        csv.writer(file).writerow(HEADINGS)
        return file

    def __enter__(self) -> Report:
        return self

    def __exit__(self, *_: object) -> None:
        """Closes the file; one of an earlier import would mislead and is emptied."""
        if self._file is None and self._path is not None and self._path.exists():
            self._file = self._open(self._path)
        if self._file is not None:
            self._file.close()
