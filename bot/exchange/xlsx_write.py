"""Writes one sheet of texts as XLSX, row by row (ECMA-376: texts stand in their cells, so nothing is collected)."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO
from xml.sax.saxutils import escape

MOST_ROWS = 1_048_576  # what a sheet holds
_LONGEST = 32_767  # characters of a cell

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_TYPES = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_PARTS = {
    "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPES}.sheet.main+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_TYPES}.worksheet+xml"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}">'
    '<sheets><sheet name="Data" sheetId="1" r:id="rId1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
}


class XlsxWriter:
    """A file that is being written; use it with `with`. Instead of a path something that bytes are written to, and nothing else."""

    def __init__(self, out: Path | IO[bytes]) -> None:
        self._zip = zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED)
        for name, content in _PARTS.items():
            self._zip.writestr(name, _HEAD + content)
        self._sheet = io.TextIOWrapper(self._zip.open("xl/worksheets/sheet1.xml", "w", force_zip64=True), "utf-8")
        self._sheet.write(f'{_HEAD}<worksheet xmlns="{_MAIN}"><sheetData>')
        self._rows = 0

    def writerow(self, cells: Sequence[str]) -> None:
        """One row; raises ValueError when the sheet is full."""
        self._rows += 1
        if self._rows > MOST_ROWS:
            raise ValueError("more rows than a sheet holds; write CSV")
        self._sheet.write(f'<row r="{self._rows}">{"".join(map(_cell, cells))}</row>')

    def __enter__(self) -> XlsxWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._sheet.write("</sheetData></worksheet>")
        self._sheet.close()
        self._zip.close()


def _cell(text: str) -> str:
    if not text:
        return "<c/>"
    shown = "".join(char if char.isprintable() or char in "\t\n" else " " for char in text[:_LONGEST])
    return f'<c t="inlineStr"><is><t xml:space="preserve">{escape(shown)}</t></is></c>'
