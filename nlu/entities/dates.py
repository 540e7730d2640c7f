"""Dates as people write them: "3/12/1999", "tgl 3 bln depan", "kemaren", "3 des 99". Today is always given."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta

_MONTHS = (
    ("januari", "jan", "january"),
    ("februari", "feb", "pebruari", "peb", "february"),
    ("maret", "mar", "mrt", "march"),
    ("april", "apr"),
    ("mei", "may"),
    ("juni", "jun", "june"),
    ("juli", "jul", "july"),
    ("agustus", "agu", "agt", "ags", "agus", "aug", "august", "agust"),
    ("september", "sep", "sept"),
    ("oktober", "okt", "oct", "october"),
    ("november", "nov", "nopember", "nop"),
    ("desember", "des", "dec", "december"),
)
_MONTH = {name: number for number, names in enumerate(_MONTHS, 1) for name in names}
_NAMES = "|".join(sorted(_MONTH, key=len, reverse=True))
_RELATIVE = {
    "hari ini": 0, "hr ini": 0, "sekarang": 0, "dinten niki": 0,
    "kemarin lusa": -2, "kemaren lusa": -2, "kemarin dulu": -2, "kemaren dulu": -2, "kemarin": -1, "kemaren": -1, "kmrn": -1, "kmaren": -1,
    "kmarin": -1, "wingi": -1, "kamari": -1, "tadi malam": -1, "semalam": -1,
    "besok lusa": 2, "lusa": 2, "besok": 1, "bsk": 1, "besuk": 1, "isuk": 1, "sesuk": 1,
}  # fmt: skip
_DAY = r"(?:tgl|tggl|tanggal|tnggal)\s*"
_BACK = r"lalu|kemarin|kemaren|kmrn|kmaren|yg lalu|yang lalu|lepas"
_AHEAD = r"depan|dpn|besok|berikutnya|nanti|yad|yg akan datang|yang akan datang"
_NUMERIC = re.compile(r"(?<![\d/.\-])(\d{1,2})\s?([/.\-])\s?(\d{1,2})\s?\2\s?(\d{4}|\d{2})(?![\d/]|[.\-]\d)")
_ISO = re.compile(r"(?<![\d\-])(\d{4})-(\d{1,2})-(\d{1,2})(?![\d\-])")
_SPACED = re.compile(r"(?<![\d.])(\d{1,2}) (\d{1,2}) ((?:19|20)\d\d)(?!\d)")
_JOINED = re.compile(r"(?<!\d)([0-3]\d)([01]\d)((?:19|20)\d\d)(?!\d)")
_NAMED = re.compile(
    rf"(?<!\d)(?:{_DAY})?(\d{{1,2}})[\s\-]?({_NAMES})\b\.?[\s\-,]*((?:19|20)\d\d|'?\d\d(?![\d.:]|\s?(?:rb|ribu|jt|juta|thn|tahun)))?",
    re.I,
)
_MONTH_DAY = re.compile(rf"\b{_DAY}(\d{{1,2}})(?!\d)\s*(?:bln|bulan)?\s*({_AHEAD}|{_BACK}|ini)?", re.I)
_AGO = re.compile(
    rf"\b(\d{{1,2}}|se)\s?(hari|hr|minggu|mgg|mggu|bulan|bln|tahun|thn)\s*(?:yg|yang)?\s*({_BACK}|{_AHEAD}|lagi)\b",
    re.I,
)
_WORDS = re.compile(r"\b(" + "|".join(sorted(map(re.escape, _RELATIVE), key=len, reverse=True)) + r")\b", re.I)

_AGO_SIGNS = (
    "lalu",
    "emar",
    "kmr",
    "kmar",
    "lepas",
    "depan",
    "dpn",
    "besok",
    "berikut",
    "nanti",
    "yad",
    "akan",
    "lagi",
)
_FIRST_WORDS = frozenset(phrase.split()[0] for phrase in _RELATIVE)
_WORD = re.compile("[a-z]+")

Found = tuple[date, int, int, bool]  # the day, start, end, whether it was said exactly


def parse_date(typed: str, today: date, birth: bool = False) -> date | None:
    """The date a text is, or None. `birth`: the date lies in the past, two-digit years too ("3/12/99" is 1999)."""
    text = typed.strip()
    for day, _, _, _ in find_dates(text, today, birth):
        return day
    joined = _JOINED.search(text)
    return _day(int(joined[3]), int(joined[2]), int(joined[1])) if joined else None


def find_dates(text: str, today: date, birth: bool = False) -> Iterator[Found]:
    """All dates of a text; those that overlap an earlier kind are left out."""
    taken: list[tuple[int, int]] = []
    reads = (_written, _named, _said) if any(char.isdecimal() for char in text) else (_said,)
    for read in reads:
        for day, start, end, exact in read(text, today, birth):
            if not any(start < e and end > s for s, e in taken):
                taken.append((start, end))
                yield day, start, end, exact


def _written(text: str, today: date, birth: bool) -> Iterator[Found]:
    for match in _ISO.finditer(text):
        if day := _day(int(match[1]), int(match[2]), int(match[3])):
            yield day, *match.span(), True
    for match in _NUMERIC.finditer(text):
        if day := _day(_year(match[4], today, birth), int(match[3]), int(match[1])):
            yield day, *match.span(), True
    for match in _SPACED.finditer(text):
        if day := _day(int(match[3]), int(match[2]), int(match[1])):
            yield day, *match.span(), True


def _named(text: str, today: date, birth: bool) -> Iterator[Found]:
    for match in _NAMED.finditer(text):
        month = _MONTH[match[2].lower()]
        year = (
            _year(match[3].strip("'"), today, birth) if match[3] else _nearest_year(month, int(match[1]), today, birth)
        )
        if day := _day(year, month, int(match[1])):
            yield day, match.start(), match.end() - (len(match[0]) - len(match[0].rstrip(" -,"))), match[3] is not None


def _said(text: str, today: date, birth: bool) -> Iterator[Found]:
    for match in _MONTH_DAY.finditer(text):
        when = (match[2] or "").lower()
        months = 0 if when in ("", "ini") else -1 if re.fullmatch(_BACK, when) else 1
        month = today.year * 12 + today.month - 1 + months
        day = _day(month // 12, month % 12 + 1, int(match[1]))
        if day is None and not when:
            day = _day((month + 1) // 12, (month + 1) % 12 + 1, int(match[1]))
        if day:
            yield day, match.start(), match.start() + len(match[0].rstrip()), bool(when)
    lowered = text.lower()
    for match in _AGO.finditer(text) if any(sign in lowered for sign in _AGO_SIGNS) else ():
        count = 1 if match[1].lower() == "se" else int(match[1])
        back = re.fullmatch(_BACK, match[3], re.I) is not None
        if day := _shift(today, -count if back else count, match[2].lower()[:1]):
            yield day, *match.span(), False
    for match in _WORDS.finditer(text) if not _FIRST_WORDS.isdisjoint(_WORD.findall(lowered)) else ():
        yield today + timedelta(days=_RELATIVE[match[1].lower()]), *match.span(), False


def _shift(today: date, count: int, unit: str) -> date | None:
    """The day some days, weeks, months or years away; the last of the month where the day does not exist."""
    if unit in "hm":
        return today + timedelta(days=count * (7 if unit == "m" else 1))
    month = today.year * 12 + today.month - 1 + (count if unit == "b" else 12 * count)
    for day in range(today.day, 27, -1) if today.day > 28 else (today.day,):
        if found := _day(month // 12, month % 12 + 1, day):
            return found
    return None


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day) if 1900 <= year <= 2100 else None
    except ValueError:
        return None


def _year(typed: str, today: date, birth: bool) -> int:
    """Four digits as they are; two digits: this century up to five years ahead (births: up to now), else the last one."""
    if len(typed) == 4:
        return int(typed)
    century = today.year - today.year % 100
    year = century + int(typed)
    return year if year <= today.year + (0 if birth else 5) else year - 100


def _nearest_year(month: int, day: int, today: date, birth: bool) -> int:
    """The year that brings a day without a year nearest to today."""
    if birth:
        return today.year
    options = [found for year in (today.year - 1, today.year, today.year + 1) if (found := _day(year, month, day))]
    return min(options, key=lambda option: abs((option - today).days)).year if options else today.year
