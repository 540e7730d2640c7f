"""Figures by day: how many came, about what, how it ended, where journeys are left. No personal data, so a wide circle of roles may see them."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

from markupsafe import Markup
from sqlalchemy import Connection
from starlette.responses import Response

from bot.desk import charts, look, topics
from bot.desk.visit import Visit
from bot.effects import END
from handlers import places
from handlers.catalogue import Catalogue
from handlers.turn import ZONES
from storage import figures

SPANS = {"7": "7 hari", "30": "30 hari", "90": "90 hari", "365": "1 tahun"}
COLUMNS = ("day", "measure", "key", "channel", "region", "count")
_BARS = 12


async def show(visit: Visit) -> Response:
    """The page of a span, of all channels or one."""
    days, channel, (first, last) = _days(visit), _channel(visit), _span(visit)

    def work(connection: Connection) -> tuple[figures.Figures, figures.Figures, datetime | None]:
        before = first - timedelta(days=int(days))
        return (
            figures.of(connection, first, last, channel),
            figures.of(connection, before, first - timedelta(days=1), channel),
            figures.counted_until(connection),
        )

    found, former, until = await visit.read(work)
    names = topics.names(visit.content)
    return visit.page(
        "figures.html",
        found=found,
        former=former,
        until=until,
        first=first,
        last=last,
        days=days,
        channel=channel,
        SPANS=SPANS,
        drawn=_drawn(found, first, last, names, visit.content),
        csv=f"/desk/figures.csv?days={days}",
    )


async def download(visit: Visit) -> Response:
    """Every count of the span as CSV."""
    rows = await visit.read(partial(figures.rows, first=_span(visit)[0], last=_span(visit)[1]))
    name = f"pandu-{_span(visit)[0]}-{_span(visit)[1]}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(as_csv(rows), media_type="text/csv; charset=utf-8", headers=headers)


def as_csv(rows: list[dict[str, Any]]) -> str:
    """A header line and a line a count."""
    written = io.StringIO()
    writer = csv.DictWriter(written, COLUMNS)
    writer.writeheader()
    writer.writerows(rows)
    return written.getvalue()


def _days(visit: Visit) -> str:
    return visit.asked("days") if visit.asked("days") in SPANS else "30"


def _channel(visit: Visit) -> str:
    return visit.asked("channel") if visit.asked("channel") in look.CHANNELS else ""


def _span(visit: Visit) -> tuple[date, date]:
    last = visit.now.astimezone(ZONES["WIB"]).date()
    return last - timedelta(days=int(_days(visit)) - 1), last


def _drawn(
    found: figures.Figures, first: date, last: date, names: Mapping[str, str], content: Catalogue
) -> dict[str, Any]:
    """The charts; one without counts is left out."""
    by_day = {
        "Percakapan": {day: row["visits"] for day, row in found.by_day.items()},
        "Orang": {day: row["people"] for day, row in found.by_day.items()},
        "Ke petugas": {day: row["handoff"] for day, row in found.by_day.items()},
    }
    over = {names.get(key, key): counts for key, counts in list(found.topic_days.items())[:3]}
    lists = {
        "channels": ("Kanal", {look.CHANNELS.get(key, key): count for key, count in found.by_channel.items()}),
        "topics": ("Yang ditanyakan", _named(found.topics, names)),
        "unclear": ("Yang tidak dipahami (tebakan terdekat)", _named(found.unclear, names)),
        "wrong": ("Dikatakan salah oleh warga", _named(found.wrong, names)),
        "handed_over": ("Diteruskan ke petugas", _named(found.handed_over, names)),
        "regions": (
            "Provinsi",
            {places.province(key) if key else "Tidak diketahui": count for key, count in found.by_region.items()},
        ),
    }
    drawn: dict[str, Any] = {
        key: charts.bars(title, [(name, count, _number(count)) for name, count in list(counts.items())[:_BARS]])
        for key, (title, counts) in lists.items()
        if counts
    }
    if found.visits:
        drawn["days"] = charts.lines("Per hari", by_day, first, last)
    if over:
        drawn["topic_days"] = charts.lines("Tiga topik terbanyak per hari", over, first, last)
    if came_back := {key: pair for key, pair in list(found.unsolved.items())[:_BARS] if pair[0]}:
        rows = [(names.get(key, key), pair[0], f"{pair[0]} dari {pair[1]}") for key, pair in came_back.items()]
        drawn["unsolved"] = charts.bars("Kembali dalam 7 hari, menurut topik terakhir", rows)
    journeys = content.files["journeys"]
    drawn["journeys"] = [_funnel(journeys[name], steps) for name, steps in found.steps.items() if name in journeys]
    return drawn


def _named(counts: Mapping[str, int], names: Mapping[str, str]) -> dict[str, int]:
    return {names.get(key, key): count for key, count in counts.items()}


def _funnel(journey: Mapping[str, Any], reached: Mapping[str, int]) -> Markup:
    """The steps of a journey in its order, with how many visits came to each."""
    named = {**journey["steps"], END: "selesai"}
    known = [(title, reached[key]) for key, title in named.items() if key in reached]
    most = max((count for _, count in known), default=1)
    return charts.bars(
        journey["title"], [(title, count, f"{_number(count)} ({count / most:.0%})") for title, count in known]
    )


def _number(count: int) -> str:
    return f"{count:,}".replace(",", ".")
