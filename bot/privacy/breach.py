"""The breach pack: what a span of time touched, and the letters that are due within 3 × 24 hours (UU 27/2022, art. 46)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select

from handlers import register
from handlers.catalogue import Catalogue
from storage.privacy_rules import RULES
from storage.schema import Instant, access_log, data_requests, metadata, participants

NOTICE = timedelta(hours=72)
_WRITTEN = (
    "at",
    "created_at",
    "sent_at",
    "received_at",
    "given_at",
    "since",
    "updated_at",
    "noted_at",
    "imported_at",
    "first_seen",
    "asked_at",
)
"""The column that says when a row was written, the first that a table has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """From the first moment of the incident to its end, and when it was noticed."""

    since: datetime
    until: datetime
    noticed: datetime

    @property
    def due(self) -> datetime:
        """When people and authority must have been told."""
        return self.noticed + NOTICE


def collect(connection: Connection, content: Catalogue, span: Span) -> dict[str, Any]:
    """{"span", "tables", "people", "kinds", "timeline"}: what could have been seen by the end, and what was written meanwhile."""
    names = register.tables(content)
    tables = []
    for table in metadata.sorted_tables:
        if RULES[table.name].erasure == "none":
            continue
        clock = next(
            (table.c[name] for name in _WRITTEN if name in table.c and isinstance(table.c[name].type, Instant)), None
        )
        held = _count(connection, select(func.count()).select_from(table))
        during = 0
        if clock is not None:
            between = clock.between(span.since, span.until)
            during = _count(connection, select(func.count()).select_from(table).where(between))
        if held:
            tables.append(
                {"table": table.name, "what": names.get(table.name, table.name), "rows": held, "written": during}
            )
    touched = {str(row["table"]) for row in tables}
    kinds = [row["data"] for row in register.processing(content) if touched & set(row["tables"])]
    told = {name: getattr(span, name).isoformat() for name in ("since", "until", "noticed", "due")}
    return {
        "span": told,
        "people": _people(connection, span),
        "kinds": kinds,
        "tables": tables,
        "timeline": _timeline(connection, span),
    }


def _people(connection: Connection, span: Span) -> dict[str, int]:
    chats, looks = metadata.tables["chats"], access_log.c
    seen = (looks.at.between(span.since, span.until),)
    return {
        "chats": _count(connection, select(func.count()).select_from(chats).where(chats.c.created_at <= span.until)),
        "chats_active": _count(
            connection, select(func.count()).select_from(chats).where(chats.c.seen_at >= span.since)
        ),
        "records": _count(connection, select(func.count()).select_from(participants)),
        "records_looked_at": _count(connection, select(func.count(looks.participant_id.distinct())).where(*seen)),
        "chats_looked_at": _count(connection, select(func.count(looks.chat_id.distinct())).where(*seen)),
    }


def _timeline(connection: Connection, span: Span) -> list[dict[str, Any]]:
    """Looks by hour and actor, and the requests of the time, oldest first; no personal data."""
    rows = connection.execute(
        select(access_log.c.at, access_log.c.actor, access_log.c.what)
        .where(access_log.c.at.between(span.since, span.until), ~access_log.c.actor.like("chat:%"))
        .order_by(access_log.c.id)
    ).all()
    hours: dict[tuple[datetime, str, str], int] = {}
    for row in rows:
        key = (row.at.replace(minute=0, second=0, microsecond=0), row.actor, row.what)
        hours[key] = hours.get(key, 0) + 1
    found = [
        {"at": at.isoformat(), "actor": actor, "what": what, "times": times}
        for (at, actor, what), times in hours.items()
    ]
    asked = select(data_requests.c.received_at, data_requests.c.number, data_requests.c.kind).where(
        data_requests.c.received_at.between(span.since, span.until)
    )
    for row in connection.execute(asked):
        found.append({"at": row.received_at.isoformat(), "actor": row.number, "what": row.kind, "times": 1})
    return sorted(found, key=lambda one: str(one["at"]))


def _count(connection: Connection, statement: Any) -> int:
    return int(connection.execute(statement).scalar_one())


def letters(content: Catalogue, pack: Mapping[str, Any], operator: str) -> dict[str, str]:
    """The two letters with what is known filled in; what only people know stands in brackets."""
    values = {
        "operator": operator,
        "since": _shown(pack["span"]["since"]),
        "until": _shown(pack["span"]["until"]),
        "noticed": _shown(pack["span"]["noticed"]),
        "due": _shown(pack["span"]["due"]),
        "kinds": "\n".join(f"- {kind}" for kind in pack["kinds"]),
        "chats": f"{pack['people']['chats']:,}".replace(",", "."),
        "records": f"{pack['people']['records']:,}".replace(",", "."),
    }
    words = content.files["breach"]
    return {name: words[name].format(**values) for name in ("people", "authority")}


def _shown(moment: str) -> str:
    from bot.desk.look import at

    return at(datetime.fromisoformat(moment))
