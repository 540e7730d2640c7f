"""The page of an announcement that goes out or is over: where it stands, what went wrong, what people did afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final

from markupsafe import Markup
from sqlalchemy import Connection, RowMapping
from starlette.responses import Response, StreamingResponse

from bot import campaign_ledger, campaign_report
from bot.desk import announcements, charts, look, topics
from bot.desk.announcement_words import Words, words
from bot.desk.visit import Visit
from bot.exchange.xlsx_write import MOST_ROWS
from storage import campaign_report as stored
from storage import campaign_run, campaigns, desk_view, ledger
from storage.database import database_now

MADE: Final = ("draft", "scheduled")  # these have a page of their own, where they are made
_OVER: Final = ("done", "cancelled")
_REASONS_SHOWN: Final = 40
_ASKED_SHOWN: Final = 10
_LOOKED: Final = "daftar penerima pengumuman"  # as the access log names it


async def show(visit: Visit) -> Response:
    """The page, or what of it has changed."""
    return await page(visit)


@dataclass(frozen=True, slots=True)
class _Read:
    campaign: RowMapping
    following: RowMapping | None
    minutes: list[RowMapping]
    acts: list[dict[str, Any]]
    people: dict[int, str]
    mark: str
    now: datetime


async def page(visit: Visit, *, status: int = 200, problem: str = "") -> Response:
    """The page after a deed that was refused, too: `problem` says why."""
    key = visit.number("id")
    read: _Read | None = await visit.read(partial(_read, key))
    if read is None:
        return visit.missing()
    if read.campaign["state"] in MADE:
        return visit.go(f"/announcements/{key}/draft")
    counts = visit.desk.counts
    tally = await counts.of(("tally", key), lambda: visit.read(partial(_tally, key)))
    after = None
    if read.campaign["state"] in _OVER:
        work = partial(campaign_report.aftermath, campaign=read.campaign)
        after = await counts.of(("after", key), lambda: visit.read(work))
    found = campaign_report.progress(read.campaign, tally["rows"], read.minutes, read.now)
    where = partial(campaign_report.standstill, campaign=read.campaign, states=found["states"], now=read.now)
    return visit.page(
        "announcement_live_parts.html" if visit.part else "announcement_live.html",
        status,
        **_shown(visit, read, found),
        **({} if visit.part else await _message(visit, read.campaign)),
        after=after and {**after, "drawn": _asked(visit, after["asked"])},
        counted_at=tally["at"],
        still=await visit.read(where),
        problem=problem,
        sent=visit.sent,
    )


async def _message(visit: Visit, campaign: RowMapping) -> dict[str, Any]:
    """What is announced; only the whole page shows it."""
    return {"shown": await announcements.previewed(visit, campaign), "told": announcements.told(visit)}


def _read(key: int, connection: Connection) -> _Read | None:
    now = database_now(connection)
    mark = stored.marks(connection, [key], now).get(key, "")  # first: what is committed meanwhile must stir the page
    campaign = campaigns.get(connection, key)
    if campaign is None:
        return None
    return _Read(
        campaign=campaign,
        following=campaigns.next_of(connection, key),
        minutes=stored.minutes(connection, key),
        acts=campaigns.acts(connection, key),
        people=desk_view.aliases(connection),
        mark=mark,
        now=now,
    )


def _tally(key: int, connection: Connection) -> dict[str, Any]:
    return {"rows": ledger.reasons(connection, key), "at": database_now(connection)}


def _shown(visit: Visit, read: _Read, found: Mapping[str, Any]) -> dict[str, Any]:
    said = words(visit, read.people)
    campaign, states, size = read.campaign, found["states"], found["audience"]
    over = size - found["to_come"]
    by_count = sorted(found["reasons"], key=lambda row: -row["count"])
    end = found["estimated_end"]
    return {
        "campaign": campaign,
        "following": read.following,
        "found": found,
        "over": over,
        "share": over / size if size else 1.0,
        "end": datetime.fromisoformat(end) if end else None,
        "since": read.mark,
        "words": said,
        "reasons": by_count[:_REASONS_SHOWN],
        "more_reasons": len(by_count) - _REASONS_SHOWN,
        "channels": _by_channel(found["channels"]),
        "chart": _chart(read.minutes),
        "paused": _paused(campaign, read.acts, said),
        "acts": read.acts,
        "choices": _choices(found["reasons"], states, said),
        "unknown": states.get("unknown", 0),
        "fits_sheet": size < MOST_ROWS,
    }


def _by_channel(channels: Mapping[str, Mapping[str, int]]) -> list[tuple[str, dict[str, int]]]:
    """(name, size, reached, failed, skipped): of a channel with several accounts each by itself."""
    kinds = [source.partition(":")[0] for source in channels]
    rows = []
    for source, states in channels.items():
        kind, _, account = source.partition(":")
        name = look.CHANNELS.get(kind, kind) or "Tanpa chat"
        counts = {
            "size": sum(states.values()),
            "reached": campaign_report.reached(states),
            **{state: states.get(state, 0) for state in ("delivered", "read", "failed", "skipped")},
        }
        rows.append((f"{name} {account}" if kinds.count(kind) > 1 else name, counts))
    return rows


def _chart(minutes: Sequence[Mapping[Any, Any]]) -> Markup | None:
    if not minutes:
        return None
    series = {
        "Diterima platform": {row["minute"]: row["accepted"] for row in minutes},
        "Gagal, terputus, atau batal": {row["minute"]: row["other"] for row in minutes},
    }
    return charts.minutes("Terkirim", series)


def _paused(campaign: Mapping[Any, Any], acts: Sequence[Mapping[str, Any]], said: Words) -> dict[str, Any] | None:
    """Who or what has paused it, since when, why, and what to do."""
    if campaign["state"] != "paused":
        return None
    act = next((act for act in reversed(acts) if act["what"] == "pause"), None)
    by_itself = bool(campaign["paused_why"])
    why, advice = said.pause(campaign["paused_why"]) if by_itself else ("", "")
    by = said.who(act["actor"]) if act else ""
    return {"by_itself": by_itself, "by": by, "at": act and act["at"], "why": why, "advice": advice}


def _choices(reasons: Sequence[Mapping[str, Any]], states: Mapping[str, int], said: Words) -> list[tuple[str, str]]:
    """(value, words) of what may be tried again: each state as a whole, then each of its reasons."""
    found = [(f"{state}:", f"{said.state(state)}, semua") for state in ("failed", "unknown") if states.get(state)]
    keys = {(row["state"], row["reason"]) for row in reasons if row["state"] in ("failed", "unknown", "skipped")}
    for state, reason in sorted(keys):
        if state != "skipped" or not reason.startswith(campaign_run.LEFT_OUT):
            found.append((f"{state}:{reason}", f"{said.state(state)}: {said.reason(reason)}"))
    return found[: 2 * _REASONS_SHOWN]


def _asked(visit: Visit, asked: Mapping[str, int]) -> Markup | None:
    if not asked:
        return None
    names = {**topics.names(visit.content), "-": "Tanpa topik"}
    rows = [(names.get(intent, intent), count, look.thousands(count)) for intent, count in asked.items()]
    return charts.bars("Yang ditanyakan sesudahnya", rows[:_ASKED_SHOWN])


async def as_csv(visit: Visit) -> Response:
    """The ledger as CSV, for whoever takes it along."""
    return await _file(visit, xlsx=False)


async def as_xlsx(visit: Visit) -> Response:
    """The same as a spreadsheet."""
    return await _file(visit, xlsx=True)


async def _file(visit: Visit, *, xlsx: bool) -> Response:
    """The file in parts; that somebody took it is logged before the first of them leaves."""
    key = visit.number("id")

    def work(connection: Connection) -> RowMapping | None:
        campaign = campaigns.get(connection, key)
        if campaign and campaign["frozen_at"] and not (xlsx and campaign["frozen_size"] >= MOST_ROWS):
            logged = {
                "actor": visit.actor,
                "what": _LOOKED,
                "reason": campaign["name"],
                "now": database_now(connection),
            }
            desk_view.log_look(connection, chat_id=None, participant_id=None, **logged)
        return campaign

    campaign = await visit.desk.database.write(work)
    if campaign is None or not campaign["frozen_at"]:
        return visit.missing()
    if xlsx and campaign["frozen_size"] >= MOST_ROWS:
        return visit.note("Terlalu besar untuk XLSX", "Satu lembar tidak memuat sebanyak ini. Unduh CSV.", 409)
    parts = campaign_ledger.stream(visit.desk.database, key, xlsx=xlsx)
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" if xlsx else "text/csv; charset=utf-8"
    name = f"pengumuman-{key}.{'xlsx' if xlsx else 'csv'}"
    return StreamingResponse(parts, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})
