"""What is said about queue and agents: composed here for a turn, for the loop of notices and for what agents do at the desk."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, RowMapping

from handlers import telling
from handlers.catalogue import Catalogue
from handlers.desk_calendar import Calendar
from handlers.messages import Option, Reply
from handlers.turn import options
from storage import handoffs, waits

STAYS = timedelta(minutes=30)  # longer nobody waits, but for those who must not be sent away (`live`)
_ROUND_THE_CLOCK = timedelta(days=1)  # a shift without an end in sight
_WHOLE = 5  # minutes to which a longer wait is rounded up


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where somebody stands in the queue."""

    position: int
    wait: timedelta | None  # None: it cannot be told
    agents: int


def place(connection: Connection, row: RowMapping, now: datetime, *, position: int | None = None) -> Place:
    """The place of a waiting request; `position` where it is known already."""
    at = position or handoffs.position(connection, row)
    wait = waits.expected(connection, at, now, skill=row["wanted_skill"])
    return Place(position=at, wait=wait, agents=waits.staff(connection, now, skill=row["wanted_skill"]).agents)


def wait_words(content: Catalogue, found: Place) -> str:
    """How long it will take, as far as it can be told."""
    if not found.agents:
        return content.text("handoff_wait_nobody")
    if found.wait is None:
        return content.text("handoff_wait_unknown")
    if not found.wait:
        return content.text("handoff_wait_none")
    minutes = max(1, math.ceil(found.wait.total_seconds() / 60))
    return content.text("handoff_wait", minutes=minutes if minutes < _WHOLE else math.ceil(minutes / _WHOLE) * _WHOLE)


def hours_words(content: Catalogue, times: Calendar, now: datetime, zone: str, *, live: bool, due: datetime) -> str:
    """Until when agents are there, in the person's zone; outside their hours, when they come back."""
    if (closing := times.closing(now)) is not None:
        key = "handoff_hours_live" if live else "handoff_hours"
        if closing - now >= _ROUND_THE_CLOCK:
            return content.text(f"{key}_always")
        return content.text(key, closing=telling.moment_in(zone, closing, now))
    if (opening := times.opening(now)) is None:
        return content.text("handoff_hours_live_unknown")
    shown = {"opening": telling.weekday_in(zone, opening, now), "due": telling.weekday_in(zone, due, now)}
    return content.text("handoff_hours_live_closed", **shown)


def hours(content: Catalogue, times: Calendar, now: datetime, zone: str, *, live: bool, due: datetime) -> Reply:
    """`hours_words` as a message of its own."""
    return Reply(text=hours_words(content, times, now, zone, live=live, due=due), passes_agent=True)


def closed_out(
    content: Catalogue, times: Calendar, now: datetime, zone: str, *, number: str, due: datetime, full: bool
) -> Reply:
    """Nobody can come now: the number and by when it is answered."""
    by = telling.weekday_in(zone, due, now)
    if full:
        return notice(content, "handoff_full", number=number, due=by)
    if (opening := times.opening(now)) is None:
        return notice(content, "handoff_closed_unknown", number=number, due=by)
    return notice(content, "handoff_closed", number=number, due=by, opening=telling.weekday_in(zone, opening, now))


def leave_option(content: Catalogue) -> tuple[Option, ...]:
    """The way out of the queue."""
    return options((content.text("handoff_option_leave"), "do:leave_queue"))


def moved(content: Catalogue, found: Place) -> Reply:
    """The place has changed."""
    key = "handoff_next" if found.position == 1 else "handoff_moved"
    return notice(content, key, position=found.position, wait=wait_words(content, found))


def with_agent(content: Catalogue, agent: RowMapping, *, key: str = "handoff_with_agent", number: str = "") -> Reply:
    """Who is speaking now, with the code by which it can be checked."""
    return notice(content, key, alias=agent["alias"], code=agent["code"], number=number)


def notice(content: Catalogue, key: str, **values: object) -> Reply:
    """A sentence that may pass while an agent owns the chat."""
    return Reply(text=content.text(key, **values), passes_agent=True)


def ended(content: Catalogue, *lines: str, alias: str, form: bool) -> Reply:
    """The recap, the unfinished form, and the rating with its five options."""
    kept = (content.text("handoff_form_kept"),) if form else ()
    asked = content.text("handoff_rate", alias=alias)
    shown = tuple(Option(label=content.text(f"rating_{n}"), action=f"rate:{n}") for n in range(1, 6))
    return Reply(text="\n".join((*lines, *kept, asked)), options=shown, passes_agent=True)
