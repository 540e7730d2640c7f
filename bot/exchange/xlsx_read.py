"""XLSX files, row by row: memory does not grow with the sheet (measured: docs/data.md, "How fast").

An XLSX file is a ZIP of XML parts (ECMA-376, part 1, 18.2 to 18.4 and 18.8). Of these only what cells say is read: texts, numbers,
yes and no, and dates, which are numbers with a date's format.
"""

from __future__ import annotations

import hashlib
import mmap
import re
import tempfile
import zipfile
import zlib
from array import array
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from xml.parsers import expat

from bot.exchange.columns import UnusableError
from bot.exchange.table import Broken, Record

_CHUNK = 1 << 16
_LAST_ROW = 1 << 20
_WIDEST = 1_000  # columns that are looked at
_MOST = 4 << 30  # bytes unpacked: a full sheet of thirty columns has half of it
_LONGEST = 1 << 17  # characters of one text; a cell holds 32,767
_EXACT = 10**15  # a spreadsheet keeps fifteen digits of a number
_DATE_FORMATS = frozenset((*range(14, 18), 22, *range(27, 32), 34, 35, 36, *range(50, 59)))
_NOT_FORMAT = re.compile(r'"[^"]*"|\[[^\]]*\]|\\.|_.|\*.')  # texts, colours, escapes, fillings
_LAST_DAY = 2_958_465  # 31 Dec 9999

Attributes = dict[str, str]


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
            self._sheet, self._from_1904 = _first_sheet(self._zip)
            self._size = max(1, self._zip.getinfo(self._sheet).file_size)
            self._dates = _date_styles(self._zip)
            self._texts = _SharedTexts(self._zip)
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
        for read in _parse(self._zip, self._sheet, start=parser.start, end=parser.end, text=parser.text):
            self._read = read
            yield from parser.taken()


class _Rows:
    """Puts rows together from what the parser meets."""

    def __init__(self, texts: _SharedTexts, dates: frozenset[str], *, from_1904: bool) -> None:
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
            _refuse_endless(self._length)

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


class _SharedTexts:
    """The texts that cells name by number, in a file of their own on the disk."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._ends = array("Q", (0,))
        self._map: mmap.mmap | bytes = b""
        name = next((name for name in archive.namelist() if name.lower() == "xl/sharedstrings.xml"), None)
        if name is None:
            return
        self._parts: list[str] = []
        self._length = 0  # of them
        self._takes = self._phonetic = False
        with tempfile.TemporaryFile() as self._file:
            for _ in _parse(archive, name, start=self._start, end=self._end, text=self._text):
                pass
            self._file.flush()
            if self._ends[-1]:
                self._map = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)  # outlives the file

    def __getitem__(self, number: int) -> str:
        if not 0 <= number < len(self._ends) - 1:
            raise UnusableError("a cell names a text that is not there: the file is damaged, save it again")
        return self._map[self._ends[number] : self._ends[number + 1]].decode("utf-8", "surrogatepass")

    def _start(self, tag: str, _attributes: Attributes) -> None:
        if tag == "t":
            self._takes = not self._phonetic
        elif tag == "si":
            self._parts, self._length = [], 0
        elif tag == "rPh":
            self._phonetic = True

    def _text(self, text: str) -> None:
        if self._takes:
            self._parts.append(text)
            self._length += len(text)
            _refuse_endless(self._length)

    def _end(self, tag: str) -> None:
        if tag == "t":
            self._takes = False
        elif tag == "rPh":
            self._phonetic = False
        elif tag == "si":
            said = "".join(self._parts).encode("utf-8", "surrogatepass")
            self._file.write(said)
            self._ends.append(self._ends[-1] + len(said))


# -- the other parts ----------------------------------------------------------------------------------------------


def _refuse_endless(length: int) -> None:
    if length > _LONGEST:
        raise UnusableError("a cell is longer than a spreadsheet allows: the file is damaged, save it again")


def _first_sheet(archive: zipfile.ZipFile) -> tuple[str, bool]:
    """The part with the first visible sheet, and whether its days count from 1904."""
    sheets: list[str] = []
    targets: dict[str, str] = {}
    epoch: list[bool] = []

    def start(tag: str, attributes: Attributes) -> None:
        if tag == "sheet" and attributes.get("state", "visible") == "visible":
            sheets.append(next((value for key, value in attributes.items() if key.endswith(":id")), ""))
        elif tag == "workbookPr":
            epoch.append(attributes.get("date1904", "") in ("1", "true"))
        elif tag == "Relationship":
            targets[attributes.get("Id", "")] = attributes.get("Target", "")

    for part in ("xl/workbook.xml", "xl/_rels/workbook.xml.rels"):
        _read_part(archive, part, start)
    if not sheets:
        raise UnusableError("no visible sheet in this file")
    target = targets[sheets[0]]
    return target.removeprefix("/") if target.startswith("/") else f"xl/{target}", any(epoch)


def _date_styles(archive: zipfile.ZipFile) -> frozenset[str]:
    """The numbers of the cell styles whose format is a date's."""
    formats: set[int] = set(_DATE_FORMATS)
    styles: list[int] = []
    within: list[str] = []

    def start(tag: str, attributes: Attributes) -> None:
        if tag == "numFmt":
            bare = _NOT_FORMAT.sub("", attributes.get("formatCode", "")).lower()
            (formats.add if re.search("[dy]", bare) else formats.discard)(int(attributes.get("numFmtId", "0")))
        elif tag == "cellXfs":
            within.append(tag)
        elif tag == "xf" and within:
            styles.append(int(attributes.get("numFmtId", "0")))

    def end(tag: str) -> None:
        if tag == "cellXfs":
            within.clear()

    if "xl/styles.xml" in archive.namelist():
        _read_part(archive, "xl/styles.xml", start, end)
    return frozenset(str(place) for place, number in enumerate(styles) if number in formats)


def _read_part(
    archive: zipfile.ZipFile, name: str, start: Callable[[str, Attributes], None], end: Callable[[str], Any] = str
) -> None:
    for _ in _parse(archive, name, start=start, end=end, text=str):
        pass


def _parse(
    archive: zipfile.ZipFile,
    name: str,
    *,
    start: Callable[[str, Attributes], None],
    end: Callable[[str], Any],
    text: Callable[[str], Any],
) -> Iterator[int]:
    """Parses a part bit by bit; yields how many bytes it has read."""
    parser = expat.ParserCreate()
    parser.buffer_text = True

    def refuse(*_: object) -> None:
        raise UnusableError("the file declares a document type, which spreadsheets never do")

    def root(tag: str, attributes: Attributes) -> None:
        """Sees the first element only: where the parts' tags carry a prefix, it is taken off each."""
        if ":" in tag:
            parser.StartElementHandler = lambda tag, attributes: start(tag.partition(":")[2], attributes)
            parser.EndElementHandler = lambda tag: end(tag.partition(":")[2])
        else:
            parser.StartElementHandler, parser.EndElementHandler = start, end
        start(tag.partition(":")[2] or tag, attributes)

    parser.StartDoctypeDeclHandler = refuse  # no entities, so no bombs of them
    parser.StartElementHandler = root
    parser.CharacterDataHandler = text
    try:
        with archive.open(name) as part:
            while chunk := part.read(_CHUNK):
                parser.Parse(chunk)
                yield part.tell()
            parser.Parse(b"", True)
    except UnusableError:
        raise
    except (expat.ExpatError, zlib.error, zipfile.BadZipFile, EOFError, OSError, RuntimeError, ValueError) as error:
        raise UnusableError(f"the file is damaged or protected ({error}): save it again") from None
