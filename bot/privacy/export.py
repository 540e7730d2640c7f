"""The copy of one person's data: JSON for machines, a page that stands alone for people. Other people in it are masked."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from bot.desk import look
from bot.privacy.whose import Whose
from nlu.digits import BULLET
from nlu.masking import mask
from storage import desk_view, people, person
from storage.schema import identities

_NUMBER = re.compile(r"(?<!\d)(?:\+?62|0)8\d(?:[\s.-]?\d){6,11}(?!\d)")
_MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_STAFF = ("actor", "author", "via", "done_by")
WHAT = "salinan data"  # as the access log names it


def export(connection: Connection, whose: Whose, *, by: str, reason: str, now: datetime) -> dict[str, Any]:
    """Gathers the copy and logs the look with its reason. Raises ValueError without a reason."""
    if not reason.strip():
        raise ValueError("--reason: say for whom and why; the access log keeps it")
    parts = []
    for chat in whose.chats:
        own = _own_numbers(connection, chat["id"])
        parts.append(
            {"what": f"chat {chat['id']}", "data": _masked(person.gather(connection, chat_id=chat["id"]), own)}
        )
        desk_view.log_look(
            connection, actor=by, chat_id=chat["id"], participant_id=None, what=WHAT, now=now, reason=reason
        )
    if whose.record is not None:
        record = whose.record
        data = _masked(person.gather(connection, participant_id=record["id"]), {str(record["phone"])})
        parts.append({"what": f"record {record['record_key']}", "data": data})
        people.log_access(connection, actor=by, participant_id=record["id"], what=WHAT, now=now, reason=reason[:200])
    return {"made_at": now.isoformat(), "masked": "numbers, addresses and names of other people", "parts": parts}


def _own_numbers(connection: Connection, chat_id: int) -> set[str]:
    return set(connection.execute(select(identities.c.value).where(identities.c.chat_id == chat_id)).scalars())


def _masked(data: Mapping[str, Any], own: Collection[str]) -> dict[str, Any]:
    """Staff by their office, other people's numbers and addresses hidden; the person's own stay."""
    return {
        name: value if isinstance(value, int) else [_row(row, own) for row in value] for name, value in data.items()
    }


def _row(row: Mapping[str, Any], own: Collection[str]) -> dict[str, Any]:
    return {name: _office(value) if name in _STAFF else _hidden(value, own) for name, value in row.items()}


def _office(value: Any) -> Any:
    kind = str(value).partition(":")[0]
    return {"agent": "petugas", "operator": "operator", "chat": "chat", "cli": "operator"}.get(kind, value)


def _hidden(value: Any, own: Collection[str]) -> Any:
    if isinstance(value, str):
        text = _NUMBER.sub(lambda match: match[0] if _same(match[0], own) else _few(match[0]), value)
        text = _MAIL.sub(lambda match: match[0] if match[0] in own else _few(match[0]), text)
        return text if text in own else mask(text).text
    if isinstance(value, Mapping):
        return {name: _office(one) if name in _STAFF else _hidden(one, own) for name, one in value.items()}
    if isinstance(value, list):
        return [_hidden(one, own) for one in value]
    return value


def _same(text: str, own: Collection[str]) -> bool:
    tail = re.sub(r"\D", "", text)[-9:]
    return any(re.sub(r"\D", "", one)[-9:] == tail for one in own)


def _few(text: str) -> str:
    return f"{text[:4]}{BULLET * 4}"


def page(copy: Mapping[str, Any], labels: Mapping[str, str], columns: Mapping[str, str], operator: str) -> str:
    """The copy as a page in Indonesian that needs nothing else."""
    made = datetime.fromisoformat(copy["made_at"])
    values = {"parts": copy["parts"], "made": made, "labels": labels, "columns": columns, "operator": operator}
    return look.render("person_copy.html", values)


def write(path: Path, text: str) -> None:
    """A file that only its owner can read; FileExistsError where there is one already."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)


def as_json(copy: Mapping[str, Any]) -> str:
    """The copy for machines."""
    return json.dumps(copy, ensure_ascii=False, indent=2) + "\n"
