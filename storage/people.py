"""Participants (the operator's imported records), the links between chats and records, proofs and who looked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, RowMapping, case, func, select, update

from storage.inbox import insert_for
from storage.schema import (
    access_log,
    chats,
    conversations,
    link_codes,
    links,
    number_proofs,
    participants,
    proofs,
)

WRONG_ALLOWED = 3  # wrong answers before the lock (design: People and proof)
LOCK = timedelta(hours=1)
NUMBER_WRONG_ALLOWED = 6  # wrong answers of a day for one number, over all its chats; then each further one locks it
NUMBER_COUNTED = timedelta(days=1)


def get(connection: Connection, participant_id: int) -> RowMapping | None:
    """The record by its key."""
    return connection.execute(select(participants).where(participants.c.id == participant_id)).mappings().first()


def any_record(connection: Connection) -> bool:
    """Whether the operator has imported anybody."""
    return connection.execute(select(participants.c.id).limit(1)).first() is not None


def by_record_key(connection: Connection, record_key: str) -> RowMapping | None:
    """The record by the operator's own key."""
    return connection.execute(select(participants).where(participants.c.record_key == record_key)).mappings().first()


def by_phone(connection: Connection, phone: str) -> list[RowMapping]:
    """The records on a number ("+62…"); families share one."""
    statement = select(participants).where(participants.c.phone == phone).order_by(participants.c.id)
    return list(connection.execute(statement).mappings())


def by_nik_hash(connection: Connection, nik_hash: str) -> list[RowMapping]:
    """The records of a NIK, by its keyed hash."""
    statement = select(participants).where(participants.c.nik_hash == nik_hash).order_by(participants.c.id)
    return list(connection.execute(statement).mappings())


# -- links --------------------------------------------------------------------------------------------------------


WEB_LINK = timedelta(hours=24)


def link(
    connection: Connection,
    *,
    chat_id: int,
    participant_id: int,
    level: str,
    method: str,
    now: datetime,
    parent_id: int | None = None,
) -> None:
    """Joins a chat to a record; the chat's former link ends. One that rests on another link (`parent_id`) ends with it, at the latest after a day."""
    end_link(connection, chat_id, why="replaced", now=now)
    row = {"chat_id": chat_id, "participant_id": participant_id, "level": level, "method": method, "created_at": now}
    row |= {"parent_id": parent_id, "expires_at": now + WEB_LINK if parent_id else None}
    connection.execute(links.insert().values(row))


def end_link(connection: Connection, chat_id: int, *, why: str, now: datetime) -> bool:
    """Ends the chat's link and those that rest on it; False if it had none."""
    ended = list(
        connection.execute(
            update(links)
            .where(links.c.chat_id == chat_id, links.c.ended_at.is_(None))
            .values(ended_at=now, ended_why=why)
            .returning(links.c.id)
        ).scalars()
    )
    if ended:
        resting = update(links).where(links.c.parent_id.in_(ended), links.c.ended_at.is_(None))
        connection.execute(resting.values(ended_at=now, ended_why=why))
    return bool(ended)


def linked_chats(connection: Connection, participant_id: int) -> list[RowMapping]:
    """The chats that are linked to a record now, with their conversation's owner version."""
    statement = (
        select(chats, conversations.c.owner_version)
        .join(links, links.c.chat_id == chats.c.id)
        .join(conversations, conversations.c.chat_id == chats.c.id)
        .where(links.c.participant_id == participant_id, links.c.ended_at.is_(None))
        .order_by(chats.c.id)
    )
    return list(connection.execute(statement).mappings())


def links_of(connection: Connection, participant_id: int) -> list[RowMapping]:
    """The active links of a record, with their chats' channel, newest first."""
    statement = (
        select(links, chats.c.channel)
        .join(chats, chats.c.id == links.c.chat_id)
        .where(links.c.participant_id == participant_id, links.c.ended_at.is_(None))
        .order_by(links.c.id.desc())
    )
    return list(connection.execute(statement).mappings())


# -- proofs -------------------------------------------------------------------------------------------------------


def locked_until(connection: Connection, chat_id: int, now: datetime) -> datetime | None:
    """The end of the chat's lock, None where there is none."""
    until = connection.execute(select(proofs.c.locked_until).where(proofs.c.chat_id == chat_id)).scalar()
    return until if until and until > now else None


def wrong_proof(connection: Connection, chat_id: int, now: datetime) -> int:
    """Counts a wrong answer of the last hour; returns how many are left, and at 0 locks the chat for an hour.

    A right answer in between forgets nothing: on a shared number one could else try the others for ever.
    """
    statement = insert_for(connection)(proofs).values(chat_id=chat_id, wrong=1, since=now)
    old = proofs.c.since < now - LOCK
    wrong = connection.execute(
        statement.on_conflict_do_update(
            index_elements=["chat_id"],
            set_={"wrong": case((old, 1), else_=proofs.c.wrong + 1), "since": case((old, now), else_=proofs.c.since)},
        ).returning(proofs.c.wrong)
    ).scalar_one()
    left = WRONG_ALLOWED - int(wrong)
    if left <= 0:
        values = {"wrong": 0, "since": now, "locked_until": now + LOCK}
        connection.execute(update(proofs).where(proofs.c.chat_id == chat_id).values(values))
    return max(0, left)


