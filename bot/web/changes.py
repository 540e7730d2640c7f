"""The public log of changes, without log-in: what was published, when and why; no names of staff (docs/editing.md)."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, StrictUndefined, Template
from sqlalchemy import Connection, RowMapping
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from bot.desk import look
from bot.desk.answers import seed_of
from bot.desk.differences import changes
from bot.effects import Parts
from handlers.catalogue import Catalogue
from storage import content_log, editing, program
from storage.database import Database, is_outage

PATH: Final = "/perubahan"
ROWS: Final = 50
_FILE = Path(__file__).parent / "changes.html"


def change_routes(database: Database, parts: Callable[[], Parts]) -> list[Route]:
    """The page's one route."""

    async def show(request: Request) -> Response:
        asked = request.query_params.get("sebelum", "")
        before = min(int(asked), 2**62) if re.fullmatch(r"[0-9]{1,18}", asked) else None
        try:
            rows = await database.read(partial(_rows, parts().catalogue, before))
        except Exception as error:
            if not is_outage(error):
                raise
            return PlainTextResponse("Basis data sedang tidak dapat dihubungi. Coba lagi sebentar.", 503)
        page, headers = _page()
        names = parts().catalogue.files["editing"]["form_fields"]
        more = rows[-1]["id"] if len(rows) == ROWS else None
        return HTMLResponse(page.render(rows=rows, names=names, more=more), headers=headers)

    return [Route(PATH, show, methods=["GET"])]


@cache
def _page() -> tuple[Template, Mapping[str, str]]:
    text = _FILE.read_text(encoding="utf-8")
    made = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    made.filters.update(at=look.at)
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style[1].encode() if style else b"").digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    return made.from_string(text), {"Content-Security-Policy": policy, "Cache-Control": "public, max-age=60"}


def _rows(content: Catalogue, before: int | None, connection: Connection) -> list[dict[str, Any]]:
    return [_told(content, row, connection) for row in content_log.listed(connection, limit=ROWS, before=before)]


def _told(content: Catalogue, row: RowMapping, connection: Connection) -> dict[str, Any]:
    """A change without who made it."""
    told = content.files["editing"]
    later = row["valid_from"] is not None and row["valid_from"] > row["at"]
    shown = {name: row[name] for name in ("id", "at", "reason", "valid_from", "valid_to")}
    shown |= {"action": told["changes"][row["action"]], "later": later, "dates": later or row["valid_to"] is not None}
    if row["kind"] == "answer":
        known = row["key"] in content.answers
        what = f"Jawaban: {content.answers[row['key']].question}" if known else f"Jawaban: {row['key']}"
        return {**shown, "what": what, "value": "", "changed": _changed(content, connection, row) if known else []}
    found = program.get(connection, row["version_id"])
    value = found["value"] if found else ""
    if row["kind"] == program.STATE:
        return {**shown, "what": "Keadaan program", "value": told["states"].get(value, value), "changed": []}
    if row["kind"] == program.NOTICE:
        about = told["groups"][row["key"]]["title"] if row["key"] in told["groups"] else "semua jawaban"
        return {**shown, "what": f"Kabar gangguan untuk {about}", "value": value, "changed": []}
    return {**shown, "what": f"Fakta: {told['facts'].get(row['key'], row['key'])}", "value": value, "changed": []}


def _changed(content: Catalogue, connection: Connection, row: RowMapping) -> list[Any]:
    """Against the version published before it, the files' own where there is none."""
    if row["action"] == content_log.WITHDRAWN:
        return []
    new = editing.get(connection, row["version_id"])
    if new is None:
        return []
    old = editing.published_before(connection, new)
    return changes(old["body"] if old else seed_of(content, row["key"]), new["body"])
