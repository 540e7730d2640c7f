"""The ledger of an announcement as CSV or XLSX, page by page: for the command's file and the desk's download alike."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import IO, Any, Final, cast

from bot.exchange.report import defused
from bot.exchange.xlsx_write import XlsxWriter
from bot.files import keep_private
from handlers.turn import ZONES
from storage import campaign_report
from storage.database import Database

HEADINGS: Final = ("n", "chat_id", "source", "zone", "state", "reason", "at")


async def write(database: Database, campaign_id: int, out: Path) -> None:
    """Into a file that only its owner reads; by its ending XLSX or CSV. Raises OSError."""
    keep_private(out)
    with out.open("wb") as file:
        async for part in stream(database, campaign_id, xlsx=out.suffix.lower() == ".xlsx"):
            file.write(part)


async def stream(database: Database, campaign_id: int, *, xlsx: bool) -> AsyncIterator[bytes]:
    """The file in parts, a page of the ledger at a time: nothing is collected and nothing is left on a disk."""
    made = _as_xlsx if xlsx else _as_csv
    async for part in made(_pages(database, campaign_id)):
        if part:
            yield part


async def _pages(database: Database, campaign_id: int) -> AsyncIterator[list[list[str]]]:
    yield [list(HEADINGS)]
    after = 0
    while rows := await database.read(partial(campaign_report.page, campaign_id=campaign_id, after=after)):
        yield [[_cell(row[name]) for name in HEADINGS] for row in rows]
        after = rows[-1]["n"]


async def _as_csv(pages: AsyncIterator[list[list[str]]]) -> AsyncIterator[bytes]:
    yield b"\xef\xbb\xbf"  # by this mark spreadsheets read it as UTF-8
    async for page in pages:
        text = io.StringIO()
        csv.writer(text).writerows([defused(cell) for cell in row] for row in page)
        yield text.getvalue().encode()


async def _as_xlsx(pages: AsyncIterator[list[list[str]]]) -> AsyncIterator[bytes]:
    out = _Drain()
    with XlsxWriter(cast("IO[bytes]", out)) as file:
        async for page in pages:
            for row in page:
                file.writerow(row)
            yield out.take()
    yield out.take()


class _Drain:
    """What has been written since the last look; `zipfile` writes straight on to what cannot be turned back."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def take(self) -> bytes:
        taken, self._parts = b"".join(self._parts), []
        return taken


def _cell(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(ZONES["WIB"]).isoformat(timespec="seconds")
    return "" if value is None else str(value)
