"""Who has looked at whose data: for the data officer."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection
from starlette.responses import Response

from bot.desk.visit import Visit
from handlers.turn import ZONES
from storage import desk_view

_SHOWN = 200
_ACTOR = re.compile(r"(?:agent|chat):\d{1,18}|operator:[\w .-]{1,40}|cli")


async def show(visit: Visit) -> Response:
    """The last looks; of one actor, record, chat, kind or span of days where one is asked for."""
    actor = visit.asked("actor") if _ACTOR.fullmatch(visit.asked("actor")) else ""
    chat = visit.asked("chat")
    asked = {name: visit.asked(name)[:64] for name in ("record", "what")}
    since, until = _day(visit.asked("since")), _day(visit.asked("until"))

    def work(connection: Connection) -> dict[str, Any]:
        rows = desk_view.looks(
            connection,
            limit=_SHOWN,
            actor=actor,
            chat_id=int(chat) if re.fullmatch(r"\d{1,18}", chat) else None,
            since=since,
            until=until + timedelta(days=1) if until else None,
            **asked,
        )
        return {"rows": rows, "aliases": desk_view.aliases(connection), "kinds": desk_view.kinds_of_looks(connection)}

    found = await visit.read(work)
    return visit.page("looks.html", **found, actor=actor)


def _day(typed: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(typed[:10]).replace(tzinfo=ZONES["WIB"])
    except ValueError:
        return None
    return found if 2000 <= found.year < 3000 else None  # beyond these the arithmetic of moments ends
