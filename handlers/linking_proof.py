"""Whether an answer proves whose record a chat may see; counting what does not; the link that follows."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import RowMapping

from handlers import registration_carry, telling, typed
from handlers.forms import close
from handlers.linking_notices import notify
from handlers.messages import Reply
from handlers.turn import Answer, Turn, answer
from storage import chats, people

SHARES_CONTACT = ("telegram", "terminal")  # channels on which a number can be asked for by a button
CODE = re.compile(r"\bw[\s-]*([0-9a-z]{8})\b", re.IGNORECASE)

_LOOK_ALIKES = str.maketrans("OIL", "011")  # Crockford's alphabet has none of these letters


@dataclass(frozen=True, slots=True)
class Match:
    """The record that was found; by a code also the level and the link of the chat that made it."""

    row: RowMapping
    level: str | None = None
    parent_id: int | None = None


def canonical_code(typed_code: str) -> str:
    """A code as it is stored, however it was typed."""
    return typed_code.upper().translate(_LOOK_ALIKES)


def opens_by_code(turn: Turn) -> bool:
    """Whether this chat, whose number nobody vouches for, can be opened by a code from a linked one."""
    vouched = chats.vouched_phone(turn.connection, turn.chat_id) is not None
    return turn.inbound.channel not in SHARES_CONTACT and not vouched


def by_digits(turn: Turn, birth_date: str, column: str, digits: str) -> Match | None:
    """The record on the vouched number with this birth date and these last digits; of a family's the one that fits."""
    fits = [
        row
        for row in _on_number(turn)
        if row["birth_date"] == date.fromisoformat(birth_date) and row[column] and row[column] == digits
    ]
    return Match(fits[0]) if len(fits) == 1 else None


def by_identity(turn: Turn, values: Mapping[str, Any]) -> Match | None:
    """The record on the vouched number with this full NIK (by its hash) and birth date, both from the secure form."""
    born = values.get("birth_date")
    fits = [
        row for row in _on_number(turn) if row["nik_hash"] in _hashes(values) and str(row["birth_date"]) == str(born)
    ]
    return Match(fits[0]) if len(fits) == 1 else None


def _hashes(values: Mapping[str, Any]) -> set[Any]:
    """The NIK's hash by the present key and by former ones: a record keeps the one of its last import."""
    return {values.get("nik_hash"), *str(values.get("nik_hash_former") or "").split()} - {None}


def by_code(turn: Turn, code: str) -> Match | None:
    """The record of the linked chat that made the code, and that chat's level; not while the record is locked."""
    link = people.use_code(turn.connection, code, turn.now)
    row = people.get(turn.connection, link["participant_id"]) if link else None
    if link is None or row is None or (row["unvouched_locked_until"] and row["unvouched_locked_until"] > turn.now):
        return None
    level = "2" if link["level"] == "3" else link["level"]  # what an agent checked is not handed on
    return Match(row, level, link["id"])


def _on_number(turn: Turn) -> list[RowMapping]:
    phone = chats.vouched_phone(turn.connection, turn.chat_id)
    return people.by_phone(turn.connection, phone) if phone else []


def prove(turn: Turn, found_by: Callable[[], Match | None], level: str, method: str) -> Answer:
    """Links the record that was found, or counts a wrong answer. A locked chat is told so, and nothing is compared."""
    if until := locked_until(turn):
        return _ended(turn, locked(turn, until))
    match = found_by()
    if match is None:
        return _wrong(turn)
    row, reached = match.row, match.level or level
    others = [chat for chat in people.linked_chats(turn.connection, row["id"]) if chat["id"] != turn.chat_id]
    notify(
        turn.connection, others, turn.say("link_new_chat", channel=turn.content.channel(turn.inbound.channel)), turn.now
    )
    people.link(
        turn.connection,
        chat_id=turn.chat_id,
        participant_id=row["id"],
        level=reached,
        method=method,
        now=turn.now,
        parent_id=match.parent_id,
    )
    people.log_access(
        turn.connection, actor=f"chat:{turn.chat_id}", participant_id=row["id"], what="sambungan", now=turn.now
    )
    text = turn.content.text("link_done_part" if reached == "2a" else "link_done_full")
    ways = [
        ("incentive_option_status", "intent:incentive_status"),
        ("status_option_status", "intent:application_status"),
    ]
    if reached == "2a":
        ways.append(("link_option_manage", "form:link_manage"))
    if begun := registration_carry.elsewhere(turn):
        text = f"{text}\n{turn.content.text('link_done_begun', channel=turn.content.channel(begun.channel))}"
        ways.append(("link_option_begun", "intent:register_start"))
    return _ended(turn, Reply(text=text, options=typed.labelled(turn, *ways)))


def _wrong(turn: Turn) -> Answer:
    if left := tries_left(turn):
        ways = (("link_option_again", "form:linking"), ("option_human", "intent:human_agent"))
        return _ended(turn, turn.say("link_wrong", left=left, options=typed.labelled(turn, *ways)))
    people.lock_unvouched(turn.connection, [row["id"] for row in _on_number(turn)], turn.now)
    return _ended(turn, locked(turn, turn.now + people.LOCK))


def tries_left(turn: Turn) -> int:
    """Counts a wrong answer; how many more may be tried, 0 where this was one too many."""
    left = people.wrong_proof(turn.connection, turn.chat_id, turn.now)
    if phone := chats.vouched_phone(turn.connection, turn.chat_id):  # many chats may try at one number
        left = min(left, people.wrong_on_number(turn.connection, phone, turn.now))
    return left


def locked_until(turn: Turn) -> datetime | None:
    """The end of the lock on this chat, or on the number that is vouched for in it."""
    own = people.locked_until(turn.connection, turn.chat_id, turn.now)
    phone = chats.vouched_phone(turn.connection, turn.chat_id)
    number = people.number_locked_until(turn.connection, phone, turn.now) if phone else None
    return max((until for until in (own, number) if until), default=None)


def locked(turn: Turn, until: datetime) -> Reply:
    """That the door is closed for a while, until when, and who can help meanwhile."""
    ways = typed.labelled(turn, ("option_human", "intent:human_agent"))
    return turn.say("link_locked", until=telling.moment(turn, until), options=ways)


def _ended(turn: Turn, reply: Reply) -> Answer:
    """Closes the form of this journey; another form that is open stays."""
    return close(turn, reply) if turn.state.form == "linking" else answer(turn, reply)
