"""What the commands of `pandu content` share: the content as it is now, who does it, why a step was refused."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from bot import pack, settings
from bot.policy import own_hosts
from handlers import content_now
from handlers.catalogue import Catalogue
from handlers.editing_acts import REASON
from storage import agents, editing, program
from storage.database import database_now
from storage.editing import RefusedError

_REFUSED = {
    "stale": "somebody else has just changed it; try again",
    "same_person": "a second person must do that: whoever wrote or asked may not",
    "not_open": "nothing waits there",
    "not_published": "that is no published version; see `pandu content versions`",
    "ended": "its end has passed",
    "reason": f"write a reason of at most {REASON} characters, without digits like those of an identity",
    "problems": "it may not be published as it is; see its page at the desk",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The content and the clock of one command."""

    content: Catalogue
    hosts: tuple[str, ...]
    now: datetime

    @classmethod
    def open(cls, connection: Connection) -> Desk:
        """As it is now."""
        now, loaded = database_now(connection), settings.load()
        found = content_now.compose(pack.content(), editing.published(connection), program.approved(connection), now)
        listed = found.decisions.get("link_hosts")
        hosts = own_hosts(loaded, content_now.hosts(listed) if listed is not None else loaded.link_hosts)
        return cls(content=found.catalogue, hosts=hosts, now=now)

    def known(self, intent: str) -> None:
        """Raises ValueError for an intent without an answer."""
        if intent not in self.content.answers:
            raise ValueError(f"no answer {intent}; see pandu content list")

    def version_of(self, connection: Connection, intent: str, version: int) -> None:
        """Raises `RefusedError` where the version is none of this answer."""
        row = editing.get(connection, version)
        if row is None or row["intent"] != intent:
            raise RefusedError("not_published")

    def lasting_facts(self, connection: Connection) -> dict[str, str]:
        """The facts in force that have no end and stand in texts."""
        found: dict[str, str] = {}
        for row in program.approved(connection):
            held = row["kind"] == program.FACT and editing.holds(row, self.now)
            if held and row["key"] not in content_now.POLICY and row["key"] not in found:
                found[row["key"]] = row["value"] if row["valid_to"] is None else ""
        return {key: value for key, value in found.items() if value}


def editor(connection: Connection, name: str, allowed: Collection[str]) -> str:
    """The account as logs name it. Raises ValueError for an unknown one, or one whose role may not."""
    row = agents.by_name(connection, name)
    if row is None or not row["active"]:
        raise ValueError(f"no account {name!r}; see pandu agent list")
    if row["role"] not in allowed:
        raise ValueError(f"{name} is {row['role']}; that takes one of {', '.join(sorted(allowed))}")
    return f"agent:{row['id']}"


def told(key: str) -> str:
    """Why a step was refused."""
    return _REFUSED.get(key, key)
