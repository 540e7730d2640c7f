"""What an agent does with a conversation, and what the person is told of it: one transaction each, used by desk, loop and tests.

Where an agent may not, `storage.handoffs.RefusedError` says why. What an agent writes is `storage.desk_messages.say`.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, RowMapping

from handlers import forms, handoff_texts, telling
from handlers.catalogue import Catalogue
from handlers.handoff_tell import state_of, tell
from storage import agents, cases, chats, desk_messages, handoffs, ownership
from storage.handoffs import RefusedError

PAUSE = timedelta(days=1)
RESOLUTIONS = ("answered", "forwarded", "yours")


def assign(connection: Connection, content: Catalogue, now: datetime) -> RowMapping | None:
    """Gives the next of the queue to whoever is free (see `ownership.assign_next`) and says who it is."""
    row = ownership.assign_next(connection, now)
    if row is not None:
        _introduce(connection, content, row, now)
    return row


def take(
    connection: Connection,
    content: Catalogue,
    handoff_id: int,
    agent_id: int,
    now: datetime,
    *,
    from_another: bool = False,
) -> RowMapping:
    """By hand from the queue; `from_another`: a conversation that a colleague has (for supervisors)."""
    before = handoffs.get(connection, handoff_id)
    row = ownership.take(connection, handoff_id, agent_id, now, from_another=from_another)
    passed_on = before is not None and before["state"] == handoffs.ACTIVE
    _introduce(connection, content, row, now, key="handoff_passed_on" if passed_on else "handoff_with_agent")
    return row


def open_case(connection: Connection, content: Catalogue, case: RowMapping, agent_id: int, now: datetime) -> RowMapping:
    """An agent begins to talk about a case (a row of `cases`)."""
    row = ownership.open_by_agent(connection, case, agent_id, now)
    _introduce(connection, content, row, now, key="handoff_opened")
    return row


def transfer(
    connection: Connection,
    content: Catalogue,
    handoff_id: int,
    agent_id: int,
    now: datetime,
    *,
    note: str,
    to_agent: int | None = None,
    to_skill: str | None = None,
) -> RowMapping:
    """To a colleague who is there, or to the front of the queue for a skill, with a note for whoever comes."""
    row = ownership.transfer(connection, handoff_id, agent_id, now, note=note, to_agent=to_agent, to_skill=to_skill)
    if row["state"] == handoffs.ACTIVE:
        _introduce(connection, content, row, now, key="handoff_passed_on")
    else:
        tell(connection, row["chat_id"], handoff_texts.notice(content, "handoff_passed_back"), now)
    return row


def give_back(connection: Connection, content: Catalogue, handoff_id: int, agent_id: int, now: datetime) -> RowMapping:
    """To the front of the queue."""
    row = ownership.give_back(connection, handoff_id, agent_id, now)
    _told_of_waiting(connection, content, row, agent_id, "handoff_given_back", now)
    return row


def drop_out(connection: Connection, content: Catalogue, now: datetime) -> int:
    """Conversations of agents who are not there any more go back to the front; returns how many."""
    by = {row["id"]: row["agent_id"] for row in handoffs.active(connection)}
    dropped = ownership.drop_out(connection, now)
    for row in dropped:
        _told_of_waiting(connection, content, row, by.get(row["id"]), "handoff_dropped", now)
    return len(dropped)


def end(
    connection: Connection,
    content: Catalogue,
    handoff_id: int,
    agent_id: int,
    now: datetime,
    *,
    resolution: str,
    told: str,
) -> RowMapping:
    """Ends a conversation with the recap that the person reads (`told`), the rating, and the bot.

    `resolution`: answered or yours close the case, forwarded keeps it open. Raises ValueError for an empty recap.
    """
    if resolution not in RESOLUTIONS or not told.strip():
        raise ValueError("an end needs a resolution (answered, forwarded, yours) and a recap")
    row = ownership.end(connection, handoff_id, agent_id, now)
    if row["case_id"]:
        actor = ownership.owner_of(agent_id)
        cases.settle(connection, row["case_id"], actor=actor, resolution=resolution, told=told.strip(), now=now)
    alias = _alias(connection, agent_id)
    recap = content.text(
        "handoff_ended",
        alias=alias,
        number=row["number"],
        resolution=content.text(f"resolution_{resolution}"),
        told=told.strip(),
    )
    _farewell(connection, content, row, recap, alias, now)
    return row


def warn(connection: Connection, content: Catalogue, handoff_id: int, agent_id: int, now: datetime) -> None:
    """Asks for a civil tone. Raises RefusedError where the conversation is not the agent's."""
    row = _own(connection, handoff_id, agent_id)
    desk_messages.warned(connection, row["chat_id"], now)
    tell(connection, row["chat_id"], handoff_texts.notice(content, "handoff_warned"), now)


def pause(connection: Connection, content: Catalogue, handoff_id: int, agent_id: int, now: datetime) -> None:
    """Ends an abusive conversation and keeps agents out of the chat for a day; the case and the bot go on.

    Raises ValueError where nobody has warned in this conversation, RefusedError where it is not the agent's.
    """
    row = _own(connection, handoff_id, agent_id)
    chat = chats.get(connection, row["chat_id"])
    if chat is None or chat["warned_at"] is None or chat["warned_at"] < row["asked_at"]:
        raise ValueError("warn first")
    until = now + PAUSE
    ownership.end(connection, handoff_id, agent_id, now, why="paused")
    desk_messages.pause(connection, row["chat_id"], until=until)
    if row["case_id"]:
        cases.add_history(
            connection, row["case_id"], actor=ownership.owner_of(agent_id), what="paused for a day: abuse", now=now
        )
    shown = telling.moment_in(chat["zone"] or "WIB", until, now)
    told = handoff_texts.notice(content, "handoff_paused_now", until=shown, number=row["number"])
    state = forms.park(connection, row["chat_id"], state_of(connection, row["chat_id"]), now)
    tell(connection, row["chat_id"], told, now, state=state)


def _own(connection: Connection, handoff_id: int, agent_id: int) -> RowMapping:
    row = handoffs.get(connection, handoff_id)
    if row is None or row["state"] != handoffs.ACTIVE:
        raise RefusedError("gone")
    if row["agent_id"] != agent_id:
        raise RefusedError("taken", row["agent_id"])
    return row


def _introduce(
    connection: Connection, content: Catalogue, row: RowMapping, now: datetime, *, key: str = "handoff_with_agent"
) -> None:
    agent = agents.get(connection, row["agent_id"])
    if agent is not None:
        told = handoff_texts.with_agent(content, agent, key=key, number=row["number"])
        tell(connection, row["chat_id"], told, now)


def _told_of_waiting(
    connection: Connection, content: Catalogue, row: RowMapping, agent_id: int | None, key: str, now: datetime
) -> None:
    alias = _alias(connection, agent_id) if agent_id else ""
    tell(connection, row["chat_id"], handoff_texts.notice(content, key, alias=alias), now)
    handoffs.told(connection, row["id"], position=handoffs.position(connection, row), now=now)


def _farewell(
    connection: Connection, content: Catalogue, row: RowMapping, recap: str, alias: str, now: datetime
) -> None:
    state = state_of(connection, row["chat_id"])
    told = handoff_texts.ended(content, recap, alias=alias, form=state.form is not None)
    tell(connection, row["chat_id"], told, now, state=forms.park(connection, row["chat_id"], state, now))


def _alias(connection: Connection, agent_id: int) -> str:
    agent = agents.get(connection, agent_id)
    return str(agent["alias"]) if agent else ""
