"""Validators for the numbers of a person: NIK, KK, phone. The secure form and the registration use them too."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from nlu.digits import ascii_digits, is_identity, is_mobile
from nlu.entities.regions import regions


@dataclass(frozen=True, slots=True)
class Nik:
    """What a NIK says about its holder."""

    number: str
    region: str  # code of the kabupaten/kota where it was issued
    region_known: bool  # whether that code is one of today's 514
    born: date
    woman: bool
    serial: str


def parse_nik(typed: str, today: date) -> Nik | None:
    """Reads a NIK however it is typed (spaces, dots, O for 0). None if it cannot be one: sixteen digits, a province,
    a birth date that exists and lies before `today` (the day is 40 higher for women), a serial other than 0000."""
    digits = ascii_digits(typed)
    if not is_identity(digits) or digits[12:] == "0000" or re.search(r"[^\W\dOolI_]", typed):
        return None
    day, month, year = int(digits[6:8]), int(digits[8:10]), int(digits[10:12])
    woman = day > 40
    century = 2000 if 2000 + year <= today.year else 1900
    try:
        born = date(century + year, month, day - 40 if woman else day)
        if born > today:
            born = date(born.year - 100, month, born.day)
    except ValueError:
        return None
    return Nik(digits, digits[:4], digits[:4] in regions(), born, woman, digits[12:])


def parse_kk(typed: str) -> str | None:
    """The sixteen digits of a family card number, or None if they have not its build (province, date of issue, serial)."""
    digits = ascii_digits(typed)
    return digits if is_identity(digits) and int(digits[6:8]) <= 31 and digits[12:] != "0000" else None


def parse_phone(typed: str) -> str | None:
    """An Indonesian mobile number as +628…; None if it is none. "0812-3456-7890", "62812…", "+62 0812 …" and "812…" are understood."""
    if re.search(r"[^\W\dOolI_]", typed):
        return None
    digits = ascii_digits(typed)
    if re.fullmatch(r"8[1-9]\d{7,10}", digits):
        digits = f"0{digits}"
    if not is_mobile(digits):
        return None
    return "+62" + re.sub(r"^(?:0062|620|62|0)", "", digits)
