"""Tells a person something about queue, agent or case outside a turn: into outbox and log, with the options that now count."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from handlers import bubbles
from handlers.messages import Reply, State, state_from_json
from storage import chats, outbox

LIFE = timedelta(hours=24)  # as of every reply
HANDLER = "queue"


def state_of(connection: Connection, chat_id: int) -> State:
    """The conversation's state, with its lock held to the end of the transaction."""
    return state_from_json(chats.lock_conversations(connection, [chat_id])[chat_id]["state"])


def tell(connection: Connection, chat_id: int, reply: Reply, now: datetime, *, state: State | None = None) -> None:
    """Sends a reply at once, whoever owns the chat. `state`: the conversation's new one, where it changes too."""
    conversation = chats.lock_conversations(connection, [chat_id])[chat_id]
    chat = chats.get(connection, chat_id)
    if chat is None or chat["stopped_at"]:
        return
    before = state_from_json(conversation["state"])
    after = state or before
    if reply.options:
        after = replace(after, options=reply.options, version=before.version + 1)
    if after != before:
        chats.save_states(connection, {chat_id: after.to_json()}, now)
    said = (reply,) if chat["channel"] == "sms" else bubbles.fitted(reply)
    drafts = [
        outbox.Draft(
            chat_id=chat_id,
            source=f"{chat['channel']}:{chat['account']}",
            payload=replace(one, version=after.version if one.options else 0).to_json(),
            owner_version=conversation["owner_version"],
            expires_at=now + LIFE,
            cancellable=one.cancellable,
            passes_agent=True,
        )
        for one in said
    ]
    outbox.enqueue(connection, drafts, now)
    rows = [{"chat_id": chat_id, "author": "bot", "text": one.text, "handler": HANDLER, "at": now} for one in said]
    chats.log(connection, rows)
