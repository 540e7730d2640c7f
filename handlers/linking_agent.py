"""A link that a person makes or ends: an agent has checked who somebody is, after a number has changed or a phone is lost.

Each is logged with its actor and reason, where the person reads it ("siapa saja yang melihat data saya"); the chats
concerned are told.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping

from handlers.catalogue import Catalogue
from handlers.linking_notices import notify
from handlers.messages import Reply
from storage import cases, chats, people

LEVEL, METHOD = "3", "agent"  # design: People and proof
WEB = "web"


class RefusedError(ValueError):
    """Why a link is not made or ended; the message says how to mend it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """Who checked, why, and in which case."""

    by: str
    reason: str
    now: datetime
    case: RowMapping | None = None

    @property
    def actor(self) -> str:
        """As the access log has it."""
        return f"operator:{self.by}"


def connect(
    connection: Connection, content: Catalogue, chat: RowMapping, record: RowMapping, checked: Checked, *, alone: bool
) -> int:
    """Joins a chat to a record at level 3; with `alone` the record's other chats are put out. Returns how many others were linked.

    Raises RefusedError for a web chat: it may stand on a shared computer.
    """
    if chat["channel"] == WEB:
        raise RefusedError("a web chat may stand on a shared computer; it is opened by a code from a linked chat")
    others = [row for row in people.linked_chats(connection, record["id"]) if row["id"] != chat["id"]]
    if alone:
        for row in others:
            people.end_link(connection, row["id"], why="agent", now=checked.now)
    told = "link_ended_by_agent" if alone else "link_new_chat"
    notify(connection, others, Reply(text=content.text(told, channel=content.channel(chat["channel"]))), checked.now)
    ids = {"chat_id": chat["id"], "participant_id": record["id"]}
    people.link(connection, **ids, level=LEVEL, method=METHOD, now=checked.now)
    _note(connection, record["id"], "sambungan", f"linked to {record['record_key']}", checked)
    linked = [row for row in people.linked_chats(connection, record["id"]) if row["id"] == chat["id"]]
    notify(connection, linked, Reply(text=content.text("link_done_by_agent")), checked.now)
    return len(others)


def disconnect(connection: Connection, content: Catalogue, chat: RowMapping, checked: Checked) -> None:
    """Ends a chat's link. Raises RefusedError where there is none."""
    link = chats.active_link(connection, chat["id"])
    if link is None:
        raise RefusedError(f"chat {chat['id']} is not linked")
    linked = [row for row in people.linked_chats(connection, link["participant_id"]) if row["id"] == chat["id"]]
    people.end_link(connection, chat["id"], why="agent", now=checked.now)
    notify(connection, linked, Reply(text=content.text("link_ended_by_agent")), checked.now)
    _note(connection, link["participant_id"], "putus sambungan", "link ended", checked)


def _note(connection: Connection, participant_id: int, what: str, done: str, checked: Checked) -> None:
    """The access log with the reason, and the history of the case."""
    people.log_access(
        connection,
        actor=checked.actor,
        participant_id=participant_id,
        what=what,
        reason=checked.reason,
        now=checked.now,
    )
    if checked.case:
        cases.add_history(
            connection, checked.case["id"], actor=checked.actor, what=f"{done}: {checked.reason}", now=checked.now
        )
