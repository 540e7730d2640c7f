"""`pandu db`: as an operator's first command, on a file that does not exist yet."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

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
    found = CliRunner().invoke(app, ["check"])
    assert found.exit_code == 1
    assert "does not answer" in found.output
