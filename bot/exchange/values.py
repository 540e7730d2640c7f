"""Cells into values: dates, money, phones, regions, states as people type and spreadsheets write them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from datetime import date, datetime
from functools import cache, lru_cache, partial
from typing import Any

from bot.exchange.columns import Column, plain
from handlers.secure import hash_identity
from handlers.turn import ZONES
from nlu.digits import BULLET, ascii_digits, is_identity
from nlu.entities.regions import find_regions, regions

Reader = Callable[[str], Any]

_REMEMBERED = 50_000  # values that repeat (dates, regions, sums) are read once
_SMALL = 32_767  # what a SMALLINT holds
_MOST_MONEY = 10**12
_DATE = re.compile(r"(\d{1,2})([/.\-])(\d{1,2})\2(\d{4})(?:[ T]\d{1,2}[:.]\d\d(?:[:.]\d\d)?)?")
_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_MONEY = re.compile(r"(\d{1,3}(?:([.,])\d{3})(?:\2\d{3})*|\d+)(?:[.,]0{1,2}|[.,]?-{1,2})?")
_ROUNDED = re.compile(r"\d(?:[.,]\d+)?e\+?\d+", re.IGNORECASE)
_BETWEEN = str.maketrans("", "", " .-+()/")
_LETTER = re.compile(r"[^\W\dOolI_]")
_PHONE = re.compile(r"(?:0062|620|62|0)?(8\d{8,11})")
_HIDDEN = re.compile(rf"[{BULLET}*xX.\s\-]*(\d{{4}})")
_DAMAGED = ("damaged characters", "save the file as UTF-8 and give it again")
_YES = frozenset(("ya", "y", "yes", "true", "1", "benar"))
_NO = frozenset(("tidak", "t", "no", "n", "false", "0", "bukan", "salah"))


class RefusedError(ValueError):
    """A cell that cannot be taken: why, and what to do about it."""

    def __init__(self, reason: str, mend: str) -> None:
        super().__init__(reason)
        self.reason, self.mend = reason, mend


def clean(text: str) -> str:
    """A stripped cell without what cannot be seen; raises for damaged characters and for errors of a spreadsheet."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    if "\ufffd" in text:
        raise RefusedError(*_DAMAGED)
    if not text.isprintable():
        if any("\ud800" <= char <= "\udfff" for char in text):
            raise RefusedError(*_DAMAGED)
        text = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    if text.startswith("#") and text in ("#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!"):
        raise RefusedError("an error of the spreadsheet", "mend the formula or write the value")
    return text


def reader(column: Column, *, today: date, lookup_key: bytes) -> Reader:
    """The function that reads the cells of a column (clean and not empty); it raises `RefusedError`."""
    remembered = lru_cache(maxsize=_REMEMBERED)
    match column.is_:
        case "key":
            return partial(_key, size=column.size)
        case "text":
            return partial(_text, size=column.size)
        case "choice":
            return remembered(partial(_choice, column))
        case "date":
            return remembered(_date)
        case "birth_date":
            return remembered(partial(_birth_date, today=today))
        case "nik":
            return partial(_nik, key=lookup_key)
        case "phone":
            return _phone
    simple: dict[str, Reader] = {
        "region": _region, "money": _money, "count": _count, "wave": _wave, "yes_no": _yes_no, "last4": _last4, "account": _account,
    }  # fmt: skip
    return remembered(simple[column.is_])


def _text(text: str, *, size: int) -> str:
    if len(text) > size:
        raise RefusedError(f"longer than {size} characters", "shorten it")
    return text


def _key(text: str, *, size: int) -> str:
    _not_rounded(text)
    return _text(text, size=size)


def _choice(column: Column, text: str) -> str:
    code = column.codes.get(plain(text))
    if code is None:
        raise RefusedError("not an allowed value", f"one of {', '.join(column.allowed)}")
    return code


def _date(text: str) -> str:
    found = _day(text)
    if found is None:
        raise RefusedError("not a date", "write 1999-12-31 or 31/12/1999 (the day first)")
    if not 1900 <= found.year <= 2100:
        raise RefusedError("a year that cannot be", "check the year")
    return found.isoformat()


def _day(text: str) -> date | None:
    try:
        if match := _DATE.fullmatch(text):
            return date(int(match[4]), int(match[3]), int(match[1]))
        if match := _ISO.fullmatch(text):
            return date(int(match[1]), int(match[2]), int(match[3]))
        if not _ISO.match(text):
            return None
        moment = datetime.fromisoformat(text)
        return (moment.astimezone(ZONES["WIB"]) if moment.tzinfo else moment).date()  # midnight WIB is 17:00Z
    except (ValueError, OverflowError):
        return None


