"""What was noted with Pandu as a file: registrations, links, cases; page by page, so memory does not grow."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import IO, Any, Protocol

from sqlalchemy import RowMapping

from bot.exchange.report import defused
from bot.exchange.xlsx_write import XlsxWriter
from handlers.registration_view import FIELDS, FINAL, TYPED
from handlers.turn import ZONES
from handlers.typed import SKIPPED
from nlu.entities.regions import regions
from storage import exports
from storage.database import Database

PAGE = 500
_PRIORITIES = ("danger", "urgent", "normal")
HEADINGS: Mapping[str, tuple[str, ...]] = {
    "registrations": ("number", "channel", "created_at", "kept_until", *FIELDS, "region_name"),
    "links": ("record_key", "channel", "level", "method", "state", "created_at", "ended_at", "ended_why", "region", "region_name"),
    "cases": (
        "number", "topic", "priority", "state", "created_at", "updated_at", "due_at", "closed_at", "channel", "record_key",
        "region", "region_name", "story",
    ),
}  # fmt: skip


class _Out(Protocol):
    def writerow(self, cells: Sequence[str], /) -> Any:
        """Writes one row."""


async def export(
    database: Database, kind: str, only: exports.Filter, *, out: Path | None, xlsx: bool, screen: IO[str]
) -> int:
    """Writes the rows to a file, or as CSV to `screen`; returns how many."""
    written = after = 0
    with _file(out, xlsx=xlsx, screen=screen) as file:
        writer: _Out = file if isinstance(file, XlsxWriter) else csv.writer(file)
        safe = str if isinstance(file, XlsxWriter) else defused  # a text of a sheet is never a formula
        writer.writerow(HEADINGS[kind])
        while rows := await database.write(partial(exports.page, kind=kind, only=only, after=after, limit=PAGE)):
            for row in rows:
                shown = _shown(kind, row)
                writer.writerow([safe(shown.get(name, "")) for name in HEADINGS[kind]])
            written += len(rows)
            after = rows[-1]["id"]
    return written


def _file(out: Path | None, *, xlsx: bool, screen: IO[str]) -> AbstractContextManager[XlsxWriter | IO[str]]:
    if out is None:
        return nullcontext(screen)
    return XlsxWriter(out) if xlsx else out.open("w", encoding="utf-8-sig", newline="")


def registration_values(data: Mapping[str, Any]) -> dict[str, str]:
    """The values of a preparation, without the marks that the form keeps in them."""
    values = {name: str(value).removeprefix(TYPED).rstrip(FINAL) for name, value in data.items() if name in FIELDS}
    return {name: "" if value == SKIPPED else value for name, value in values.items()}


def _shown(kind: str, row: RowMapping) -> dict[str, str]:
    shown = {name: _text(value) for name, value in row.items() if name != "data"}
    if kind == "registrations":
        shown |= registration_values(row["data"])
    elif kind == "links":
        shown["state"] = "active" if row["ended_at"] is None else "ended"
    else:
        shown["priority"] = _PRIORITIES[row["priority"]]
    if region := regions().get(shown.get("region", "")):
        shown["region_name"] = region.name
    return shown


def _text(value: object) -> str:
    """A value as a cell; moments in WIB with their offset."""
    if isinstance(value, datetime):
        return value.astimezone(ZONES["WIB"]).isoformat(timespec="seconds")
    return "" if value is None else str(value)
