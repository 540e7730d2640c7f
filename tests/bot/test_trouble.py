"""What an operator reads when settings, a file or the database are wrong: one line that says how to mend it, never a traceback."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import Result
from sqlalchemy import text
from typer.testing import CliRunner

from bot import cli, ports
from bot.alone import alone
from bot.commands.trouble import trouble
from bot.settings import Settings, SettingsError
from storage.database import Database
from tests.bot.test_service import free_port

COMMANDS = [
    ["agent", "list"],
    ["queue", "list"],
    ["queue", "replay", "1"],
    ["keys", "list"],
    ["db", "check"],
    ["export", "cases"],
    ["figures"],
    ["privacy", "retention"],
]


def invoke(*words: str) -> Result:
    return CliRunner().invoke(cli.app, words)


def told(result: Result) -> str:
    """The one line, after everything that was wrong is known to be in it."""
    assert not result.exception or isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("pandu: ")
    return lines[0]


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("nonsense", "no address of a database"),
        ("postgresql://me:geheim@host:port/pandu", "no address of a database"),
        ("postgresql://me:geheim@host/pandu?sslrootcert=x", "sslrootcert is no parameter of a connection"),
        ("mysql://me:geheim@host/pandu", "unknown kind of database: mysql"),
        ("sqlite:///", "SQLite needs a file"),
        ("sqlite:////proc/pandu.db", "cannot be opened"),
        ("postgresql://me:geheim@127.0.0.1:1/pandu", "does not answer"),
    ],
)
@pytest.mark.parametrize("words", [COMMANDS[0], COMMANDS[3], COMMANDS[4], ["db", "upgrade"]], ids=" ".join)
def test_a_wrong_address_of_the_database(
    monkeypatch: pytest.MonkeyPatch, words: Sequence[str], url: str, wanted: str
) -> None:
    monkeypatch.setenv("PANDU_DATABASE_URL", url)
    monkeypatch.setenv("PANDU_SECRET_KEY", "k" * 40)
    line = told(invoke(*words))
    assert wanted in line
    assert "PANDU_DATABASE_URL" in line
    assert "geheim" not in line


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_file_that_is_no_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: Sequence[str]) -> None:
    (tmp_path / "p.db").write_bytes(b"Pandu" * 500)
    monkeypatch.setenv("PANDU_DATABASE_URL", f"sqlite:///{tmp_path / 'p.db'}")
    assert "the file is no database" in told(invoke(*words))


@pytest.mark.parametrize("words", [one for one in COMMANDS if one[0] != "db"], ids=" ".join)
def test_an_empty_postgresql(postgres_url: str, monkeypatch: pytest.MonkeyPatch, words: Sequence[str]) -> None:
    async def renew() -> None:
        database = Database(postgres_url)
        made = "CREATE SCHEMA IF NOT EXISTS without_tables"
        await database.write(lambda c: c.execute(text(made)))
        await database.close()

    asyncio.run(renew())
    joined = "&" if "?" in postgres_url else "?"
    monkeypatch.setenv("PANDU_DATABASE_URL", f"{postgres_url}{joined}options=-csearch_path%3Dwithout_tables")
    monkeypatch.setenv("PANDU_SECRET_KEY", "k" * 40)
    assert "run `pandu db upgrade`" in told(invoke(*words))


def test_no_such_database_or_user(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PANDU_DATABASE_URL", postgres_url.replace("/pandu_test", "/nothing_here"))
    monkeypatch.setenv("PANDU_SECRET_KEY", "k" * 40)
    assert '"nothing_here" does not exist' in told(invoke("queue", "list"))


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    missing = str(tmp_path / "nothing.yml")
    assert missing in told(invoke("dialogue", "map", missing))
    assert missing in told(invoke("dialogue", "test", missing))
    assert "no dialogue in" in told(invoke("dialogue", "test", str(tmp_path)))
    (tmp_path / "noise.yml").write_bytes(b"\xff\xfe\x00")
    assert "noise.yml: no YAML in UTF-8" in told(invoke("dialogue", "map", str(tmp_path / "noise.yml")))


def test_a_fault_of_ours_keeps_its_traceback() -> None:
    assert trouble(KeyError("x")) is None
    assert trouble(ValueError("x")) is None


# -- starting ---------------------------------------------------------------------------------------------------------


def test_a_port_that_is_taken_is_said_before_anything_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PANDU_DATABASE_URL", f"sqlite:///{tmp_path / 'p.db'}")
    with socket.create_server(("127.0.0.1", 0)) as other:
        other.settimeout(0)
        address = f"127.0.0.1:{other.getsockname()[1]}"
        monkeypatch.setattr(ports, "answers_as_pandu", lambda _address: False)
        monkeypatch.setenv("PANDU_BIND", address)
        assert f"PANDU_BIND: another program has {address}; choose another port" in told(invoke("run"))
        assert f"--bind: another program has {address}" in told(invoke("demo", "--bind", address))
    assert not (tmp_path / "p.db").exists()


def test_an_address_of_no_machine() -> None:
    assert "must be an address of this machine" in ports.trouble("PANDU_BIND", "host.invalid:8080")
    assert "must be an address of this machine" in ports.trouble("PANDU_BIND", "192.0.2.1:8080")  # RFC 5737


async def test_an_address_is_told_when_it_answers_and_not_before() -> None:
    address = f"127.0.0.1:{free_port()}"
    waiting = asyncio.create_task(ports.answering(address))
    done, _ = await asyncio.wait([waiting], timeout=0.2)
    assert not done
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), *address.split(":"))
    async with server, asyncio.timeout(20):
        await waiting


def test_one_service_on_a_sqlite_file(tmp_path: Path) -> None:
    mine = Settings(database_url=f"sqlite:///{tmp_path / 'new' / 'p.db'}")
    with alone(mine):
        with pytest.raises(SettingsError, match=f"running on .*p.db already \\(process {os.getpid()}\\)"), alone(mine):
            pytest.fail("two at once")
        with alone(Settings(database_url=f"sqlite:///{tmp_path / 'other.db'}")):
            pass
    with alone(mine):  # whoever is gone holds nobody up
        pass


def test_whoever_is_killed_holds_nothing(tmp_path: Path) -> None:
    mine = Settings(database_url=f"sqlite:///{tmp_path / 'p.db'}")
    code = (
        "import sys, os, signal\n"
        "from bot.alone import alone\n"
        "from bot.settings import Settings\n"
        "with alone(Settings(database_url=sys.argv[1])):\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    gone = subprocess.run([sys.executable, "-c", code, mine.database_url], check=False)  # noqa: S603 - our own code
    assert gone.returncode < 0
    assert (tmp_path / "p.lock").exists()
    with alone(mine):
        pass
