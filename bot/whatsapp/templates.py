"""What Meta holds of our templates, and whether one may be used now: looked up before a reminder, notice or announcement leaves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from bot.whatsapp import limits
from bot.whatsapp.client import Graph
from handlers import content_check, templates
from handlers.catalogue import CONTENT
from handlers.content_check import Problem
from handlers.templates import Wanted
from storage import templates as registry

_FIELDS = "id,name,language,status,category,quality_score,components,rejected_reason"
_PAGE = "100"
_PAGES = 100  # 6,000 templates are all that an account may have, templates/overview


def obstacle(held: Mapping[Any, Any] | None, want: Wanted, values: Mapping[str, str] | None = None) -> str:
    """Why a template may not be used now, and how to mend it; "" where it may. `values`: of its variables, by name."""
    called = f"template {want.name} ({want.language})"
    if held is None:
        return f"{called} is not at Meta in this language: run `pandu whatsapp templates --submit`, then `--sync`"
    if held["status"] != "approved":
        why = f" ({held['reason']})" if held["reason"] and held["reason"] != "NONE" else ""
        return f"{called} is {held['status']}{why}: {_MENDS.get(held['status'], 'look into WhatsApp Manager')}"
    if held["category"] != want.category:
        return f"{called} has become {held['category']} at Meta: word it more plainly under a new name"
    if held["body"] and held["body"].strip() != want.numbered:
        return f"{called} reads otherwise at Meta: give the changed text a new name and submit it"
    missing = [name for name in want.variables if values is not None and not str(values.get(name, "")).strip()]
    return f"{called} lacks a value for {missing[0]}" if missing else ""


_MENDS: Mapping[str, str] = {
    "pending": "wait for Meta's review, up to 24 hours",
    "rejected": "mend the text under a new name and submit it",
    "paused": "it rests because of bad feedback; wait, and look at whom it went to",
    "disabled": "write another one under a new name",
}


def problems(
    connection: Connection,
    account: str,
    wanted: Mapping[str, Wanted],
    *,
    name: str | None = None,
    values: Mapping[str, str] | None = None,
) -> list[Problem]:
    """What is in the way of a template (`name`), or of all: file, line, column, reason and mend; [] when all may be used.

    To be asked before a campaign or reminders start; `account`: WhatsApp business account id.
    """
    lines = content_check.lines_of(templates.path(CONTENT))
    found = []
    for key in [name] if name is not None else wanted:
        if want := wanted.get(key):
            told = obstacle(registry.get(connection, account, key, want.language), want, values)
        else:
            told = f"there is no template {key!r}: write it into this file"
        if told:
            found.append(Problem(file=f"{templates.FILE}.yml", line=lines.get(key, 1), column=1, message=told))
    return found


async def fetched(graph: Graph, account: str) -> list[registry.Template]:
    """All templates of an account as Meta has them; raises `GraphError`.

    https://developers.facebook.com/documentation/business-messaging/whatsapp/templates/overview
    """
    found: list[registry.Template] = []
    after = ""
    for _ in range(_PAGES):
        query = {"fields": _FIELDS, "limit": _PAGE, **({"after": after} if after else {})}
        answer = await graph.get(f"{account}/message_templates", **query)
        found += [_held(row) for row in answer.get("data", ()) if isinstance(row, dict) and row.get("name")]
        paging = answer.get("paging") or {}
        after = (paging.get("cursors") or {}).get("after", "") if paging.get("next") else ""
        if not after:
            break
    return found


def _held(row: Mapping[str, Any]) -> registry.Template:
    parts = [part for part in row.get("components") or () if isinstance(part, dict)]
    body = next((str(part.get("text", "")) for part in parts if str(part.get("type")).upper() == "BODY"), "")
    return registry.Template(
        name=str(row["name"])[:512],
        language=str(row.get("language", ""))[:16],
        platform_id=str(row.get("id", ""))[:40] or None,
        category=str(row.get("category", "")).lower()[:24],
        status=str(row.get("status", "")).lower()[:24],
        quality=str((row.get("quality_score") or {}).get("score", "")).lower()[:16],
        reason=str(row.get("rejected_reason") or "")[:200] or None,
        body=body,
        components=parts,
        variables=body.count("{{"),
    )


async def submit(graph: Graph, account: str, want: Wanted) -> str:
    """Hands a template in for review; returns the status that Meta gives it. Raises `GraphError`."""
    part: dict[str, Any] = {"type": "BODY", "text": want.numbered}
    if want.variables:
        part["example"] = {"body_text": [[want.samples[name] for name in want.variables]]}
    body: dict[str, Any] = {"name": want.name, "language": want.language, "components": [part]}
    body["category"] = want.category.upper()
    if want.life_hours:
        body["message_send_ttl_seconds"] = min(want.life_hours * 3600, limits.TEMPLATE_TTL_SECONDS[1])
    answer = await graph.post(f"{account}/message_templates", body)
    return str(answer.get("status", "PENDING")).lower()
