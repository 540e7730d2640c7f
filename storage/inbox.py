"""Inbound events: stored before the platform hears "200", and counted in their chat's `queue` row (claims: `storage.claims`)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, case, func, literal_column, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from storage.schema import chats, conversations, inbox, queue
from storage.scrub import mask_parts

_DIGIT_RUN_PAUSE = timedelta(minutes=10)
_IDENTITY_DIGITS = range(15, 21)  # a NIK, KK or card number has 16; people drop or repeat one


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One inbound event as it is stored; `payload` is already masked."""

    channel: str
    account: str
    address: str
    event_id: str
    payload: Mapping[str, Any]
    sent_at: datetime
    name: str = ""
    digits: int = 0  # how many digits, when the text is nearly nothing else (half a NIK?)
    ids: tuple[
        tuple[str, str], ...
    ] = ()  # what the platform vouches for of the sender: ("phone", "+62…"), ("bsuid", …)
    moved: tuple[tuple[str, str], ...] = ()  # … and what it will be from now on
    window: timedelta | None = None  # how long this message lets us answer freely, where the channel has a window

    @property
    def source(self) -> str:
        """The channel account, as the outbox and the budgets name it."""
        return f"{self.channel}:{self.account}"

    @property
    def place(self) -> tuple[str, str, str]:
        """The key of the chat."""
        return self.channel, self.account, self.address


def insert_for(connection: Connection) -> Any:
    """`insert()` of the database at hand, with ON CONFLICT and RETURNING."""
    return sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert


_find_chats = select(chats.c.id, chats.c.channel, chats.c.account, chats.c.address, chats.c.digit_run).where(
    chats.c.channel == bindparam("channel"),
    chats.c.account == bindparam("account"),
    chats.c.address.in_(bindparam("addresses", expanding=True)),
)


def insert(connection: Connection, events: Sequence[Event], now: datetime) -> list[int | None]:
    """Stores events; returns for each its inbox id, None where it was there before (a repeat changes nothing)."""
    found = chats_of(connection, events, now)
    rows = [
        {
            "chat_id": found[event.place].id,
            "source": event.source,
            "event_id": event.event_id,
            "payload": dict(event.payload),
            "state": "pending",
            "sent_at": event.sent_at,
            "received_at": now,
        }
        for event in events
    ]
    statement = (
        insert_for(connection)(inbox)
        .on_conflict_do_nothing(index_elements=["source", "event_id"])
        .returning(inbox.c.id, inbox.c.source, inbox.c.event_id, inbox.c.chat_id)
    )
    ids = {(row.source, row.event_id): row.id for row in connection.execute(statement, rows)}
    new = [
        event for event in {(e.source, e.event_id): e for e in events}.values() if (event.source, event.event_id) in ids
    ]
    if new:
        for event in new:
            if event.digits:
                _follow_digits(connection, found[event.place].id, event, ids[event.source, event.event_id], now)
        _open_windows(connection, [(found[event.place].id, event) for event in new], now)
        enqueue(connection, Counter(found[event.place].id for event in new), now)
    taken: set[tuple[str, str]] = set()
    result: list[int | None] = []
    for event in events:
        key = (event.source, event.event_id)
        result.append(None if key in taken else ids.get(key))
        taken.add(key)
    return result


def chat_at(connection: Connection, place: tuple[str, str, str], now: datetime) -> int:
    """Key of the chat at (channel, account, address), made where it is new."""
    channel, account, address = place
    event = Event(channel=channel, account=account, address=address, event_id="", payload={}, sent_at=now)
    return int(chats_of(connection, [event], now)[place].id)


def chats_of(connection: Connection, events: Sequence[Event], now: datetime) -> dict[tuple[str, str, str], Any]:
    """The chats at these events' places, made where they are new (with the person's name)."""
    places = {event.place: event for event in events}
    found = look_up(connection, list(places))
    if missing := [place for place in sorted(places) if place not in found]:
        rows = [
            {
                "channel": channel,
                "account": account,
                "address": address,
                "name": places[channel, account, address].name[:120],
                "created_at": now,
                "seen_at": now,
            }
            for channel, account, address in missing
        ]
        connection.execute(insert_for(connection)(chats).on_conflict_do_nothing(), rows)
        found |= look_up(connection, missing)
        new = [{"chat_id": found[place].id, "updated_at": now} for place in missing]
        connection.execute(insert_for(connection)(conversations).on_conflict_do_nothing(), new)
    return found


