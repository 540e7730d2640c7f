"""Ready answers: everybody reads and uses them, editors and supervisors write them."""

from __future__ import annotations

import re
from typing import Any

from starlette.responses import Response

from bot.desk import helps, roles
from bot.desk.visit import Visit
from handlers import desk_check
from handlers.catalogue import placeholders
from storage import desk_texts
from storage.database import database_now

_SHORTCUT = re.compile(r"[a-z0-9-]{2,32}")
_TITLE = 80


async def show(visit: Visit) -> Response:
    """The list, with a form for whoever may write."""
    return await _page(visit)


async def _page(
    visit: Visit, *, status: int = 200, problems: list[str] | None = None, typed: dict[str, str] | None = None
) -> Response:
    rows = await visit.read(desk_texts.canned_replies)
    asked = visit.asked("edit")
    chosen: Any = typed or next((dict(row) for row in rows if row["shortcut"] == asked), None)
    return visit.page(
        "canned.html",
        status,
        rows=rows,
        chosen=chosen or {"shortcut": "", "title": "", "text": ""},
        editing=bool(chosen),
        writes=visit.me["role"] in roles.WRITES,
        problems=problems or [],
        variables=helps.VARIABLES,
        longest=desk_check.LONGEST,
    )


async def save(visit: Visit) -> Response:
    """Writes one, over the one of the same shortcut; what no agent may send is refused here already."""
    typed = {name: visit.sent.get(name, "").strip() for name in ("shortcut", "title", "text")}
    typed["shortcut"] = typed["shortcut"].removeprefix("/").lower()
    if problems := _problems(visit, typed):
        return await _page(visit, status=422, problems=problems, typed=typed)
    await visit.write(lambda c: desk_texts.keep_canned(c, **typed, author=visit.actor, now=database_now(c)))
    return visit.go("/canned", done="saved")


def _problems(visit: Visit, typed: dict[str, str]) -> list[str]:
    content = visit.content
    found = []
    if not _SHORTCUT.fullmatch(typed["shortcut"]):
        found.append("Singkatan: 2–32 huruf kecil, angka, atau tanda hubung.")
    if not 1 <= len(typed["title"]) <= _TITLE:
        found.append(f"Judul: paling banyak {_TITLE} huruf.")
    try:
        unknown = placeholders(typed["text"]) - set(helps.VARIABLES)
        found += [f"Isian {{{name}}} tidak dikenal." for name in sorted(unknown)]
    except ValueError:
        found.append("Kurung kurawal tidak berpasangan.")
    wrong = desk_check.problems(typed["text"], content, visit.link_hosts)
    return found + [content.text(key, longest=desk_check.LONGEST) for key in wrong]


async def delete(visit: Visit) -> Response:
    """Takes one away."""
    shortcut = visit.sent.get("shortcut", "")
    if not await visit.write(lambda c: desk_texts.delete_canned(c, shortcut)):
        return visit.missing()
    return visit.go("/canned", done="removed")
