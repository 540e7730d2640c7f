"""Whether two names that histories know are two people: accounts of the desk ("agent:3") and operators at a shell ("operator:budi")."""

from __future__ import annotations

from sqlalchemy import Connection

from storage import agents
from storage.refusal import Refusal


def second(connection: Connection, writer: str, reader: str) -> None:
    """Raises `Refusal` unless they are surely two: an operator at a shell who names no account may be any account's owner."""
    one, other = _account(connection, writer), _account(connection, reader)
    if one == other:
        raise Refusal("same_person", "a second person has to approve it; you made it")
    if one.partition(":")[0] != other.partition(":")[0]:
        shell = one if one.startswith("operator:") else other
        told = (
            f"whether {writer} is a second person beside {reader} cannot be told: use --by with the name of an account"
        )
        raise Refusal("doors", told, name=shell.partition(":")[2])


def _account(connection: Connection, actor: str) -> str:
    """ "agent:3" for the operator who names that account; any other as it is."""
    kind, _, name = actor.partition(":")
    found = agents.by_name(connection, name) if kind == "operator" else None
    return f"agent:{found['id']}" if found else actor
