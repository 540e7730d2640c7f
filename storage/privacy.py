"""Everything kept about one chat: counted for its owner, and erased on request with a receipt.

The operator's imported records (participants and what hangs on them) are not the chat's: erasing ends the link to
them. Erasing during a conversation leaves the bare address, the owner of the conversation and the events' ids,
without which the reply could not be sent and a repeated event would be answered twice; `erase_whole` takes these too.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Table, func, or_, select, update

from storage import consents, data_requests, subscriptions, tags
from storage.schema import (
    access_log,
    answer_feedback,
    campaign_numbers,
    campaign_recipients,
    carry_codes,
    cases,
    chat_tags,
    chats,
    course_choices,
    desk_drafts,
    drafts,
    handoffs,
    identities,
    identity_looks,
    identity_numbers,
    inbox,
    link_codes,
    links,
    messages,
    misunderstood,
    notices,
    outbox,
    registrations,
    reminders,
    secure_forms,
    taught,
    visits,
)
from storage.schema import consents as consent_rows
from storage.schema import subscriptions as subscription_rows

# what is erased row by row; wrong proofs (`proofs`), a stop of announcements and a "no" to suggestions (`chats.similar`) stay, or erasing
# would lift them
_OWN: tuple[Table, ...] = (
    identities,
    link_codes,
    carry_codes,
    links,
    consent_rows,
    messages,
    course_choices,
    drafts,
    registrations,
    identity_numbers,
    identity_looks,
    secure_forms,
    handoffs,
    desk_drafts,
    cases,
    misunderstood,
    taught,
    answer_feedback,
    notices,
    visits,
    reminders,
    chat_tags,
)
_UNSENT = ("pending", "sending", "held")


def collect(connection: Connection, chat_id: int, now: datetime) -> dict[str, Any]:
    """What is kept about a chat: rows where they are few, counts where they are many."""

    def count(table: Table) -> int:
        return int(
            connection.execute(select(func.count()).select_from(table).where(table.c.chat_id == chat_id)).scalar_one()
        )

    def rows(table: Table, *where: Any) -> list[RowMapping]:
        return list(connection.execute(select(table).where(table.c.chat_id == chat_id, *where)).mappings())

    return {
        "chat": connection.execute(select(chats).where(chats.c.id == chat_id)).mappings().one(),
        "identities": rows(identities),
        "links": rows(links, links.c.ended_at.is_(None)),
        "consents": consents.all_active(connection, chat_id, now),
        "registrations": rows(registrations, registrations.c.kept_until > now),
        "identity": count(identity_numbers),
        "drafts": rows(drafts, drafts.c.expires_at > now),
        "subscriptions": subscriptions.topics(connection, chat_id),
        "tags": tags.of_chat(connection, chat_id),
        "cases": rows(cases),
        "course_choices": count(course_choices),
        "messages": count(messages),
    }


def listed(chat_id: int) -> ColumnElement[bool]:
    """The lines of operators' files that are this chat's or name its number, also where no chat was found for them yet: they would make one anew."""
    whose = (identities.c.chat_id == chat_id, identities.c.kind == "phone", identities.c.vouched)
    vouched = select(identities.c.value).where(*whose)
    return or_(campaign_numbers.c.chat_id == chat_id, campaign_numbers.c.phone.in_(vouched))


def erase(connection: Connection, chat_id: int, now: datetime, *, keep: Collection[Table] = ()) -> dict[str, int]:
    """Erases what is kept about a chat while it goes on, but for the tables to `keep`; returns how many rows by table."""
    lines = connection.execute(campaign_numbers.delete().where(listed(chat_id))).rowcount
    erased = {
        table.name: connection.execute(table.delete().where(table.c.chat_id == chat_id)).rowcount
        for table in _OWN
        if table not in keep
    }
    erased["campaign_numbers"] = lines
    erased["subscriptions"] = connection.execute(
        subscription_rows.delete().where(
            subscription_rows.c.chat_id == chat_id,
            or_(subscription_rows.c.topic != subscriptions.EVERYTHING, subscription_rows.c.ended_at.is_(None)),
        )
    ).rowcount
    erased["inbox"] = connection.execute(
        update(inbox)
        .where(inbox.c.chat_id == chat_id, inbox.c.state != "pending", inbox.c.payload.is_not(None))
        .values(payload=None, error=None)
    ).rowcount
    erased["outbox"] = connection.execute(
        outbox.delete().where(outbox.c.chat_id == chat_id, outbox.c.state.not_in(_UNSENT))
    ).rowcount
    erased["outbox"] += connection.execute(
        outbox.delete().where(outbox.c.chat_id == chat_id, outbox.c.lane == 1, outbox.c.state.in_(("pending", "held")))
    ).rowcount
    erased["data_requests"] = data_requests.forget_wishes(connection, chat_id)
    connection.execute(
        update(chats).where(chats.c.id == chat_id).values(name="", formal=False, zone=None, digit_run=None)
    )
    return {name: number for name, number in erased.items() if number}


def erase_whole(connection: Connection, chat_id: int, now: datetime) -> dict[str, int]:
    """Erases a chat with its address, for the command line; a later message begins a new one."""
    erased = erase(connection, chat_id, now)
    erased["access_log"] = connection.execute(
        update(access_log).where(access_log.c.actor == f"chat:{chat_id}").values(actor="chat:erased")
    ).rowcount
    ledger_row = campaign_recipients.c.chat_id == chat_id
    connection.execute(update(campaign_recipients).where(ledger_row).values(chat_id=None))
    connection.execute(chats.delete().where(chats.c.id == chat_id))
    return {**{name: number for name, number in erased.items() if number}, "chats": 1}
