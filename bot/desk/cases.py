"""Cases: the list, one case with its history, and what is done about it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection, RowMapping
from starlette.responses import Response

from bot.desk import roles, topics
from bot.desk.chat import RESOLUTIONS, STATES
from bot.desk.look import PRIORITIES, author
from bot.desk.speaking import told_problems
from bot.desk.visit import Visit, is_whole
from handlers import case_acts, desk_acts
from nlu.masking import mask
from storage import cases, chats, desk_texts, desk_view
from storage.database import database_now
from storage.handoffs import RefusedError

FILTERS = {"open": "Belum ditutup", "waiting": "Menunggu pihak lain", "closed": "Ditutup", "": "Semua"}
ORDERS = {"due": "Tenggat", "priority": "Prioritas", "new": "Terbaru"}
_SHOWN = 200
_SPEAKER = re.compile(
    r"^(person|bot|agent:\d+|campaign:\d+): ", re.MULTILINE
)  # as a story of several messages has them
_CHANGED = re.compile(r"\b(state|priority|agent_id) (\w+)")
_EVENTS = {
    "opened": "dibuka",
    "answered": "dijawab di sini",
    "forwarded": "diteruskan",
    "yours": "harus oleh warga sendiri",
    "corrected": "dibetulkan",
    "ended the conversation": "warga mengakhiri percakapan",
    "paused for a day: abuse": "dijeda sehari karena kata-kata kasar",
}


async def listed(visit: Visit) -> Response:
    """Cases by state, topic and agent; a number goes to its case."""
    if number := visit.asked("number").strip().upper():
        return visit.go(f"/cases/{number if number.startswith('L-') else f'L-{number}'}")
    state = visit.asked("state", "open") if visit.asked("state", "open") in FILTERS else "open"
    order = visit.asked("order") if visit.asked("order") in ORDERS else "due"
    mine, topic = bool(visit.asked("mine")), visit.asked("topic")
    agent = visit.me["id"] if mine else None

    def work(connection: Connection) -> tuple[list[RowMapping], list[str]]:
        asked: dict[str, Any] = {"state": state, "topic": topic, "agent_id": agent, "order": order, "limit": _SHOWN}
        return desk_view.cases_list(connection, **asked), desk_view.case_topics(connection)

    rows, present = await visit.read(work)
    return visit.page(
        "cases.html",
        rows=rows,
        present=present,
        state=state,
        order=order,
        topic=topic,
        mine=mine,
        topics=topics.names(visit.content),
        FILTERS=FILTERS,
        ORDERS=ORDERS,
        STATES=STATES,
    )


def _find(number: str, connection: Connection) -> dict[str, Any] | None:
    case = cases.by_number(connection, number)
    if case is None:
        return None
    names = desk_view.aliases(connection)
    history = [
        {**one, "at": datetime.fromisoformat(one["at"]), "what": _told_history(one["what"], names)}
        for one in case["history"]
    ]
    return {
        "case": {**case, "story": _SPEAKER.sub(lambda match: f"{author(match[1], names)}: ", case["story"])},
        "chat": chats.get(connection, case["chat_id"]),
        "history": history[::-1],
        "notes": desk_texts.notes(connection, case["id"]),
        "aliases": names,
        "colleagues": desk_view.colleagues(connection, roles.ANSWERS),
    }


def _told_history(what: str, names: Mapping[int, str]) -> str:
    """An entry of the history as an agent reads it."""

    def named(match: re.Match[str]) -> str:
        name, value = match[1], match[2]
        if name == "agent_id":
            return f"petugas: {names.get(int(value), value) if is_whole(value) else '–'}"
        if name == "priority":
            return f"prioritas: {PRIORITIES.get(int(value), value)}"
        return f"{'keadaan' if name == 'state' else name}: {STATES.get(value, value)}"

    head, colon, rest = what.partition(": ")
    if colon and head in _EVENTS:
        return f"{_EVENTS[head]}: {rest}"
    return _EVENTS.get(what) or _CHANGED.sub(named, what)


async def show(visit: Visit) -> Response:
    """One case."""
    return await page(visit)


async def page(visit: Visit, *, status: int = 200, problems: tuple[str, ...] = (), told: str = "") -> Response:
    """One case, with what was wrong about a form."""
    found = await visit.read(partial(_find, visit.request.path_params["number"][:16]))
    if found is None:
        return visit.missing()
    case = found["case"]
    ids = {"actor": visit.actor, "chat_id": case["chat_id"], "participant_id": case["participant_id"]}
    await visit.desk.database.write(
        lambda c: desk_view.log_look(
            c, **ids, what=f"laporan {case['number']}", now=database_now(c), quiet=desk_view.SAME_LOOK
        )
    )
    names = topics.names(visit.content)
    shown = {"topics": names, "STATES": STATES, "RESOLUTIONS": RESOLUTIONS, "problems": problems, "told": told}
    return visit.page("case.html", status, **found, **shown)


async def case_of(visit: Visit) -> RowMapping | None:
    """The case that the address names."""
    return await visit.read(partial(cases.by_number, number=visit.request.path_params["number"][:16]))


async def change(visit: Visit) -> Response:
    """State, priority and agent, also of a closed case that is opened again; each change stands in the history."""
    case = await case_of(visit)
    if case is None:
        return visit.missing()
    state, priority, agent = (visit.sent.get(name, "") for name in ("state", "priority", "agent"))
    if state not in ("open", "waiting") or priority not in {str(key) for key in PRIORITIES}:
        return await page(visit, status=422, problems=("Laporan ini tidak bisa diubah begitu.",))
    wanted = int(agent) if is_whole(agent) else None

    def work(connection: Connection) -> None:
        now, known = database_now(connection), desk_view.aliases(connection)
        values = {"state": state, "priority": int(priority), "agent_id": wanted if wanted in known else None}
        changed = {name: value for name, value in values.items() if value != case[name]}
        if changed:
            cases.change(connection, case["id"], actor=visit.actor, now=now, **changed)

    await visit.write(work)
    return visit.go(f"/cases/{case['number']}", done="saved")


async def note(visit: Visit) -> Response:
    """A note for colleagues."""
    case, text = await case_of(visit), mask(visit.sent.get("note", "").strip()[:1_000]).text
    if case is None:
        return visit.missing()
    if text:
        await visit.write(lambda c: desk_texts.note(c, case["id"], author=visit.actor, text=text, now=database_now(c)))
    return visit.go(f"/cases/{case['number']}", done="noted")


async def open_chat(visit: Visit) -> Response:
    """Begins a conversation about the case; not where one goes on."""
    case = await case_of(visit)
    if case is None:
        return visit.missing()
    try:
        await visit.write(
            lambda c: desk_acts.open_case(c, visit.content, case, visit.me["id"], database_now(c)), sends=True
        )
    except RefusedError:
        return await page(visit, status=409, problems=("Warga ini sedang berbicara dengan petugas lain.",))
    return visit.go(f"/chat/{case['chat_id']}", done="taken")


async def close(visit: Visit) -> Response:
    """Ends a case with a result and what the person is told."""
    resolution, told = visit.sent.get("resolution", ""), visit.sent.get("told", "").strip()
    return await _told(visit, told, partial(case_acts.settle, resolution=resolution), "closed")


async def correct(visit: Visit) -> Response:
    """What the person was told was wrong: they are told again."""
    return await _told(visit, visit.sent.get("told", "").strip(), case_acts.correct, "told")


async def _told(visit: Visit, told: str, act: Callable[..., None], done: str) -> Response:
    case = await case_of(visit)
    if case is None:
        return visit.missing()
    if wrong := told_problems(visit, told):
        return await page(visit, status=422, problems=tuple(wrong), told=told)

    def work(connection: Connection) -> None:
        now = database_now(connection)
        current = cases.by_number(connection, case["number"])
        act(connection, visit.content, current, actor=visit.actor, told=told, now=now)

    try:
        await visit.write(work, sends=True)
    except case_acts.CaseError:
        said = "Laporan ini sudah ditutup, belum pernah dijawab, atau hasilnya belum dipilih."
        return await page(visit, status=409, problems=(said,), told=told)
    return visit.go(f"/cases/{case['number']}", done=done)
