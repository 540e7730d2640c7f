"""Agents, chats and requests for the tests of queue and desk."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, insert, select

from storage import agents, cases, handoffs
from storage.schema import chats, conversations


def add_chat(connection: Connection, address: str, now: datetime, channel: str = "web") -> int:
    row = {"channel": channel, "account": channel, "address": address, "created_at": now, "seen_at": now}
    key = int(connection.execute(insert(chats).values(row).returning(chats.c.id)).scalar_one())
    connection.execute(insert(conversations).values(chat_id=key, updated_at=now))
    return key


def add_agent(connection: Connection, name: str, now: datetime, **more: object) -> int:
    """Somebody who is there."""
    values = {"alias": name.title(), "code": f"P-{name[:4].upper()}", "role": "agent", **more}
    key = agents.add(connection, name=name, now=now, **values)  # type: ignore[arg-type]
    agents.switch(connection, key, agents.AVAILABLE, now)
    return key


def ask(connection: Connection, address: str, now: datetime, *, later: int = 0, **more: object) -> int:
    """A request in a chat of its own, so many seconds later; returns its key."""
    at = now + timedelta(seconds=later)
    chat = add_chat(connection, address, at)
    number = f"L-{address}"
    due = at + timedelta(days=1)
    cases.create(connection, number=number, chat_id=chat, topic="uang", priority=2, story="…", now=at, due_at=due)
    case = cases.by_number(connection, number)
    assert case is not None
    values = {"topic": "uang", "priority": 2, "live": False, **more}
    return int(handoffs.join(connection, chat_id=chat, number=number, case_id=case["id"], now=at, **values)["id"])  # type: ignore[arg-type]


def owner(connection: Connection, handoff_id: int) -> str:
    row = handoffs.get(connection, handoff_id)
    assert row is not None
    asked = select(conversations.c.owner).where(conversations.c.chat_id == row["chat_id"])
    return str(connection.execute(asked).scalar_one())


def serve(connection: Connection, address: str, agent: int, now: datetime, *, minutes: int, rating: int = 0) -> int:
    """A whole conversation of so many minutes, that ends `now`."""
    from storage import desk_messages, ownership

    began = now - timedelta(minutes=minutes)
    key = ask(connection, address, began)
    row = ownership.take(connection, key, agent, began)
    desk_messages.say(
        connection, chat_id=row["chat_id"], agent_id=agent, payload={"text": "Halo"}, now=began + timedelta(minutes=1)
    )
    ownership.end(connection, key, agent, now)
    if rating:
        handoffs.rate(connection, key, now, rating=rating)
    return key
