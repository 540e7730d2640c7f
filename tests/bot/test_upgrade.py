"""An upgrade under load: a migration, new processes beside old ones, the old ones drain. Nothing is lost and nothing done twice (docs/upgrade.md)."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import Connection, func, select, text

from bot import app, settings
from storage import migrate
from storage.database import Database
from storage.schema import inbox, messages, outbox
from tests.bot.test_service import free_port, until_up
from tests.fakes.telegram import FakeTelegram, serve

PEOPLE, ROUNDS = 12, 8
WORDS = ("halo kak", "kapan gelombang dibuka", "insentif brp sih", "syaratnya apa aja", "cara daftar gmn")
LETTERS = "abcdefghijklmnopqrstuvwxyz"
# What a migration of a later version may do: only add.
EXPAND = (
    "ALTER TABLE chats ADD COLUMN upgrade_note VARCHAR(40)",
    "ALTER TABLE outbox ADD COLUMN upgrade_rank INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE inbox ADD COLUMN upgrade_mark BOOLEAN",
    "CREATE TABLE upgrade_things (id BIGINT PRIMARY KEY, chat_id BIGINT REFERENCES chats(id) ON DELETE CASCADE)",
    "UPDATE alembic_version SET version_num = '9999'",
)
UNDO = (
    "DROP TABLE IF EXISTS upgrade_things",
    "ALTER TABLE chats DROP COLUMN IF EXISTS upgrade_note",
    "ALTER TABLE outbox DROP COLUMN IF EXISTS upgrade_rank",
    "ALTER TABLE inbox DROP COLUMN IF EXISTS upgrade_mark",
)


def run_all(connection: Connection, statements: tuple[str, ...]) -> None:
    for statement in statements:
        connection.execute(text(statement))


@pytest.fixture
async def expanded(postgres: Database) -> AsyncIterator[Database]:
    """A database that is put back afterwards: others use it too."""
    yield postgres
    await postgres.write(lambda c: run_all(c, UNDO))
    back = text("UPDATE alembic_version SET version_num = :head")
    await postgres.write(lambda c: c.execute(back, {"head": migrate.head()}))


class Processes:
    """Roles of one version, started and stopped like processes."""

    def __init__(self, loaded: settings.Settings, made: app.Parts, *roles: str) -> None:
        self.services = [app.Service(loaded, made, role=role) for role in roles]
        self.tasks = [asyncio.create_task(service.run()) for service in self.services]

    async def stop(self) -> None:
        for service in self.services:
            service.stop()
        await asyncio.gather(*self.tasks)


def configured(url: str, fake: FakeTelegram) -> settings.Settings:
    return settings.load(
        {
            "PANDU_DATABASE_URL": url,
            "PANDU_SECRET_KEY": "test" * 10,
            "PANDU_BIND": f"127.0.0.1:{free_port()}",
            "PANDU_TELEGRAM_TOKEN": fake.token,
            "PANDU_TELEGRAM_API": fake.base,
            "PANDU_TELEGRAM_MODE": "webhook",
            "PANDU_TELEGRAM_SECRET": "rahasia",
            "PANDU_TELEGRAM_RATE": "0",
        }
    )


async def test_old_and_new_processes_share_the_work_through_a_migration(
    expanded: Database, migrated_postgres: str
) -> None:
    async with serve() as fake:
        loaded = configured(migrated_postgres, fake)
        made = app.parts(loaded)
        web = Processes(loaded, made, "web")
        old = Processes(loaded, made, "worker", "sender")
        await until_up(f"http://{loaded.bind}/readyz")
        fake.queue.webhook = {
            "url": f"http://{loaded.bind}/telegram/{web.services[0].channels[1].account}",
            "secret_token": "rahasia",
        }
        people = [fake.person(number) for number in range(1, PEOPLE + 1)]
        new: Processes | None = None
        for turn in range(ROUNDS):
            for person in people:
                person.says(f"{WORDS[(turn + person.id) % len(WORDS)]} nomor-{LETTERS[turn]}{LETTERS[person.id]}")
            await fake.until(lambda turn=turn: sum(len(one.inbox) for one in people) >= turn * PEOPLE // 2, timeout=30)
            if turn == 2:
                await expanded.write(lambda c: run_all(c, EXPAND))  # `pandu db upgrade` of the new version
            if turn == 4:
                await app.prepare_database(loaded)
                new = Processes(loaded, made, "worker", "sender")
            if turn == 5:
                await old.stop()  # SIGTERM: what is claimed is finished, the rest handed back
        await until_up(f"http://{loaded.bind}/readyz")
        sent = PEOPLE * ROUNDS
        await until(expanded, lambda c: _done(c) == sent and not _unsent(c))
        assert new
        await new.stop()
        await web.stop()
        await expanded.read(
            lambda c: _nothing_lost_nothing_twice(c, sent, {str(one.id): len(one.inbox) for one in people})
        )


async def until(database: Database, wanted, *, tries: int = 1200) -> None:  # type: ignore[no-untyped-def]
    for _ in range(tries):
        if await database.read(wanted):
            return
        await asyncio.sleep(0.025)
    raise TimeoutError


def _done(connection: Connection) -> int:
    return int(connection.execute(select(func.count()).where(inbox.c.state == "done")).scalar_one())


def _unsent(connection: Connection) -> int:
    return int(connection.execute(select(func.count()).where(outbox.c.state.in_(("pending", "sending")))).scalar_one())


def _nothing_lost_nothing_twice(connection: Connection, sent: int, heard: dict[str, int]) -> None:
    from storage.schema import chats

    assert _done(connection) == sent == connection.execute(select(func.count()).select_from(inbox)).scalar_one()
    said = " ".join(connection.execute(select(messages.c.text).where(messages.c.author == "person")).scalars())
    marks = Counter(re.findall(r"nomor-\w+", said))  # what is found together at a claim is one turn, so one message
    assert (len(marks), set(marks.values())) == (sent, {1}), "each event was taken once"
    states = Counter(connection.execute(select(outbox.c.state)).scalars())
    assert set(states) <= {"accepted", "cancelled"}, states
    accepted = select(chats.c.address, func.count()).join(outbox, outbox.c.chat_id == chats.c.id)
    rows = connection.execute(accepted.where(outbox.c.state == "accepted").group_by(chats.c.address))
    assert {address: count for address, count in rows} == heard, "each reply has arrived, once"  # noqa: C416 - rows are no pairs to mypy


async def test_a_new_program_waits_for_its_migration(expanded: Database, migrated_postgres: str) -> None:
    async with serve() as fake:
        loaded = configured(migrated_postgres, fake)
        await expanded.write(lambda c: c.execute(text("UPDATE alembic_version SET version_num = '0006'")))
        with pytest.raises(RuntimeError, match="pandu db upgrade"):
            await app.prepare_database(loaded)
