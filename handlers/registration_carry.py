"""A preparation begun in one chat goes on in another of the same person.

Two proofs count: both chats are linked to one participant at level 2 or 3, or a one-time code is carried by hand. The
number of a preparation with a birth date is none: both are told around, and many know them of each other. What moves,
moves whole: draft, preparation, consents, sealed numbers. The chat that it leaves is told.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from handlers import identity
from handlers.forms import Data
from handlers.linking_notices import notify
from handlers.messages import state_from_json
from handlers.record import broken, linked
from handlers.turn import Policy, Turn
from handlers.typed import YES
from storage import carrying, chats, drafts, people, registrations
from storage import identity as numbers

FORM = "registration"
PURPOSES = ("registration", identity.PURPOSE)
LASTS = timedelta(minutes=15)
LENGTH = 8
_NUMBER = re.compile(r"\d{3}")  # may be masked as part of an identity number or as a secret (nlu.masking)
LEVELS = ("2", "3")  # 2a is easily guessed
_PASSING = frozenset(("resume", "confirm", "field"))  # answers about the way, not about the person


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A chat that holds something to go on with."""

    chat_id: int
    channel: str
    until: datetime  # how long it is kept there
    number: str = ""  # of a preparation that is noted already
    kiosk: bool = False


def begun(data: Data) -> dict[str, Any]:
    """The answers of a draft, without the marks of the way; empty where nothing was answered but the consent."""
    kept = {key: value for key, value in data.items() if not key.startswith("_") and key not in _PASSING}
    if kept.get("identity") == YES:  # agreed to, but the form has never come
        del kept["identity"]
    return kept if kept.keys() - {"consent"} else {}


# -- finding ------------------------------------------------------------------------------------------------------


def elsewhere(turn: Turn) -> Source | None:
    """What another chat of the same participant holds; None where the proof of either is too weak."""
    own = None if turn.kiosk else linked(turn)
    if own is None or not own.shows_amounts:
        return None
    for link in people.links_of(turn.connection, own.row["id"]):
        if link["chat_id"] == turn.chat_id or link["level"] not in LEVELS or broken(turn, link, own.row):
            continue
        if found := source(turn.connection, link["chat_id"], turn.now):
            return found
    return None


def source(connection: Connection, chat_id: int, now: datetime) -> Source | None:
    """What a chat holds, whatever the proof."""
    place = carrying.address(connection, chat_id)
    if place is None:
        return None
    channel, kiosk = place["channel"], place["kiosk_until"] is not None
    draft, row = drafts.get(connection, chat_id, FORM, now), registrations.of_chat(connection, chat_id, now)
    if draft is not None and begun(draft["data"]):
        number = row["number"] if row else ""
        return Source(chat_id=chat_id, channel=channel, until=draft["expires_at"], number=number, kiosk=kiosk)
    if row:
        return Source(chat_id=chat_id, channel=channel, until=row["kept_until"], number=row["number"], kiosk=kiosk)
    return None


# -- codes --------------------------------------------------------------------------------------------------------


def make_code(
    connection: Connection,
    policy: Policy,
    new_id: Callable[[int], str],
    *,
    chat_id: int,
    now: datetime,
    lasts: timedelta = LASTS,
) -> str:
    """A one-time code of a chat: letters and digits, so that no word is taken for one, and it for no number."""
    code = new_id(LENGTH)
    while code.isalpha() or _NUMBER.search(code):
        code = new_id(LENGTH)
    carrying.make_code(connection, hashed(code, policy), chat_id=chat_id, now=now, expires_at=now + lasts)
    return code


def hashed(code: str, policy: Policy) -> str:
    """A code as it is kept: whoever reads the database can use none."""
    return hmac.new(policy.lookup_key, f"carry:{code}".encode(), hashlib.sha256).hexdigest()


# -- moving -------------------------------------------------------------------------------------------------------


def move(turn: Turn, chat_id: int) -> dict[str, Any]:
    """Takes everything of that chat's preparation over into this one; returns the answers of its draft, {} where it has none."""
    draft = drafts.get(turn.connection, chat_id, FORM, turn.now)
    data = begun(draft["data"]) if draft else {}
    carrying.move(turn.connection, chat_id, turn.chat_id, purposes=PURPOSES, now=turn.now)
    if not _move_numbers(turn, chat_id):
        data.pop("identity", None)
    drafts.delete(turn.connection, chat_id, FORM)
    carrying.use_up(turn.connection, chat_id)
    _leave_form(turn, chat_id)
    place = carrying.address(turn.connection, chat_id)
    if place and place["kiosk_until"]:
        chats.change(turn.connection, chat_id, kiosk_until=turn.now)  # nothing is left to wait for
    elif place:
        told = turn.say("registration_carry_left_here", channel=turn.content.channel(turn.inbound.channel))
        notify(turn.connection, [place], told, turn.now)
    return data


def _move_numbers(turn: Turn, chat_id: int) -> bool:
    """NIK and KK are sealed for their chat alone; here they are sealed anew. False where there are none that open."""
    row = numbers.get(turn.connection, chat_id, turn.now)
    numbers.delete(turn.connection, chat_id)
    numbers.delete(turn.connection, turn.chat_id)
    try:
        plain = identity.opened(row, turn.policy) if row else None
    except ValueError:  # sealed under a key that is gone: it opens nowhere
        plain = None
    if row is None or plain is None:
        return False
    values: Mapping[str, Any] = identity.sealed_row(plain, turn.policy, chat_id=turn.chat_id)
    numbers.save(turn.connection, turn.chat_id, values=values, now=turn.now, kept_until=row["kept_until"])
    return True


def _leave_form(turn: Turn, chat_id: int) -> None:
    """The other chat's open form ends, or a later message there would go on with a copy."""
    kept = carrying.state_if_free(turn.connection, chat_id)
    state = state_from_json(kept)
    if state.form == FORM:
        left = replace(state, form=None, step=None, data={}, options=())
        chats.save_states(turn.connection, {chat_id: left.to_json()}, turn.now)
