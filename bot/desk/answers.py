"""The answers for their editors: the list, one answer with its versions and what people say of it, and two versions side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection
from starlette.responses import Response

from bot.desk import previews
from bot.desk.answer_form import last_day
from bot.desk.differences import changes
from bot.desk.visit import Visit, is_whole
from bot.wake import CONTENT
from handlers import content_now, editing_acts
from handlers.catalogue import Catalogue, Entry, entry_of
from handlers.turn import ZONES
from storage import desk_view, editing, feedback
from storage.database import database_now

FILTERS = {
    "": "Semua",
    "late": "Perlu diperiksa",
    "draft": "Ada draf",
    "review": "Menunggu pembaca kedua",
    "until": "Berlaku sementara",
    "feedback": "Dilaporkan salah",
}


async def listed(visit: Visit) -> Response:
    """Every answer, by group; found by words and filters."""

    def work(connection: Connection) -> tuple[Any, ...]:
        return editing.open_versions(connection), feedback.open_counts(connection), editing.published(connection)

    drafts, said, published = await visit.read(work)
    content, today = visit.content, visit.now.astimezone(ZONES["WIB"]).date()
    until = {row["id"]: row["valid_to"] for row in published}
    rows = [
        {
            "intent": intent,
            "entry": entry,
            "group": content.groups.get(intent, ""),
            "late": entry.review_by < today,
            "draft": drafts.get(intent),
            "until": until.get(content.versions.get(intent, 0)),
            "edited": intent in content.versions,
            "feedback": said.get(intent, 0),
        }
        for intent, entry in content.answers.items()
    ]
    asked, words = visit.asked("filter"), visit.asked("q").lower().split()
    shown = [row for row in rows if _passes(row, asked) and _holds(row["entry"], words)]
    shown.sort(key=lambda row: (row["group"], row["entry"].title.lower()))
    groups = content.files["editing"]["groups"]
    counts = {name: sum(_passes(row, name) for row in rows) for name in FILTERS}
    return visit.page("answers.html", rows=shown, groups=groups, FILTERS=FILTERS, counts=counts, asked=asked)


def _passes(row: Mapping[Any, Any], wanted: str) -> bool:
    match wanted:
        case "late":
            return bool(row["late"])
        case "draft":
            return row["draft"] is not None
        case "review":
            return row["draft"] is not None and row["draft"]["state"] == editing.REVIEW
        case "until":
            return row["until"] is not None
        case "feedback":
            return bool(row["feedback"])
    return True


def _holds(entry: Entry, words: list[str]) -> bool:
    text = " ".join((entry.intent, entry.title, entry.question, *entry.text, *entry.sms, entry.more)).lower()
    return all(word in text for word in words)


async def show(visit: Visit) -> Response:
    """One answer: as it is, as it is going to be, its versions, people's word on it."""
    return await page(visit)


async def page(visit: Visit, *, status: int = 200, refused: str = "") -> Response:
    """The answer's page; with `refused` the reason why a step was not taken."""
    intent = visit.request.path_params["intent"]
    if intent not in visit.content.answers:
        return visit.missing()
    found = await visit.read(lambda c: _all(c, intent))
    content, now, draft = visit.content, visit.now, found["draft"]
    told = content.files["editing"]
    problems = editing_acts.findings(content, intent, draft, now, link_hosts=visit.link_hosts) if draft else []
    shown = await asyncio.to_thread(_shown, visit, intent, found)
    return visit.page(
        "answer.html",
        status,
        intent=intent,
        entry=content.answers[intent],
        **shown,
        draft=draft,
        problems=[(told["fields"].get(one.field, one.field), words_of(visit, one)) for one in problems],
        versions=[
            {**row, "standing": editing_acts.standing(row, content.versions.get(intent), now)}
            for row in found["versions"]
        ],
        standing_seed=intent not in content.versions,
        said=found["said"],
        counts=found["counts"],
        people=found["people"],
        told=told,
        refused=told["refused"].get(refused, refused),
        reads=draft is not None and visit.actor not in editing.writers(draft),
        last_day=last_day,
    )


async def differences(visit: Visit) -> Response:
    """Two versions, field by field; 0 is the files' own."""
    intent = visit.request.path_params["intent"]
    if intent not in visit.content.answers:
        return visit.missing()
    rows = {row["id"]: row for row in await visit.read(lambda c: editing.history(c, intent))}
    chosen = [visit.asked("old", "0"), visit.asked("new", "0")]
    if not all(is_whole(one) and (int(one) in rows or one == "0") for one in chosen):
        return visit.missing()
    old, new = (rows[int(one)]["body"] if one != "0" else seed_of(visit.content, intent) for one in chosen)
    return visit.page(
        "answer_differences.html",
        intent=intent,
        entry=visit.content.answers[intent],
        changed=await asyncio.to_thread(changes, old, new),
        chosen=chosen,
        versions=list(rows.values()),
        told=visit.content.files["editing"],
    )


async def settle(visit: Visit) -> Response:
    """Marks what people have said as looked into, or open again."""
    intent, done = visit.request.path_params["intent"], visit.sent.get("state") == feedback.DONE
    which = visit.sent.get("which", "")

    def work(connection: Connection) -> int:
        now = database_now(connection)
        if which == "all":
            return feedback.settle_all(connection, intent, by=visit.actor, now=now)
        key = int(which) if is_whole(which) else 0
        return int(feedback.settle(connection, key, done=done, by=visit.actor, now=now))

    await visit.write(work)
    return visit.go(f"/answers/{intent}", done="saved")


def changed(visit: Visit) -> None:
    """The content has another version: every process is told."""
    visit.desk.wake.notify(CONTENT)


def words_of(visit: Visit, finding: Any) -> str:
    """A problem in the editors' words."""
    told: str = visit.content.files["editing"]["problems"][finding.reason]
    return told.format_map(finding.values)


def seed_of(content: Catalogue, intent: str) -> dict[str, Any]:
    """The files' own answer, as a version's body."""
    return content_now.as_json(content.seeds[intent])


def _all(connection: Connection, intent: str) -> dict[str, Any]:
    return {
        "draft": editing.open_version(connection, intent),
        "versions": [row for row in editing.history(connection, intent) if row["state"] not in editing.OPEN],
        "said": feedback.listed(connection, intent=intent, state=None, limit=50),
        "counts": feedback.version_counts(connection, intent),
        "people": desk_view.aliases(connection),
    }


def _shown(visit: Visit, intent: str, found: Mapping[str, Any]) -> dict[str, Any]:
    """What takes a while: how the answer and its draft look on each channel, and how they differ."""
    content, draft = visit.content, found["draft"]
    seed = seed_of(content, intent)
    active = next((row["body"] for row in found["versions"] if row["id"] == content.versions.get(intent)), seed)
    return {
        "current": previews.previews(content, content.answers[intent], visit.link_hosts),
        "drafted": _previews(visit, intent, draft["body"]) if draft else [],
        "changed": changes(active, draft["body"]) if draft else [],
    }


def _previews(visit: Visit, intent: str, body: Mapping[str, Any]) -> list[previews.Preview]:
    """[] while the draft cannot be said: its problems are shown instead."""
    try:
        entry = entry_of(intent, editing_acts.dated(body))
        return previews.previews(visit.content, entry, visit.link_hosts)
    except (KeyError, ValueError, IndexError, TypeError):
        return []
