"""Whether an answer proves whose record a chat may see; counting what does not; the link that follows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import RowMapping

from handlers import telling, typed
from handlers.forms import close
from handlers.messages import Reply
from handlers.turn import ZONES, Answer, Turn, answer
from storage import chats, outbox, people

DAY_BEGINS, DAY_ENDS = time(8), time(20)  # nothing unasked outside these hours (design, rule 12)
NOTICE_KEPT = timedelta(days=3)

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
        row
        for row in _on_number(turn)
        if row["nik_hash"] and row["nik_hash"] == values.get("nik_hash") and str(row["birth_date"]) == str(born)
    ]
    return Match(fits[0]) if len(fits) == 1 else None


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
    if until := people.locked_until(turn.connection, turn.chat_id, turn.now):
        return _ended(turn, locked(turn, until))
    match = found_by()
    if match is None:
        return _wrong(turn)
    row, reached = match.row, match.level or level
    _warn_others(turn, row["id"])
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
    key = "link_done_part" if reached == "2a" else "link_done_full"
    ways = [
        ("incentive_option_status", "intent:incentive_status"),
        ("status_option_status", "intent:application_status"),
    ]
    if reached == "2a":
        ways.append(("link_option_manage", "form:link_manage"))
    return _ended(turn, turn.say(key, options=typed.labelled(turn, *ways)))


def _wrong(turn: Turn) -> Answer:
    left = people.wrong_proof(turn.connection, turn.chat_id, turn.now)
    if left:
        ways = (("link_option_again", "form:linking"), ("option_human", "intent:human_agent"))
        return _ended(turn, turn.say("link_wrong", left=left, options=typed.labelled(turn, *ways)))
    people.lock_unvouched(turn.connection, [row["id"] for row in _on_number(turn)], turn.now)
    return _ended(turn, locked(turn, turn.now + people.LOCK))


def locked(turn: Turn, until: datetime) -> Reply:
    """That the door is closed for a while, until when, and who can help meanwhile."""
    ways = typed.labelled(turn, ("option_human", "intent:human_agent"))
    return turn.say("link_locked", until=telling.moment(turn, until), options=ways)


def _ended(turn: Turn, reply: Reply) -> Answer:
    """Closes the form of this journey; another form that is open stays."""
    return close(turn, reply) if turn.state.form == "linking" else answer(turn, reply)


def _warn_others(turn: Turn, participant_id: int) -> None:
    """Tells the chats that are linked already that one more is."""
    notices = []
    for chat in people.linked_chats(turn.connection, participant_id):
        if chat["id"] == turn.chat_id or chat["stopped_at"]:
            continue
        notices.append(
            outbox.Draft(
                chat_id=chat["id"],
                source=f"{chat['channel']}:{chat['account']}",
                payload=turn.say("link_new_chat", channel=turn.inbound.channel.capitalize()).to_json(),
                owner_version=chat["owner_version"],
                expires_at=turn.now + NOTICE_KEPT,
                lane=outbox.BROADCASTS,
                not_before=_by_day(turn.now, chat["zone"] or "WIB"),
            )
        )
    outbox.enqueue(turn.connection, notices, turn.now)


def _by_day(now: datetime, zone: str) -> datetime:
    """Now, or the next morning where the person lives."""
    local = now.astimezone(ZONES[zone])
    if DAY_BEGINS <= local.time() < DAY_ENDS:
        return now
    morning = local.date() if local.time() < DAY_BEGINS else local.date() + timedelta(days=1)
    return datetime.combine(morning, DAY_BEGINS, ZONES[zone]).astimezone(UTC)
