"""Backup and restore of an SQLite file.

`VACUUM INTO` reads in one transaction, so writers go on beside it and the copy is of one moment; unlike the page copy of the backup API it
leaves out free pages, in which erased people may still stand. https://www.sqlite.org/lang_vacuum.html#vacuuminto
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from storage.backup_file import CHUNK, BackupError, Manifest, Reader, Tell, Writer

_MEMBER = "pandu.db"
_WAIT_SECONDS = 2.0


def dump(path: Path, writer: Writer, tell: Tell) -> Manifest:
    """Copies a database in use into the file; BackupError where the copy is not sound."""
    if not path.exists():
        raise BackupError(f"{path} is not there")
    with tempfile.TemporaryDirectory(dir=writer.path.parent, prefix=".pandu-backup-") as folder:
        copy = Path(folder) / "copy.db"
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)) as source:
            source.execute("VACUUM INTO ?", (str(copy),))
        schema, rows = _look(copy)
        for table, count in rows.items():
            tell(table, count)
        with writer.member(_MEMBER) as member, copy.open("rb") as file:
            while chunk := file.read(CHUNK):
                member.write(chunk)
    return Manifest(
        backend="sqlite",
        schema=schema,
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        rows=rows,
        columns={},
        hashes=dict(writer.hashes),
    )


def load(reader: Reader, path: Path, *, force: bool, tell: Tell) -> None:
    """Puts the backup's database at `path`; the old one stays until the new one is proven."""
    if path.exists():
        _may_replace(path, force=force)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".pandu-restore-")  # mode 0600
    fresh = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            for chunk in reader.chunks(_MEMBER):
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        schema, rows = _look(fresh)
        if schema != reader.manifest.schema or rows != reader.manifest.rows:
            raise BackupError(f"{reader.path} is damaged: the rows are not what the manifest says")
        _refuse_deeds(fresh, reader.path)
        for table, count in rows.items():
            tell(table, count)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def _look(path: Path) -> tuple[str, dict[str, int]]:
    """(schema, rows by table) of a sound database; BackupError for any other."""
    try:
        with closing(sqlite3.connect(path)) as found:
            sound = found.execute("PRAGMA integrity_check(1)").fetchone()[0]
            if sound != "ok":
                raise BackupError(f"the copy is not sound: {sound}")
            schema = found.execute("SELECT version_num FROM alembic_version").fetchone()
            return schema[0], _rows(found)
    except (sqlite3.DatabaseError, TypeError) as error:
        raise BackupError(f"this is no database of Pandu ({error}); `pandu db upgrade` makes one") from None


def _refuse_deeds(fresh: Path, told: Path) -> None:
    """BackupError where the file does more than hold rows: a database of ours has neither triggers nor views."""
    with closing(sqlite3.connect(fresh)) as found:
        name = found.execute("SELECT name FROM sqlite_master WHERE type IN ('trigger', 'view')").fetchone()
    if name:
        raise BackupError(f"{told} holds {name[0]!r}, a trigger or view: Pandu makes none, and it would act by itself")


def _rows(found: sqlite3.Connection) -> dict[str, int]:
    names = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
    tables = [row[0] for row in found.execute(names)]
    return {name: found.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in tables}  # noqa: S608 - names out of the schema itself


def _may_replace(path: Path, *, force: bool) -> None:
    """BackupError where somebody would lose something: rows without `force`, or a process that is still at work."""
    with closing(sqlite3.connect(path, timeout=_WAIT_SECONDS)) as old:
        try:
            # leaving WAL needs the file for ourselves, and takes the write-ahead log away, which would spoil the restored file
            old.execute("PRAGMA journal_mode = DELETE")
            filled = sum(count for name, count in _rows(old).items() if name != "alembic_version")
            if filled and not force:
                raise BackupError(f"{path} holds {filled} rows; --force replaces them")
        except sqlite3.OperationalError:
            raise BackupError(f"{path} is in use; stop Pandu first") from None
        except sqlite3.DatabaseError:
            if not force:
                raise BackupError(f"{path} is there and is no database; --force replaces it") from None
    for rest in ("-wal", "-shm"):
        path.with_name(path.name + rest).unlink(missing_ok=True)
