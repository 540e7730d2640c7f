"""What is done with a case outside a conversation: closed, passed on, put right; the person is told each time."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, RowMapping

from handlers.catalogue import Catalogue
from handlers.desk_acts import RESOLUTIONS
from handlers.linking_notices import notify
from handlers.messages import Reply
from storage import cases, chats


class CaseError(ValueError):
    """Why a case is not changed; the message says how to mend it."""


def settle(
    connection: Connection,
    content: Catalogue,
    case: RowMapping,
    *,
    actor: str,
    resolution: str,
    told: str,
    now: datetime,
) -> None:
    """Closes a case (answered; yours: only the person can do it) or passes it on (forwarded), and tells the person by day.

    Raises CaseError for a case that is closed, an unknown resolution, or nothing to tell.
    """
    if case["state"] == "closed":
        raise CaseError(f"{case['number']} is closed; what was told can be put right with `pandu case correct`")
    if resolution not in RESOLUTIONS:
        raise CaseError(f"resolution {resolution}: one of {', '.join(RESOLUTIONS)}")
    _tell(connection, content, f"case_{resolution}", case, told, now)
    cases.settle(connection, case["id"], actor=actor, resolution=resolution, told=told.strip(), now=now)


def correct(
    connection: Connection, content: Catalogue, case: RowMapping, *, actor: str, told: str, now: datetime
) -> None:
    """What the person was told was wrong: they are told again, with what is right. Raises CaseError where nothing was told yet."""
    if not case["told"]:
        raise CaseError(f"nothing was told about {case['number']} yet; close it with `pandu case close`")
    _tell(connection, content, "case_corrected", case, told, now)
    cases.corrected(connection, case["id"], actor=actor, told=told.strip(), now=now)


def _tell(connection: Connection, content: Catalogue, key: str, case: RowMapping, told: str, now: datetime) -> None:
    if not told.strip():
        raise CaseError("say what the person is told")
    text = content.text(key, number=case["number"], told=told.strip())
    row = chats.addressed(connection, case["chat_id"])
    if row is not None:
        notify(connection, [row], Reply(text=text), now)
        logged = {"chat_id": case["chat_id"], "author": "bot", "text": text, "handler": "case", "at": now}
        chats.log(connection, [logged])
