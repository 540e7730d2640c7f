"""The picture of an announcement: taken as soon as it is chosen, so that a form that is refused does not lose it, and shown again."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any

from sqlalchemy import Connection, RowMapping
from starlette.responses import JSONResponse, Response

from bot import picture_files
from bot.desk import announcements
from bot.desk.look import thousands
from bot.desk.visit import Visit
from storage import pictures
from storage.database import database_now
from storage.refusal import Refusal


async def take(visit: Visit) -> Response:
    """Keeps the picture that the page's script sends. JSON: `image` (its key) and `told` (its size); or, with 422, `told` alone: why not."""
    try:
        picture = await asyncio.to_thread(picture_files.shrunk, visit.file)
    except Refusal as error:
        return JSONResponse({"told": announcements.sentence(visit, error)}, 422)

    def work(connection: Connection) -> None:
        pictures.add(connection, picture, author=visit.actor, now=database_now(connection))

    await visit.write(work)
    size = {"width": picture.width, "height": picture.height, "size": len(picture.jpeg)}
    return JSONResponse({"image": picture.sha256, "told": told(visit, size)})


async def show(visit: Visit) -> Response:
    """The picture itself; its address is the hash of its bytes, so a browser may keep it."""
    key = visit.request.path_params["key"]
    found = await visit.read(partial(pictures.jpeg, sha256=key)) if key.isalnum() else None  # no NUL into PostgreSQL
    if found is None:
        return visit.missing()
    return Response(found, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=86400, immutable"})


async def facts(visit: Visit, key: str) -> RowMapping | None:
    """What stands beside a picture in the form; None for one that is not kept (any more)."""
    return await visit.read(partial(pictures.facts, sha256=key)) if key else None


def told(visit: Visit, size: Mapping[Any, Any]) -> str:
    """Its size in words: "1.280 × 720, 143 kB"."""
    kilobytes = max(1, round(size["size"] / 1000))
    words: str = announcements.told(visit)["picture"]["size"]
    return words.format(
        width=thousands(size["width"]), height=thousands(size["height"]), kilobytes=thousands(kilobytes)
    )
