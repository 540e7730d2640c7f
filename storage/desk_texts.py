"""What agents write beside the conversation: notes on a case, canned replies, drafts that are kept."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, RowMapping, select

from storage.inbox import insert_for
from storage.schema import canned, case_notes, desk_drafts


def note(connection: Connection, case_id: int, *, author: str, text: str, now: datetime) -> None:
    """Adds a note for colleagues; author: "agent:3", "operator:budi"."""
    connection.execute(case_notes.insert().values(case_id=case_id, author=author, text=text, at=now))


def notes(connection: Connection, case_id: int) -> list[RowMapping]:
    """A case's notes, oldest first."""
    statement = select(case_notes).where(case_notes.c.case_id == case_id).order_by(case_notes.c.id)
    return list(connection.execute(statement).mappings())


# -- canned replies -----------------------------------------------------------------------------------------------


def canned_replies(connection: Connection) -> list[RowMapping]:
    """All canned replies by shortcut."""
    return list(connection.execute(select(canned).order_by(canned.c.shortcut)).mappings())


def keep_canned(connection: Connection, *, shortcut: str, title: str, text: str, author: str, now: datetime) -> None:
    """Writes a canned reply over the one of the same shortcut."""
    values = {"title": title, "text": text, "author": author, "updated_at": now}
    statement = insert_for(connection)(canned).values(shortcut=shortcut, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["shortcut"], set_=values))


def delete_canned(connection: Connection, shortcut: str) -> bool:
    """Deletes a canned reply; False where there is none."""
    return bool(connection.execute(canned.delete().where(canned.c.shortcut == shortcut)).rowcount)


# -- drafts -------------------------------------------------------------------------------------------------------


def keep_draft(connection: Connection, *, agent_id: int, chat_id: int, text: str, now: datetime) -> None:
    """Keeps what an agent has typed and not sent; an empty text forgets it."""
    mine = (desk_drafts.c.agent_id == agent_id, desk_drafts.c.chat_id == chat_id)
    if not text.strip():
        connection.execute(desk_drafts.delete().where(*mine))
        return
    values = {"text": text, "saved_at": now}
    statement = insert_for(connection)(desk_drafts).values(agent_id=agent_id, chat_id=chat_id, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["agent_id", "chat_id"], set_=values))


def draft(connection: Connection, *, agent_id: int, chat_id: int) -> str:
    """What an agent has typed and not sent in a chat; "" for nothing."""
    statement = select(desk_drafts.c.text).where(desk_drafts.c.agent_id == agent_id, desk_drafts.c.chat_id == chat_id)
    return connection.execute(statement).scalar() or ""
