"""XLSX files, row by row: memory does not grow with the sheet (measured: docs/data.md, "How fast").

Only what cells say is read: texts, numbers, yes and no, and dates, which are numbers with a date's format.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

from bot.exchange.columns import UnusableError
from bot.exchange.table import Broken, Record
from bot.exchange.xlsx_parts import Attributes, SharedTexts, date_styles, first_sheet, parse, refuse_endless

_LAST_ROW = 1 << 20
_WIDEST = 1_000  # columns that are looked at
_MOST = 4 << 30  # bytes unpacked: a full sheet of thirty columns has half of it
_EXACT = 10**15  # a spreadsheet keeps fifteen digits of a number
_LAST_DAY = 2_958_465  # 31 Dec 9999


class XlsxTable:
    """The first visible sheet of an XLSX file."""

    def __init__(self, path: Path) -> None:
        """Raises `UnusableError` for what is no XLSX file, or a protected one."""
        with path.open("rb") as file:
            self.hash = hashlib.file_digest(file, "sha256").hexdigest()
        try:
            self._zip = zipfile.ZipFile(path)
            if sum(part.file_size for part in self._zip.infolist()) > _MOST:
                raise UnusableError("it unpacks to more than four gigabytes, which no list of people needs")
            self._sheet, self._from_1904 = first_sheet(self._zip)
            self._size = max(1, self._zip.getinfo(self._sheet).file_size)
            self._dates = date_styles(self._zip)
            self._texts = SharedTexts(self._zip)
        except (zipfile.BadZipFile, KeyError, NotImplementedError):
            raise UnusableError(
                "no XLSX file, a damaged or a protected one: save it again without a password"
            ) from None
        self._read = 0

    @property
    def progress(self) -> float:
        """How much of the sheet has been read, 0 to 1."""
        return min(1.0, self._read / self._size)

    def records(self) -> Iterator[Record | Broken]:
        """The rows with their numbers; blank ones are left out."""
        parser = _Rows(self._texts, self._dates, from_1904=self._from_1904)
        for read in parse(self._zip, self._sheet, start=parser.start, end=parser.end, text=parser.text):
            self._read = read
            yield from parser.taken()


class _Rows:
    """Puts rows together from what the parser meets."""

    def __init__(self, texts: SharedTexts, dates: frozenset[str], *, from_1904: bool) -> None:
        self._texts, self._dates = texts, dates
        self._first_day = date(1904, 1, 1) if from_1904 else date(1899, 12, 30)
        self._columns: dict[str, int] = {}
        self._rows: list[Record] = []
        self._cells: list[str] = []
        self._line = self._column = 0
        self._type, self._style = "n", ""
        self._value: list[str] = []
        self._length = 0  # of it
        self._takes = self._phonetic = False

    def taken(self) -> list[Record]:
        """The rows that have come since."""
        rows, self._rows = self._rows, []
        return rows

    def start(self, tag: str, attributes: Attributes) -> None:
        if tag == "c":
            place = attributes.get("r", "")
            self._column = self._place(place) if place else self._column + 1
            self._type, self._style = attributes.get("t", "n"), attributes.get("s", "")
            self._value, self._length = [], 0
        elif tag in ("v", "t"):
            self._takes = not self._phonetic
        elif tag == "row":
            number = attributes.get("r", "")
            said = int(number) if number.isdecimal() else 0
            self._line = said if self._line < said <= _LAST_ROW else self._line + 1
            self._cells, self._column = [], -1
        elif tag == "rPh":
            self._phonetic = True

    def text(self, text: str) -> None:
        if self._takes:
            self._value.append(text)
            self._length += len(text)
            refuse_endless(self._length)

    def end(self, tag: str) -> None:
        if tag in ("v", "t"):
            self._takes = False
        elif tag == "c":
            if self._value and self._column < _WIDEST:
                cells = self._cells
                if len(cells) < self._column:
                    cells += [""] * (self._column - len(cells))
                cells[self._column :] = [self._said("".join(self._value))]
        elif tag == "row" and any(map(str.strip, self._cells)):
            self._rows.append(Record(line=self._line, cells=self._cells))
        elif tag == "rPh":
            self._phonetic = False

    def _place(self, reference: str) -> int:
        """ "AB12" → 27."""
        letters = reference.rstrip("0123456789")
        found = self._columns.get(letters)
        if found is None:
            number = 0
            for letter in letters:
                number = number * 26 + ord(letter) - 64
            found = self._columns[letters] = number - 1 if 0 < number <= _WIDEST else _WIDEST
        return found

    def _said(self, value: str) -> str:
        match self._type:
            case "s":
                return self._texts[int(value)]
            case "n" | "":
                return self._number(value)
        return value  # inlineStr, str (a formula's text), b (1, 0), d (ISO), e (#N/A)

    def _number(self, value: str) -> str:
        if self._style in self._dates:
            return self._date(value)
        if value.isdecimal() and len(value) <= 15:
            return value
        try:
            number = float(value)
        except ValueError:
            return value
        if abs(number) >= _EXACT:
            return f"{number:.9E}"  # as the spreadsheet shows it; whoever reads a number of sixteen digits refuses it
        return str(int(number)) if number.is_integer() else repr(number)

    def _date(self, value: str) -> str:
        try:
            days = int(float(value))
        except (ValueError, OverflowError):
            return value
        return (self._first_day + timedelta(days=days)).isoformat() if 60 < days <= _LAST_DAY - 1_462 else value
