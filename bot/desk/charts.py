"""Charts of the figures, drawn on the server as SVG: they need no script, and weigh a few kilobytes on a slow line. Everything is escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from html import escape

from markupsafe import Markup

from bot.desk import look

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP, _RIGHT = 640, 220, 52, 26, 12, 12
_NAME, _BAR, _ROW = 210, 290, 26
_POINTS = 120  # of a line over minutes
MARKS = ("solid", "dashed", "dotted")  # series differ by more than colour


def lines(title: str, series: Mapping[str, Mapping[date, int]], first: date, last: date) -> Markup:
    """A line a series (at most three) over the days from first to last; a day without a count is 0."""
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    counted = {name: [counts.get(day, 0) for day in days] for name, counts in series.items()}
    return _lines(title, counted, [look.day(day) for day in days])


def minutes(title: str, series: Mapping[str, Mapping[datetime, int]]) -> Markup:
    """The same over the minutes from the first count to the last; over a long time sums of several minutes stand together."""
    known = {moment for counts in series.values() for moment in counts}
    first, last = min(known), max(known)
    step = timedelta(minutes=-(-(int((last - first).total_seconds()) // 60 + 1) // _POINTS))
    spans = int((last - first) / step) + 1
    counted = {name: [0] * spans for name in series}
    for name, counts in series.items():
        for moment, count in counts.items():
            counted[name][int((moment - first) / step)] += count
    per = f"per {int(step.total_seconds()) // 60} menit" if step > timedelta(minutes=1) else "per menit"
    oneday = look.day(first) == look.day(last)
    shown = [first + step * number for number in range(spans)]
    labels = [look.clock(one) if oneday else f"{look.day(one)}, {look.clock(one)}" for one in shown]
    return _lines(f"{title} {per} (WIB)", counted, labels)


def _lines(title: str, series: Mapping[str, Sequence[int]], labels: Sequence[str]) -> Markup:
    most = _round(max((max(counts) for counts in series.values()), default=0))
    step = (_WIDTH - _LEFT - _RIGHT) / max(1, len(labels) - 1)

    def up(count: float) -> float:
        return _HEIGHT - _BOTTOM - count / most * (_HEIGHT - _BOTTOM - _TOP)

    body = []
    for part in (0, 0.5, 1):
        y, shown = up(most * part), f"{most * part:,.0f}".replace(",", ".")
        body.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        body.append(_text(_LEFT - 6, y + 4, shown, "end"))
    for number in sorted({0, len(labels) // 2, len(labels) - 1}):
        anchor = "start" if not number else "end" if number == len(labels) - 1 else "middle"
        body.append(_text(_LEFT + number * step, _HEIGHT - 6, labels[number], anchor))
    for mark, counts in zip(MARKS, series.values(), strict=False):
        points = " ".join(f"{_LEFT + n * step:.1f},{up(count):.1f}" for n, count in enumerate(counts))
        body.append(f'<polyline class="series {mark}" points="{points}"/>')
    legend = "".join(
        f'<li><svg viewBox="0 0 34 8" aria-hidden="true"><line class="series {mark}" x1="0" x2="34" y1="4" y2="4"/></svg>{escape(name)}</li>'
        for mark, name in zip(MARKS, series, strict=False)
    )
    told = ", ".join(f"{name}: {sum(counts)}" for name, counts in series.items())
    return _figure(title, told, "".join(body), _HEIGHT, legend)


def bars(title: str, rows: Sequence[tuple[str, int, str]]) -> Markup:
    """A bar a row: name, count, and the words behind the bar."""
    most = max((count for _, count, _ in rows), default=0) or 1
    body = []
    for number, (name, count, words) in enumerate(rows):
        y, width = number * _ROW + 4, max(1.0, count / most * _BAR)
        body.append(_text(_NAME - 8, y + 14, name, "end"))
        body.append(f'<rect class="bar" x="{_NAME}" y="{y}" width="{width:.1f}" height="18" rx="2"/>')
        body.append(_text(_NAME + width + 6, y + 14, words, "start"))
    return _figure(title, "; ".join(f"{name}: {words}" for name, _, words in rows), "".join(body), len(rows) * _ROW + 8)


def _figure(title: str, told: str, body: str, height: int, legend: str = "") -> Markup:
    key = f'<ul class="legend">{legend}</ul>' if legend else ""
    return Markup(  # noqa: S704 - all names are escaped here, all numbers are our own
        f'<figure class="chart"><figcaption>{escape(title)}</figcaption>{key}<svg viewBox="0 0 {_WIDTH} {height}" role="img" '
        f'aria-label="{escape(title)}. {escape(told)}">{body}</svg></figure>'
    )


def _text(x: float, y: float, words: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def _round(most: int) -> int:
    """The next figure with one digit and zeros, even: 0 → 2, 37 → 40, 412 → 600."""
    size: int = 10 ** (len(str(most)) - 1)
    up = -(-max(most, 1) // size) * size
    return up if up % 2 == 0 else up + size
