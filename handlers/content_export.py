"""Published versions written back into the files: only what differs, in one stable form, everything else untouched."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from handlers.catalogue import entry_of, read_files
from handlers.content_check import lines_of
from handlers.content_now import from_json

_ORDER = ("title", "question", "procedure", "text", "text_2020_2022", "more", "sms")
_LAST = ("as_of", "review_by")
_LINE = 100


def export(folder: Path, bodies: Mapping[str, Mapping[str, Any]], facts: Mapping[str, str]) -> list[str]:
    """Writes answers (intent → body as the database keeps it) and facts into the content below `folder`.

    Returns what was written ("answers/money.yml: incentive_amount"), [] where the files say the same already.
    """
    files = read_files(folder)
    written = []
    for name in sorted(file for file in files if file.startswith("answers/")):
        path = folder / f"{name}.yml"
        for intent, present in files[name].items():
            body = bodies.get(intent)
            if body is None or entry_of(intent, from_json(body)) == entry_of(intent, present):
                continue
            _replace(path, intent, as_yaml(intent, body))
            written.append(f"{name}.yml: {intent}")
    values = files["program"]["common"]["values"]
    for key, value in sorted(facts.items()):
        if values.get(key) != value:
            _fact(folder / "program.yml", key, value, known=key in values)
            written.append(f"program.yml: {key}")
    return written


def as_yaml(intent: str, body: Mapping[str, Any]) -> list[str]:
    """An answer's lines, always the same for the same answer."""
    lines = [f"{intent}:"]
    for key in _ORDER:
        value = body.get(key)
        if isinstance(value, Mapping):
            lines += [f"  {key}:", *(line for name in ("open", "closed") for line in _text(name, value[name], 4))]
        elif isinstance(value, bool):
            lines.append(f"  {key}: {str(value).lower()}")
        elif value:
            lines += _text(key, value, 2)
    for key in ("sources", "sources_2020_2022"):
        if body.get(key):
            lines += [f"  {key}:", *(f"    - {_source(row)}" for row in body[key])]
    lines += [f"  {key}: {body[key]}" for key in _LAST]
    return [*lines, f"  follow_ups: [{', '.join(body.get('follow_ups') or ())}]"]


def _text(key: str, value: str, indent: int) -> list[str]:
    """One line in quotes, long ones a sentence a line, and what has lines of its own as they are."""
    space, text = " " * indent, value.strip()
    quoted = [f"{space}{key}: {json.dumps(text, ensure_ascii=False)}"]
    lines = text.split("\n")
    if not all(line.isprintable() and line == line.rstrip() for line in lines):
        return quoted
    if len(lines) > 1:
        return [f"{space}{key}: |-", *(f"{space}  {line}".rstrip() for line in lines)]
    sentences = text.replace(". ", ".\n").split("\n")
    if len(text) <= _LINE or not all(line and line == line.strip() for line in sentences):
        return quoted
    return [f"{space}{key}: >-", *(f"{space}  {line}" for line in sentences)]


def _source(row: Mapping[str, Any]) -> str:
    return (
        "{"
        + ", ".join(f"{key}: {json.dumps(str(row[key]), ensure_ascii=False)}" for key in ("name", "date", "url"))
        + "}"
    )


def _replace(path: Path, key: str, lines: list[str]) -> None:
    """Puts lines in the place of a top-level key; comments and blank lines that follow it stay."""
    rows = path.read_text(encoding="utf-8").splitlines()
    starts = list(lines_of(path).items())
    place = next(number for number, (name, _) in enumerate(starts) if name == key)
    first = starts[place][1] - 1
    after = starts[place + 1][1] - 1 if place + 1 < len(starts) else len(rows)
    while after > first + 1 and (not rows[after - 1].strip() or rows[after - 1].startswith("#")):
        after -= 1
    path.write_text("\n".join([*rows[:first], *lines, *rows[after:]]) + "\n", encoding="utf-8")


def _fact(path: Path, key: str, value: str, *, known: bool) -> None:
    rows = path.read_text(encoding="utf-8").splitlines()
    begin = next(number for number, row in enumerate(rows) if row.startswith("common:")) + 2
    line = f"    {key}: {json.dumps(value, ensure_ascii=False)}"
    end = next((number for number in range(begin, len(rows)) if not rows[number].startswith("    ")), len(rows))
    if known:
        rows[next(number for number in range(begin, end) if rows[number].startswith(f"    {key}:"))] = line
    else:
        rows.insert(end, line)
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
