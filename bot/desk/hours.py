"""When the desk is staffed, which days it is closed, how soon answers are due: the tables that operators keep."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from typing import Any

from sqlalchemy import Connection, RowMapping
from starlette.responses import Response

from bot.desk import topics
from bot.desk.look import DAYS, PRIORITIES
from bot.desk.visit import Visit, is_whole
from handlers.turn import ZONES
from storage import calendar
from storage.database import database_now

_SPAN = re.compile(r"(\d{1,2})[.:](\d{2})\s*[-–]\s*(\d{1,2})[.:](\d{2})")


async def show(visit: Visit) -> Response:
    """All three tables with their forms."""
    return await _page(visit)


async def _page(visit: Visit, *, status: int = 200, problem: str = "") -> Response:
    today = visit.now.astimezone(ZONES["WIB"]).date()

    def work(connection: Connection) -> dict[str, Any]:
        return {
            "periods": _periods(calendar.shifts(connection)),
            "days": calendar.days(connection, since=today),
            "rules": calendar.rules(connection),
        }

    found = await visit.read(work)
    names = topics.names(visit.content)
    shown = {"DAYS": DAYS, "ZONES": tuple(ZONES), "topics": names, "today": today, "sent": visit.sent}
    return visit.page("hours.html", status, **found, **shown, problem=problem)


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}.{minutes % 60:02}"


def _periods(rows: Sequence[RowMapping]) -> list[tuple[date | None, date | None, list[tuple[str, str]]]]:
    """(first day, last day, [(weekday, shifts)]), the ordinary week first."""
    found: dict[tuple[date | None, date | None], dict[int, list[str]]] = {}
    for row in rows:
        week = found.setdefault((row["first_day"], row["last_day"]), {})
        told = f"{_clock(row['opens'])}–{_clock(row['closes'])} {row['zone']}"
        week.setdefault(row["weekday"], []).append(told)
    ordered = sorted(found.items(), key=lambda one: one[0][0] or date.min)
    return [
        (first, last, [(DAYS[day], ", ".join(week[day]) if day in week else "tutup") for day in range(7)])
        for (first, last), week in ordered
    ]


def _spans(text: str) -> list[tuple[int, int]]:
    """ "08.00-12.00, 13.00-16.00" in minutes; "tutup" or nothing: []. ValueError for anything else."""
    if text.strip().lower() in ("", "tutup", "libur"):
        return []
    found = []
    for part in text.split(","):
        match = _SPAN.fullmatch(part.strip())
        if match is None:
            raise ValueError(f"“{part.strip()}” bukan jam seperti 08.00-12.00.")
        begins, ends = int(match[1]) * 60 + int(match[2]), int(match[3]) * 60 + int(match[4])
        if not begins < ends <= 24 * 60:
            raise ValueError(f"“{part.strip()}”: jam mulai harus sebelum jam selesai.")
        found.append((begins, ends))
    ordered = sorted(found)
    if any(former[1] > later[0] for former, later in pairwise(ordered)):
        raise ValueError("Jam bertumpang tindih.")
    return ordered


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise ValueError(f"“{text}” bukan tanggal.") from None


async def save(visit: Visit) -> Response:
    """Sets the shifts of some weekdays, for good or for a time of its own (Ramadan)."""
    try:
        weekdays = [day for day in range(7) if f"day{day}" in visit.sent]
        spans, zone = _spans(visit.sent.get("spans", "")), visit.sent.get("zone", "WIB")
        first, last = _day(visit.sent.get("first", "")), _day(visit.sent.get("last", ""))
        if not weekdays:
            raise ValueError("Pilih hari.")
        if zone not in ZONES:
            raise ValueError("Zona waktu tidak dikenal.")
        if (first is None) != (last is None) or (first and last and first > last):
            raise ValueError("Masa khusus butuh hari pertama dan hari terakhir yang berurutan.")
    except ValueError as error:
        return await _page(visit, status=422, problem=str(error))
    await visit.write(lambda c: calendar.set_shifts(c, weekdays, spans, zone=zone, first_day=first, last_day=last))
    return visit.go("/hours", done="saved")


async def save_day(visit: Visit) -> Response:
    """Enters a day as closed or open, or lets the calendar decide again."""
    try:
        day = _day(visit.sent.get("day", ""))
        if day is None:
            raise ValueError("Pilih tanggal.")
    except ValueError as error:
        return await _page(visit, status=422, problem=str(error))
    state, name = visit.sent.get("state", ""), visit.sent.get("name", "").strip()[:120]
    if state == "forget":
        await visit.write(lambda c: calendar.clear_day(c, day))
        return visit.go("/hours", done="removed")
    if not name or state not in ("closed", "open"):
        return await _page(visit, status=422, problem="Isi nama hari, dan pilih tutup atau buka.")
    closed, by = state == "closed", visit.actor
    await visit.write(lambda c: calendar.set_day(c, day, name=name, closed=closed, author=by, now=database_now(c)))
    return visit.go("/hours", done="saved")


async def save_rule(visit: Visit) -> Response:
    """How soon a first answer and a case are due, for a priority, of a topic or of any."""
    sent = visit.sent
    topic, priority = sent.get("topic", "")[:40], sent.get("priority", "")
    first, span, unit = sent.get("first_response", ""), sent.get("span", ""), sent.get("unit", "")
    numbers = all(is_whole(value) and 1 <= int(value) <= 9_999 for value in (first, span))
    if not numbers or priority not in {str(key) for key in PRIORITIES} or unit not in ("minutes", "days"):
        return await _page(visit, status=422, problem="Isi angka antara 1 dan 9999, dan pilih prioritas.")
    due = {"working_minutes": int(span)} if unit == "minutes" else {"working_days": int(span)}
    await visit.write(
        lambda c: calendar.set_rule(c, topic=topic, priority=int(priority), first_response_minutes=int(first), **due)
    )
    return visit.go("/hours", done="saved")
