"""`pandu content`: what the desk does, done on the command line; and the files written back."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from bot.cli import app
from handlers import catalogue, content_check, content_export
from handlers.catalogue import CONTENT, entry_of, read_files
from handlers.content_now import as_json, from_json
from storage import agents, migrate
from storage.database import Database, database_now

INTENT = "incentive_amount"


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A database with two editors; runs commands on it."""
    monkeypatch.chdir(tmp_path)

    async def make() -> None:
        database = Database("sqlite:///var/pandu.db")
        await database.write(migrate.upgrade)
        for name, role in (("ani", "editor"), ("budi", "admin"), ("cici", "agent")):
            await database.write(
                lambda c, name=name, role=role: agents.add(
                    c, name=name, alias=name, code=f"P-{name}", role=role, now=database_now(c)
                )
            )
        await database.close()

    asyncio.run(make())
    monkeypatch.setenv("PANDU_DATABASE_URL", f"sqlite:///{tmp_path / 'var' / 'pandu.db'}")

    def go(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["content", *arguments])

    return go


def written(path: Path, **changes: Any) -> str:
    body = next(f[INTENT] for name, f in read_files(CONTENT).items() if name.startswith("answers/") and INTENT in f)
    file = path / "answer.yml"
    file.write_text(yaml.safe_dump({INTENT: {**as_json(body), **changes}}, allow_unicode=True), encoding="utf-8")
    return str(file)


def test_an_answer_goes_from_a_file_through_two_people_and_back_into_the_files(desk: Any, tmp_path: Path) -> None:
    file = written(tmp_path, text="Insentif sekarang berbeda, Kak.\nTanya lagi nanti: ya, kapan saja.")
    assert desk("draft", INTENT, file, "--reason", "aturan baru", "--by", "ani").exit_code == 0
    refused = desk("publish", INTENT, "--by", "ani")
    assert refused.exit_code == 1
    assert "a second person" in refused.output
    assert desk("publish", INTENT, "--by", "cici").exit_code == 1, "an agent is no editor"
    assert desk("publish", INTENT, "--by", "budi").exit_code == 0
    (row,) = [row for row in json.loads(desk("list", "--json").stdout) if row["version"]]
    assert row["intent"] == INTENT
    folder = Path(shutil.copytree(CONTENT, tmp_path / "content"))
    assert INTENT in desk("export", "--folder", str(folder)).stdout
    once = (folder / "answers" / "money.yml").read_text(encoding="utf-8")
    assert "the files say the same" in desk("export", "--folder", str(folder)).stdout
    assert (folder / "answers" / "money.yml").read_text(encoding="utf-8") == once
    assert "Insentif sekarang berbeda" in once
    assert content_check.check(folder) == []
    (version,) = json.loads(desk("versions", INTENT, "--json").stdout)
    assert desk("withdraw", INTENT, "--version", str(version["id"]), "--reason", "ragu", "--by", "ani").exit_code == 0
    assert (
        desk("rollback", INTENT, "--version", str(version["id"]), "--reason", "benar juga", "--by", "ani").exit_code
        == 0
    )
    assert [row["state"] for row in json.loads(desk("versions", INTENT, "--json").stdout)] == ["active", "withdrawn"]


def test_what_may_not_be_published_is_refused_with_its_field(desk: Any, tmp_path: Path) -> None:
    answer = desk("draft", INTENT, written(tmp_path, sms="x" * 230), "--reason", "coba", "--by", "ani")
    assert answer.exit_code == 1
    assert "sms: has 230 characters" in answer.output
    assert not [row for row in json.loads(desk("list", "--json").stdout) if row["draft"]]


def test_state_and_facts_take_two_people(desk: Any, tmp_path: Path) -> None:
    until = ["--until", "2099-01-01T00:00"]
    assert desk("state", "open", "--reason", "pengumuman", "--by", "ani").exit_code == 1, "an end is needed"
    assert desk("state", "open", *until, "--reason", "pengumuman", "--by", "ani").exit_code == 0
    assert desk("approve", "1", "--by", "ani").exit_code == 1
    assert json.loads(desk("state", "--json").stdout)["state"] == "closed"
    assert desk("approve", "1", "--by", "budi").exit_code == 0
    assert json.loads(desk("state", "--json").stdout)["state"] == "open"
    assert desk("notice", "Gangguan, Kak.", *until, "--reason", "x", "--by", "ani", "--topic", "money").exit_code == 0
    assert desk("refuse", "2", "--by", "ani").exit_code == 0
    for number, (key, value) in enumerate((("situs", "situs.go.id"), ("posko", "Balai Kota")), 3):
        assert desk("fact", key, value, "--reason", "pindah", "--by", "ani").exit_code == 0
        assert desk("approve", str(number), "--by", "budi").exit_code == 0
    folder = Path(shutil.copytree(CONTENT, tmp_path / "content"))
    assert len(json.loads(desk("export", "--folder", str(folder), "--json").stdout)) == 2
    values = catalogue.load.__wrapped__(folder).common
    assert (values["situs"], values["posko"]) == ("situs.go.id", "Balai Kota")
    assert desk("end", "1", "--reason", "ditutup", "--by", "ani").exit_code == 0
    assert json.loads(desk("state", "--json").stdout)["state"] == "closed"


_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")) | st.just("\n"), min_size=1).map(
    lambda text: text.strip() or "x"
)


@settings(deadline=None)
@given(title=_TEXT, text=_TEXT, closed=_TEXT, more=_TEXT)
def test_whatever_is_written_comes_back_as_it_was(title: str, text: str, closed: str, more: str) -> None:
    seed = catalogue.load().seeds[INTENT]
    body = {**as_json(seed), "title": title, "text": {"open": text, "closed": closed}, "more": more}
    lines = "\n".join(content_export.as_yaml(INTENT, body))
    assert entry_of(INTENT, yaml.safe_load(lines)[INTENT]) == entry_of(INTENT, from_json(body))


def test_every_answer_written_out_is_the_same_answer() -> None:
    for name, file in read_files(CONTENT).items():
        for intent, body in file.items() if name.startswith("answers/") else ():
            lines = "\n".join(content_export.as_yaml(intent, as_json(body)))
            assert entry_of(intent, yaml.safe_load(lines)[intent]) == entry_of(intent, body)
