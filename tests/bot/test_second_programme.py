"""Another programme, chosen by one setting: it talks, and speaks of nothing but itself; and its model is made and changed by commands."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from bot import app as program
from bot import dialogues, settings
from bot.commands.teaching import app
from bot.models import with_published
from bot.pack import at
from nlu.understanding import Context
from storage import migrate
from storage.database import Database
from tests.bot.second_programme import SAMPLE
from tests.conftest import NOW


def test_it_talks_on_every_channel(trained: Path) -> None:
    parts = program.parts(settings.load({"PANDU_SECRET_KEY": "dialogue test", "PANDU_CONTENT": str(trained)}))
    outcomes = asyncio.run(dialogues.run_file(SAMPLE / "dialogues.yml", parts))
    assert len(outcomes) == 9
    assert [(one.name, one.channel, one.problem) for one in outcomes if one.problem] == []


def test_a_folder_that_is_no_pack_is_refused(tmp_path: Path) -> None:
    with pytest.raises(settings.SettingsError, match="PANDU_CONTENT"):
        settings.load({"PANDU_SECRET_KEY": "x", "PANDU_CONTENT": str(tmp_path)})


@pytest.fixture
def url(tmp_path: Path, trained: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An installation of the small programme."""
    made = f"sqlite:///{tmp_path / 'p.db'}"
    monkeypatch.setenv("PANDU_DATABASE_URL", made)
    monkeypatch.setenv("PANDU_CONTENT", str(trained))

    async def prepare() -> None:
        database = Database(made)
        await database.write(migrate.upgrade)
        await database.close()

    asyncio.run(prepare())
    return made


def pandu(*words: str) -> Result:
    assert isinstance(app, typer.Typer)
    return CliRunner().invoke(app, list(words))


def test_teaching_and_publishing_by_commands(url: str, trained: Path, tmp_path: Path) -> None:
    for text in ("token masuk ruang praktik", "token buat ruangan praktik minta di mana"):
        assert pandu("taught", "add", "voucher_how", text).exit_code == 0
    assert pandu("taught", "add", "voucher_how", "token masuk ruang praktik").exit_code == 1
    refused = pandu("taught", "add", "nothing", "token lain")
    assert (refused.exit_code, "there is no such intent" in refused.output) == (1, True)
    assert pandu("models", "publish", "1").exit_code == 1
    made = pandu("retrain", "--here")
    assert made.exit_code == 0, made.output
    assert "accuracy" in made.output
    assert "candidate" in pandu("models", "list").output
    assert json.loads(pandu("models", "show", "1", "--json").output)["taught"] == 2
    assert pandu("models", "publish", "1").exit_code == 0
    assert _read(url, trained, "token masuk ruang praktik") == "voucher_how"
    assert pandu("models", "rollback", "shipped").exit_code == 0
    assert pandu("models", "rollback", "shipped").exit_code == 1
    assert pandu("models", "rollback", "1").exit_code == 0
    out = tmp_path / "taught.yml"
    assert pandu("taught", "export", "--out", str(out)).exit_code == 0
    assert out.stat().st_mode & 0o077 == 0, "people's own words"
    assert "token masuk ruang praktik" in out.read_text(encoding="utf-8")
    assert pandu("taught", "withdraw", "1").exit_code == 0
    assert [row["id"] for row in json.loads(pandu("taught", "list", "--json").output)] == [2]


def test_a_job_is_left_to_a_worker(url: str) -> None:
    assert "job 1 waits for a worker; " in pandu("retrain").output
    assert "job 1 waits for a worker already (asked by operator:" in pandu("retrain").output
    assert "job 1 is cancelled" in pandu("retrain", "--cancel").output
    assert "no job waits" in pandu("retrain", "--cancel").output
    assert "job 2 waits for a worker; " in pandu("retrain").output
    assert [job["state"] for job in json.loads(pandu("models", "list", "--json").output)["jobs"]] == [
        "waiting",
        "failed",
    ]
    assert "rollback shipped" in pandu("models", "publish", "shipped").output
    assert "`pandu nlu eval` measures it" in pandu("models", "show", "shipped").output
    assert "a number of `pandu nlu models list`" in pandu("models", "show", "²").output


def _read(url: str, trained: Path, text: str) -> str:
    """What a program that starts now understands."""

    async def go() -> str:
        loaded = settings.load()
        database = Database(url)
        parts = await with_published(database, program.parts(loaded), at(str(trained)), lambda engine: engine)
        await database.close()
        return parts.engine.parse(text, Context(today=NOW.date())).intent

    return asyncio.run(go())
