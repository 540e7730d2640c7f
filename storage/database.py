"""One way to run storage functions on SQLite and on PostgreSQL.

A storage function is a plain function of a SQLAlchemy `Connection`. `Database.write(fn)` runs it in a transaction of its own, `Database.read(fn)`
in a read-only one. On SQLite every write goes through one writer thread (BEGIN IMMEDIATE, WAL, synchronous=FULL), reads through read-only
connections in a small pool; on PostgreSQL both go through asyncpg with `run_sync`. Figures behind this choice: docs/performance.md.
"""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, func, select
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import QueuePool

T = TypeVar("T")
Work = Callable[[Connection], T]

_BUSY_TIMEOUT_MS = 5_000
_READERS = 4
_TRIES = 4  # deadlocks, serialization failures and statements outdated by a migration are tried again
_TRANSIENT_SQLSTATES = frozenset({"40001", "40P01"})
# Classes of https://www.postgresql.org/docs/current/errcodes-appendix.html: connection, resources, object state (locks), operator, system.
_OUTAGE_CLASSES = frozenset({"08", "53", "55", "57", "58"})
_PARAMETERS = frozenset(
    {"host", "port", "ssl", "passfile", "target_session_attrs", "krbsrvname", "gsslib", "prepared_statement_cache_size"}
)
_OUTAGE_STATES = frozenset(
    {"25006", *_TRANSIENT_SQLSTATES}
)  # read-only after a failover; a deadlock that tries did not cure


_SQLITE_OUTAGES = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
    }
)


class UrlError(ValueError):
    """The URL names no database that Pandu can use; the message never holds the URL, which may hold a password."""


def parsed(url: str) -> URL:
    """sqlite:///path or postgresql://…; raises UrlError for any other."""
    try:
        found = make_url(url)
    except (ArgumentError, ValueError):
        raise UrlError("no address of a database, as sqlite:///var/pandu.db or postgresql://user@host/pandu") from None
    if found.get_backend_name() not in ("sqlite", "postgresql"):
        raise UrlError(f"unknown kind of database: {found.drivername} (sqlite or postgresql)")
    if found.get_backend_name() == "sqlite" and (not found.database or found.database == ":memory:"):
        raise UrlError("SQLite needs a file: sqlite:///var/pandu.db")
    return found


def postgres_engine(url: URL, **options: Any) -> AsyncEngine:
    """An engine on asyncpg, which has its own names for what libpq's URLs say (`sslmode`, `options`); UrlError for what it does not know.

    https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS, https://magicstack.github.io/asyncpg/current/api/index.html
    """
    query = dict(url.query)
    if "sslmode" in query:
        query["ssl"] = query.pop("sslmode")
    at_start = {name: query.pop(name) for name in ("options", "application_name") if name in query}
    if strangers := sorted({*query} - _PARAMETERS):
        raise UrlError(
            f"{strangers[0]} is no parameter of a connection here (certificates: PGSSLROOTCERT and the like)"
        )
    return create_async_engine(
        url.set(drivername="postgresql+asyncpg", query=query),
        connect_args={"server_settings": at_start} if at_start else {},
        hide_parameters=True,  # values never stand in an error message, so never in a log
        **options,
    )


