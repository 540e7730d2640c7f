"""Who has looked at whose data: for the data officer."""

from __future__ import annotations

import re
from functools import partial

from starlette.responses import Response

from bot.desk.visit import Visit
from storage import desk_view

_SHOWN = 200
_ACTOR = re.compile(r"(?:agent|chat):\d{1,18}|operator:[\w .-]{1,40}|cli")


async def show(visit: Visit) -> Response:
    """The last looks; of one actor where one is asked for."""
    actor = visit.asked("actor") if _ACTOR.fullmatch(visit.asked("actor")) else ""
    rows = await visit.read(partial(desk_view.looks, limit=_SHOWN, actor=actor))
    names = await visit.read(desk_view.aliases)
    return visit.page("looks.html", rows=rows, aliases=names, actor=actor)
