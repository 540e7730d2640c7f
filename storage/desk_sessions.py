"""Sessions of the desk and the throttle of its log-in. Tokens are stored as hashes: whoever reads the database can use none."""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, RowMapping, case, select, update

from storage.inbox import insert_for
from storage.schema import agents, desk_logins, desk_sessions

IDLE = timedelta(minutes=45)  # a desk left alone in an office
ABSOLUTE = timedelta(hours=12)  # longer than a shift
_SEEN_EVERY = timedelta(seconds=30)  # pages ask often; the row need not be written each time

COUNTED = timedelta(minutes=15)  # wrong passwords older than this are forgotten
WRONG_ACCOUNT, WRONG_ADDRESS = 8, 40  # an office shares one address
LOCK = timedelta(minutes=15)


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def open_session(connection: Connection, token: str, *, agent_id: int, now: datetime) -> None:
    """Notes a new session; `token` is random and stands in the browser's cookie alone."""
    row = {"token_hash": _hashed(token), "agent_id": agent_id, "created_at": now, "seen_at": now}
    connection.execute(desk_sessions.insert().values(row))


def find(connection: Connection, token: str, now: datetime) -> RowMapping | None:
    """The active agent of a session that has not run out, with `session_seen_at`; None for any other token."""
    s = desk_sessions
    statement = (
        select(agents, s.c.seen_at.label("session_seen_at"))
        .join(s, s.c.agent_id == agents.c.id)
        .where(s.c.token_hash == _hashed(token), s.c.seen_at > now - IDLE, s.c.created_at > now - ABSOLUTE)
        .where(agents.c.active)
    )
    return connection.execute(statement).mappings().first()


def is_due(seen_at: datetime, now: datetime) -> bool:
    """Whether `touch` has something to write."""
    return now - seen_at > _SEEN_EVERY


def touch(connection: Connection, token: str, now: datetime) -> None:
    """The session is in use."""
    connection.execute(update(desk_sessions).where(desk_sessions.c.token_hash == _hashed(token)).values(seen_at=now))


def end(connection: Connection, token: str) -> None:
    """Ends one session (log-out, and the former one at a log-in)."""
    connection.execute(desk_sessions.delete().where(desk_sessions.c.token_hash == _hashed(token)))


def end_all(connection: Connection, agent_id: int) -> None:
    """Ends all sessions of an agent: a new password, an account switched off, another role."""
    connection.execute(desk_sessions.delete().where(desk_sessions.c.agent_id == agent_id))


def delete_old(connection: Connection, *, now: datetime, limit: int) -> int:
    """Deletes a small batch of sessions that have run out; returns how many."""
    s = desk_sessions
    old = select(s.c.token_hash).where((s.c.seen_at < now - IDLE) | (s.c.created_at < now - ABSOLUTE)).limit(limit)
    return connection.execute(s.delete().where(s.c.token_hash.in_(old))).rowcount


# -- the throttle -------------------------------------------------------------------------------------------------


def throttle_keys(name: str, address: str) -> dict[str, int]:
    """What wrong passwords are counted by, and how many are allowed; a hash, since people type passwords as names."""
    account = hashlib.sha256(name.strip().lower().encode()).hexdigest()[:32]
    return {f"account:{account}": WRONG_ACCOUNT, f"address:{_network(address)}": WRONG_ADDRESS}


def _network(address: str) -> str:
    """Of IPv6 the network of a household, which could use each of its addresses once (RFC 6177: at least a /64)."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if isinstance(found, ipaddress.IPv4Address) or found.ipv4_mapped:
        return str(found)
    return str(ipaddress.ip_network((found, 64), strict=False))


def locked_until(connection: Connection, keys: Sequence[str], now: datetime) -> datetime | None:
    """The latest end of a lock on any of the keys; None where there is none."""
    found = connection.execute(
        select(desk_logins.c.locked_until).where(desk_logins.c.key.in_(keys), desk_logins.c.locked_until > now)
    ).scalars()
    return max(found, default=None)


def wrong(connection: Connection, allowed: dict[str, int], now: datetime) -> None:
    """Counts a wrong password by each key, and locks the keys that have had too many."""
    old = desk_logins.c.since < now - COUNTED
    for key, most in sorted(allowed.items()):
        statement = insert_for(connection)(desk_logins).values(key=key, wrong=1, since=now)
        count = connection.execute(
            statement.on_conflict_do_update(
                index_elements=["key"],
                set_={
                    "wrong": case((old, 1), else_=desk_logins.c.wrong + 1),
                    "since": case((old, now), else_=desk_logins.c.since),
                },
            ).returning(desk_logins.c.wrong)
        ).scalar_one()
        if count >= most:
            locked = {"wrong": 0, "since": now, "locked_until": now + LOCK}
            connection.execute(update(desk_logins).where(desk_logins.c.key == key).values(locked))


def forgive(connection: Connection, keys: Sequence[str]) -> None:
    """A right password: the account's wrong ones no longer count (the address's do: others may be guessing there)."""
    accounts = [key for key in keys if key.startswith("account:")]
    connection.execute(desk_logins.delete().where(desk_logins.c.key.in_(accounts)))


def delete_old_logins(connection: Connection, *, now: datetime, limit: int) -> int:
    """Deletes a small batch of counts that no longer matter; returns how many."""
    d = desk_logins
    over = (d.c.since < now - COUNTED) & (d.c.locked_until.is_(None) | (d.c.locked_until < now))
    return connection.execute(d.delete().where(d.c.key.in_(select(d.c.key).where(over).limit(limit)))).rowcount
