"""`pandu figures`: how many came, about what, how it ended; counts by day without personal data."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import Connection

from bot.commands.running import run, stop
from bot.desk.figures import as_csv
from bot.desk.look import CHANNELS
from handlers.turn import ZONES
from storage import figures
from storage.database import database_now


def show(
    days: Annotated[int, typer.Option("--days", min=1, max=3660, help="The last so many days, today included.")] = 30,
    channel: Annotated[str, typer.Option("--channel", help=f"Only one of {', '.join(CHANNELS)}.")] = "",
    csv: Annotated[Path | None, typer.Option("--csv", help="Write every count of these days to a file.")] = None,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Print the figures of the last days (WIB), as on the desk's page "Angka"."""
    if channel and channel not in CHANNELS:
        raise stop(f"--channel {channel}: one of {', '.join(CHANNELS)}", 2)

    def work(connection: Connection) -> tuple[figures.Figures, list[dict[str, object]]]:
        last = database_now(connection).astimezone(ZONES["WIB"]).date()
        first = last - timedelta(days=days - 1)
        return figures.of(connection, first, last, channel), figures.rows(connection, first, last) if csv else []

    found, rows = run(work)
    if csv:
        try:
            csv.write_text(as_csv(rows), encoding="utf-8")
        except OSError as error:
            raise stop(f"{csv}: {error.strerror}", 2) from None
        typer.echo(f"{len(rows):,} counts in {csv}", err=True)
    if as_json:
        typer.echo(json.dumps(_plain(found), ensure_ascii=False))
    elif not csv:
        for line in _lines(found):
            typer.echo(line)


def _plain(found: figures.Figures) -> dict[str, object]:
    plain = asdict(found)
    plain["by_day"] = {str(day): row for day, row in found.by_day.items()}
    plain["topic_days"] = {key: {str(day): n for day, n in of.items()} for key, of in found.topic_days.items()}
    return {**plain, "solved_share": found.solved_share, "handoff_share": found.handoff_share}


def _lines(found: figures.Figures) -> list[str]:
    def share(part: float | None) -> str:
        return f"{part:.1%}" if part is not None else "not known yet"

    turns = found.turns or 1
    lines = [
        f"visits          {found.visits:,}  (people, counted once a day: {found.people:,}; new: {found.new:,})",
        f"messages        {found.turns:,}  understood {found.outcomes.get('understood', 0) / turns:.1%}, asked back "
        f"{found.outcomes.get('asked_back', 0) / turns:.1%}, refused {found.outcomes.get('refused', 0) / turns:.1%}",
        f"solved          {share(found.solved_share)} of {found.solved + found.returned:,} visits of which it is known",
        f"to an agent     {share(found.handoff_share)}  ({found.handoffs:,})",
        f"deadlines saved {found.saved:,}",
    ]
    return [*lines, *(f"  {count:>9,}  {topic}" for topic, count in list(found.topics.items())[:10])]
