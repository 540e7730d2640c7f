"""Two versions of an answer side by side: field by field, word by word."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.desk.answer_form import fields_of

_ONE = {"text_closed": "text_open", "sms_closed": "sms_open", "text_2020_2022_closed": "text_2020_2022_open"}
_PIECES = re.compile(r"\s+|[^\s]+")


@dataclass(frozen=True, slots=True)
class Piece:
    """Words that are the same, gone or new."""

    kind: str  # same, gone, new
    text: str


@dataclass(frozen=True, slots=True)
class Change:
    """A field that is not the same."""

    field: str  # a name of the form
    pieces: tuple[Piece, ...]


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """The fields that differ between two answers, in the form's order; [] where they are the same."""
    before, after = _shown(old), _shown(new)
    return [Change(name, pieces(before[name], after[name])) for name in after if before[name] != after[name]]


def pieces(old: str, new: str) -> tuple[Piece, ...]:
    """The words of two texts, in the order in which they are read."""
    before, after = _PIECES.findall(old), _PIECES.findall(new)
    found: list[Piece] = []
    for kind, a, b, c, d in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "equal":
            found.append(Piece("same", "".join(before[a:b])))
            continue
        found += [Piece("gone", "".join(before[a:b]))] if b > a else []
        found += [Piece("new", "".join(after[c:d]))] if d > c else []
    return tuple(found)


def _shown(body: Mapping[str, Any]) -> dict[str, str]:
    fields = fields_of(body)
    if fields["procedure"]:  # a single wording stands for both
        fields.update({second: fields[second] or fields[first] for second, first in _ONE.items()})
    fields["procedure"] = "ya" if fields["procedure"] else "tidak"
    return fields
