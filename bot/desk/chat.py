"""One conversation: what was said and understood, the record, notes, and what is being written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection, RowMapping
from starlette.responses import Response

from bot.desk import helps, live, record, roles, topics
from bot.desk.look import author
from bot.desk.visit import PREFIX, Visit
from handlers.desk_check import LONGEST
from handlers.turn import ZONES
from storage import chats, desk_queue, desk_texts, desk_view, handoffs
from storage.database import database_now

STATES = {"open": "terbuka", "waiting": "menunggu", "closed": "ditutup"}
RESOLUTIONS = {"answered": "Dijawab di sini", "forwarded": "Diteruskan", "yours": "Harus oleh warga sendiri"}

_WINDOW_WARNING = timedelta(hours=4)
_DELIVERY = {
    "pending": "menunggu dikirim",
    "sending": "sedang dikirim",
    "held": "ditahan",
    "accepted": "terkirim",
    "delivered": "sampai",
    "read": "dibaca",
    "failed": "gagal",
    "cancelled": "dibatalkan",
    "expired": "kedaluwarsa",
    "unknown": "tidak pasti terkirim",
}
_FAILED = ("failed", "cancelled", "expired", "unknown")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the database has of a conversation."""

    chat: RowMapping
    owner: str
    handoff: RowMapping | None
    talk: Sequence[dict[str, Any]]
    mine: Sequence[dict[str, Any]]
    cases: Sequence[RowMapping]
    earlier: Sequence[RowMapping]
    notes: Sequence[RowMapping]
    aliases: Mapping[int, str]
    record: record.Shown | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What else a whole page needs; its parts are asked for often, and do without."""

    marks: live.Seen
    colleagues: Sequence[RowMapping]
    draft: str
    canned: Sequence[RowMapping]
    questions: Sequence[str]
    vouched: bool


def _see_all(chat_id: int, me: int, show_record: bool, connection: Connection) -> tuple[Seen, Around] | None:
    """The marks come first: what is committed meanwhile must stir the page, not be taken for shown."""
    marks = live.look(connection, frozenset((chat_id,)))
    seen = _see(chat_id, me, show_record, connection)
    if seen is None:
        return None
    return seen, Around(
        marks=marks,
        colleagues=desk_view.colleagues(connection, roles.ANSWERS),
        draft=desk_texts.draft(connection, agent_id=me, chat_id=chat_id),
        canned=desk_texts.canned_replies(connection),
        questions=desk_view.last_questions(connection, chat_id),
        vouched=chats.vouched_phone(connection, chat_id) is not None,
    )


def _see(chat_id: int, me: int, show_record: bool, connection: Connection) -> Seen | None:
    now = database_now(connection)
    chat = chats.get(connection, chat_id)
    if chat is None:
        return None
    found = record.of_chat(connection, chat_id, now, shown=show_record)
    cases = desk_view.cases_of(connection, chat_id, found.participant_id if found else None)
    owner = desk_view.owner(connection, chat_id)
    requests = desk_view.handoffs_of(connection, chat_id)
    current = requests[0] if requests and requests[0]["state"] in handoffs.GOING_ON else None
    return Seen(
        chat=chat,
        owner=owner,
        handoff=current,
        talk=desk_view.talk(connection, chat_id),
        mine=desk_queue.going_on(connection, agent_id=me),
        cases=cases,
        earlier=requests[1:] if current else requests,
        notes=desk_view.notes_of(connection, [case["id"] for case in cases]),
        aliases=desk_view.aliases(connection),
        record=found,
    )


def _log(actor: str, seen: Seen, connection: Connection) -> None:
    whose = seen.record.participant_id if seen.record else None
    ids: dict[str, Any] = {"chat_id": seen.chat["id"], "participant_id": whose, "actor": actor}
    ids["now"] = database_now(connection)
    desk_view.log_look(connection, **ids, what="percakapan", quiet=desk_view.SAME_LOOK)
    if seen.record and seen.record.shown:
        desk_view.log_look(connection, **ids, what="data peserta")


async def show(visit: Visit) -> Response:
    """The page, or the parts of it that change by themselves."""
    return await page(visit)


async def page(
    visit: Visit,
    *,
    status: int = 200,
    text: str | None = None,
    refused: str = "",
    problems: Sequence[str] = (),
    recap: str = "",
    show_record: bool = False,
    name: str = "",
) -> Response:
    """The conversation; `text`: what was typed and not sent, with the reasons."""
    chat_id = visit.number("chat")
    if visit.part and not name:
        parts = await visit.read(partial(_see, chat_id, visit.me["id"], False))
        return visit.page("chat_parts.html", **_values(visit, parts)) if parts else visit.missing()
    found = await visit.read(partial(_see_all, chat_id, visit.me["id"], show_record))
    if found is None:
        return visit.missing()
    seen, around = found
    # what cannot be logged is not shown; the parts of an open page are the same look
    await visit.desk.database.write(partial(_log, visit.actor, seen))
    values = _values(visit, seen) | _frame(visit, seen, around) | await _to_write(visit, seen, around, text)
    shown = {"refused": refused, "problems": problems, "recap": recap}
    return visit.page(name or "chat.html", status, **values, **shown)


def _values(visit: Visit, seen: Seen) -> dict[str, Any]:
    now, content = visit.now, visit.content
    is_mine = seen.owner == visit.actor
    names = topics.names(content)
    owner_name = "" if seen.owner == "bot" else author(seen.owner, seen.aliases)
    for row in seen.mine:
        row["v"] = f"{row['last_id']}"
    window = _window(seen.chat, now)
    head = (seen.owner, seen.handoff and seen.handoff["id"], seen.handoff and seen.handoff["state"], bool(window))
    return {
        "chat": seen.chat,
        "who": seen.chat["name"] or (f"Warga {seen.handoff['number']}" if seen.handoff else "Warga tanpa nama"),
        "handoff": seen.handoff,
        "is_mine": is_mine,
        "owner_name": owner_name,
        "mine": seen.mine,
        "talk": [*_rows(seen, names, is_mine=is_mine)],
        "aliases": seen.aliases,
        "topics": names,
        "cases": seen.cases,
        "earlier": seen.earlier,
        "notes": seen.notes,
        "noteable": bool(seen.cases),
        "window": window,
        "head_v": "|".join(map(str, head)),
        "part_url": f"{PREFIX}/chat/{seen.chat['id']}",
    }


def _frame(visit: Visit, seen: Seen, around: Around) -> dict[str, Any]:
    """What a whole page has beside the conversation."""
    return {
        "record": seen.record,
        "colleagues": around.colleagues,
        "STATES": STATES,
        "RESOLUTIONS": RESOLUTIONS,
        "since": around.marks.mark(agent_id=visit.me["id"], chat=seen.chat["id"], queue=False),
        "waiting": around.marks.waiting,
        "can_take_over": visit.me["role"] in roles.LEADS,
    }


async def _to_write(visit: Visit, seen: Seen, around: Around, text: str | None) -> dict[str, Any]:
    """What stands around the field in which the agent writes."""
    parts, me = visit.desk.parts(), visit.me
    is_mine = seen.owner == visit.actor
    canned = [{**row, "filled": helps.filled(row["text"], seen.chat, me, seen.handoff)} for row in around.canned]
    typed = around.draft if text is None else text
    if text is None and (intent := visit.asked("use")):
        typed = helps.answer(parts, intent) or typed
    if text is None and (wanted := visit.asked("canned")):
        typed = next((row["filled"] for row in canned if str(row["id"]) == wanted), typed)
    level = seen.record.level if seen.record else "0"
    return {
        "text": typed,
        "longest": LONGEST,
        "canned": canned,
        "suggestions": await helps.suggestions(parts, around.questions, visit.now) if is_mine else [],
        "form_offered": around.vouched and bool(parts.policy.secure_form_url) and level in ("0", "1", "2a"),
    }


def _rows(seen: Seen, names: Mapping[str, str], *, is_mine: bool) -> Sequence[dict[str, Any]]:
    """The messages as the page shows them, each with a version that changes when it must be drawn again."""
    zone = ZONES[seen.chat["zone"] or "WIB"]
    former = None
    for row in seen.talk:
        local = row["at"].astimezone(zone).date()
        row["new_day"], former = local != former, local
        kind = row["author"].partition(":")[0]
        row["kind"] = kind if kind in ("person", "agent") else "bot"
        row["understood"] = names.get(row["intent"] or "", "") if kind == "person" else ""
        row["sure"] = round(row["confidence"] * 100) if row["confidence"] is not None else None
        sent = row["sent"]
        state, reason = _stands(sent) if sent else ("", "")
        row["failed"] = state in _FAILED
        again = f", percobaan {sent['attempts']}" if sent and state == "pending" and sent["attempts"] else ""
        row["delivery"] = f"{_DELIVERY.get(state, state)}{again}{reason}" if state else ""
        row["retry"] = sent["id"] if sent and row["failed"] and kind == "agent" else None
        row["v"] = f"{row['delivery']}{bool(row['retry']) and is_mine}"
    return seen.talk


def _stands(sent: RowMapping) -> tuple[str, str]:
    """What became of a sending, by our own mark and by what the platform has said since."""
    if sent["state"] == "accepted" and sent["delivery"] in ("delivered", "read", "played", "failed"):
        state = "read" if sent["delivery"] == "played" else sent["delivery"]
        return state, f": {sent['delivery_reason']}" if sent["delivery_reason"] else ""
    return sent["state"], f": {sent['reason']}" if sent["reason"] else ""


def _window(chat: RowMapping, now: Any) -> dict[str, Any] | None:
    """WhatsApp's 24 hours, where they end soon or have ended (platform-rules 2.4)."""
    until = chat.get("window_until")
    if chat["channel"] != "whatsapp" or until is None or until > now + _WINDOW_WARNING:
        return None
    return {"until": until, "closed": until <= now}
