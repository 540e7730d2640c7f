"""The way to a person, or the truth that there is none here (design, rule 8)."""

from __future__ import annotations

from handlers import desk_calendar, telling, typed
from handlers.turn import Answer, Turn, answer
from storage import cases, chats

TOPIC = "petugas"
STORY = 4_000  # letters of the conversation that go with the case
LINES = 20
URGENT_AFTER = frozenset(("membership_revoked", "account_blocked", "identity_in_use", "scam_check"))


def human_agent(turn: Turn) -> Answer:
    """A place in the queue with the conversation so far; where nobody answers, official channels with their dates."""
    if not turn.policy.agents:
        ways = typed.labelled(turn, ("report_option_note", "form:report"), ("option_menu", "do:menu"))
        return answer(turn, turn.say("handoff_alone", options=ways))
    waiting = cases.latest(turn.connection, turn.chat_id, topic=TOPIC, only_open=True)
    if waiting:
        since = telling.moment(turn, waiting["created_at"])
        return answer(turn, turn.say("handoff_waiting", since=since, number=waiting["number"]))
    number = "L-" + turn.new_id(6)
    link = chats.active_link(turn.connection, turn.chat_id)
    priority = cases.URGENT if turn.state.last_intent in URGENT_AFTER else cases.NORMAL
    due = desk_calendar.due(turn.connection, topic=TOPIC, priority=priority, now=turn.now)
    cases.create(
        turn.connection,
        number=number,
        chat_id=turn.chat_id,
        participant_id=link["participant_id"] if link else None,
        topic=TOPIC,
        priority=priority,
        story=_story(turn),
        now=turn.now,
        due_at=due,
    )
    return answer(turn, turn.say("handoff_queued", number=number))


def _story(turn: Turn) -> str:
    """The end of the conversation, oldest first, then the message that asked for a person."""
    rows = chats.transcript(turn.connection, turn.chat_id, LINES)
    lines = [f"{row['author']}: {row['text']}" for row in rows]
    if turn.text and (not rows or rows[-1]["text"] != turn.text):
        lines.append(f"person: {turn.text}")
    return "\n".join(lines)[-STORY:]
