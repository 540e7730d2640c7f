"""The record of the person who is speaking: whose it is, how well that is proven, and what may therefore be shown."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import RowMapping

from handlers import telling
from handlers.turn import Turn
from storage import chats, people

NOT_BY_NUMBER = ("code", "agent", "demo")  # proofs that do not rest on the chat's own number


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A linked participant and the level of proof: 2a, 2 or 3 (design: People and proof)."""

    row: RowMapping  # of participants
    level: str
    fresh: bool  # values older than three days are hidden

    @property
    def shows_amounts(self) -> bool:
        """Whether amounts, dates and the masked account may be told."""
        return self.level in ("2", "3")


def record(turn: Turn, what: str) -> Record | None:
    """The person's own record, or None: no link, or the message is about somebody else. Logged as `what`."""
    if turn.understanding.subject != "self":
        return None
    found = linked(turn)
    if found:
        actor = f"chat:{turn.chat_id}"
        people.log_access(turn.connection, actor=actor, participant_id=found.row["id"], what=what, now=turn.now)
    return found


def linked(turn: Turn) -> Record | None:
    """The linked record, with no look logged. A link by number ends when the record's number has changed since."""
    link = chats.active_link(turn.connection, turn.chat_id)
    if link is None or link["level"] == "1":
        return None
    row = people.get(turn.connection, link["participant_id"])
    if row is None:
        return None
    if why := broken(turn, link, row):
        people.end_link(turn.connection, turn.chat_id, why=why, now=turn.now)
        return None
    return Record(row=row, level=link["level"], fresh=telling.fresh(turn, row["as_of"]))


def broken(turn: Turn, link: RowMapping, row: RowMapping) -> str | None:
    """Why a link of any chat to its record no longer holds; None where it does."""
    if link["expires_at"] and link["expires_at"] <= turn.now:
        return "expired"
    if link["method"] not in NOT_BY_NUMBER and row["phone"] != chats.vouched_phone(turn.connection, link["chat_id"]):
        return "number_changed"
    return None
