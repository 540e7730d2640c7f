"""A backup made while the database is written to, restored elsewhere and compared; files that are none."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3 as driver
import stat
import zipfile
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, select, text
from sqlalchemy.engine import make_url

from storage import backup, check, inbox, leases, migrate
from storage import outbox as outbox_rows
from storage.backup_file import BackupError, Reader
from storage.database import Database
from storage.schema import chats, desk_sessions, metadata, outbox
from storage.schema import inbox as inbox_table
from tests.conftest import NOW

AHEAD = NOW + timedelta(days=3650)  # events that wait since long ago are a finding of their own


def silent(_table: str, _rows: int) -> None:
    """No progress bar."""


def event(number: int) -> inbox.Event:
    return inbox.Event(
        channel="telegram",
        account="1",
        address=f"{number % 7}",
        event_id=f"e{number}",
        payload={"text": f"halo {number}\t\\ 'ü' \U0001f600"},
        sent_at=AHEAD,
    )


def draft(connection: Connection, chat_id: int, lane: int) -> None:
    made = outbox_rows.Draft(
        chat_id=chat_id, source="telegram:1", lane=lane, payload={"text": "x"}, owner_version=0, expires_at=AHEAD
    )
    outbox_rows.enqueue(connection, [made], AHEAD)


@pytest.fixture
async def elsewhere(database: Database, tmp_path: Path) -> AsyncIterator[str]:
    """URL of a second, empty database of the same kind."""
    if database.backend == "sqlite":
        yield f"sqlite:///{tmp_path / 'elsewhere' / 'new.db'}"
        return
    await _alone(database.url, "DROP DATABASE IF EXISTS restored")
    await _alone(database.url, "CREATE DATABASE restored")
    yield make_url(database.url).set(database="restored").render_as_string(hide_password=False)
    await _alone(database.url, "DROP DATABASE restored")


async def _alone(url: str, statement: str) -> None:
    from sqlalchemy.ext.asyncio import create_async_engine

    engine = create_async_engine(make_url(url).set(drivername="postgresql+asyncpg"), isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.execute(text(statement))
    await engine.dispose()


def everything(connection: Connection) -> dict[str, list[tuple[object, ...]]]:
    return {
        table.name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
        for table in metadata.sorted_tables
    }


async def read(url: str, work):  # type: ignore[no-untyped-def]
    database = Database(url)
    try:
        return await database.read(work)
    finally:
        await database.close()


async def test_restored_elsewhere_every_row_is_the_same(database: Database, elsewhere: str, tmp_path: Path) -> None:
    await database.write(lambda c: inbox.insert(c, [event(i) for i in range(50)], AHEAD))
    before = await database.read(everything)
    file = tmp_path / "one.pandu"
    made = await backup.make(database.url, file, tell=silent)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert made.rows["inbox"] == 50
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".")], "nothing is left beside it"
    await backup.restore(elsewhere, file, force=False, tell=silent)
    after = await read(elsewhere, everything)
    assert {**after, "progress": before["progress"]} == before
    assert await read(elsewhere, migrate.current) == migrate.head()
    assert await read(elsewhere, check.findings) == []
    fresh = Database(elsewhere)
    new = await fresh.write(lambda c: inbox.insert(c, [event(1000)], AHEAD))
    await fresh.close()
    assert new == [max(row[0] for row in before["inbox"]) + 1], "keys count on"  # type: ignore[operator]


async def test_a_backup_during_writes_is_of_one_moment(database: Database, elsewhere: str, tmp_path: Path) -> None:
    written, going, enough = 0, True, asyncio.Event()

    async def write_on() -> None:
        nonlocal written
        while going:
            first = written
            await database.write(lambda c, first=first: inbox.insert(c, [event(first), event(first + 1)], AHEAD))
            written += 2
            if written >= 20:
                enough.set()

    writer = asyncio.create_task(write_on())
    await enough.wait()
    before = written
    file = tmp_path / "busy.pandu"
    made = await backup.make(database.url, file, tell=silent)
    during = written
    going = False
    await writer
    assert before <= made.rows["inbox"] <= during + 2
    assert during > before, "the backup did not stop the writer"
    assert made.rows["inbox"] % 2 == 0, "a transaction is in it whole or not at all"
    await backup.restore(elsewhere, file, force=False, tell=silent)
    found = await read(elsewhere, lambda c: c.execute(select(inbox_table.c.event_id)).scalars().all())
    assert sorted(found) == sorted(f"e{i}" for i in range(made.rows["inbox"])), "none is missing in between"
    assert await read(elsewhere, check.findings) == [], "the counts of the queue fit"


async def test_what_must_not_come_back_to_life(database: Database, elsewhere: str, tmp_path: Path) -> None:
    def fill(connection: Connection) -> None:
        inbox.insert(connection, [event(1)], AHEAD)
        chat = connection.execute(select(chats.c.id)).scalar_one()
        draft(connection, chat, 0)
        draft(connection, chat, 1)

    await database.write(fill)
    file = tmp_path / "one.pandu"
    await backup.make(database.url, file, tell=silent)
    await backup.restore(elsewhere, file, force=False, tell=silent)
    states = await read(elsewhere, lambda c: {row.lane: row.state for row in c.execute(select(outbox))})
    assert states == {0: "pending", 1: "unknown"}, "an announcement may have gone out since; a reply is sent"
    assert not await read(elsewhere, lambda c: c.execute(select(desk_sessions)).all())


async def test_a_filled_database_is_replaced_only_by_force(database: Database, elsewhere: str, tmp_path: Path) -> None:
    file = tmp_path / "one.pandu"
    await database.write(lambda c: inbox.insert(c, [event(1)], AHEAD))
    await backup.make(database.url, file, tell=silent)
    await backup.restore(elsewhere, file, force=False, tell=silent)
    with pytest.raises(BackupError, match="--force"):
        await backup.restore(elsewhere, file, force=False, tell=silent)
    other = Database(elsewhere)
    await other.write(lambda c: inbox.insert(c, [event(2)], AHEAD))
    await other.close()
    await backup.restore(elsewhere, file, force=True, tell=silent)
    assert await read(elsewhere, lambda c: c.execute(select(inbox_table.c.event_id)).scalars().all()) == ["e1"]


async def test_a_running_sqlite_is_not_replaced(sqlite: Database, tmp_path: Path) -> None:
    file = tmp_path / "one.pandu"
    await sqlite.read(migrate.current)
    await backup.make(sqlite.url, file, tell=silent)
    for force in (False, True):
        with pytest.raises(BackupError, match="stop Pandu"):
            await backup.restore(sqlite.url, file, force=force, tell=silent)
    assert await sqlite.read(migrate.current) == migrate.head()


async def test_a_running_postgresql_is_not_replaced(postgres: Database, tmp_path: Path) -> None:
    file = tmp_path / "one.pandu"
    await postgres.write(lambda c: inbox.insert(c, [event(1)], AHEAD))
    await backup.make(postgres.url, file, tell=silent)
    lease = timedelta(seconds=15)
    await postgres.write(lambda c: leases.take(c, name="broadcast", owner="a process", lease=lease))
    for force in (False, True):
        with pytest.raises(BackupError, match=r"in use; stop Pandu first .* 15 s"):
            await backup.restore(postgres.url, file, force=force, tell=silent)
    await postgres.write(lambda c: leases.drop(c, name="broadcast", owner="a process"))
    await backup.restore(postgres.url, file, force=True, tell=silent)
    assert await postgres.read(lambda c: c.execute(select(inbox_table.c.event_id)).scalars().all()) == ["e1"]


async def test_files_that_are_no_backup(database: Database, elsewhere: str, tmp_path: Path) -> None:
    file = tmp_path / "one.pandu"
    await database.write(lambda c: inbox.insert(c, [event(i) for i in range(200)], AHEAD))
    await backup.make(database.url, file, tell=silent)
    half, other, changed = tmp_path / "half", tmp_path / "other", tmp_path / "changed"
    half.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    other.write_text("halo")
    with zipfile.ZipFile(file) as good, zipfile.ZipFile(changed, "w") as bad:
        for name in good.namelist():
            data = good.read(name)
            bad.writestr(name, data if name == "manifest.json" else data.replace(b"halo 7", b"halo 8"))
    for path, words in ((half, "cut off"), (other, "no backup"), (changed, "damaged"), (tmp_path / "no", "not there")):
        with pytest.raises(BackupError, match=words) as told:
            await backup.restore(elsewhere, path, force=False, tell=silent)
        assert "\n" not in str(told.value)
    newer = _with_schema(file, tmp_path / "newer", "9999")
    with pytest.raises(BackupError, match="newer than this version"):
        await backup.restore(elsewhere, newer, force=False, tell=silent)
    kind = "postgresql" if database.backend == "sqlite" else "sqlite"
    with pytest.raises(BackupError, match="is a backup of"):
        await backup.restore(f"{kind}:///{tmp_path}/x", file, force=False, tell=silent)
    with pytest.raises(BackupError, match="there already"):
        await backup.make(database.url, file, tell=silent)
    if database.backend == "postgresql":
        await database.write(migrate.upgrade)  # the failures have left nothing half done
    assert Reader(file).manifest.rows["inbox"] == 200


def _with_schema(file: Path, target: Path, schema: str) -> Path:
    with zipfile.ZipFile(file) as good, zipfile.ZipFile(target, "w") as bad:
        for name in good.namelist():
            data = good.read(name)
            bad.writestr(
                name,
                data.replace(f'"{migrate.head()}"'.encode(), f'"{schema}"'.encode()) if name.endswith("json") else data,
            )
    return target


async def test_a_backup_that_somebody_has_added_to_is_refused(sqlite: Database, tmp_path: Path) -> None:
    """A trigger acts by itself, a part beside the manifest is read by nobody's rule, and a manifest has no gigabytes."""
    file, elsewhere = tmp_path / "one.pandu", f"sqlite:///{tmp_path / 'elsewhere' / 'new.db'}"
    await sqlite.write(lambda c: inbox.insert(c, [event(1)], AHEAD))
    trigger = "CREATE TRIGGER spy AFTER INSERT ON messages BEGIN UPDATE chats SET name = NEW.text; END"
    await sqlite.write(lambda c: c.exec_driver_sql(trigger))
    await backup.make(sqlite.url, file, tell=silent)
    with pytest.raises(BackupError, match="'spy', a trigger or view"):
        await backup.restore(elsewhere, file, force=False, tell=silent)
    assert not (tmp_path / "elsewhere" / "new.db").exists()
    more = tmp_path / "more.pandu"
    shutil.copy(file, more)
    with zipfile.ZipFile(more, "a") as archive:
        archive.writestr("../../etc/x", b"x")
    with pytest.raises(BackupError, match="its manifest says nothing"):
        await backup.restore(elsewhere, more, force=False, tell=silent)
    large = tmp_path / "large.pandu"
    with zipfile.ZipFile(large, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.json", b" " * (17 << 20))
    with pytest.raises(BackupError, match="none of ours"):
        Reader(large)
    deep = tmp_path / "deep.pandu"
    with zipfile.ZipFile(deep, "w") as archive:
        archive.writestr("manifest.json", b"[" * 100_000)
    with pytest.raises(BackupError, match="no backup"):
        Reader(deep)


async def test_an_older_backup_is_brought_up(database: Database, elsewhere: str, tmp_path: Path) -> None:
    if database.backend != "sqlite":
        pytest.skip("the path is the same: upgrade after the load")
    old = tmp_path / "old.db"
    made = Database(f"sqlite:///{old}")
    await made.write(lambda c: migrate.upgrade(c, "0006"))
    await made.close()
    await backup.make(made.url, tmp_path / "old.pandu", tell=silent)
    found = await backup.restore(elsewhere, tmp_path / "old.pandu", force=False, tell=silent)
    assert found.schema == "0006"
    assert await read(elsewhere, migrate.current) == migrate.head()


async def test_the_age_of_the_last_backup_is_known(database: Database, tmp_path: Path) -> None:
    assert await database.read(backup.last_made) is None
    await backup.make(database.url, tmp_path / "one.pandu", tell=silent)
    made = await database.read(backup.last_made)
    assert made is not None
    assert abs(made - await database.now()) < timedelta(minutes=1)


async def test_check_finds_orphans_lost_counts_and_changes_by_hand(sqlite: Database, tmp_path: Path) -> None:
    await sqlite.write(lambda c: inbox.insert(c, [event(1)], AHEAD))
    assert await sqlite.read(check.findings) == []
    await sqlite.write(lambda c: c.execute(text("UPDATE queue SET pending = 0")))
    assert "queue row" in " ".join(await sqlite.read(check.findings))
    await sqlite.write(lambda c: c.execute(text("DROP INDEX ix_outbox_lease")))
    assert "ix_outbox_lease" in " ".join(await sqlite.read(check.findings))
    with closing(driver.connect(tmp_path / "pandu.db")) as bare, bare:
        bare.execute("DELETE FROM chats")
    assert "inbox refer to rows of chats" in " ".join(await sqlite.read(check.findings))


def test_whoever_walks_all_tables_finds_them_all() -> None:
    made = {path.stem for path in (Path(__file__).parents[2] / "storage").glob("schema_*.py")}
    named = (Path(__file__).parents[2] / "storage/schema.py").read_text(encoding="utf-8")
    assert [name for name in sorted(made) if name not in named] == []