def number_locked_until(connection: Connection, phone: str, now: datetime) -> datetime | None:
    """The end of the number's lock, None where there is none."""
    until = connection.execute(select(number_proofs.c.locked_until).where(number_proofs.c.phone == phone)).scalar()
    return until if until and until > now else None


def wrong_on_number(connection: Connection, phone: str, now: datetime) -> int:
    """Counts a wrong answer for a number over all its chats; returns how many are left today, and at 0 locks it for an hour.

    Numbers without a record count like the others, so that a lock tells nobody whether there is one.
    """
    statement = insert_for(connection)(number_proofs).values(phone=phone, wrong=1, since=now)
    old = number_proofs.c.since < now - NUMBER_COUNTED
    wrong = connection.execute(
        statement.on_conflict_do_update(
            index_elements=["phone"],
            set_={
                "wrong": case((old, 1), else_=number_proofs.c.wrong + 1),
                "since": case((old, now), else_=number_proofs.c.since),
            },
        ).returning(number_proofs.c.wrong)
    ).scalar_one()
    left = NUMBER_WRONG_ALLOWED - int(wrong)
    if left <= 0:
        connection.execute(update(number_proofs).where(number_proofs.c.phone == phone).values(locked_until=now + LOCK))
    return max(0, left)


def delete_old_number_proofs(connection: Connection, *, before: datetime, limit: int) -> int:
    """Deletes a small batch of counts whose day is over; returns how many."""
    old = select(number_proofs.c.phone).where(number_proofs.c.since < before).limit(limit)
    return connection.execute(number_proofs.delete().where(number_proofs.c.phone.in_(old))).rowcount


def lock_unvouched(connection: Connection, participant_ids: Sequence[int], now: datetime) -> None:
    """Closes these records for an hour to chats whose number nobody vouches for."""
    if participant_ids:
        connection.execute(
            update(participants)
            .where(participants.c.id.in_(sorted(participant_ids)))
            .values(unvouched_locked_until=now + LOCK)
        )


# -- codes that open a web chat -----------------------------------------------------------------------------------


def make_code(connection: Connection, *, code: str, chat_id: int, now: datetime, expires_at: datetime) -> None:
    """Notes a one-time code of a linked chat; an older one of the same chat no longer counts."""
    connection.execute(link_codes.delete().where(link_codes.c.chat_id == chat_id))
    connection.execute(link_codes.insert().values(code=code, chat_id=chat_id, created_at=now, expires_at=expires_at))


def use_code(connection: Connection, code: str, now: datetime) -> RowMapping | None:
    """Uses a code up; returns the active link of the chat that made it, None for an unknown, used or old code."""
    chat_id = connection.execute(
        link_codes.delete()
        .where(link_codes.c.code == code, link_codes.c.expires_at > now)
        .returning(link_codes.c.chat_id)
    ).scalar()
    return (
        connection.execute(select(links).where(links.c.chat_id == chat_id, links.c.ended_at.is_(None)))
        .mappings()
        .first()
    )


def delete_old_codes(connection: Connection, *, before: datetime, limit: int) -> int:
    """Deletes a small batch of codes that have run out; returns how many."""
    old = select(link_codes.c.code).where(link_codes.c.expires_at < before).limit(limit)
    return connection.execute(link_codes.delete().where(link_codes.c.code.in_(old))).rowcount


# -- who looked ---------------------------------------------------------------------------------------------------


def log_access(
    connection: Connection, *, actor: str, participant_id: int, what: str, now: datetime, reason: str | None = None
) -> None:
    """Notes that somebody saw or changed a record; actor: "chat:12", "agent:3", "operator:budi", "cli"."""
    values = {"at": now, "actor": actor, "participant_id": participant_id, "what": what, "reason": reason}
    connection.execute(access_log.insert().values(values))


def accesses(connection: Connection, participant_id: int, limit: int = 10) -> list[RowMapping]:
    """The last looks at a record, newest first; one actor at one thing for one reason once, with number and last time."""
    last = func.max(access_log.c.at)
    statement = (
        select(
            access_log.c.actor, access_log.c.what, access_log.c.reason, last.label("at"), func.count().label("times")
        )
        .where(access_log.c.participant_id == participant_id)
        .group_by(access_log.c.actor, access_log.c.what, access_log.c.reason)
        .order_by(last.desc())
        .limit(limit)
    )
    return list(connection.execute(statement).mappings())
