"""Moving what is kept sealed from the former secret to the present one (docs/identity.md)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection

from handlers import identity, secure
from handlers.turn import Policy
from storage import identity as numbers
from storage.database import Database

_BATCH = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """How much is sealed under one key."""

    key: str  # its id
    state: str  # present, former, missing
    count: int


async def held(database: Database, policy: Policy) -> list[Held]:
    """The keys in use, each with its state; the present one always."""
    counts = {secure.key_id(policy.sealing_key): 0, **await database.read(numbers.key_counts)}
    return [Held(key=name, state=_state(name, policy), count=count) for name, count in counts.items()]


def _state(name: str, policy: Policy) -> str:
    if name == secure.key_id(policy.sealing_key):
        return "present"
    return "missing" if secure.opener(policy, name) is None else "former"


async def rotate(database: Database, policy: Policy, *, tell: Callable[[int], None] = lambda moved: None) -> int:
    """Seals everything of the former key under the present one, in small transactions; returns how many. Can be repeated."""
    moved = 0
    for name in [one.key for one in await held(database, policy) if one.state == "former"]:
        while done := await database.write(partial(_move, policy, name)):
            moved += done
            tell(done)
    return moved


def _move(policy: Policy, name: str, connection: Connection) -> int:
    rows = numbers.sealed_under(connection, name, _BATCH)
    for row in rows:
        values = identity.sealed_row(identity.opened(row, policy), policy, chat_id=row["chat_id"])
        numbers.reseal(connection, row["chat_id"], values)
    return len(rows)
