"""Small plots as SVG text, without a library: bars, lines, a heat table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT, EDGE = 520, 260, 40
Points = Sequence[tuple[float, float]]


def _frame(title: str, body: str, width: int = WIDTH, height: int = HEIGHT) -> str:
    return (
        f'<figure><figcaption>{escape(title)}</figcaption><svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}">'
        f"{body}</svg></figure>"
    )


def _text(x: float, y: float, words: str, anchor: str = "middle") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def lines(title: str, series: dict[str, Points], x_label: str, diagonal: bool = False, least: float = 0.0) -> str:
    """Lines over a square from (0 or the least x, `least`) to (largest x, 1); each series with its name at its last point."""
    largest = max((x for points in series.values() for x, _ in points), default=1.0) or 1.0
    smallest = min((x for points in series.values() for x, _ in points), default=0.0)
    smallest = smallest if smallest > 1 else 0.0

    def at(x: float, y: float) -> tuple[float, float]:
        across = (x - smallest) / max(largest - smallest, 1e-9)
        up = (y - least) / (1 - least)
        return EDGE + across * (WIDTH - 3 * EDGE), HEIGHT - EDGE - up * (HEIGHT - 2 * EDGE)

    body = []
    for step in range(5):
        value = least + (1 - least) * step / 4
        _, y = at(smallest, value)
        body.append(f'<line class="grid" x1="{EDGE}" x2="{WIDTH - 2 * EDGE}" y1="{y:.1f}" y2="{y:.1f}"/>')
        body.append(_text(EDGE - 6, y + 4, f"{value:.2f}", "end"))
        x, _ = at(smallest + (largest - smallest) * step / 4, least)
        shown = smallest + (largest - smallest) * step / 4
        body.append(_text(x, HEIGHT - EDGE + 16, f"{shown:.0f}" if largest > 1.5 else f"{shown:.2f}"))
    if diagonal:
        (x1, y1), (x2, y2) = at(0, 0), at(1, 1)
        body.append(f'<line class="grid" x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"/>')
    for number, (name, points) in enumerate(series.items()):
        placed = [at(x, y) for x, y in points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
        body.append(f'<polyline class="s{number}" points="{path}"/>')
        if placed:
            body.append(_text(placed[-1][0] + 4, placed[-1][1] + 4, name, "start"))
    body.append(_text(WIDTH / 2 - EDGE / 2, HEIGHT - 6, x_label))
    return _frame(title, "".join(body))


def bars(title: str, rows: Sequence[tuple[str, float, str]]) -> str:
    """Horizontal bars: name, share of the longest from 0 to 1, words behind it."""
    height = 18 * len(rows) + 10
    body = []
    for number, (name, share, words) in enumerate(rows):
        y = 18 * number + 8
        body.append(_text(200, y + 10, name, "end"))
        body.append(f'<rect class="bar" x="206" y="{y}" width="{max(1.0, share * 220):.1f}" height="13"/>')
        body.append(_text(212 + share * 220, y + 10, words, "start"))
    return _frame(title, "".join(body), WIDTH, height)


def heat(title: str, rows: Sequence[str], columns: Sequence[str], counts: Mapping[tuple[str, str], int]) -> str:
    """A grid of counts, darker where there are more; `counts` by row and column."""
    most = max(counts.values(), default=1)
    body = [_text(200, 12, "meant ↓  read as →", "end")]
    for number, name in enumerate(columns):
        x = 216 + 24 * number
        body.append(f'<text transform="translate({x},112) rotate(-60)" text-anchor="start">{escape(name)}</text>')
    for down, row in enumerate(rows):
        y = 120 + 20 * down
        body.append(_text(200, y + 14, row, "end"))
        for across, column in enumerate(columns):
            if count := counts.get((row, column), 0):
                x, shade = 206 + 24 * across, 0.15 + 0.7 * count / most
                body.append(f'<rect class="bar" opacity="{shade:.2f}" x="{x}" y="{y}" width="22" height="18"/>')
                body.append(_text(x + 11, y + 14, str(count)))
    width = max(WIDTH, 216 + 24 * len(columns) + 90)
    return _frame(title, "".join(body), width, 130 + 20 * len(rows))


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A plain table; everything is escaped."""
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<h2>{escape(title)}</h2><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"
