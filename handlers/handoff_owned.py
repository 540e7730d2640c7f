"""A message while an agent owns the chat: the bot is silent, but for the way out, an agent's code, and a secure form that was sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from handlers import agent_check, forms, handoff_texts, typed
from handlers.messages import Kind
from handlers.safety import is_danger
from handlers.talk import silent
from handlers.turn import Answer, Turn, answer
from storage import agents, cases, chats, handoffs, ownership

LEFT = "handoff_left"  # this handler's answer has changed the owner
_BRIEF = 6


def owned(turn: Turn, form_sent: Callable[[Turn], Answer | None]) -> Answer | None:
    """None while the bot owns the chat. `form_sent` opens what came by the secure form."""
    if turn.owner == ownership.BOT:
        return None
    if turn.inbound.kind is Kind.FORM and (sent := form_sent(turn)) is not None:
        passing = tuple(replace(reply, passes_agent=True, options=()) for reply in sent.replies)
        return replace(sent, replies=passing, state=replace(sent.state, options=()), handler="form_sent")
    if (phone := turn.inbound.contact_phone) and turn.inbound.contact_own and not turn.inbound.forwarded:
        # the agent may have asked for it
        chats.note_identity(turn.connection, turn.chat_id, kind="phone", value=phone, vouched=True, now=turn.now)
    there = handoffs.going_on(turn.connection, turn.chat_id)
    if there is not None and is_danger(turn.text, turn.content):
        handoffs.raise_priority(turn.connection, there["id"], cases.DANGER)
    if there is not None and _leaves(turn):
        return _left(turn)
    if (checked := agent_check.asked(turn)) is not None:
        passing = tuple(replace(reply, passes_agent=True, options=()) for reply in checked.replies)
        return replace(checked, replies=passing, handler="agent_code")
    return silent(turn)


def _leaves(turn: Turn) -> bool:
    words = turn.content.files["handoff"]
    found = typed.find(turn, {"": [*words["leave"], *words["leave_agent"]]})
    return found is not None and len(turn.text.split()) <= _BRIEF


def _left(turn: Turn) -> Answer:
    """The person ends the conversation with the agent: the recap and the rating, and the bot answers again."""
    row = ownership.leave(turn.connection, turn.chat_id, turn.now)
    agent = agents.get(turn.connection, row["agent_id"]) if row and row["agent_id"] else None
    alias = agent["alias"] if agent else ""
    if row and row["case_id"]:
        cases.add_history(turn.connection, row["case_id"], actor="person", what="ended the conversation", now=turn.now)
    recap = turn.content.text("handoff_ended_by_person", alias=alias, number=row["number"] if row else "")
    told = handoff_texts.ended(turn.content, recap, alias=alias, form=turn.state.form is not None)
    return replace(answer(turn, told, state=forms.parked(turn)), handler=LEFT)
