"""What must be known of recipients right before they are written to: may they be, where, and the values of the text."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, func, select

from storage import audience_filter, restrictions, subscriptions
from storage.schema import campaign_recipients, chats, conversations, identities, links, participants


def facts(connection: Connection, chat_ids: Sequence[int], topic: str | None) -> dict[int, dict[str, Any]]:
    """By chat: channel, account, zone, name, formal, left, opted_out, restricted, owner, owner_version, level, and the record's person, wave, membership …"""
    statement = (
        select(
            chats.c.id,
            chats.c.channel,
            chats.c.account,
            audience_filter.zone_of().label("zone"),
            chats.c.name,
            chats.c.formal,
            chats.c.stopped_at.is_not(None).label("left"),
            subscriptions.opted_out(topic).label("opted_out"),
            restrictions.holds(chats.c.id).label("restricted"),
            func.coalesce(conversations.c.owner, "bot").label("owner"),
            func.coalesce(conversations.c.owner_version, 0).label("owner_version"),
            links.c.level,
            participants.c.name.label("person"),
            participants.c.wave,
            participants.c.membership,
            participants.c.buy_by,
            participants.c.balance,
            participants.c.as_of,
        )
        .select_from(chats)
        .outerjoin(conversations, conversations.c.chat_id == chats.c.id)
        .outerjoin(links, and_(links.c.chat_id == chats.c.id, links.c.ended_at.is_(None)))
        .outerjoin(participants, participants.c.id == links.c.participant_id)
        .where(chats.c.id.in_(list(chat_ids)))
    )
    return {row["id"]: dict(row) for row in connection.execute(statement).mappings()}


def written_to(connection: Connection, chat_id: int, since: datetime) -> bool:
    """Whether an announcement has reached the chat since a moment, or is on its way to it."""
    row = campaign_recipients.c
    mine = (row.chat_id == chat_id, row.state.in_(("sending", "accepted", "delivered", "read")), row.at >= since)
    return connection.execute(select(row.n).where(*mine).limit(1)).first() is not None


def numbers_of_chats(connection: Connection, phone: str) -> list[int]:
    """Chats that a number is vouched for in."""
    found = select(identities.c.chat_id).where(
        identities.c.kind == "phone", identities.c.value == phone, identities.c.vouched
    )
    return list(connection.execute(found.order_by(identities.c.chat_id)).scalars())
