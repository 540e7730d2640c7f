"""Rows of a file into rows of the staging table: read, checked, and masked where they are refused.

A number that is a NIK or a KK is taken in the column `nik` alone, where it becomes a keyed hash before anything is kept.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from typing import Any

from bot.exchange.columns import LONGEST_EMPTY, Column, Heading, empty_words
from bot.exchange.values import Reader, RefusedError, clean, reader
from nlu.digits import BULLET
from nlu.masking import mask, redact
from storage.imports import KEYS, Problem, Row

_SHOWN = 40  # characters of a refused value that stand in the report
_SIXTEEN = 16
_LONG_NUMBER = re.compile(r"[\dOolI](?:[\s.\-_/·]{0,2}[\dOolI]){14}")
_HIDDEN = ("nik", "last4", "account", "phone")  # of these only the last digits are shown

NIK_ELSEWHERE = ("a NIK or KK number outside the column nik", "delete it; Pandu takes a NIK in the column nik alone")


class Checker:
    """Reads the rows of one file. `columns` names what its rows hold, in their order."""

    def __init__(self, kind: str, heading: Heading, *, today: date, lookup_key: bytes) -> None:
        keys = KEYS[kind]
        self._heading = heading
        self._width = len(heading.names)
        self._cells: list[tuple[int, Column, frozenset[str], Reader]] = [
            (place, column, empty_words(column), reader(column, today=today, lookup_key=lookup_key))
            for place, column in heading.columns.items()
        ]
        self._keys = keys
        self._nik = next((place for place, column in heading.columns.items() if column.is_ == "nik"), None)
        named = [column.name for column in heading.columns.values() if column.name not in keys and column.is_ != "nik"]
        if self._nik is not None:
            named = [*(name for name in named if name != "nik_last4"), "nik_hash", "nik_last4"]
        self.columns = tuple(named)

    def check(self, line: int, cells: list[str]) -> Row:
        """The row as it is staged: with its values, or with what is wrong in it."""
        if len(cells) < self._width:
            cells = cells + [""] * (self._width - len(cells))
        problems = self._whole(cells)
        values: dict[str, Any] = {}
        for place, column, empty, read in self._cells:
            text = cells[place].strip()
            try:
                if not (text.isascii() and text.isprintable()) or text[:1] == "#":
                    text = clean(text)
                if text and (len(text) > LONGEST_EMPTY or text.casefold() not in empty):
                    values[column.name] = read(text)
                elif column.required:
                    raise RefusedError("empty", "this column needs a value in every row")
                else:
                    values[column.name] = column.fill
            except RefusedError as error:
                problems.append((column.name, masked(cells[place], column.is_), error.reason, error.mend))
        if self._nik is not None and not problems:
            problems = self._identity(values)
        if problems:
            return Row(line=line, key="", second="", data=None, problems=problems)
        second = str(values[self._keys[1]]) if len(self._keys) > 1 else ""
        data = [values[name] for name in self.columns]
        return Row(line=line, key=values[self._keys[0]], second=second, data=data, problems=None)

    def _whole(self, cells: Sequence[str]) -> list[Problem]:
        """What is wrong with the row as a whole: cells beyond the headings, identity numbers where they may not stand."""
        problems: list[Problem] = []
        if len(cells) > self._width and any(cell.strip() for cell in cells[self._width :]):
            problems.append(("", "", "more cells than headings", "put cells that hold the separator into quotes"))
        for place, cell in enumerate(cells):
            if len(cell) >= _SIXTEEN and place != self._nik and _holds_identity(cell):
                name = masked(self._heading.names[place]) if place < self._width else ""
                problems.append((name, masked(cell, "nik"), *NIK_ELSEWHERE))
        return problems

    @staticmethod
    def _identity(values: dict[str, Any]) -> list[Problem]:
        """Replaces the NIK by its hash and last four; says so where those contradict the column of last four."""
        nik, told = values.pop("nik"), values.get("nik_last4")
        if nik is None:
            values.update(nik_hash=None, nik_last4=told)
            return []
        values.update(nik_hash=nik[0], nik_last4=nik[1])
        if told and told != nik[1]:
            return [
                ("nik_last4", masked(told, "last4"), "not the end of the NIK in the same row", "correct one of the two")
            ]
        return []


def _holds_identity(cell: str) -> bool:
    return bool(_LONG_NUMBER.search(cell)) and not {"nik", "kk"}.isdisjoint(mask(cell).kinds)


def masked(cell: str, is_: str = "") -> str:
    """A refused value as the report may show it: short, without the numbers of a person."""
    text = "".join(char if char.isprintable() else " " for char in cell.strip()[: _SHOWN * 2])
    if is_ in _HIDDEN:
        digits = sum(char.isdecimal() for char in text)
        kept = 2 if digits > 4 else 0
        out = []
        for char in text:
            if char.isdecimal():
                out.append(char if digits <= kept else BULLET)
                digits -= 1
            else:
                out.append(char)
        text = "".join(out)
    text = redact(text)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
