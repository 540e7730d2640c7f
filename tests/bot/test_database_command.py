"""`pandu db`: as an operator's first command, on a file that does not exist yet."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.cli import app as cli
from bot.commands.database import app
from storage import migrate


def test_upgrade_makes_the_database_and_check_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PANDU_DATABASE_URL", f"sqlite:///{tmp_path / 'new' / 'p.db'}")
    runner = CliRunner()
    first = runner.invoke(app, ["upgrade"])
    assert first.exit_code == 0, first.output
    assert f"none → {migrate.head()}" in first.output
    assert runner.invoke(app, ["check"]).exit_code == 0


def test_check_of_nothing_is_one_line_and_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PANDU_DATABASE_URL", f"sqlite:///{tmp_path / 'p.db'}")
    found = CliRunner().invoke(cli, ["db", "check"])
    assert found.exit_code == 2
    assert "`pandu db upgrade` makes a new one" in found.output


def test_backup_and_restore_from_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runner, file = CliRunner(), tmp_path / "one.pandu"
    monkeypatch.setenv("PANDU_DATABASE_URL", f"sqlite:///{tmp_path / 'p.db'}")
    assert runner.invoke(app, ["backup", str(file)]).exit_code == 1, "there is nothing yet"
    assert runner.invoke(app, ["upgrade"]).exit_code == 0
    made = runner.invoke(app, ["backup", str(file)])
    assert made.exit_code == 0, made.output
    assert "keys are not in it" in made.output
    again = runner.invoke(app, ["backup", str(file)])
    assert (again.exit_code, again.output.count("\n")) == (1, 1)
    monkeypatch.setenv("PANDU_DATABASE_URL", f"sqlite:///{tmp_path / 'q.db'}")
    back = runner.invoke(app, ["restore", str(file)])
    assert back.exit_code == 0, back.output
    found = runner.invoke(app, ["check", "--json"])
    assert json.loads(found.output)["ok"], found.output
    (tmp_path / "half").write_bytes(file.read_bytes()[:3000])
    wrong = runner.invoke(app, ["restore", str(tmp_path / "half"), "--force"])
    assert (wrong.exit_code, wrong.output.count("\n")) == (1, 1)
    assert "cut off" in wrong.output
    assert runner.invoke(app, ["check"]).exit_code == 0, "the old database is still there"


def test_who_was_erased_after_the_backup_is_erased_again_by_the_restore(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner, file = CliRunner(), tmp_path / "one.pandu"
    monkeypatch.setenv("PANDU_SECRET_KEY", "k" * 40)
    monkeypatch.setenv("PANDU_ERASURES_FILE", str(tmp_path / "erasures.jsonl"))
    monkeypatch.setenv("PANDU_DATABASE_URL", f"sqlite:///{tmp_path / 'p.db'}")
    runner.invoke(app, ["upgrade"])
    with closing(sqlite3.connect(tmp_path / "p.db")) as hand, hand:
        hand.execute(
            "INSERT INTO chats (channel, account, address, name, created_at, seen_at) VALUES ('web', 'w', 'a', 'Siti', 0, 0), ('web', 'w', 'b', 'Budi', 0, 0)"
        )
        hand.execute("INSERT INTO conversations (chat_id, updated_at) VALUES (1, 0), (2, 0)")
    assert runner.invoke(app, ["backup", str(file)]).exit_code == 0
    erased = runner.invoke(cli, ["privacy", "erase", "--chat", "1", "--yes"])
    assert erased.exit_code == 0, erased.output
    back = runner.invoke(app, ["restore", str(file), "--force"])
    assert back.exit_code == 0, back.output
    assert "1 erased again" in back.output
    with closing(sqlite3.connect(tmp_path / "p.db")) as hand:
        assert [row[0] for row in hand.execute("SELECT name FROM chats")] == ["Budi"]


def test_check_of_a_database_changed_by_hand_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PANDU_DATABASE_URL", f"sqlite:///{tmp_path / 'p.db'}")
    runner = CliRunner()
    runner.invoke(app, ["upgrade"])
    with closing(sqlite3.connect(tmp_path / "p.db")) as hand, hand:
        hand.execute("DROP INDEX ix_outbox_lease")
    found = runner.invoke(app, ["check", "--json"])
    assert found.exit_code == 1
    assert "ix_outbox_lease" in json.loads(found.output)["findings"][0]