def look_up(connection: Connection, places: list[tuple[str, str, str]]) -> dict[tuple[str, str, str], Any]:
    """The chats at these places. One question an account: SQLite reads a list of tuples by scanning the table."""
    by_account: dict[tuple[str, str], list[str]] = defaultdict(list)
    for channel, account, address in places:
        by_account[channel, account].append(address)
    found = {}
    for (channel, account), addresses in by_account.items():
        asked = {"channel": channel, "account": account, "addresses": addresses}
        for row in connection.execute(_find_chats, asked):
            found[row.channel, row.account, row.address] = row
    return found


def enqueue(connection: Connection, counts: Mapping[int, int], now: datetime) -> None:
    """Counts the waiting events of chats; `counts`: chat → how many more."""
    rows = [
        {"chat_id": chat, "pending": count, "ready_at": now} for chat, count in sorted(counts.items())
    ]  # locks by id
    statement = insert_for(connection)(queue)
    waiting = queue.c.owner.is_not(None) | (queue.c.pending > 0)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["chat_id"],
            set_={
                "pending": queue.c.pending + statement.excluded.pending,
                "ready_at": case((waiting, queue.c.ready_at), else_=statement.excluded.ready_at),
            },
        ),
        rows,
    )


_open_window = (
    update(chats)
    .where(
        chats.c.id == bindparam("chat_id"),
        or_(chats.c.window_until.is_(None), chats.c.window_until < bindparam("until")),
    )
    .values(window_until=bindparam("until"))
)


def _open_windows(connection: Connection, events: Sequence[tuple[int, Event]], now: datetime) -> None:
    """Renews the windows of these chats; an old message that comes late never shortens one."""
    until: dict[int, datetime] = {}
    for chat_id, event in events:
        if event.window:
            end = min(event.sent_at, now) + event.window  # a clock that is ahead opens no longer window
            until[chat_id] = max(end, until.get(chat_id, end))
    if until:  # locks by id
        connection.execute(_open_window, [{"chat_id": chat, "until": end} for chat, end in sorted(until.items())])


def _follow_digits(connection: Connection, chat_id: int, event: Event, inbox_id: int, now: datetime) -> None:
    """Finds an identity number typed over several messages and masks every part of it (design, rule 4)."""
    run = connection.execute(select(chats.c.digit_run).where(chats.c.id == chat_id)).scalar()
    if run and datetime.fromisoformat(run["at"]) < now - _DIGIT_RUN_PAUSE:
        run = None
    digits = event.digits + (run["digits"] if run else 0)
    parts = [*(run["inbox_ids"] if run else ()), inbox_id]
    if digits in _IDENTITY_DIGITS and len(parts) > 1:
        mask_parts(connection, chat_id, parts)
        run = None
    elif digits >= _IDENTITY_DIGITS.stop:
        run = {"digits": event.digits, "inbox_ids": [inbox_id], "at": now.isoformat()}
    else:
        run = {"digits": digits, "inbox_ids": parts, "at": now.isoformat()}
    connection.execute(update(chats).where(chats.c.id == chat_id).values(digit_run=run))


def reject(connection: Connection, event: Event, error: str, now: datetime) -> None:
    """Keeps the trace of an event that could not be stored: its key and the reason, never its content."""
    bare = Event(
        channel=event.channel,
        account=event.account,
        address=event.address[:160],
        event_id=event.event_id[:160],
        payload={},
        sent_at=now,
    )
    chat = chats_of(connection, [bare], now)[bare.place]
    row = {
        "chat_id": chat.id,
        "source": bare.source,
        "event_id": bare.event_id,
        "state": "rejected",
        "error": error[:500],
        "sent_at": now,
        "received_at": now,
    }
    connection.execute(insert_for(connection)(inbox).on_conflict_do_nothing().values(row))


def waiting(connection: Connection) -> tuple[int, datetime | None]:
    """(events that wait, when the oldest of the waiting chats became ready), for metrics and back-pressure."""
    row = connection.execute(
        select(func.coalesce(func.sum(queue.c.pending), 0), func.min(queue.c.ready_at)).where(queue.c.pending > 0)
    ).one()
    return int(row[0]), row[1]


def delete_done(connection: Connection, *, before: datetime, limit: int) -> int:
    """Deletes a small batch of finished events older than `before`; returns how many."""
    done = inbox.c.state == literal_column("'done'")  # written out, so that the partial index is known to fit
    old = select(inbox.c.id).where(done, inbox.c.done_at < before).limit(limit)
    return connection.execute(inbox.delete().where(inbox.c.id.in_(old))).rowcount
