"""Filling a gateway's templates: {to} {text} {hex} {key} {user} {id} {from}, each escaped for where it stands."""

from __future__ import annotations

import json
import string
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape

NAMES: Final = ("to", "text", "hex", "key", "user", "id", "from")

Escape = Callable[[str], str]


def placeholders(template: str) -> set[str]:
    """The names in braces; raises ValueError for a broken brace."""
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


def check_template(template: str) -> None:
    """Raises ValueError where a name is not known or more than a bare name stands in braces."""
    for _, name, form, conversion in string.Formatter().parse(template):
        if name is not None and (name not in NAMES or form or conversion):
            raise ValueError(f"{{{name}}} is not known: one of {', '.join(f'{{{one}}}' for one in NAMES)}")


def filled(template: str, values: Mapping[str, str], escaped: Escape = str) -> str:
    """The template with its values; only bare names are looked up."""
    pieces = []
    for literal, name, _, _ in string.Formatter().parse(template):
        pieces.append(literal)
        if name is not None:
            pieces.append(escaped(values[name]))
    return "".join(pieces)


def filled_json(template: Any, values: Mapping[str, str]) -> Any:
    """A JSON value with every text in it filled; a text needs no escaping there, the encoder does it."""
    if isinstance(template, str):
        return filled(template, values)
    if isinstance(template, Mapping):
        return {key: filled_json(value, values) for key, value in template.items()}
    return [filled_json(value, values) for value in template] if isinstance(template, list) else template


def in_url(value: str) -> str:
    """A value inside an address."""
    return quote(value, safe="")


ESCAPES: Final[Mapping[str, Escape]] = {
    "form": quote_plus,
    "json": lambda value: json.dumps(value)[1:-1],
    "xml": lambda value: escape(value, {'"': "&quot;"}),
    "text": str,
}
"""How a value is written inside a body of each type."""