def _birth_date(text: str, *, today: date) -> str:
    found = _date(text)
    if found >= today.isoformat():
        raise RefusedError("a birth date that is still to come", "check the year")
    return found


def _money(text: str) -> int:
    _not_rounded(text)
    bare = re.sub(r"^(?:rp|idr)\.?\s*", "", text, flags=re.IGNORECASE).replace(" ", "")
    match = _MONEY.fullmatch(bare)
    if match is None:
        raise RefusedError("not a sum in whole rupiah", "write 600000 or Rp600.000")
    value = int(ascii_digits(match[1]))
    if value > _MOST_MONEY:
        raise RefusedError("a sum that cannot be", "check the digits")
    return value


def _count(text: str) -> int:
    match = re.fullmatch(r"(\d{1,5})(?:[.,]0+)?", text)
    if match is None or int(match[1]) > _SMALL:
        raise RefusedError("not a whole number", "digits only")
    return int(match[1])


def _wave(text: str) -> int:
    bare = re.sub(r"^(?:gelombang|gel\.?|batch|wave)\s*(?:ke-?\s*)?", "", text, flags=re.IGNORECASE)
    value = _count(bare)
    if not 1 <= value <= 999:
        raise RefusedError("not a wave", "the wave's number, as in 71")
    return value


def _yes_no(text: str) -> bool:
    word = text.casefold()
    if word not in _YES and word not in _NO:
        raise RefusedError("neither yes nor no", "write ya or tidak")
    return word in _YES


# -- numbers of a person ------------------------------------------------------------------------------------------


def _not_rounded(text: str) -> None:
    if _ROUNDED.fullmatch(text):
        raise RefusedError(
            "the spreadsheet has rounded this number", "format the column as text and write the number again"
        )


def _digits(text: str) -> str:
    """The digits of a number, however it is typed; "" where letters stand in it."""
    bare = text.translate(_BETWEEN)
    if bare.isascii() and bare.isdecimal():
        return bare
    return "" if _LETTER.search(text) else ascii_digits(text)


def _phone(text: str) -> str:
    _not_rounded(text)
    match = _PHONE.fullmatch(_digits(text))
    if match is None:
        raise RefusedError("not an Indonesian mobile number", "one number, as in 0812-3456-7890 or +62 812 3456 7890")
    return f"+62{match[1]}"


def _nik(text: str, *, key: bytes) -> tuple[str, str]:
    """The keyed hash and the last four digits; the number itself goes no further than this function."""
    _not_rounded(text)
    digits = _digits(text)
    if len(digits) != 16:
        raise RefusedError("a NIK has sixteen digits", "correct it, or leave the cell empty")
    return hash_identity(digits, key), digits[-4:]


def _last4(text: str) -> str:
    _not_rounded(text)
    if match := _HIDDEN.fullmatch(text):
        return match[1]
    digits = _digits(text)
    if len(digits) == 16 and not is_identity(digits):
        return digits[-4:]
    raise RefusedError("not four digits", "the last four digits; format the column as text, so that leading zeros stay")


def _account(text: str) -> str:
    _not_rounded(text)
    digits = _digits(text) or ascii_digits(text)
    if len(digits) < 4 or len(text) > 40:
        raise RefusedError("fewer than four digits", "the account's number, or its last four digits")
    return BULLET * 4 + digits[-4:]


# -- places -------------------------------------------------------------------------------------------------------


def _region(text: str) -> str:
    code = text.replace(".", "")
    if code.isdecimal():
        if code not in regions():
            raise RefusedError(
                "no such kabupaten or kota", "the code of the Ministry of Home Affairs, as in 3273, or the name"
            )
        return code
    if found := _official().get(_place(text)):
        return found
    named = find_regions(text)
    if len(named) != 1:
        raise RefusedError("no such kabupaten or kota", "its code, as in 3273, or its name, as in Kota Bandung")
    if candidates := named[0].detail.get("candidates"):
        told = " or ".join(f"{regions()[one].name} ({one})" for one in str(candidates).split("|"))
        raise RefusedError("more than one place has this name", told)
    return str(named[0].value)


@cache
def _official() -> dict[str, str]:
    """Codes by the official name with its kind ("kota bandung")."""
    return {_place(region.name): code for code, region in regions().items()}


def _place(name: str) -> str:
    words = plain(name.partition(",")[0]).split()
    said = {"kab": "kabupaten", "kotamadya": "kota"}
    return " ".join(said.get(word, word) for word in words if word not in ("administrasi", "adm"))
