"""Runs of digits in a text, however they are typed: spaced, dotted, full-width, Arabic-Indic, or with O and l for 0 and 1.

`masking` and `entities` both stand on this. Everything is one pass over the text.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date

BULLET = "•"
_LOOKALIKES = {"O": "0", "o": "0", "l": "1", "I": "1"}
# A group is digits with O, o, l, I between or around them; what follows a bullet is the rest of a masked number.
_ANY = r"\d⁰¹²³⁴-⁹₀-₉①-⑨⓪"  # digits of any script, raised, lowered and circled ones
_GROUP = re.compile(rf"(?<![{BULLET}{_ANY}OolI])[OolI]*[{_ANY}][{_ANY}OolI]*")
_JOINT = re.compile(r"[\s.,\-_/\\()\[\]:;*'|~·–—‑\u00ad\u200b-\u200f\u2060\ufeff]{0,16}")
_PROVINCES = frozenset(
    (*range(11, 20), 21, *range(31, 37), *range(51, 54), *range(61, 66), *range(71, 77), 81, 82, *range(91, 98))
)
_MOBILE = re.compile(r"(?:0|62|0062|620)8[1-9]\d{7,10}")
_LANDLINE = re.compile(r"(?:0|62)(?:21|22|24|31|61|[2-9]\d\d)[1-9]\d{5,7}|0800\d{6,7}|1500\d{3}")


@dataclass(frozen=True, slots=True)
class Group:
    """Neighbouring digits: where they stand in the text, and what they say in ASCII."""

    start: int
    end: int
    digits: str


def ascii_digits(text: str) -> str:
    """Digits of any script as 0–9, and O, o, l, I as 0 and 1; other characters are dropped."""
    out = []
    for char in text:
        value = unicodedata.digit(char, None)
        if value is not None:
            out.append(str(value))
        elif char in _LOOKALIKES:
            out.append(_LOOKALIKES[char])
    return "".join(out)


def groups(text: str) -> list[Group]:
    """All groups of digits in order. A letter that only looks like a digit counts inside a group, not at the seam of a word."""
    found = []
    for match in _GROUP.finditer(text):
        start, end = match.span()
        while start > 0 and text[start - 1].isalpha() and text[start] in _LOOKALIKES:
            start += 1
        while end < len(text) and text[end].isalpha() and text[end - 1] in _LOOKALIKES:
            end -= 1
        found.append(Group(start, end, ascii_digits(text[start:end])))
    return found


def runs(text: str) -> list[list[Group]]:
    """Groups gathered into runs: at most sixteen characters of punctuation or space stand between two groups of a run."""
    gathered: list[list[Group]] = []
    for group in groups(text):
        if gathered and _JOINT.fullmatch(text, gathered[-1][-1].end, group.start):
            gathered[-1].append(group)
        else:
            gathered.append([group])
    return gathered


def is_identity(digits: str) -> bool:
    """Whether 16 digits have the build of a NIK or KK number: a province, and a day (+40 for women) and month."""
    if len(digits) != 16 or int(digits[:2]) not in _PROVINCES:
        return False
    day, month = int(digits[6:8]), int(digits[8:10])
    return (1 <= day <= 31 or 41 <= day <= 71) and 1 <= month <= 12


def is_mobile(digits: str) -> bool:
    """Whether the digits alone are an Indonesian mobile number (08…, 628…)."""
    return _MOBILE.fullmatch(digits) is not None


def is_landline(digits: str) -> bool:
    """Whether the digits could be an Indonesian fixed line, free-phone or service number."""
    return _LANDLINE.fullmatch(digits) is not None


def is_date(parts: tuple[str, str, str]) -> bool:
    """Whether three groups are a day of the calendar: 3-12-1999 or 1999-12-03, with a four-digit year."""
    first, month, last = parts
    if len(first) == 4:
        first, last = last, first
    if len(first) > 2 or len(month) > 2 or len(last) != 4 or last[:2] not in ("19", "20"):
        return False
    try:
        date(int(last), int(month), int(first))
    except ValueError:
        return False
    return True
