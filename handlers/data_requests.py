"""The rights a person uses in the chat, as requests with a receipt: done at once where the bot can, else waiting for the data officer."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping

from handlers import telling
from handlers.catalogue import Catalogue
from handlers.handoff_tell import tell
from handlers.messages import Reply
from handlers.secure import key_id
from handlers.turn import ZONES, Policy, Turn
from nlu.masking import mask
from storage import data_requests, erasing
from storage.data_requests import ERASURE, WITHDRAWAL

BOT = "bot"
_SHOWN = 2  # requests in the overview
_WISH = 400  # characters
_CHAT_COUNTED = ("messages", "registrations", "drafts", "consents", "cases", "identities", "links", "course_choices")


def number(connection: Connection, new_id: Callable[[int], str]) -> str:
    """A receipt number that is not in use: "D-7K2M9Q"."""
    made = f"D-{new_id(6)}"
    while data_requests.number_taken(connection, made):
        made = f"D-{new_id(6)}"
    return made


def receive(turn: Turn, kind: str, *, participant_id: int | None = None) -> RowMapping:
    """Notes a request of this chat, in the person's words (masked)."""
    return data_requests.receive(
        turn.connection,
        number=number(turn.connection, turn.new_id),
        kind=kind,
        via="chat",
        now=turn.now,
        chat_id=turn.chat_id,
        participant_id=participant_id,
        wish=mask(turn.text[:_WISH]).text or None,
    )


def at_once(turn: Turn, kind: str, counts: Mapping[str, int]) -> str:
    """A request that the bot has just done: received and closed with its proof; returns the receipt's number."""
    request = receive(turn, kind)
    data_requests.done(turn.connection, request, by=BOT, what=kind, now=turn.now, counts=counts)
    if kind in (ERASURE, WITHDRAWAL):
        data_requests.forget_wishes(turn.connection, turn.chat_id)
    return str(request["number"])


def lines(turn: Turn) -> list[str]:
    """One line for each of the last requests: what became of it, or until when it is due."""
    rows = data_requests.of_chat(turn.connection, turn.chat_id, _SHOWN)
    return [line(turn.content, row, turn.zone) for row in rows]


def line(content: Catalogue, row: Mapping[Any, Any], zone: str) -> str:
    """ "- D-7K2M9Q (koreksi): sudah dikerjakan 25 Nov 2026, bukti 3f2a9c01"."""
    named = {"number": row["number"], "kind": content.text(f"request_kind_{row['kind']}")}
    if row["state"] == "open":
        due = telling.moment_in(zone, row["due_at"], row["received_at"])
        return content.text("privacy_line_request_open", **named, due=due)
    day = telling.day(row["done_at"].astimezone(ZONES[zone]).date())
    key = "privacy_line_request_done" if row["state"] == "done" else "privacy_line_request_refused"
    return content.text(key, **named, day=day, mark=row["proof_hash"][:8])


def receipt(turn: Turn, request: Mapping[Any, Any]) -> str:
    """The sentence that tells number and deadline of what waits for a person."""
    due = telling.moment(turn, request["due_at"])
    return turn.content.text("privacy_received", number=request["number"], due=due)


def counted(kept: Mapping[str, Any]) -> dict[str, int]:
    """What was shown, by kind, for the proof of an access (`storage.privacy.collect`)."""
    return {name: size for name in _CHAT_COUNTED if name in kept and (size := _size(kept[name]))}


def _size(found: Any) -> int:
    return found if isinstance(found, int) else len(found)


# -- closed by a person -------------------------------------------------------------------------------------------


def settle(
    connection: Connection,
    content: Catalogue,
    request: Mapping[Any, Any],
    *,
    by: str,
    what: str,
    now: datetime,
    counts: Mapping[str, int] | None = None,
) -> None:
    """Closes a request that waited as done, and tells the person with the proof. Raises ValueError where it is closed or nothing is said."""
    if not what.strip():
        raise ValueError("say what was done")
    data_requests.done(connection, request, by=by, what=what.strip(), now=now, counts=counts)
    _tell(connection, content, request, now, "privacy_request_done", told=what.strip())


def refuse(
    connection: Connection, content: Catalogue, request: Mapping[Any, Any], *, by: str, reason: str, now: datetime
) -> None:
    """Closes a request with the legal reason why it is not done, and tells the person. Raises ValueError as `settle`."""
    if not reason.strip():
        raise ValueError("a refusal needs its legal reason")
    data_requests.refuse(connection, request, by=by, reason=reason.strip(), now=now)
    _tell(connection, content, request, now, "privacy_request_refused", told=reason.strip())


def _tell(
    connection: Connection, content: Catalogue, request: Mapping[Any, Any], now: datetime, key: str, told: str
) -> None:
    if request["chat_id"] is not None:
        kind = content.text(f"request_kind_{request['kind']}")
        text = content.text(key, number=request["number"], kind=kind, told=told[:300])
        tell(connection, request["chat_id"], Reply(text=text), now)


# -- the ledger of erasures ---------------------------------------------------------------------------------------


def digest(kind: str, named: str, lookup_key: bytes) -> str:
    """The keyed hash by which an erased address or record is known again."""
    return hmac.new(lookup_key, f"erased:{kind}:{named}".encode(), hashlib.sha256).hexdigest()


def address_of(chat: Mapping[Any, Any]) -> str:
    """What names a chat in the ledger."""
    return f"{chat['channel']}:{chat['account']}:{chat['address']}"


def note_erasure(
    connection: Connection,
    policy: Policy,
    *,
    kind: str,
    named: str,
    whole: bool,
    receipt_number: str,
    key: str,
    now: datetime,
) -> None:
    """Writes an erasure into the ledger; `named`: `address_of` a chat, or a record's key."""
    erasing.note(
        connection,
        key=key,
        kind=kind,
        digest=digest(kind, named, policy.lookup_key),
        key_id=key_id(policy.lookup_key),
        whole=whole,
        number=receipt_number,
        now=now,
    )
