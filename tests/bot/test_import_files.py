"""CSV and XLSX as they come: encodings, separators, quotes, dates, damage."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bot.exchange import xlsx_read
from bot.exchange.columns import UnusableError
from bot.exchange.csv_read import CsvTable
from bot.exchange.table import Broken, Record, find_heading, open_table
from bot.exchange.xlsx_write import XlsxWriter
from tests.bot.exchange import PEOPLE, source, write

SAMPLES = Path(__file__).parent.parent.parent / "docs" / "samples"


def rows(path: Path) -> list[tuple[int, list[str]]]:
    return [
        (record.line, record.cells)
        for record in open_table(path, "participants").records()
        if isinstance(record, Record)
    ]


def broken(path: Path) -> list[tuple[int, str]]:
    return [
        (record.line, record.reason)
        for record in open_table(path, "participants").records()
        if isinstance(record, Broken)
    ]


# -- CSV ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_separators_encodings_and_line_ends(tmp_path: Path, separator: str, encoding: str, end: str) -> None:
    lines = ["record_key,name,membership", "a,Rémi Añonuevo,aktif", "", "b,Contoh,aktif"]
    path = write(tmp_path / "x.csv", end.join(lines).replace(",", separator), encoding)
    assert rows(path) == [
        (1, ["record_key", "name", "membership"]),
        (2, ["a", "Rémi Añonuevo", "aktif"]),
        (4, ["b", "Contoh", "aktif"]),
    ]


def test_a_few_damaged_bytes_do_not_make_utf8_another_encoding(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(PEOPLE.encode() + "a,Rémi Ñuñez,aktif,\n".encode() + b"b,Conto\xe9,aktif,\n")
    checked = list(source(path).rows(0))
    assert [row.problems is None for row in checked] == [True, False]
    assert checked[1].problems is not None
    assert checked[1].problems[0][2] == "damaged characters"


def test_a_title_above_the_headings_and_many_commas_in_a_text(tmp_path: Path) -> None:
    path = write(
        tmp_path / "x.csv", "Daftar, dibuat 1, 2, 3, 4, 5\n\nkunci;nama;status\na;Contoh, S.E., M.M., dkk;aktif\n"
    )
    table = CsvTable(path, "participants")
    assert table.separator == ";"
    line, heading = find_heading(table, "participants")
    assert line == 3
    assert len(heading.columns) == 3
    assert [row.data for row in source(path).rows(0)] == [["Contoh, S.E., M.M., dkk", "active"]]


def test_quoted_cells_may_run_over_lines(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", 'a,"dua\nbaris ""x"", y",z\nb,"12"" pipa",z\nc,5" pipa,z\n')
    assert rows(path) == [(1, ["a", 'dua\nbaris "x", y', "z"]), (3, ["b", '12" pipa', "z"]), (4, ["c", '5" pipa', "z"])]


def test_a_quote_that_is_never_closed_takes_no_other_row_along(tmp_path: Path) -> None:
    good = [f"k{number},Contoh,aktif," for number in range(200)]
    lines = [*good[:5], 'x,"Contoh,aktif,', *good[5:9], 'y,"Contoh,aktif,', 'z,"Contoh",aktif,', *good[9:]]
    path = write(tmp_path / "x.csv", PEOPLE + "\n".join(lines))
    assert broken(path) == [(7, "a quote that is never closed"), (12, "a quote that is never closed")]
    keys = [row.key for row in source(path).rows(0) if row.problems is None]
    assert keys == [*(line.split(",")[0] for line in good[:9]), "z", *(line.split(",")[0] for line in good[9:])]


def test_a_line_without_end_is_one_refused_row(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", f"{PEOPLE}a,Contoh,aktif,\nb,{'x' * 200_000},aktif,\nc,Contoh,aktif,\n")
    assert broken(path) == [(3, "a line of more than 65,536 characters")]
    assert [row.key for row in source(path).rows(0) if row.problems is None] == ["a", "c"]


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.text(alphabet='ab ,;"\n\r', max_size=6), min_size=1, max_size=4), min_size=1, max_size=6))
def test_what_csv_writes_is_closed_and_reads_back(tmp_path: Path, table: list[list[str]]) -> None:
    out = io.StringIO()
    csv.writer(out).writerows(table)
    path = tmp_path / "x.csv"
    path.write_bytes((PEOPLE + out.getvalue()).encode())
    assert [cells for _, cells in rows(path)[1:]] == [cells for cells in table if any(cell.strip() for cell in cells)]
    assert broken(path) == []


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("x.csv", b"", "empty"),
        ("x.csv", b"\x00\x01\x02", "no text file"),
        ("x.csv", b"satu,dua\n1,2\n", "no headings"),
        ("x.xls", b"abc", "give .csv or .xlsx"),
        ("x.xlsx", b"abc", "no XLSX file"),
        ("x.xlsx", b"PK\x05\x06" + bytes(18), "no XLSX file"),
    ],
)
def test_unusable_files_say_why(tmp_path: Path, name: str, content: bytes, told: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UnusableError) as error:
        source(path)
    assert told in str(error.value)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.binary(max_size=400), st.text(alphabet='abrecodkynm,;"\n\r\0é= ', max_size=300).map(str.encode)))
@example(b'"')
@example(b'\xff\xfe"')
def test_wild_bytes_are_rows_or_an_unusable_file(tmp_path: Path, wild: bytes) -> None:
    path = tmp_path / "wild.csv"
    path.write_bytes(PEOPLE.encode() + wild)
    try:
        lines = [row.line for row in source(path).rows(0)]
    except UnusableError:
        return
    assert lines == sorted(set(lines))


# -- XLSX ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["participants", "enrolments"])
def test_sheets_of_other_programs_read_like_the_csv(kind: str) -> None:
    """participants.xlsx was written by openpyxl (a title above, dates, sums with a format), enrolments.xlsx by XlsxWriter (a hidden sheet first)."""
    sheet, text = (list(source(SAMPLES / f"{kind}.{ending}", kind).rows(0)) for ending in ("xlsx", "csv"))
    assert [(row.key, row.second, row.data) for row in sheet] == [(row.key, row.second, row.data) for row in text]
    assert all(row.problems is None for row in text)


MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


def sheet(path: Path, cells: str, *, texts: str = "", styles: str = "", epoch: str = "", prefix: str = "") -> Path:
    """An XLSX file with these cells in its second row, under headings."""
    heads = "".join(
        f'<c t="inlineStr"><is><t>{name}</t></is></c>' for name in ("record_key", "name", "membership", "buy_by", "nik")
    )
    relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    parts = {
        "xl/workbook.xml": f'<workbook {MAIN} xmlns:r="{relations}">{epoch}<sheets><sheet name="x" sheetId="7" r:id="q"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": '<Relationships><Relationship Id="q" Target="/xl/worksheets/data.xml"/></Relationships>',
        "xl/worksheets/data.xml": f"<worksheet {MAIN}><sheetData><row>{heads}</row><row r='5'>{cells}</row></sheetData></worksheet>",
    }
    if prefix:
        parts["xl/worksheets/data.xml"] = (
            parts["xl/worksheets/data.xml"]
            .replace("<", f"<{prefix}:")
            .replace(f"<{prefix}:/", f"</{prefix}:")
            .replace("xmlns=", f"xmlns:{prefix}=")
        )
    if texts:
        parts["xl/sharedStrings.xml"] = f"<sst {MAIN}>{texts}</sst>"
    if styles:
        parts["xl/styles.xml"] = f"<styleSheet {MAIN}>{styles}</styleSheet>"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def test_cells_of_every_type(tmp_path: Path) -> None:
    styles = (
        '<numFmts><numFmt numFmtId="170" formatCode="[Red]&quot;day&quot; 0"/><numFmt numFmtId="171" formatCode="dd\\-mm\\-yy"/></numFmts>'
        '<cellStyleXfs><xf numFmtId="14"/></cellStyleXfs><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="170"/><xf numFmtId="171"/></cellXfs>'
    )
    texts = "<si><r><t>Ku</t></r><r><t>nci</t></r><rPh><t>x</t></rPh></si><si><t>dua</t></si>"
    cells = (
        '<c r="A5" t="s"><v>0</v></c><c r="C5" t="str"><f>1+1</f><v>aktif</v></c><c r="D5" s="1"><v>46386.75</v></c><c r="E5"><v>3.273001412990001E15</v></c>'
        '<c r="F5" s="2"><v>12</v></c><c r="G5" s="3"><v>46386</v></c><c r="H5" t="b"><v>1</v></c><c r="I5"><v>1.5</v></c>'
        '<c r="J5" t="e"><v>#N/A</v></c><c r="XFD5"><v>1</v></c>'
    )
    path = sheet(tmp_path / "x.xlsx", cells, texts=texts, styles=styles)
    assert rows(path)[1:] == [
        (5, ["Kunci", "", "aktif", "2026-12-30", "3.273001413E+15", "12", "2026-12-30", "1", "1.5", "#N/A"])
    ]


def test_days_from_1904_and_tags_with_a_prefix(tmp_path: Path) -> None:
    styles = '<cellXfs><xf numFmtId="14"/></cellXfs>'
    cells = '<c r="D5" s="0"><v>44924</v></c>'
    path = sheet(tmp_path / "x.xlsx", cells, styles=styles, epoch='<workbookPr date1904="1"/>', prefix="x")
    assert rows(path)[1:] == [(5, ["", "", "", "2026-12-30"])]


def test_a_nik_that_a_spreadsheet_keeps_as_a_number_is_refused(tmp_path: Path) -> None:
    cells = '<c t="inlineStr"><is><t>a</t></is></c><c t="inlineStr"><is><t>b</t></is></c><c t="inlineStr"><is><t>aktif</t></is></c>'
    cells += '<c r="E5"><v>3273001412990001</v></c>'
    row = next(source(sheet(tmp_path / "x.xlsx", cells)).rows(0))
    assert row.problems is not None
    assert row.problems[0][2] == "the spreadsheet has rounded this number"


def test_a_bomb_of_entities_is_refused(tmp_path: Path) -> None:
    path = sheet(tmp_path / "x.xlsx", "<c/>")
    bomb = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(bomb, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, b'<!DOCTYPE a [<!ENTITY b "c">]>' + content if "data" in name else content)
    with pytest.raises(UnusableError, match="document type"):
        source(bomb)


def test_a_small_file_that_unpacks_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "bomb.xlsx"
    long = "x" * 10_000_000
    cell = f'<c t="inlineStr"><is><t>{long}</t></is></c>'
    for bomb in (
        lambda: sheet(path, cell),
        lambda: sheet(path, '<c t="s"><v>0</v></c>', texts=f"<si><t>{long}</t></si>"),
    ):
        bomb()
        assert path.stat().st_size < 11_000_000
        with pytest.raises(UnusableError, match="longer than a spreadsheet allows"):
            list(source(path).rows(0))
    monkeypatch.setattr(xlsx_read, "_MOST", 1_000_000)
    with pytest.raises(UnusableError, match="unpacks to more"):
        source(path)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_damaged_sheets_are_unusable_and_never_raise_otherwise(tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray((SAMPLES / "participants.xlsx").read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "x.xlsx"
    path.write_bytes(content[: data.draw(st.sampled_from((len(content), len(content) // 2)))])
    try:
        list(source(path).rows(0))
    except UnusableError:
        return


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.text(max_size=20), min_size=1, max_size=5), min_size=1, max_size=8))
def test_what_we_write_reads_back(tmp_path: Path, table: list[list[str]]) -> None:
    path = tmp_path / "out.xlsx"
    with XlsxWriter(path) as file:
        for cells in table:
            file.writerow(cells)
    read = dict(rows(path))
    for line, cells in enumerate(table, 1):
        shown = ["".join(char if char.isprintable() or char in "\t\n" else " " for char in cell) for cell in cells]
        if any(cell.strip() for cell in shown):
            assert read[line] == shown[: max(at for at, cell in enumerate(shown, 1) if cell)]
