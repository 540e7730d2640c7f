"""The data officer's commands as they are typed, with a backup in between."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, func, select
from typer.testing import CliRunner

from bot.commands import database as database_commands
from bot.commands import privacy
from storage import data_requests
from storage.schema import chats, outbox
from tests.bot.at_once import at_once
from tests.storage.desk import add_chat


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Runs a command on a database of its own."""
    monkeypatch.setenv("PANDU_DATABASE_URL", f"sqlite:///{tmp_path / 'p.db'}")
    monkeypatch.setenv("PANDU_ERASURES_FILE", str(tmp_path / "apart" / "erasures.jsonl"))
    assert CliRunner().invoke(database_commands.app, ["upgrade"]).exit_code == 0

    def invoke(*words: str, db: bool = False) -> Any:
        return CliRunner().invoke(database_commands.app if db else privacy.app, list(words))

    return invoke


def write(tmp_path: Path, work: Callable[[Connection], Any]) -> Any:
    return at_once(f"sqlite:///{tmp_path / 'p.db'}", lambda database: database.write(work))


def count(connection: Connection) -> int:
    return int(connection.execute(select(func.count()).select_from(chats)).scalar_one())


def test_a_restored_backup_no_longer_holds_who_was_erased(
    run: Callable[..., Any], tmp_path: Path, now: datetime
) -> None:
    write(tmp_path, lambda c: [add_chat(c, name, now) for name in ("satu", "dua")])
    assert run("backup", str(tmp_path / "b.pandu"), db=True).exit_code == 0
    would = run("erase", "--chat", "1", "--dry-run", "--json")
    assert json.loads(would.output)["receipts"][0]["erased"]["chats"] == 1
    assert write(tmp_path, count) == 2
    kept = run("erase", "--chat", "1")
    assert kept.exit_code == 1, "nobody has said yes"
    done = json.loads(run("erase", "--chat", "1", "--yes", "--json").output)
    assert done["receipts"][0]["number"].startswith("D-")
    assert run("erase", "--chat", "1", "--yes").output.startswith("pandu: no chat")
    back = run("restore", str(tmp_path / "b.pandu"), "--force", db=True)
    assert (back.exit_code, "1 erased again" in back.output) == (0, True), back.output
    assert write(tmp_path, count) == 1
    assert "0 erased again" in run("reapply").output


def test_a_ledger_made_with_another_key_is_told(
    run: Callable[..., Any], tmp_path: Path, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, lambda c: add_chat(c, "satu", now))
    run("backup", str(tmp_path / "b.pandu"), db=True)
    run("erase", "--chat", "1", "--yes")
    monkeypatch.setenv("PANDU_SECRET_KEY", "another key " * 4)
    back = run("restore", str(tmp_path / "b.pandu"), "--force", db=True)
    assert (back.exit_code, "PANDU_SECRET_KEY_FORMER" in back.output) == (1, True)
    assert "then run `pandu privacy reapply`" in back.output, "a second restore would be refused"


def proofs(connection: Connection) -> list[Any]:
    return [row["proof"] for row in data_requests.listed(connection, state="done")]


def test_a_request_is_closed_or_refused_and_the_person_is_told(
    run: Callable[..., Any], tmp_path: Path, now: datetime
) -> None:
    def ask(connection: Connection) -> None:
        for number, kind in (("D-A", "restriction"), ("D-B", "correction")):
            chat = add_chat(connection, number, now)
            data_requests.receive(connection, number=number, kind=kind, via="chat", now=now, chat_id=chat)

    write(tmp_path, ask)
    listed = json.loads(run("requests", "--json").output)
    assert [row["number"] for row in listed] == ["D-A", "D-B"]
    assert run("done", "D-X", "--tell", "x").exit_code == 1
    assert run("done", "d-a", "--tell", "Sudah dibatasi. NIK 3273014505900001.").exit_code == 0
    assert run("refuse", "D-B", "--reason", "Pasal 33.").exit_code == 0
    assert run("refuse", "D-B", "--reason", "Pasal 33.").exit_code == 1
    said = write(tmp_path, lambda c: [row["text"] for row in c.execute(select(outbox.c.payload)).scalars()])
    assert ["Sudah dibatasi." in said[0], "Pasal 33." in said[1]] == [True, True]
    assert "3273014505900001" not in said[0] + json.dumps(write(tmp_path, proofs), default=str)
    assert run("lift", "--chat", "1").output == "1 restriction(s) ended\n"
    assert "no such requests" in run("requests").output


def test_copies_retention_and_breach_as_files(run: Callable[..., Any], tmp_path: Path, now: datetime) -> None:
    write(tmp_path, lambda c: add_chat(c, "satu", now))
    why = ("--chat", "1", "--reason", "permintaan orangnya")
    file, page = tmp_path / "a.json", tmp_path / "a.html"
    assert run("export", *why).exit_code == 1
    assert run("export", *why, "--json", str(file), "--html", str(page)).exit_code == 0
    assert run("export", *why, "--json", str(file)).exit_code == 1, "never over a file"
    assert json.loads(file.read_text())["parts"][0]["what"] == "chat 1"
    assert "Salinan data" in page.read_text()
    assert json.loads(run("retention", "--dry-run", "--json").output) == {"dry_run": True, "rows": {}}
    span = ("--from", "2026-11-24T00:00:00", "--to", "2026-11-25T00:00:00")
    pack = run("breach", *span, "--noticed", "2026-11-24T10:00:00", "--letters", str(tmp_path / "l"), "--json")
    assert json.loads(pack.output)["span"]["due"].startswith("2026-11-27T10:00")
    assert sorted(path.name for path in (tmp_path / "l").iterdir()) == ["authority.txt", "people.txt"]
    assert run("breach", "--from", span[3], "--to", span[1]).exit_code == 1
    assert "Catatan pemrosesan" in run("register").output
