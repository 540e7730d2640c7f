"""The parts of an XLSX file, each parsed bit by bit: which sheet is the first, which styles are dates, the texts that cells share.

An XLSX file is a ZIP of XML parts (ECMA-376, part 1, 18.2 to 18.4 and 18.8).
"""

from __future__ import annotations

import mmap
import re
import tempfile
import zipfile
import zlib
from array import array
from collections.abc import Callable, Iterator
from typing import Any
from xml.parsers import expat

from bot.exchange.columns import UnusableError

_CHUNK = 1 << 16
_LONGEST = 1 << 17  # characters of one text; a cell holds 32,767
_DATE_FORMATS = frozenset((*range(14, 18), 22, *range(27, 32), 34, 35, 36, *range(50, 59)))
_NOT_FORMAT = re.compile(r'"[^"]*"|\[[^\]]*\]|\\.|_.|\*.')  # texts, colours, escapes, fillings
Attributes = dict[str, str]


class SharedTexts:
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
            for _ in parse(archive, name, start=self._start, end=self._end, text=self._text):
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
            refuse_endless(self._length)

    def _end(self, tag: str) -> None:
        if tag == "t":
            self._takes = False
        elif tag == "rPh":
            self._phonetic = False
        elif tag == "si":
            said = "".join(self._parts).encode("utf-8", "surrogatepass")
            self._file.write(said)
            self._ends.append(self._ends[-1] + len(said))


def first_sheet(archive: zipfile.ZipFile) -> tuple[str, bool]:
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


def date_styles(archive: zipfile.ZipFile) -> frozenset[str]:
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


def refuse_endless(length: int) -> None:
    """Raises `UnusableError` for a text of so many characters that no cell holds it."""
    if length > _LONGEST:
        raise UnusableError("a cell is longer than a spreadsheet allows: the file is damaged, save it again")


def _read_part(
    archive: zipfile.ZipFile, name: str, start: Callable[[str, Attributes], None], end: Callable[[str], Any] = str
) -> None:
    for _ in parse(archive, name, start=start, end=end, text=str):
        pass


def parse(
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
