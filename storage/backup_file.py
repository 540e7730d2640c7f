"""The file of a backup: a zip with the data and, written last, a manifest that says what must be in it.

A zip keeps its directory at its end, so a file that was cut off is known at once; the manifest's hashes tell one that was changed.
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self

MANIFEST = "manifest.json"
FORMAT = 1
CHUNK = 1 << 20
_MOST = 16 << 20  # bytes of a manifest: a hundred tables have some kilobytes
_DAMAGE = (zipfile.BadZipFile, zlib.error, KeyError, EOFError, NotImplementedError, RuntimeError)
_FAST = 1  # zip's level: text of tables shrinks to a fifth as it is, and a backup shares the machine with the service


class BackupError(ValueError):
    """A backup cannot be made or used; the message is one line for the operator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a backup says of itself."""

    backend: str  # sqlite or postgresql
    schema: str  # revision of the migrations
    made_at: str  # UTC, ISO 8601
    rows: dict[str, int]  # by table
    columns: dict[str, list[str]]  # by table, in the order of the data; of SQLite none
    hashes: dict[str, str]  # SHA-256 of each member
    format: int = FORMAT


class Member:
    """One part of the file while it is written; counts its bytes into a hash."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._hash = file, hashlib.sha256()

    def write(self, data: bytes) -> None:
        """Appends."""
        self._hash.update(data)
        self._file.write(data)

    @property
    def sha256(self) -> str:
        """Of what has been written so far."""
        return self._hash.hexdigest()


class Writer:
    """Writes FILE under another name first, readable by its owner alone; FILE is there only when it is whole."""

    def __init__(self, path: Path) -> None:
        """Raises BackupError where FILE is there already or its folder is not."""
        if path.exists():
            raise BackupError(f"{path} is there already; name another file")
        if not path.parent.is_dir():
            raise BackupError(f"{path.parent} is no folder")
        self.path, self._part = path, path.with_name(f".{path.name}.part")
        self.hashes: dict[str, str] = {}
        self.size = 0  # bytes, when it is whole

    def __enter__(self) -> Self:
        self._part.unlink(missing_ok=True)
        handle = os.open(self._part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        self._raw = os.fdopen(handle, "w+b")
        self._zip = zipfile.ZipFile(self._raw, "w", zipfile.ZIP_DEFLATED, compresslevel=_FAST)
        return self

    @contextmanager
    def member(self, name: str) -> Iterator[Member]:
        """A part of the file; its hash is noted at the end."""
        with self._zip.open(name, "w", force_zip64=True) as file:
            member = Member(file)
            yield member
        self.hashes[name] = member.sha256

    def finish(self, manifest: Manifest) -> None:
        """Writes the manifest; after this the file is whole."""
        self._zip.writestr(MANIFEST, json.dumps(asdict(manifest), indent=1))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._zip.close()
        self._raw.flush()
        os.fsync(self._raw.fileno())
        self.size = self._raw.tell()
        self._raw.close()
        if error is None:
            self._part.replace(self.path)
        else:
            self._part.unlink(missing_ok=True)


class Reader:
    """A backup that is whole, as its manifest says."""

    def __init__(self, path: Path) -> None:
        """Raises BackupError for a missing, cut-off or foreign file."""
        try:
            self._zip = zipfile.ZipFile(path)
            if self._zip.getinfo(MANIFEST).file_size > _MOST:
                raise BackupError(f"{path} has a manifest that is none of ours")
            told = json.loads(self._zip.read(MANIFEST))
            if told["format"] != FORMAT:
                raise BackupError(f"{path} has format {told['format']}; this version reads {FORMAT}")
            self.manifest = Manifest(**told)
        except FileNotFoundError:
            raise BackupError(f"{path} is not there") from None
        except OSError as error:
            raise BackupError(f"{path} cannot be read ({error.strerror})") from None
        except (*_DAMAGE, TypeError, ValueError, RecursionError) as error:
            if isinstance(error, BackupError):
                raise
            raise BackupError(f"{path} is no backup of Pandu, or was cut off") from None
        self.path = path

    def verify(self) -> None:
        """Reads every member once; BackupError where one is missing, not what the manifest says, or not named in it."""
        if strange := {*self._zip.namelist()} - {*self.manifest.hashes, MANIFEST}:
            raise BackupError(f"{self.path} holds {sorted(strange)[0]!r}, of which its manifest says nothing")
        for name, wanted in self.manifest.hashes.items():
            found = hashlib.sha256()
            try:
                for chunk in self.chunks(name):
                    found.update(chunk)
            except (*_DAMAGE, OSError) as error:
                raise BackupError(f"{self.path} is damaged: {name} ({type(error).__name__})") from None
            if found.hexdigest() != wanted:
                raise BackupError(f"{self.path} is damaged: {name} is not what the manifest says")

    def chunks(self, name: str) -> Iterator[bytes]:
        """A member's bytes, a piece at a time."""
        with self._zip.open(name) as file:
            while chunk := file.read(CHUNK):
                yield chunk

    def close(self) -> None:
        """Closes the file."""
        self._zip.close()


Tell = Callable[[str, int], None]  # (table or step, its rows), for a progress bar
