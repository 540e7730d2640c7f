"""What the desk and the command line do with drafts alike: check, give to a reader, publish; ask for and approve dated rows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection

from handlers import answer_check, links
from handlers.answer_check import Finding
from handlers.catalogue import Catalogue
from handlers.content_now import POLICY, STATES, hosts
from nlu.masking import mask
from storage import editing, program
from storage.editing import RefusedError

REASON, VALUE = 300, 300
_FACT = re.compile(r"[a-z][a-z0-9_]{1,39}")
_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}")


def findings(
    content: Catalogue, intent: str, row: Mapping[Any, Any], now: datetime, *, link_hosts: tuple[str, ...]
) -> list[Finding]:
    """All that keeps a row of `answer_versions` from being published now."""
    found = answer_check.draft(intent, dated(row["body"]), content, link_hosts=link_hosts)
    found += _reason(row["reason"])
    if row["valid_to"] is not None and row["valid_to"] <= max(now, row["valid_from"] or now):
        found.append(Finding("valid_to", "ends_before"))
    return found


def dated(body: Mapping[str, Any]) -> dict[str, Any]:
    """The body with its dates; what is no date stays text, for the check to name."""
    return {**body, **{key: _date(body.get(key)) for key in ("as_of", "review_by")}}


def submit(
    connection: Connection,
    content: Catalogue,
    intent: str,
    *,
    revision: int,
    now: datetime,
    link_hosts: tuple[str, ...],
) -> None:
    """Gives a draft without problems to its second reader. Raises `RefusedError`."""
    _sound(connection, content, intent, now, link_hosts)
    editing.submit(connection, intent, revision=revision)


def publish(
    connection: Connection,
    content: Catalogue,
    intent: str,
    *,
    revision: int,
    reader: str,
    now: datetime,
    link_hosts: tuple[str, ...],
) -> int:
    """Publishes what the second reader agrees with; checked again, since facts and hosts may have changed. Raises `RefusedError`."""
    _sound(connection, content, intent, now, link_hosts)
    return editing.publish(connection, intent, revision=revision, reader=reader, now=now)


def roll_back(
    connection: Connection,
    content: Catalogue,
    version_id: int,
    *,
    actor: str,
    reason: str,
    now: datetime,
    link_hosts: tuple[str, ...],
) -> int:
    """Publishes an old version again; one that may not be published today is refused. Returns the new id; raises `RefusedError`."""
    row = editing.get(connection, version_id)
    if row is None:
        raise RefusedError("not_published")
    _told(reason)
    if findings(content, row["intent"], {**row, "reason": reason, "valid_to": None}, now, link_hosts=link_hosts):
        raise RefusedError("problems")
    return editing.roll_back(connection, version_id, actor=actor, reason=reason, now=now)


def withdraw(connection: Connection, version_id: int, *, actor: str, reason: str, now: datetime) -> None:
    """Takes a published version out, with a reason that may be public. Raises `RefusedError`."""
    _told(reason)
    editing.withdraw(connection, version_id, actor=actor, reason=reason, now=now)


def end(connection: Connection, row_id: int, *, by: str, reason: str, now: datetime) -> None:
    """Ends a dated row, with a reason that may be public. Raises `RefusedError`."""
    _told(reason)
    program.end(connection, row_id, by=by, reason=reason, now=now)


def approve(
    connection: Connection, content: Catalogue, row_id: int, *, by: str, now: datetime, link_hosts: tuple[str, ...]
) -> None:
    """The second person's yes to a dated row; checked again, as `publish`. Raises `RefusedError`."""
    row = program.get(connection, row_id)
    found = row_findings(content, row, now, link_hosts=link_hosts) if row else []
    if any(one.reason != "ends_before" for one in found):  # which storage tells in its own words
        raise RefusedError("problems")
    program.approve(connection, row_id, by=by, now=now)


def row_findings(
    content: Catalogue, asked: Mapping[Any, Any], now: datetime, *, link_hosts: tuple[str, ...]
) -> list[Finding]:
    """All that keeps a dated row (kind, key, value, reason, valid_from, valid_to) from being asked for."""
    kind, key, value = asked["kind"], asked["key"], asked["value"]
    found = _reason(asked["reason"])
    if not value or len(value) > VALUE:
        found.append(Finding("value", "long" if value else "empty", _size(value)))
    if kind == program.STATE and value not in STATES:
        found.append(Finding("value", "empty"))
    if kind == program.NOTICE:
        known = key in ("", *content.files["editing"]["groups"])
        found += [] if known else [Finding("key", "follow_up", {"name": key})]
        found += [Finding("value", "link", {"host": host}) for host in links.forbidden(value, link_hosts)]
        found += [Finding("value", "broken", {"error": "it names no fact"})] if "{" in value or "}" in value else []
    if kind == program.FACT:
        found += _fact(content, key, value, link_hosts)
    if kind != program.FACT and asked["valid_to"] is None:
        found.append(Finding("valid_to", "needs_end"))
    if asked["valid_to"] is not None and asked["valid_to"] <= max(now, asked["valid_from"] or now):
        found.append(Finding("valid_to", "ends_before"))
    return found


def standing(row: Mapping[Any, Any], active: int | None, now: datetime) -> str:
    """What a version is now: draft, review, withdrawn, lapsed, later, active or replaced."""
    if row["state"] != editing.PUBLISHED:
        return str(row["state"])
    if row["valid_to"] is not None and row["valid_to"] <= now:
        return "lapsed"
    if row["valid_from"] > now:
        return "later"
    return "active" if row["id"] == active else "replaced"


def _fact(content: Catalogue, key: str, value: str, link_hosts: tuple[str, ...]) -> list[Finding]:
    found = [] if _FACT.fullmatch(key) else [Finding("key", "fact_name")]
    if "{" in value or "}" in value:
        found.append(Finding("value", "broken", {"error": "a fact names no other"}))
    if content.common.get(key, "").isdigit() and not value.isdigit():
        found.append(Finding("value", "number"))  # the program counts with it
    if key == POLICY[2]:
        found += [Finding("value", "host", {"host": host}) for host in hosts(value) if not _HOST.fullmatch(host)]
    else:
        found += [Finding("value", "link", {"host": host}) for host in links.forbidden(value, link_hosts)]
    if key in content.schemes[content.default_scheme].values:
        found.append(Finding("key", "of_scheme", {"name": key}))
    return found


def _sound(connection: Connection, content: Catalogue, intent: str, now: datetime, link_hosts: tuple[str, ...]) -> None:
    row = editing.open_version(connection, intent)
    if row is None:
        raise RefusedError("not_open")
    if findings(content, intent, row, now, link_hosts=link_hosts):
        raise RefusedError("problems")


def _told(reason: str) -> None:
    if _reason(reason):
        raise RefusedError("reason")


def _reason(reason: str) -> list[Finding]:
    if not reason.strip() or len(reason) > REASON:
        return [Finding("reason", "no_reason", {"most": REASON})]
    return [Finding("reason", "identity")] if mask(reason).kinds else []


def _size(value: str) -> dict[str, int]:
    return {"size": len(value), "most": VALUE, "over": len(value) - VALUE}


def _date(value: Any) -> Any:
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        return value
