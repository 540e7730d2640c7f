"""What was not understood, for editors: grouped by likeness and counted; one step leads to a training message or to an answer (docs/teaching.md)."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection, RowMapping
from starlette.responses import Response

from bot import teaching
from bot.desk.visit import Visit
from nlu import grouping
from storage import misunderstood, taught
from storage.database import database_now

TABS = {"": "Baru", "aside": "Disisihkan", "taught": "Diajarkan", "done": "Selesai", "not_ours": "Bukan urusan kami"}
OUTCOMES = {"clarify": "ditanya balik", "refuse": "ditolak", "feedback": "dinilai salah"}
DEEDS = {"done": "done", "not_ours": "not_ours", "aside": "aside", "open": None}
ROWS = 2_000  # the newest items that are grouped
SHOWN = 20  # groups on a page
COUNTED = timedelta(days=90)  # of items without a text
_WORDINGS = 20
_MOST_IDS = 2**62


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Items that ask the same."""

    items: Sequence[RowMapping]

    @property
    def text(self) -> str:
        """The commonest wording."""
        return str(self.items[0]["text"])

    @property
    def ids(self) -> str:
        """The items' keys, as a form carries them."""
        return ",".join(str(item["id"]) for item in self.items)

    @property
    def topic(self) -> str:
        """The commonest best guess."""
        return str(Counter(item["topic"] for item in self.items).most_common(1)[0][0])

    @property
    def last(self) -> datetime:
        """When somebody asked last."""
        last: datetime = max(item["at"] for item in self.items)
        return last

    @property
    def wordings(self) -> list[tuple[str, int]]:
        """The different wordings with how often each was typed."""
        return Counter(" ".join(item["text"].split()) for item in self.items).most_common(_WORDINGS)

    def counted(self, name: str) -> list[tuple[str, int]]:
        """The values of a column with how often each stands there."""
        return Counter(item[name] for item in self.items if item[name]).most_common()


async def show(visit: Visit) -> Response:
    """The list of a state, the largest groups first, and the counts of what has no text."""
    state = visit.asked("state") if visit.asked("state") in TABS else ""

    def work(connection: Connection) -> tuple[list[RowMapping], list[RowMapping]]:
        since = visit.now - COUNTED
        return (
            misunderstood.texts(connection, state or None, limit=ROWS),
            misunderstood.counts(connection, None, since=since) if not state else [],
        )

    rows, counts = await visit.read(work)
    found = await _grouped(rows)
    pages = max(1, -(-len(found) // SHOWN))
    page = min(max(1, int(visit.asked("page"))), pages) if visit.asked("page").isdecimal() else 1
    return visit.page(
        "unclear.html",
        groups=found[(page - 1) * SHOWN : page * SHOWN],
        counts=_by_topic(counts),
        read=len(rows),
        most=ROWS,
        state=state,
        page_number=page,
        pages=pages,
        topics=teaching.intents(visit.content),
        TABS=TABS,
        OUTCOMES=OUTCOMES,
    )


async def _grouped(rows: Sequence[RowMapping]) -> list[Group]:
    """In a thread: two thousand texts take a good tenth of a second."""
    made = await asyncio.to_thread(grouping.groups, [row["text"] for row in rows])
    return [Group(items=[rows[at] for at in group]) for group in made]


def _by_topic(counts: Sequence[RowMapping]) -> list[dict[str, Any]]:
    """One row a topic, its outcomes beside each other."""
    found: dict[str, Counter[str]] = {}
    for row in counts:
        found.setdefault(row["topic"], Counter())[row["outcome"]] += row["times"]
    rows = [{"topic": topic, "outcomes": times.most_common(), "times": times.total()} for topic, times in found.items()]
    return sorted(rows, key=lambda row: -row["times"])


async def handle(visit: Visit) -> Response:
    """Says what became of a group."""
    deed, ids = visit.sent.get("deed", ""), _ids(visit.sent)
    if deed not in DEEDS or not ids:
        return visit.missing()
    await visit.write(lambda c: misunderstood.handle(c, ids, DEEDS[deed], by=visit.actor, now=database_now(c)))
    state = visit.sent.get("state", "")
    return visit.go("/unclear", done="saved", **({"state": state} if state in TABS and state else {}))


async def read(visit: Visit) -> Response:
    """One group: its wordings, and the form that teaches."""
    group = await _find(visit)
    return await _form(visit, group) if group else visit.missing()


async def _find(visit: Visit) -> Group | None:
    """The open group that an item belongs to; an item that is not open stands alone."""
    key = visit.number("item")
    rows = await visit.read(partial(misunderstood.texts, state=None, limit=ROWS))
    for group in await _grouped(rows):
        if any(item["id"] == key for item in group.items):
            return group
    alone = await visit.read(lambda c: misunderstood.some(c, [key]))
    return Group(items=alone) if alone else None


async def _form(
    visit: Visit,
    group: Group,
    *,
    status: int = 200,
    problems: Sequence[tuple[str, str]] = (),
    sent: Mapping[str, str] | None = None,
) -> Response:
    known = teaching.intents(visit.content)
    typed = sent or {
        "texts": "\n".join(text for text, _ in group.wordings[:5]),
        "intent": _choice(group.topic, known) if group.topic in known else "",
    }
    return visit.page(
        "unclear_read.html",
        status,
        group=group,
        choices=[_choice(intent, known) for intent in known],
        topics=known,
        answered=group.topic in visit.content.answers,
        problems=problems,
        typed=typed,
        OUTCOMES=OUTCOMES,
    )


async def teach(visit: Visit) -> Response:
    """Makes training messages of a group, or says why not."""
    group = await _find(visit)
    if group is None:
        return visit.missing()
    texts = teaching.lines(visit.sent.get("texts", ""))[: teaching.MOST_LINES]
    intent = intent_of(visit.sent.get("intent", ""), teaching.intents(visit.content))
    rows = await visit.read(taught.active)
    found = await asyncio.to_thread(teaching.problems, texts, intent, visit.content, visit.desk.pack, rows)
    if found or not texts:
        problems = [(text, teaching.PROBLEMS[why]) for text, why in found]
        problems = problems or [("", "tulis paling sedikit satu pesan")]
        return await _form(visit, group, status=422, problems=problems, sent=visit.sent)

    def work(connection: Connection) -> None:
        now = database_now(connection)
        items = misunderstood.some(connection, [item["id"] for item in group.items])
        for text in texts if items else ():  # whoever has withdrawn meanwhile is not taught from
            chat_id = teaching.whose(text, items)
            taught.add(connection, text=text, intent=intent, author=visit.actor, now=now, chat_id=chat_id)
        misunderstood.handle(connection, [item["id"] for item in items], "taught", by=visit.actor, now=now)

    await visit.write(work)
    return visit.go("/unclear", done="model_taught")


def _choice(intent: str, known: Mapping[str, str]) -> str:
    """An intent as the form shows it: "Kartu hilang (card_lost)"."""
    return f"{known[intent]} ({intent})"


def intent_of(typed: str, known: Mapping[str, str]) -> str:
    """The intent that was chosen or typed, by its name or its title; "" for none."""
    typed = typed.strip()
    name = typed.rpartition("(")[2].removesuffix(")")
    if name in known:
        return name
    return next((intent for intent, title in known.items() if title.casefold() == typed.casefold()), "")


def _ids(sent: Mapping[str, str]) -> list[int]:
    return [min(int(key), _MOST_IDS) for key in sent.get("ids", "").split(",")[:ROWS] if key.isdecimal()]
