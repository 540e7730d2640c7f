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
from bot.files import keep_private
from handlers import identity
from handlers.registration_view import FIELDS, FINAL, TYPED
from handlers.turn import ZONES, Policy
from handlers.typed import SKIPPED
from nlu.entities.regions import regions
from storage import exports
from storage.database import Database

PAGE = 500
_PRIORITIES = ("danger", "urgent", "normal")
HEADINGS: Mapping[str, tuple[str, ...]] = {
    "registrations": ("number", "channel", "created_at", "kept_until", *FIELDS, "region_name", "identity_ref"),
    "links": ("record_key", "channel", "level", "method", "state", "created_at", "ended_at", "ended_why", "region", "region_name"),
    "cases": (
        "number", "topic", "priority", "state", "created_at", "updated_at", "due_at", "closed_at", "channel", "record_key",
        "region", "region_name", "story",
    ),
}  # fmt: skip


NUMBERS = ("nik", "kk")  # further headings, where the numbers are opened
_REF = 16  # hex digits of a NIK's keyed hash: the same person is known, the number is not


class _Out(Protocol):
    def writerow(self, cells: Sequence[str], /) -> Any:
        """Writes one row."""


async def export(
    database: Database,
    kind: str,
    only: exports.Filter,
    *,
    out: Path | None,
    xlsx: bool,
    screen: IO[str],
    policy: Policy | None = None,
) -> int:
    """Writes the rows to a file, or as CSV to `screen`; returns how many. With `policy` NIK and KK are opened, which is logged."""
    written = after = 0
    headings = (*HEADINGS[kind], *NUMBERS) if policy else HEADINGS[kind]
    page = partial(exports.page, kind=kind, only=only, limit=PAGE, opened=policy is not None)
    with _file(out, xlsx=xlsx, screen=screen) as file:
        writer: _Out = file if isinstance(file, XlsxWriter) else csv.writer(file)
        safe = str if isinstance(file, XlsxWriter) else defused  # a text of a sheet is never a formula
        writer.writerow(headings)
        while rows := await database.write(partial(page, after=after)):
            for row in rows:
                shown = _shown(kind, row)
                if policy and row["sealed"]:
                    shown |= identity.opened(row, policy)
                writer.writerow([safe(shown.get(name, "")) for name in headings])
            written += len(rows)
            after = rows[-1]["id"]
    return written


def _file(out: Path | None, *, xlsx: bool, screen: IO[str]) -> AbstractContextManager[XlsxWriter | IO[str]]:
    """What is written to; a file is its owner's alone."""
    if out is None:
        return nullcontext(screen)
    keep_private(out)
    return XlsxWriter(out) if xlsx else out.open("w", encoding="utf-8-sig", newline="")


def registration_values(data: Mapping[str, Any]) -> dict[str, str]:
    """The values of a preparation, without the marks that the form keeps in them."""
    values = {name: str(value).removeprefix(TYPED).rstrip(FINAL) for name, value in data.items() if name in FIELDS}
    return {name: "" if value == SKIPPED else value for name, value in values.items()}


def _shown(kind: str, row: RowMapping) -> dict[str, str]:
    shown = {name: _text(value) for name, value in row.items() if name not in ("data", "sealed")}
    if kind == "registrations":
        shown |= registration_values(row["data"])
        shown["identity_ref"] = shown["nik_hash"][:_REF]
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
