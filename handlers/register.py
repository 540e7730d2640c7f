"""The register of processing and the names of the tables, as content (handlers/content/processing.yml)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from handlers.catalogue import Catalogue


def processing(content: Catalogue) -> list[Mapping[str, Any]]:
    """What is processed: purpose, data, tables, people, basis, recipients, retention."""
    return list(content.files["processing"]["processing"])


def tables(content: Catalogue) -> Mapping[str, str]:
    """What a table with personal data is called."""
    found: Mapping[str, str] = content.files["processing"]["tables"]
    return found


def columns(content: Catalogue) -> Mapping[str, str]:
    """What a column is called in a person's copy."""
    found: Mapping[str, str] = content.files["processing"]["columns"]
    return found


def page(content: Catalogue) -> str:
    """docs/processing.md."""
    lines = [
        "# Catatan pemrosesan data pribadi",
        "",
        "UU 27/2022, pasal 31. Disunting di `handlers/content/processing.yml`; halaman meja: Pemrosesan. Dicetak dengan `pandu privacy register`.",
    ]
    for row in processing(content):
        lines += ["", f"## {row['purpose']}", "", "| | |", "| --- | --- |"]
        named = (
            ("Data", "data"),
            ("Siapa", "people"),
            ("Dasar", "basis"),
            ("Penerima", "recipients"),
            ("Lama simpan", "retention"),
        )
        lines += [f"| {title} | {row[key]} |" for title, key in named]
        lines.append(f"| Tabel | {', '.join(f'`{name}`' for name in row['tables'])} |")
    return "\n".join(lines) + "\n"
