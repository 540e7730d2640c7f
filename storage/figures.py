"""What the counts by day say about a span: for the page, the file and the command. Nothing here reads the log."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Column, Connection, func, select

from storage import progress
from storage.schema import daily
from storage.schema import progress as progress_rows

FEW = 5  # of a region fewer are not shown: with a topic and a day they may point at one person
_FOLLOWED = 5  # topics whose days are shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """A span of days, on one channel or on all."""

    visits: int
    people: int  # counted once a day
    new: int
    turns: int
    outcomes: Mapping[str, int]  # understood, asked_back, refused: of `turns`
    handoffs: int
    solved: int
    returned: int
    saved: int
    by_day: Mapping[date, Mapping[str, int]]  # visits, people, handoffs
    by_channel: Mapping[str, int]  # visits
    by_region: Mapping[str, int]  # visits by province; "" unknown, less than `FEW` left out
    topics: Mapping[str, int]  # questions understood
    unclear: Mapping[str, int]  # best guesses at what was asked back about or refused
    topic_days: Mapping[str, Mapping[date, int]]
    unsolved: Mapping[str, tuple[int, int]]  # topic → (came back, of so many known)
    handed_over: Mapping[str, int]  # topics
    wrong: Mapping[str, int]  # answers of which people said that they are wrong
    steps: Mapping[str, Mapping[str, int]]  # journey → step → visits that reached it

    @property
    def solved_share(self) -> float | None:
        """Of the visits of which it is known."""
        known = self.solved + self.returned
        return self.solved / known if known else None

    @property
    def handoff_share(self) -> float | None:
        """Of the visits."""
        return self.handoffs / self.visits if self.visits else None


def of(connection: Connection, first: date, last: date, channel: str = "") -> Figures:
    """The figures from the first to the last day (WIB), both included; `channel` "" for all."""
    span = [daily.c.day.between(first, last), *([daily.c.channel == channel] if channel else [])]

    def sums(*columns: Column[Any], **only: str | Sequence[str]) -> list[tuple[Any, ...]]:
        """The values of the columns with the sum of their counts, the largest first."""
        number = func.sum(daily.c.count)
        those = [daily.c[name].in_([value] if isinstance(value, str) else value) for name, value in only.items()]
        found = connection.execute(select(*columns, number).where(*span, *those).group_by(*columns))
        return sorted(((*row[:-1], int(row[-1])) for row in found), key=lambda row: (-row[-1], row))

    totals: dict[str, Counter[str]] = defaultdict(Counter)
    for measure, key, count in sums(daily.c.measure, daily.c.key):
        totals[measure][key] = count
    by_day: dict[date, dict[str, int]] = defaultdict(lambda: dict.fromkeys(("visits", "people", "handoff"), 0))
    for day, measure, key, count in sums(
        daily.c.day, daily.c.measure, daily.c.key, measure=("visits", "people", "handoff")
    ):
        if key != "new":
            by_day[day][measure] += count
    topic_days: dict[str, dict[date, int]] = {name: {} for name, _ in totals["topic"].most_common(_FOLLOWED)}
    for day, key, count in sums(daily.c.day, daily.c.key, measure="topic", key=tuple(topic_days)):
        topic_days[key][day] = count
    return _figures(
        totals,
        by_day=dict(sorted(by_day.items())),
        by_channel=dict(sums(daily.c.channel, measure="visits")),
        by_region={place: count for place, count in sums(daily.c.region, measure="visits") if count >= FEW},
        topic_days=topic_days,
    )


def _figures(totals: Mapping[str, Counter[str]], **series: Any) -> Figures:
    solved, returned = totals["solved"], totals["returned"]
    steps: dict[str, dict[str, int]] = defaultdict(dict)
    for key, count in totals["step"].most_common():
        journey, _, step = key.partition("/")
        steps[journey][step] = count
    return Figures(
        visits=totals["visits"][""],
        people=totals["people"][""],
        new=totals["people"]["new"],
        turns=totals["turns"].total(),
        outcomes=totals["turns"],
        handoffs=totals["handoff"].total(),
        solved=solved.total(),
        returned=returned.total(),
        saved=totals["saved"].total(),
        topics=dict(totals["topic"].most_common()),
        unclear=dict(totals["unclear"].most_common()),
        unsolved={
            topic: (returned[topic], solved[topic] + returned[topic])
            for topic in sorted({*solved, *returned}, key=lambda topic: (-returned[topic], topic))
            if topic
        },
        handed_over=dict(totals["handoff"].most_common()),
        wrong=dict(totals["wrong"].most_common()),
        steps=dict(sorted(steps.items())),
        **series,
    )


def rows(connection: Connection, first: date, last: date) -> list[dict[str, Any]]:
    """Every count of a span, for a file: day, measure, key, channel, region, count; small counts of a region stand under no region."""
    statement = select(daily).where(daily.c.day.between(first, last))
    found: Counter[tuple[date, str, str, str, str]] = Counter()
    for day, measure, key, channel, region, count in connection.execute(statement):
        found[day, measure, key, channel, region if count >= FEW else ""] += count
    names = ("day", "measure", "key", "channel", "region", "count")
    return [dict(zip(names, (*key, count), strict=True)) for key, count in sorted(found.items())]


def counted_until(connection: Connection) -> datetime | None:
    """When the log was counted last; None: never."""
    statement = select(progress_rows.c.at).where(progress_rows.c.name == "figures")
    moment: datetime | None = connection.execute(statement).scalar()
    return moment if progress.get(connection, "figures") else None
