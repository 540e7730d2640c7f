"""Announcements: the list, saved segments, and how a refusal is told."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection
from starlette.responses import Response

from bot.campaign_means import Room
from bot.desk import announcement_audience, previews
from bot.desk.announcement_form import as_yaml
from bot.desk.announcement_words import words
from bot.desk.look import thousands
from bot.desk.visit import Visit, is_whole
from handlers import announcement
from storage import campaign_report, campaigns, desk_view, reached, segments
from storage.database import database_now
from storage.refusal import Refusal

SHOWN: Final = 200  # of the list, the newest
NAME: Final = 64  # letters of a segment
TABS: Final = {
    "": "Semua",
    "draft": "Draf",
    "scheduled": "Terjadwal",
    "running": "Berjalan",
    "paused": "Dijeda",
    "done": "Selesai",
}


def room(visit: Visit) -> Room:
    """What announcements are made with at present."""
    return Room(ways=visit.desk.ways, catalogue=visit.content, hosts=visit.link_hosts)


def told(visit: Visit) -> dict[str, Any]:
    """The words of these pages."""
    found: dict[str, Any] = visit.content.files["announcing"]
    return found


def sentence(visit: Visit, refusal: Refusal) -> str:
    """A refusal as operators read it, with the line of a filter."""
    values = {name: thousands(one) if isinstance(one, int) else one for name, one in refusal.values.items()}
    values["told"] = str(refusal)  # Meta's own word on a template
    text = str(told(visit)["refusals"][refusal.key].format_map(values))
    line = f"Baris {values['line']}: " if "line" in values and refusal.field == "filter" else ""
    return f"{line}{text}"


def by_field(visit: Visit, refusals: Sequence[Refusal]) -> dict[str, list[str]]:
    """Field → what is wrong with it."""
    found: dict[str, list[str]] = {}
    for one in refusals:
        found.setdefault(one.field, []).append(sentence(visit, one))
    return found


async def previewed(visit: Visit, campaign: Mapping[Any, Any]) -> list[previews.Preview]:
    """How each of its channels shows an announcement, with example values."""
    frame = announcement.framed(campaign, visit.content)
    names = [source.partition(":")[0] for source in campaign["sources"]]
    work = partial(previews.announced, visit.content, campaign["content"], frame, names, visit.link_hosts)
    return await asyncio.to_thread(work)


async def listed(visit: Visit) -> Response:
    """Every announcement with its state and how far it is."""
    return await page(visit)


async def page(visit: Visit, *, status: int = 200, refused: str = "") -> Response:
    """The list; with `refused` why a segment was not kept."""
    asked = visit.asked("state") if visit.asked("state") in TABS else ""

    def work(connection: Connection) -> dict[str, Any]:
        rows = campaigns.all_of(connection, [asked] if asked else None, limit=SHOWN)
        return {
            "rows": rows,
            "fed": campaign_report.fed(connection, [row["id"] for row in rows]),
            "people": desk_view.aliases(connection),
            "segments": _segments(connection),
        }

    found = await visit.read(work)
    more = {
        "told": told(visit),
        "words": words(visit, found["people"]),
        "TABS": TABS,
        "asked": asked,
        "shown": SHOWN,
        "refused": refused,
    }
    return visit.page("announcements.html", status, **found, **more)


def _segments(connection: Connection) -> list[dict[str, Any]]:
    """Saved filters, each as it is written."""
    choices = announcement_audience.with_series({}, reached.titles(connection), {})
    saved = segments.saved(connection)
    return [{**row, "shown": as_yaml(announcement_audience.named(row["filter"], choices))} for row in saved]


async def segment(visit: Visit) -> Response:
    """Keeps a draft's filter under a name, or forgets one."""
    name = " ".join(visit.sent.get("name", "").split())
    if visit.sent.get("step") == "delete":
        if not await visit.write(lambda c: segments.delete(c, name)):
            return visit.missing()
        return visit.go("/announcements", done="removed")
    key = visit.sent.get("draft", "")

    def work(connection: Connection) -> None:
        campaign = campaigns.get(connection, int(key)) if is_whole(key) else None
        if campaign is None or campaign["audience"].get("numbers_of") is not None:
            raise Refusal("segment_none", "no filter to keep")
        if not 1 <= len(name) <= NAME:
            raise Refusal("segment_name", f"1 to {NAME} characters", most=NAME)
        now = database_now(connection)
        segments.save(connection, name, campaign["audience"].get("filter") or {}, author=visit.actor, now=now)

    try:
        await visit.write(work)
    except Refusal as error:
        return await page(visit, status=422, refused=sentence(visit, error))
    return visit.go("/announcements", done="saved")
