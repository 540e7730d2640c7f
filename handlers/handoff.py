"""The way to a person, or the truth that there is none here (design, rule 8): a place in the queue, told honestly, or a case with its day."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy import RowMapping

from handlers import desk_calendar, handoff_texts, telling, typed
from handlers.handoff_reasons import Wish, wish
from handlers.messages import Reply
from handlers.turn import Answer, Turn, answer
from storage import cases, chats, handoffs, ownership

STORY = 8_000  # letters of the conversation that go with the case
LINES = 40
_BRIEF = 6  # words of a message about one's place


def human_agent(turn: Turn) -> Answer:
    """A place in the queue with the conversation so far; where nobody answers, official channels with their dates."""
    if not turn.policy.agents:
        ways = typed.labelled(turn, ("report_option_note", "form:report"), ("option_menu", "do:menu"))
        return answer(turn, turn.say("handoff_alone", options=ways))
    if (there := handoffs.going_on(turn.connection, turn.chat_id)) is not None:
        return answer(turn, _standing(turn, there))
    asked = wish(turn)
    paused = turn.chat["paused_until"]
    if paused and paused > turn.now and not asked.live:
        ways = typed.labelled(turn, ("option_report", "form:report"), ("option_menu", "do:menu"))
        return answer(turn, turn.say("handoff_paused", until=telling.moment(turn, paused), options=ways))
    return answer(turn, _queued(turn, asked))


def required(turn: Turn, why: str) -> Reply | None:
    """What only a person can settle ("disputed": a payment; "data": a record that is wrong) goes to the queue at once; None without a desk."""
    if not turn.policy.agents:
        return None
    there = handoffs.going_on(turn.connection, turn.chat_id)
    asked = wish(turn, disputed=why == "disputed", topic="data" if why == "data" else None)
    told = _standing(turn, there) if there else _queued(turn, asked)
    return replace(told, text=f"{turn.content.text(f'handoff_required_{why}')}\n{told.text}")


def asked_place(turn: Turn) -> Answer | None:
    """ "Masih lama?", "antrean saya": the place as it is now. None for a message about anything else."""
    if not turn.policy.agents or not _says(turn, "asks_place"):
        return None
    there = handoffs.going_on(turn.connection, turn.chat_id)
    return answer(turn, _standing(turn, there)) if there else None


def asked_to_leave(turn: Turn) -> Answer | None:
    """ "Keluar antrean"; None for a message about anything else."""
    return leave(turn) if turn.policy.agents and _says(turn, "leave") else None


def leave(turn: Turn) -> Answer:
    """Out of the queue. The case is closed with it, unless a life or money is in danger."""
    there = handoffs.going_on(turn.connection, turn.chat_id)
    if there is None:
        return answer(turn, turn.say("handoff_not_waiting"))
    ownership.leave(turn.connection, turn.chat_id, turn.now)
    if there["live"] or there["case_id"] is None:
        return answer(turn, turn.say("handoff_left_open", number=there["number"]))
    cases.add_history(
        turn.connection, there["case_id"], actor="person", what="left the queue", now=turn.now, state="closed"
    )
    return answer(turn, turn.say("handoff_left"))


def _says(turn: Turn, what: str) -> bool:
    found = typed.find(turn, {"": turn.content.files["handoff"][what]})
    return found is not None and len(turn.text.split()) <= _BRIEF


# -- joining ----------------------------------------------------------------------------------------------------------


def _queued(turn: Turn, asked: Wish) -> Reply:
    """Joins the queue, or, where nobody could come in time, leaves the case with its day."""
    case = _case(turn, asked)
    row = handoffs.join(
        turn.connection,
        chat_id=turn.chat_id,
        case_id=case["id"],
        number=case["number"],
        topic=asked.topic,
        priority=asked.priority,
        wanted_skill=asked.skill,
        live=asked.live,
        now=turn.now,
    )
    found = handoff_texts.place(turn.connection, row, turn.now)
    times = desk_calendar.load(turn.connection)
    closing = times.closing(turn.now)
    if not asked.live and (closing is None or _too_long(found, closing, turn.now)):
        why = "full" if closing else "hours"
        handoffs.close(turn.connection, row["id"], state=handoffs.CLOSED_OUT, why=why, now=turn.now)
        told = {"number": case["number"], "due": case["due_at"], "full": closing is not None}
        return handoff_texts.closed_out(turn.content, times, turn.now, turn.zone, **told)
    handoffs.told(turn.connection, row["id"], position=found.position, now=turn.now)
    return _place(turn, "handoff_queued", row, found, times, case["due_at"])


def _too_long(found: handoff_texts.Place, closing: datetime, now: datetime) -> bool:
    return found.wait is not None and (found.wait > handoff_texts.STAYS or now + found.wait > closing)


def _standing(turn: Turn, row: RowMapping) -> Reply:
    """Where a request that was made before stands now."""
    found = handoff_texts.place(turn.connection, row, turn.now)
    case = cases.by_number(turn.connection, row["number"])
    handoffs.told(turn.connection, row["id"], position=found.position, now=turn.now)
    due = case["due_at"] if case else turn.now
    return _place(turn, "handoff_waiting", row, found, desk_calendar.load(turn.connection), due)


def _place(
    turn: Turn,
    key: str,
    row: RowMapping,
    found: handoff_texts.Place,
    times: desk_calendar.Calendar,
    due: datetime,
) -> Reply:
    told = turn.say(
        key,
        number=row["number"],
        since=telling.moment(turn, row["asked_at"]),
        position=found.position,
        wait=handoff_texts.wait_words(turn.content, found),
        hours=handoff_texts.hours_words(turn.content, times, turn.now, turn.zone, live=row["live"], due=due),
        options=handoff_texts.leave_option(turn.content),
    )
    return replace(told, passes_agent=True)  # an agent may come before it is sent


def _case(turn: Turn, asked: Wish) -> RowMapping:
    """The case of an earlier request that nobody could answer, so that nobody tells it twice; else a new one."""
    story = _story(turn)
    last = handoffs.last(turn.connection, turn.chat_id)
    former = cases.by_number(turn.connection, last["number"]) if last and last["state"] == handoffs.CLOSED_OUT else None
    if former and former["state"] != "closed":
        cases.add_story(turn.connection, former["id"], story=story, now=turn.now)
        return former
    number = "L-" + turn.new_id(6)
    link = chats.active_link(turn.connection, turn.chat_id)
    due = desk_calendar.due(turn.connection, topic=asked.topic, priority=asked.priority, now=turn.now)
    return cases.create(
        turn.connection,
        number=number,
        chat_id=turn.chat_id,
        participant_id=link["participant_id"] if link else None,
        topic=asked.topic,
        priority=asked.priority,
        story=story,
        now=turn.now,
        due_at=due,
    )


def _story(turn: Turn) -> str:
    """The end of the conversation, oldest first, then the message that asked for a person."""
    rows = chats.transcript(turn.connection, turn.chat_id, LINES)
    lines = [f"{row['author']}: {row['text']}" for row in rows]
    if turn.text and (not rows or rows[-1]["text"] != turn.text):
        lines.append(f"person: {turn.text}")
    return "\n".join(lines)[-STORY:]
