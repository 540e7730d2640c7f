"""What `pandu doctor` finds: each finding with its mend."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection
from typer.testing import CliRunner

from bot import cli, ports, settings
from bot.commands import doctor, doctor_machine
from storage import agents, data_requests, erasing, progress
from storage.database import Database
from tests.bot.test_service import free_port
from tests.conftest import NOW
from tests.fakes.telegram import serve


@pytest.fixture
def url(tmp_path: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A migrated database that the settings name, on a port that is free."""
    found = f"sqlite:///{tmp_path / 'p.db'}"
    monkeypatch.setenv("PANDU_DATABASE_URL", found)
    monkeypatch.setenv("PANDU_BIND", f"127.0.0.1:{free_port()}")
    shutil.copy(sqlite_template, tmp_path / "p.db")
    return found


def problems() -> str:
    return "\n".join(asyncio.run(doctor.examine())["problems"])


def notes() -> str:
    return "\n".join(row["value"] for row in asyncio.run(doctor.examine())["settings"] if row["name"] == "note")


def test_a_good_one_has_no_problem_and_says_so_to_machines(url: str) -> None:
    found = CliRunner().invoke(cli.app, ["doctor", "--json", "--offline"])
    assert json.loads(found.stdout)["problems"] == []
    assert found.exit_code == 0
    assert "pandu agent add NAME --role admin" in notes()
    assert "no backup" in notes()


def test_before_the_first_run_it_says_what_makes_the_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "new.db"
    monkeypatch.setenv("PANDU_DATABASE_URL", f"sqlite:///{path}")
    assert f"there is no database at {path} yet: `pandu run` or" in problems()
    path.mkdir()
    assert "does not answer" in problems(), "something is there, but no database"


def test_files_that_others_may_read(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "chmod" not in problems(), "the database and its key are made for their owner alone"
    secret = tmp_path / "token"
    secret.write_text("1:x")
    secret.chmod(0o644)
    monkeypatch.setenv("PANDU_HOOK_SECRET_FILE", str(secret))
    (tmp_path / "p.db").chmod(0o644)
    assert f"chmod 600 {secret}" in problems()
    assert f"chmod 600 {tmp_path / 'p.db'}" in problems()


def test_a_port_that_somebody_else_has(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        other.settimeout(0)
        monkeypatch.setattr(ports, "answers_as_pandu", lambda _address: False)
        monkeypatch.setenv("PANDU_METRICS_BIND", f"127.0.0.1:{other.getsockname()[1]}")
        assert "PANDU_METRICS_BIND" in problems()
        assert "choose another port" in problems()


def test_little_room_an_old_model_and_plain_http(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_machine, "ROOM", 1 << 60)
    monkeypatch.setattr(doctor_machine, "is_current", lambda: False)
    monkeypatch.setenv("PANDU_PUBLIC_URL", "http://pandu.example")
    assert "make room" in problems()
    assert "pandu nlu train" in problems()
    assert "is not https" in problems()


def test_a_newer_schema_is_no_reason_to_upgrade(url: str) -> None:
    from sqlalchemy import text

    change(url, lambda c: c.execute(text("UPDATE alembic_version SET version_num = '9999'")))
    assert "install the new version" in problems()


def test_an_old_backup_and_an_administrator(url: str) -> None:
    then = datetime.now(UTC) - timedelta(days=9)
    change(url, lambda c: progress.keep(c, "backup", {"made_at": then.isoformat()}, then))
    assert "9 days old" in problems()
    change(url, lambda c: agents.add(c, name="Ani", alias="Ani", code="A1", role="admin", now=NOW))
    assert "--role admin" not in notes()


def change(url: str, work: Callable[[Any], Any]) -> None:
    async def run() -> None:
        database = Database(url)
        await database.write(work)
        await database.close()

    asyncio.run(run())


def test_requests_past_their_deadline_and_erasures_that_are_not_filed(url: str) -> None:
    async def ask() -> None:
        database = Database(url)
        now = await database.now()

        def work(connection: Connection) -> None:
            for number, hours in (("D-LATE", 73), ("D-FRESH", 71)):
                at = now - timedelta(hours=hours)
                data_requests.receive(connection, number=number, kind="correction", via="chat", now=at)
            for key, minutes in (("old", 90), ("new", 1)):
                known = {"kind": "chat", "digest": "d", "key_id": "k", "whole": True, "number": "D-1"}
                erasing.note(connection, key=key, now=now - timedelta(minutes=minutes), **known)  # type: ignore[arg-type]

        await database.write(work)
        await database.close()

    asyncio.run(ask())
    found = problems()
    assert "1 requests about people's data are past their 3 × 24 hours" in found
    assert "1 erasures have not been filed outside the database" in found


def test_clocks() -> None:
    assert doctor_machine.skewed(NOW, NOW + timedelta(seconds=20), "x") == []
    assert doctor_machine.skewed(NOW, None, "x") == []
    assert "-90 s" in doctor_machine.skewed(NOW, NOW + timedelta(seconds=90), "the database")[0]


@asynccontextmanager
async def answering(raw: bytes) -> AsyncIterator[str]:
    """An address that answers every request so."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
        writer.write(raw)
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def answer(body: str, date: datetime) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nDate: {date:%a, %d %b %Y %H:%M:%S} GMT\r\nContent-Length: {len(body)}\r\n"
    return f"{head}Connection: close\r\n\r\n{body}".encode()


@pytest.mark.parametrize(
    ("body", "ahead", "wanted"),
    [("ok", 0, ""), ("<html>parked</html>", 0, "not as Pandu does"), ("ok", 3600, "clock")],
)
async def test_the_public_address(body: str, ahead: int, wanted: str) -> None:
    async with answering(answer(body, datetime.now(UTC) + timedelta(seconds=ahead))) as address:
        loaded = settings.Settings(public_url=address, secret_key="k")
        found = "\n".join(await doctor_machine.public_address(loaded))
    assert (wanted in found) if wanted else not found
    gone = await doctor_machine.public_address(settings.Settings(public_url=address))
    assert "does not answer" in gone[0]


async def test_telegram_is_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async with serve() as fake:
        monkeypatch.setenv("PANDU_DATABASE_URL", f"sqlite:///{tmp_path / 'p.db'}")
        monkeypatch.setenv("PANDU_TELEGRAM_API", fake.base)
        monkeypatch.setenv("PANDU_TELEGRAM_TOKEN", fake.token)
        assert await doctor_machine.channels(settings.load()) == []
        monkeypatch.setenv("PANDU_TELEGRAM_TOKEN", "1:wrong")
        assert "BotFather" in (await doctor_machine.channels(settings.load()))[0]


async def test_whatsapp_and_sms_are_asked_by_their_own_checks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PANDU_DATABASE_URL", f"sqlite:///{tmp_path / 'p.db'}")
    monkeypatch.setenv("PANDU_WHATSAPP_TOKEN", "t" * 20)
    monkeypatch.setenv("PANDU_WHATSAPP_API", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("PANDU_SMS_CONFIG", str(tmp_path / "no.yml"))
    monkeypatch.setenv("PANDU_SMS_WEBHOOK_SECRET", "s" * 20)
    found = await doctor_machine.channels(settings.load())
    assert {line.partition(":")[0] for line in found} == {"WhatsApp", "SMS"}
