"""Charts of the figures, drawn on the server as SVG: they need no script, and weigh a few kilobytes on a slow line. Everything is escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from html import escape

from markupsafe import Markup

from bot.desk import look

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP, _RIGHT = 640, 220, 52, 26, 12, 12
_NAME, _BAR, _ROW = 210, 290, 26
MARKS = ("solid", "dashed", "dotted")  # series differ by more than colour


def lines(title: str, series: Mapping[str, Mapping[date, int]], first: date, last: date) -> Markup:
    """A line a series (at most three) over the days from first to last; a day without a count is 0."""
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    most = _round(max((count for counts in series.values() for count in counts.values()), default=0))
    step = (_WIDTH - _LEFT - _RIGHT) / max(1, len(days) - 1)

    def up(count: float) -> float:
        return _HEIGHT - _BOTTOM - count / most * (_HEIGHT - _BOTTOM - _TOP)

    body = []
    for part in (0, 0.5, 1):
        y, shown = up(most * part), f"{most * part:,.0f}".replace(",", ".")
        body.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        body.append(_text(_LEFT - 6, y + 4, shown, "end"))
    for number in sorted({0, len(days) // 2, len(days) - 1}):
        anchor = "start" if not number else "end" if number == len(days) - 1 else "middle"
        body.append(_text(_LEFT + number * step, _HEIGHT - 6, look.day(days[number]), anchor))
    for mark, counts in zip(MARKS, series.values(), strict=False):
        points = " ".join(f"{_LEFT + n * step:.1f},{up(counts.get(day, 0)):.1f}" for n, day in enumerate(days))
        body.append(f'<polyline class="series {mark}" points="{points}"/>')
    legend = "".join(
        f'<li><svg viewBox="0 0 34 8" aria-hidden="true"><line class="series {mark}" x1="0" x2="34" y1="4" y2="4"/></svg>{escape(name)}</li>'
        for mark, name in zip(MARKS, series, strict=False)
    )
    told = ", ".join(f"{name}: {sum(counts.values())}" for name, counts in series.items())
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
