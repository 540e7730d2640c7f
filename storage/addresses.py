"""Whose chat an event belongs to, where a person is known by more than an address (platform-rules 2.9).

WhatsApp names a person by a number, by an id of its own (BSUID), or by both, and either may change. The chat is ours:
numbers and ids are identities that hang off it. `vouched` is what holds now; what a person has given up stays, not
vouched for, so that an event that comes late is still theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, select, update

from storage import inbox
from storage.chats import note_identity
from storage.inbox import Event
from storage.schema import chats, identities
from storage.schema import inbox as inbox_rows

Ids = tuple[tuple[str, str], ...]  # (kind, value): ("bsuid", "ID.…"), ("phone", "+62…")

_SEEN_AGAIN = timedelta(days=1)  # `last_seen` need not be written for every message


@dataclass(frozen=True, slots=True)
class _Owner:
    chat_id: int
    address: str
    vouched: bool
    first_seen: datetime
    last_seen: datetime


def settle(connection: Connection, events: Sequence[Event], now: datetime) -> list[Event]:
    """The events with the address of the chat that their sender has already; notes what the platform vouches for.

    Events without ids are left as they are. Called in the transaction that inserts them.
    """
    named = [event for event in events if event.ids]
    if not named:
        return list(events)
    known = _Known(connection, named)
    _welcome(connection, known, named, now)
    return [_settled(connection, known, event, now) if event.ids else event for event in events]


def _welcome(connection: Connection, known: _Known, events: Sequence[Event], now: datetime) -> None:
    """Makes the chats of people whom nobody knows by any of their ids, all at once: a burst after an announcement is full of them."""
    new: list[Event] = []
    met: set[tuple[str, str, str, str]] = set()
    for event in events:
        places = {(event.channel, event.account, kind, value) for kind, value in event.ids}
        if not event.moved and not places & met and not known.any_owner(places):
            new.append(replace(event, address=event.ids[-1][1]))
            met |= places
    taken = inbox.look_up(connection, [event.place for event in new]) if new else {}
    new = [event for event in new if event.place not in taken]
    if not new:
        return
    made = inbox.chats_of(connection, new, now)
    rows = [
        {"chat_id": made[event.place].id, "kind": kind, "value": value, "vouched": True}
        | {"first_seen": event.sent_at, "last_seen": event.sent_at}
        for event in new
        for kind, value in event.ids
    ]
    connection.execute(inbox.insert_for(connection)(identities).on_conflict_do_nothing(), rows)
    for event in new:
        known.keep(event, _Owner(made[event.place].id, event.address, True, event.sent_at, event.sent_at))


def learn(connection: Connection, chat_id: int, bsuid: str, now: datetime) -> None:
    """The id of somebody we wrote to by number, as a report tells it: their answer may come without the number."""
    elsewhere = select(identities.c.id).where(identities.c.kind == "bsuid", identities.c.value == bsuid).limit(1)
    if _vouched(connection, chat_id, "bsuid") is None and connection.execute(elsewhere).first() is None:
        note_identity(connection, chat_id, kind="bsuid", value=bsuid, vouched=True, now=now)


class _Known:
    """The owners of all identities in a batch, read at once and kept up as the batch goes on."""

    def __init__(self, connection: Connection, events: Sequence[Event]) -> None:
        self._connection = connection
        self._owners: dict[tuple[str, str, str, str], list[_Owner]] = {}
        values = {value for event in events for _, value in (*event.ids, *event.moved)}
        statement = (
            select(identities, chats.c.channel, chats.c.account, chats.c.address)
            .join(chats, chats.c.id == identities.c.chat_id)
            .where(identities.c.kind.in_(("phone", "bsuid")), identities.c.value.in_(sorted(values)))
            .order_by(identities.c.vouched, identities.c.last_seen)
        )
        for row in connection.execute(statement):
            owner = _Owner(row.chat_id, row.address, row.vouched, row.first_seen, row.last_seen)
            self._owners.setdefault((row.channel, row.account, row.kind, row.value), []).append(owner)

    def any_owner(self, places: Iterable[tuple[str, str, str, str]]) -> bool:
        """Whether anybody has or had one of these (channel, account, kind, value)."""
        return any(place in self._owners for place in places)

    def keep(self, event: Event, owner: _Owner) -> None:
        """Remembers whose ids these are, as they have just been written."""
        for kind, value in event.ids:
            self._owners[event.channel, event.account, kind, value] = [owner]

    def owner(self, event: Event, ids: Iterable[tuple[str, str]], kind: str, *, former: bool = False) -> _Owner | None:
        """The chat that an id of this kind belongs to; `former`: or has belonged to."""
        for name, value in ids:
            found = self._owners.get((event.channel, event.account, name, value)) if name == kind else None
            if found and (found[-1].vouched or former):
                return found[-1]
        return None

    def note(self, event: Event, owner: _Owner, ids: Ids) -> None:
        """Writes ids that are new for a chat, or were seen long ago; by the platform's clock, so that late events are known."""
        at = event.sent_at
        for kind, value in ids:
            place = (event.channel, event.account, kind, value)
            held = next((o for o in self._owners.get(place, ()) if o.chat_id == owner.chat_id), None)
            if held is None or not held.vouched or at - held.last_seen > _SEEN_AGAIN:
                note_identity(self._connection, owner.chat_id, kind=kind, value=value, vouched=True, now=at)
                first = held.first_seen if held else at
                others = [o for o in self._owners.get(place, ()) if o.chat_id != owner.chat_id]
                self._owners[place] = [*others, _Owner(owner.chat_id, owner.address, True, first, at)]

    def give_up(self, event: Event, chat_id: int, ids: Iterable[tuple[str, str]]) -> None:
        """These ids are not the chat's any more."""
        for kind, value in ids:
            place = (event.channel, event.account, kind, value)
            where = (identities.c.chat_id == chat_id, identities.c.kind == kind, identities.c.value == value)
            self._connection.execute(update(identities).where(*where).values(vouched=False))
            self._owners[place] = [
                replace(o, vouched=False) if o.chat_id == chat_id else o for o in self._owners.get(place, ())
            ]


