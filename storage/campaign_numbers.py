"""An audience from a file: numbers, each with who agreed, when, and with which words; the chats that they get."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Connection, func, literal, select, update

from storage.inbox import insert_for
from storage.schema import campaign_numbers, campaign_recipients, chats, consents, conversations, identities

ANNOUNCEMENTS: Final = "announcements"  # purpose of a consent that a file brought
_BATCH: Final = 500


def add(connection: Connection, campaign_id: int, rows: Sequence[Mapping[str, Any]]) -> None:
    """Lines of a file: line, phone, problem, consent_source, consent_on, consent_wording."""
    for at in range(0, len(rows), _BATCH):
        connection.execute(
            campaign_numbers.insert(), [{"campaign_id": campaign_id, **row} for row in rows[at : at + _BATCH]]
        )


def clear(connection: Connection, campaign_id: int) -> None:
    """Forgets the lines of a draft's file."""
    connection.execute(campaign_numbers.delete().where(campaign_numbers.c.campaign_id == campaign_id))


def worst(connection: Connection, listed: int, *, limit: int = 20) -> list[tuple[int, str]]:
    """The first lines that may not be written to: (line of the file, problem)."""
    row = campaign_numbers.c
    found = select(row.line, row.problem).where(row.campaign_id == listed, row.problem.is_not(None))
    return [(one.line, one.problem) for one in connection.execute(found.order_by(row.line).limit(limit))]


def size(connection: Connection, listed: int) -> int:
    """How many lines the file has."""
    row = campaign_numbers.c
    return int(connection.execute(select(func.count()).where(row.campaign_id == listed)).scalar_one())


def match(connection: Connection, listed: int, sources: Sequence[str]) -> None:
    """Finds a chat of each number that we know already, on a channel that the campaign leaves by; which of several it gets, `storage.audience` says."""
    row = campaign_numbers.c
    source = chats.c.channel + ":" + chats.c.account
    newest = (
        select(func.max(identities.c.chat_id))
        .join(chats, chats.c.id == identities.c.chat_id)
        .where(
            identities.c.kind == "phone",
            identities.c.vouched,
            identities.c.value == row.phone,
            source.in_(list(sources)),
        )
        .scalar_subquery()
    )
    connection.execute(
        update(campaign_numbers).where(row.campaign_id == listed, row.problem.is_(None)).values(chat_id=newest)
    )


def prepare(connection: Connection, campaign: Mapping[Any, Any], now: datetime) -> None:
    """Finds or makes the chats of a file's numbers, on the account that the campaign names for new ones; keeps their consent."""
    listed, source = campaign["audience"]["numbers_of"], campaign["audience"].get("numbers_by")
    match(connection, listed, campaign["sources"])
    row = campaign_numbers.c
    mine = (row.campaign_id == listed, row.problem.is_(None))
    if source:
        channel, _, account = source.partition(":")
        new = connection.execute(select(row.phone).where(*mine, row.chat_id.is_(None))).scalars().all()
        for at in range(0, len(new), _BATCH):
            _new_chats(connection, channel, account, new[at : at + _BATCH], now)
        match(connection, listed, campaign["sources"])
    _keep_consents(connection, listed, now)


def newcomers(connection: Connection, campaign: Mapping[Any, Any], needs: Sequence[str]) -> tuple[int, str | None]:
    """How many numbers of its file have no chat yet, and why they will not be written to; None: they will, in a new one.

    `needs`: variables of the record in its text, which a new chat has none of.
    """
    listed, by = campaign["audience"].get("numbers_of"), campaign["audience"].get("numbers_by")
    if listed is None:
        return 0, None
    row = campaign_numbers.c
    new = select(func.count()).where(row.campaign_id == listed, row.problem.is_(None), row.chat_id.is_(None))
    why = [
        (not by, "no_channel"),
        (bool(campaign["topic"]), "not_subscribed"),
        (str(by).startswith("whatsapp:") and not campaign["content"].get("template"), "closed_window"),
        *((True, f"no_value: {name}") for name in needs),
    ]
    return int(connection.execute(new).scalar_one()), next((reason for holds, reason in why if holds), None)


def _new_chats(connection: Connection, channel: str, account: str, phones: Sequence[str], now: datetime) -> None:
    place = {"channel": channel, "account": account, "created_at": now, "seen_at": now}
    made = insert_for(connection)(chats).on_conflict_do_nothing()
    connection.execute(made, [{**place, "address": phone} for phone in phones])
    found = connection.execute(
        select(chats.c.id, chats.c.address).where(
            chats.c.channel == channel, chats.c.account == account, chats.c.address.in_(phones)
        )
    ).all()
    connection.execute(
        insert_for(connection)(conversations).on_conflict_do_nothing(),
        [{"chat_id": key, "updated_at": now} for key, _ in found],
    )
    known = {"kind": "phone", "vouched": True, "first_seen": now, "last_seen": now}
    connection.execute(
        insert_for(connection)(identities).on_conflict_do_nothing(),
        [{**known, "chat_id": key, "value": phone} for key, phone in found],
    )


def _keep_consents(connection: Connection, campaign_id: int, now: datetime) -> None:
    """The words that the file brought stand with each chat of the number, where its owner can ask for them."""
    row = campaign_numbers.c
    known = select(consents.c.id).where(consents.c.chat_id == identities.c.chat_id, consents.c.purpose == ANNOUNCEMENTS)
    wording = row.consent_source + ": " + row.consent_wording
    rows = (
        select(identities.c.chat_id, literal(ANNOUNCEMENTS), wording, literal(now, consents.c.given_at.type))
        .join(identities, identities.c.value == row.phone)
        .where(
            *(row.campaign_id == campaign_id, row.problem.is_(None), row.chat_id.is_not(None)),
            *(identities.c.kind == "phone", identities.c.vouched, ~known.exists()),
        )
    )
    connection.execute(consents.insert().from_select(["chat_id", "purpose", "wording", "given_at"], rows))


def add_left_out(connection: Connection, campaign: Mapping[Any, Any], size: int, now: datetime) -> int:
    """Lines without consent, with a wrong number, twice, or whom no channel reaches: rows of the ledger like any other."""
    listed = campaign["audience"].get("numbers_of")
    if listed is None:
        return 0
    row = campaign_numbers.c
    rows = select(
        literal(campaign["id"]),
        literal(size) + func.row_number().over(order_by=row.line),
        literal(""),
        literal("WIB"),
        literal("skipped"),
        func.coalesce(row.problem, "no_channel"),
        literal(now, campaign_recipients.c.at.type),
    ).where(row.campaign_id == listed, (row.problem.is_not(None)) | (row.chat_id.is_(None)))
    names = ["campaign_id", "n", "source", "zone", "state", "reason", "at"]
    return connection.execute(campaign_recipients.insert().from_select(names, rows)).rowcount


def consent_row(line: int, phone: str | None, source: str, on: date | None, wording: str) -> dict[str, Any]:
    """A line of a file as `add_numbers` takes it; without who, when and which words there is no consent."""
    consent = bool(source and on and wording)
    problem = "bad_number" if phone is None else None if consent else "no_consent"
    texts = {"consent_source": source[:200] or None, "consent_wording": wording or None}
    return {"line": line, "phone": phone, "problem": problem, "consent_on": on, **texts}
