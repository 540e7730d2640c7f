"""The message templates that a platform holds for us, as it last told: by a synchronisation, or by an event in between."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, select, update

from storage.inbox import insert_for
from storage.schema import templates


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """One template in one language; `components` as the platform gives them."""

    name: str
    language: str
    category: str
    status: str
    platform_id: str | None = None
    quality: str = ""
    reason: str | None = None
    body: str = ""
    components: Sequence[Mapping[str, Any]] = field(default_factory=tuple)
    variables: int = 0


def replace_all(connection: Connection, account: str, found: Sequence[Template], now: datetime) -> None:
    """The whole list as the platform has it now: what is not in it any more is deleted here too."""
    for template in found:
        row = {name: getattr(template, name) for name in template.__slots__}
        row |= {"components": list(template.components), "synced_at": now}
        statement = insert_for(connection)(templates).values(account=account, **row)
        connection.execute(statement.on_conflict_do_update(index_elements=["account", "name", "language"], set_=row))
    kept = {(template.name, template.language) for template in found}
    for old in listed(connection, account):
        if (old["name"], old["language"]) not in kept:
            connection.execute(templates.delete().where(templates.c.id == old["id"]))


def change(
    connection: Connection, account: str, name: str, language: str, *, now: datetime, **values: str | None
) -> bool:
    """Sets what an event told (status, quality, category, reason); False for a template that is not listed yet."""
    where = (templates.c.account == account, templates.c.name == name, templates.c.language == language)
    return bool(connection.execute(update(templates).where(*where).values(synced_at=now, **values)).rowcount)


def get(connection: Connection, account: str, name: str, language: str) -> RowMapping | None:
    """One template, or None where the platform holds none of that name and language."""
    where = (templates.c.account == account, templates.c.name == name, templates.c.language == language)
    return connection.execute(select(templates).where(*where)).mappings().first()


def listed(connection: Connection, account: str) -> list[RowMapping]:
    """All templates of an account, by name and language."""
    statement = select(templates).where(templates.c.account == account)
    return list(connection.execute(statement.order_by(templates.c.name, templates.c.language)).mappings())