def _settled(connection: Connection, known: _Known, event: Event, now: datetime) -> Event:
    if event.moved:
        return _moved(connection, known, event)
    by_id = known.owner(event, event.ids, "bsuid", former=True)
    by_phone = known.owner(event, event.ids, "phone") or _at_number(connection, event)
    if by_id and not by_id.vouched:  # they have moved since: an old event that comes late changes nothing
        return replace(event, address=by_id.address)
    bsuid = next((value for kind, value in event.ids if kind == "bsuid"), None)
    owner = by_id or by_phone
    if by_phone and bsuid and by_phone.chat_id != (by_id.chat_id if by_id else None):
        other = _vouched(connection, by_phone.chat_id, "bsuid")
        if by_id is None and other:
            owner = None  # the number is another person's now
        if by_id or other:
            if event.sent_at < by_phone.first_seen:  # … and this message is from before
                event = replace(event, ids=tuple(pair for pair in event.ids if pair[0] != "phone"))
            else:
                _lose_number(connection, known, event, by_phone)
    return _with_owner(connection, known, event, owner, now)


def _with_owner(connection: Connection, known: _Known, event: Event, owner: _Owner | None, now: datetime) -> Event:
    """The event at its chat, made where the person is new, with what the platform vouches for."""
    if owner is None:
        place = _free_place(connection, event)
        owner = _Owner(inbox.chat_at(connection, place, now), place[2], True, now, now)
        event = replace(event, address=place[2])
        phone = next((value for kind, value in event.ids if kind == "phone"), None)
        reach = phone if phone != place[2] else None
        named = {"reach": reach, "name": event.name[:120]}
        connection.execute(update(chats).where(chats.c.id == owner.chat_id).values(**named))
    known.note(event, owner, event.ids)
    return replace(event, address=owner.address)


def _at_number(connection: Connection, event: Event) -> _Owner | None:
    """A chat that somebody began by the number alone: an announcement to an imported record."""
    phone = next((value for kind, value in event.ids if kind == "phone"), None)
    if phone is None:
        return None
    where = (chats.c.channel == event.channel, chats.c.account == event.account, chats.c.address == phone)
    row = connection.execute(select(chats).where(*where)).first()
    if row is None or _vouched(connection, row.id, "phone") or row.reach:
        return None
    return _Owner(row.id, row.address, True, row.created_at, row.seen_at)


def _free_place(connection: Connection, event: Event) -> tuple[str, str, str]:
    """Where a new person's chat is: at the number, or at their id where a former owner's chat has the number."""
    for kind in ("phone", "bsuid"):
        for name, value in event.ids:
            place = (event.channel, event.account, value)
            if name == kind:
                where = (chats.c.channel == place[0], chats.c.account == place[1], chats.c.address == value)
                if connection.execute(select(chats.c.id).where(*where)).first() is None:
                    return place
    return event.place


def _vouched(connection: Connection, chat_id: int, kind: str) -> str | None:
    where = (identities.c.chat_id == chat_id, identities.c.kind == kind, identities.c.vouched)
    statement = select(identities.c.value).where(*where).order_by(identities.c.last_seen.desc())
    return connection.execute(statement).scalars().first()


def _lose_number(connection: Connection, known: _Known, event: Event, former: _Owner) -> None:
    """The number speaks for somebody else now: its former chat is reached by its own id, or not at all.

    A link that rested on the number ends by itself: the record's number is not vouched for any more.
    """
    phones = [(kind, value) for kind, value in event.ids if kind == "phone"]
    known.give_up(event, former.chat_id, phones)
    bsuid = _vouched(connection, former.chat_id, "bsuid")
    values = {"reach": bsuid} if bsuid else {"stopped_at": event.sent_at}
    connection.execute(update(chats).where(chats.c.id == former.chat_id).values(**values))


def _moved(connection: Connection, known: _Known, event: Event) -> Event:
    """The platform says that the person has another number or id: the chat goes with them, once."""
    owner = known.owner(event, event.ids, "bsuid") or known.owner(event, event.ids, "phone")
    done = select(inbox_rows.c.id).where(inbox_rows.c.source == event.source, inbox_rows.c.event_id == event.event_id)
    if owner is None or connection.execute(done).first():
        met = known.owner(event, event.moved, "bsuid", former=True) or owner
        met = met or known.owner(event, event.ids, "bsuid", former=True)
        return replace(event, address=met.address) if met else event
    kept = {value for _, value in event.moved}
    for kind in ("phone", "bsuid"):
        held = select(identities.c.value).where(
            identities.c.chat_id == owner.chat_id, identities.c.kind == kind, identities.c.vouched
        )
        values = [(kind, value) for value in connection.execute(held).scalars() if value not in kept]
        known.give_up(event, owner.chat_id, values)
    free = tuple(pair for pair in event.moved if known.owner(event, [pair], pair[0]) is None)
    known.note(event, owner, free)
    reach = next((value for kind in ("phone", "bsuid") for name, value in event.moved if name == kind), None)
    connection.execute(update(chats).where(chats.c.id == owner.chat_id).values(reach=reach))
    return replace(event, address=owner.address)
