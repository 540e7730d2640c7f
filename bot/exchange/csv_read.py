"""CSV files as spreadsheets and databases write them: comma, semicolon or tab; UTF-8 with or without BOM, UTF-16, cp1252.

A row that cannot be read (a quote that is never closed, a line without end) is reported by its line and never takes the
rows after it along.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import re
from collections.abc import Iterator
from pathlib import Path

from bot.exchange.columns import UnusableError, known
from bot.exchange.table import LOOKED_AT, Broken, Record

SEPARATORS = (",", ";", "\t")
_CHUNK = 1 << 20
_LONGEST_LINE = 1 << 16  # characters
_LONGEST_RECORD = 60  # lines that one quoted cell may run over
_DAMAGED = re.compile("[\udc80-\udcff]")
_TOO_LONG = ("a line of more than 65,536 characters", "check the line ends of the file")
_NEVER_CLOSED = ("a quote that is never closed", 'close it, and double a quote that belongs to the text ("")')

csv.field_size_limit(_LONGEST_LINE * _LONGEST_RECORD)


class CsvTable:
    """An open CSV file."""

    def __init__(self, path: Path, kind: str) -> None:
        """Raises `UnusableError` for what is no text. The separator is the one by which most headings of `kind` are found."""
        self._path = path
        self._size = max(1, path.stat().st_size)
        self._read = 0
        self.hash, self.encoding = _look(path)
        self.separator = max(SEPARATORS, key=lambda sign: self._found(sign, kind))

    @property
    def progress(self) -> float:
        """How much of the file has been read, 0 to 1."""
        return min(1.0, self._read / self._size)

    def records(self) -> Iterator[Record | Broken]:
        """The rows with their line numbers (from 1); blank ones are left out."""
        return self._records(self.separator)

    def _found(self, separator: str, kind: str) -> tuple[int, int]:
        rows = [
            record.cells
            for record, _ in zip(self._records(separator), range(LOOKED_AT), strict=False)
            if isinstance(record, Record)
        ]
        return max(((known(kind, cells), len(cells)) for cells in rows), default=(0, 0))

    def _records(self, separator: str) -> Iterator[Record | Broken]:
        for line, text in self._texts(separator):
            if isinstance(text, Broken):
                yield text
                continue
            try:
                cells = next(csv.reader((text,), delimiter=separator), [])
            except csv.Error as error:
                yield Broken(line=line, reason=f"cannot be read ({error})", mend="save the file again as CSV")
                continue
            if any(map(str.strip, cells)):
                yield Record(line=line, cells=cells)

    def _texts(self, separator: str) -> Iterator[tuple[int, str | Broken]]:
        """The text of each record with the line where it begins."""
        errors = "replace" if self.encoding == "utf-16" else "surrogateescape"
        with self._path.open("rb") as raw, io.TextIOWrapper(raw, self.encoding, errors, newline="") as file:
            lines = _Lines(file)
            for line in lines:
                number = lines.number
                if not number % 500:
                    self._read = raw.tell()
                if len(line) > _LONGEST_LINE:
                    yield number, Broken(line=number, reason=_TOO_LONG[0], mend=_TOO_LONG[1])
                elif '"' not in line or quotes(line, separator) != "open":
                    yield number, line
                elif text := _closed(line, lines, separator):
                    yield number, text
                else:
                    yield number, Broken(line=number, reason=_NEVER_CLOSED[0], mend=_NEVER_CLOSED[1])


class _Lines:
    """The lines of a file, of which some may be given back."""

    def __init__(self, file: io.TextIOWrapper) -> None:
        self._file = file
        self._back: list[str] = []
        self.number = 0  # of the line that was given last

    def __iter__(self) -> Iterator[str]:
        return iter(self.next, "")

    def next(self) -> str:
        """The next line, "" at the end; of one that is too long only its beginning."""
        line = self._back.pop() if self._back else self._file.readline(_LONGEST_LINE + 1)
        if len(line) > _LONGEST_LINE and line[-1] not in "\r\n":
            while (rest := self._file.readline(_LONGEST_LINE)) and rest[-1] not in "\r\n":
                pass
        self.number += bool(line)
        return line

    def give_back(self, lines: list[str]) -> None:
        """Takes back the last lines, to give them again."""
        self._back += reversed(lines)
        self.number -= len(lines)


def _closed(first: str, lines: _Lines, separator: str) -> str:
    """The record with the lines that its quoted cell runs over; "" where it never closes, and the lines are given back."""
    taken: list[str] = []
    text = first
    while len(taken) < _LONGEST_RECORD and len(text) <= _LONGEST_LINE and (line := lines.next()):
        taken.append(line)
        text += line
        if '"' not in line or (state := quotes(text, separator)) == "open":
            continue
        if state == "odd":
            break
        return text
    lines.give_back(taken)
    return ""


def quotes(text: str, separator: str) -> str:
    """How the quotes of a record stand: "closed"; "open" at its end; "odd", where one closes in the middle of a cell.

    A quote opens a cell only at its beginning; "" inside is a quote of the text.
    """
    at, state = 0, "closed"
    while at < len(text):
        if text[at] == '"':
            at += 1
            while text[(end := text.find('"', at)) : end + 2] == '""' and end >= 0:
                at = end + 2
            if end < 0:
                return "open"
            at = end + 1
            if text[at : at + 1] not in (separator, "\r", "\n", ""):
                state = "odd"
        following = text.find(separator, at)
        if following < 0:
            break
        at = following + 1
    return state


def _look(path: Path) -> tuple[str, str]:
    """The file's SHA-256 and its encoding, in one pass. A few damaged characters do not make UTF-8 another encoding."""
    digest = hashlib.sha256()
    decoder: codecs.IncrementalDecoder | None = None
    encoding = "utf-8-sig"
    good = bad = 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            if decoder is None:
                if chunk.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                    encoding = "utf-16"
                elif b"\0" in chunk[:4096]:
                    raise UnusableError("this is no text file: give CSV, or XLSX with the ending .xlsx")
                decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
            digest.update(chunk)
            if encoding == "utf-16" or (chunk.isascii() and not good + bad):
                continue
            text = decoder.decode(chunk)
            damaged = len(_DAMAGED.findall(text))
            bad += damaged
            good += len(text) - len(text.encode("ascii", "ignore")) - damaged
    if decoder is None:
        raise UnusableError("the file is empty")
    return digest.hexdigest(), "cp1252" if bad > good else encoding