def _dumps(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def is_outage(error: BaseException) -> bool:
    """Whether the database as a whole could not be reached or written (full disk, restart, lock), as opposed to one bad row."""
    if isinstance(error, OperationalError | InterfaceError | OSError | TimeoutError | PoolTimeoutError):
        return True
    if not isinstance(error, DBAPIError):
        return False
    state = sqlstate(error)
    return bool(error.connection_invalidated) or state[:2] in _OUTAGE_CLASSES or state in _OUTAGE_STATES


def is_surely_outage(error: BaseException) -> bool:
    """Whether the database itself said that it cannot: no fault of the statement, so no attempt of whoever made it.

    https://www.sqlite.org/rescode.html, https://www.postgresql.org/docs/current/errcodes-appendix.html
    """
    if not isinstance(error, DBAPIError):
        return isinstance(error, OSError | TimeoutError | PoolTimeoutError)
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is not None:
        return code & 0xFF in _SQLITE_OUTAGES
    state = sqlstate(error)
    return bool(error.connection_invalidated) or state[:2] in _OUTAGE_CLASSES or state in _OUTAGE_STATES


def sqlstate(error: DBAPIError) -> str:
    """PostgreSQL's code of what was wrong; "" where it told none."""
    return getattr(error.orig, "sqlstate", None) or getattr(error.orig, "pgcode", None) or ""


def _is_transient(error: DBAPIError) -> bool:
    return sqlstate(error) in _TRANSIENT_SQLSTATES or "InvalidCachedStatementError" in str(error.orig)


def database_now(connection: Connection) -> datetime:
    """The database's own clock (on SQLite: this machine's), so that leases of several machines agree."""
    if connection.dialect.name == "sqlite":
        return datetime.now(UTC)
    return connection.execute(select(func.clock_timestamp())).scalar_one()  # type: ignore[no-any-return]


def plan_afresh(connection: Connection) -> None:
    """For the rest of the transaction PostgreSQL plans by what the tables hold now.

    It keeps a statement's plan after a few runs; one made while a queue was empty reads the whole table when thousands wait
    (measured with 30,000 waiting replies: 1.2 s a claim instead of 2 ms). https://www.postgresql.org/docs/current/sql-prepare.html
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL plan_cache_mode = force_custom_plan")


class Database:
    """A database by URL; made once in `bot.app` and closed at the end."""

    def __init__(self, url: str, *, pool_size: int = 8) -> None:
        """`url`: sqlite:///path or postgresql://…; UrlError for any other."""
        found = parsed(url)
        self.url = url
        self.backend = found.get_backend_name()
        if self.backend == "sqlite":
            self._sqlite = _SQLite(Path(found.database or ""))
            return
        self._postgres = postgres_engine(
            found, pool_size=pool_size, max_overflow=0, pool_pre_ping=False, json_serializer=_dumps
        )

    async def write(self, work: Work[T]) -> T:
        """Runs `work` in one transaction, committed when it returns; `work` must stand being run again."""
        for left in reversed(range(_TRIES)):
            try:
                if self.backend == "sqlite":
                    return await self._sqlite.run(self._sqlite.writer, self._sqlite.write_thread, work)
                async with self._postgres.begin() as connection:
                    return await connection.run_sync(work)
            except DBAPIError as error:
                if not left or not _is_transient(error):
                    raise
        raise AssertionError("unreachable")

    async def read(self, work: Work[T]) -> T:
        """Runs `work` in a transaction that cannot write."""
        if self.backend == "sqlite":
            return await self._sqlite.run(self._sqlite.reader, self._sqlite.read_threads, work)
        for left in reversed(range(_TRIES)):
            try:
                async with self._postgres.connect() as connection:
                    await connection.execution_options(postgresql_readonly=True)
                    return await connection.run_sync(work)
            except DBAPIError as error:
                if not left or not _is_transient(error):
                    raise
        raise AssertionError("unreachable")

    async def now(self) -> datetime:
        """The database's clock."""
        return await self.read(database_now)

    def pool(self) -> tuple[int, int]:
        """(connections in use, connections at most) of this process; on SQLite of its readers."""
        pool = self._sqlite.reader.pool if self.backend == "sqlite" else self._postgres.pool
        return (pool.checkedout(), pool.size()) if isinstance(pool, QueuePool) else (0, 0)

    async def close(self) -> None:
        """Ends threads and connections."""
        if self.backend == "sqlite":
            self._sqlite.close()
        else:
            await self._postgres.dispose()


class _SQLite:
    """The writer thread and the readers of one SQLite file."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.writer = self._engine(f"sqlite:///{path}", "BEGIN IMMEDIATE", pool_size=1, file=path)
        self.reader = self._engine(f"sqlite:///file:{path}?mode=ro&uri=true", "BEGIN", pool_size=_READERS)
        self.write_thread = ThreadPoolExecutor(1, "sqlite-writer")
        self.read_threads = ThreadPoolExecutor(_READERS, "sqlite-reader")

    @staticmethod
    def _engine(url: str, begin: str, *, pool_size: int, file: Path | None = None) -> Engine:
        engine = create_engine(
            url,
            pool_size=pool_size,
            max_overflow=0,
            json_serializer=_dumps,
            hide_parameters=True,
            connect_args={"check_same_thread": False, "timeout": _BUSY_TIMEOUT_MS / 1000},
        )
        writes = begin != "BEGIN"

        @event.listens_for(engine, "connect")
        def _prepare(connection: Any, _record: object) -> None:
            connection.isolation_level = None  # the driver's own transactions lose updates: we begin ourselves
            cursor = connection.cursor()
            if file and file.stat().st_size == 0:
                file.chmod(
                    0o600
                )  # new: what people write is nobody else's on this machine; the log beside it follows suit
            if writes:
                cursor.execute("PRAGMA journal_mode = WAL")
                cursor.execute("PRAGMA synchronous = FULL")
                cursor.execute(
                    "PRAGMA secure_delete = ON"
                )  # whose data were erased stands in no free page; off in many builds
                # test seam for a full disk: SQLite's own limit on the number of pages
                if pages := os.environ.get("PANDU_SQLITE_MAX_PAGES"):
                    cursor.execute(f"PRAGMA max_page_count = {int(pages)}")
            cursor.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
            cursor.execute("PRAGMA foreign_keys = ON")
            cursor.close()

        @event.listens_for(engine, "begin")
        def _begin(connection: Connection) -> None:
            connection.exec_driver_sql(begin)

        return engine

    async def run(self, engine: Engine, executor: Executor, work: Work[T]) -> T:
        def in_thread() -> T:
            with engine.begin() as connection:
                return work(connection)

        return await asyncio.get_running_loop().run_in_executor(executor, in_thread)

    def close(self) -> None:
        self.write_thread.shutdown(wait=True)
        self.read_threads.shutdown(wait=True)
        self.writer.dispose()
        self.reader.dispose()
