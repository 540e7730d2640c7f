"""An announcement sent to those who make it, before anybody else gets it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from handlers import announcement
from handlers.catalogue import Catalogue
from storage import campaign_people, campaigns, outbox

_LIFE: Final = timedelta(hours=1)


def send(
    connection: Connection,
    campaign: Mapping[Any, Any],
    chats: Sequence[int],
    content: Catalogue,
    *,
    actor: str,
    now: datetime,
) -> int:
    """With the chats' own values and, where they have none, with the examples; returns how many chats there are. Written down with their numbers."""
    people = campaign_people.facts(connection, chats, None)
    for person in people.values():
        outbox.enqueue(connection, [_draft(campaign, person, content, now)], now)
    if people:
        listed = ", ".join(map(str, people))
        campaigns.note(connection, campaign["id"], actor, "test", now, f"to chat {listed}")
    return len(people)


def _draft(campaign: Mapping[Any, Any], person: Mapping[str, Any], content: Catalogue, now: datetime) -> outbox.Draft:
    values = {**announcement.SAMPLE, **announcement.values(person, now, content)}
    frame = announcement.framed(campaign, content)
    reply = announcement.render(campaign["content"], frame, person["channel"], values)
    return outbox.Draft(
        chat_id=person["id"],
        source=f"{person['channel']}:{person['account']}",
        payload=reply.to_json(),
        owner_version=person["owner_version"],
        expires_at=now + _LIFE,
        lane=outbox.BROADCASTS,
        author="test",
    )
