"""What columns there are, by columns.yml, and which column of a file is which."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from bot import pack

KINDS = ("participants", "courses", "enrolments", "incentives", "providers", "offices")
LONGEST_EMPTY = 8  # characters of a word that stands for nothing
_FILE = Path(__file__).parent / "columns.yml"
_BRACKETS = re.compile(r"\([^)]*\)")
_SIGNS = re.compile(r"[\W_]+")


class UnusableError(ValueError):
    """The file as a whole cannot be taken; the message says why and how to mend it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column: its name in the database, what its cells are, and the headings by which it is known."""

    name: str
    is_: str
    required: bool
    headings: tuple[str, ...]
    size: int
    fill: Any  # what an empty cell means
    codes: Mapping[str, str] = field(default_factory=dict)  # word → code of a choice
    allowed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """How a file's first row was read."""

    columns: Mapping[int, Column]  # by position in the file
    names: tuple[str, ...]  # as they stand there
    unknown: tuple[str, ...]


def plain(text: str) -> str:
    """A heading or a word as it is compared: "Tanggal Lahir (hh/bb/tttt)" → "tanggal lahir"."""
    return _SIGNS.sub(" ", _BRACKETS.sub(" ", text.casefold())).strip()


@cache
def _tables() -> dict[str, Any]:
    tables: dict[str, Any] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return tables


@cache
def columns(kind: str) -> tuple[Column, ...]:
    """The columns of a kind, in the order of columns.yml."""
    return tuple(_column(name, spec) for name, spec in _tables()[kind].items())


def empty_words(column: Column) -> frozenset[str]:
    """What an empty cell may look like; where names and keys are expected, fewer words do."""
    return frozenset(("-", "–") if column.is_ in ("text", "key") else _tables()["empty"])


def _column(name: str, spec: Mapping[str, Any]) -> Column:
    allowed = dict(spec.get("allowed", {}))
    if source := spec.get("from"):
        allowed.update(_from_content(source))
    codes = {plain(word): code for code, words in allowed.items() for word in (code, *words)}
    return Column(
        name=name,
        is_=spec["is"],
        required=spec.get("required", False),
        headings=tuple(dict.fromkeys(plain(heading) for heading in (name, *spec["names"]))),
        size=spec.get("size", 64),
        fill=spec.get("fill"),
        codes=codes,
        allowed=tuple(allowed),
    )


def _from_content(source: str) -> dict[str, list[str]]:
    """Codes and their titles from the content: wallets, platforms, topics, the reasons of failed payments."""
    name, _, part = source.partition(".")
    table = pack.content().files[name]
    if part:
        table = table[part]
    titles = {
        code: entry if isinstance(entry, str) else entry.get("title", entry.get("name"))
        for code, entry in table.items()
    }
    return {code: [title] for code, title in titles.items()}


# -- headings -----------------------------------------------------------------------------------------------------


def known(kind: str, cells: Sequence[str]) -> int:
    """How many cells of a row are headings of this kind."""
    headings = {heading for column in columns(kind) for heading in column.headings}
    return sum(plain(cell) in headings for cell in cells)


def read_heading(kind: str, cells: Sequence[str]) -> Heading:
    """Which column is which; raises `UnusableError` where one is missing, named twice, or must not be given to Pandu."""
    by_heading = {heading: column for column in columns(kind) for heading in column.headings}
    found: dict[int, Column] = {}
    unknown = []
    for place, cell in enumerate(cells):
        heading = plain(cell)
        column = by_heading.get(heading)
        if column is None and (heading in _tables()["never"] or heading in _nik_headings()):
            raise UnusableError(
                f"column {place + 1} ({cell.strip()!r}) is never taken by Pandu: delete it from the file"
            )
        if column is None:
            unknown += [cell.strip()] if cell.strip() else []
            continue
        twice = next((at for at, other in found.items() if other is column), None)
        if twice is not None:
            raise UnusableError(
                f"columns {twice + 1} ({cells[twice].strip()!r}) and {place + 1} ({cell.strip()!r}) both mean {column.name}: rename one"
            )
        found[place] = column
    missing = [column.name for column in columns(kind) if column.required and column not in found.values()]
    if missing:
        raise UnusableError(
            f"no column for {', '.join(missing)}; the headings found are: {', '.join(_told(cells)) or 'none'}"
        )
    return Heading(columns=found, names=tuple(cell.strip() for cell in cells), unknown=tuple(unknown))


@cache
def _nik_headings() -> frozenset[str]:
    return frozenset(
        heading for column in columns("participants") if column.is_ == "nik" for heading in column.headings
    )


def _told(cells: Sequence[str]) -> list[str]:
    """Headings for a message: short, and no row of data that was taken for headings."""
    return [cell.strip()[:30] for cell in cells if cell.strip() and not any(char.isdecimal() for char in cell)][:12]
