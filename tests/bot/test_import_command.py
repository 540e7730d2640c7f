"""`pandu import` as an operator runs it: exit codes, one clear line, JSON; and killed in the middle for real."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import typer
from sqlalchemy import Connection, func, select
from typer.testing import CliRunner, Result

from bot.commands import importing
from storage.database import Database
from storage.schema import imports, participants
from tests.bot.exchange import PEOPLE, write

SECRET = "a test's secret of at least 32 characters"
COMMAND = (  # nobody waits ten seconds for the place of one who was killed
    "import typer; from datetime import timedelta; from bot.commands import importing; from bot.exchange import writer; "
    "writer.LEASE = timedelta(seconds=2); app = typer.Typer(); app.command()(importing.import_file); app()"
)


@pytest.fixture
def command(sqlite: Database, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.setenv("PANDU_DATABASE_URL", sqlite.url)
    monkeypatch.setenv("PANDU_SECRET_KEY", SECRET)
    return CliRunner()


def run(command: CliRunner, *words: str | Path) -> Result:
    app = typer.Typer()
    app.command()(importing.import_file)
    return command.invoke(app, [str(word) for word in words])


def test_all_rows_taken(command: CliRunner, tmp_path: Path) -> None:
    path = write(tmp_path / "p.csv", f"{PEOPLE}a,Contoh,aktif,\nb,Contoh,aktif,\n")
    done = run(command, "participants", path, "--as-of", "2026-05-12T06:00")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == "participants: took 2 of 2 rows (2 new), data of 2026-05-12 06.00 WIB\n"
    assert not path.with_suffix(".report.csv").exists()
    again = run(command, "participants", path, "--json")
    told = json.loads(again.stdout)
    assert (again.exit_code, told["rows"], told["refused"], told["same"], told["dry_run"]) == (0, 2, 0, 2, False)


def test_some_rows_refused(command: CliRunner, tmp_path: Path) -> None:
    path = write(tmp_path / "p.csv", PEOPLE + "a,Contoh,aktif,\nb,Contoh,entah,\n")
    looked = run(command, "participants", path, "--dry-run")
    assert looked.exit_code == 1
    assert looked.stdout.startswith("participants: would take 1 of 2 rows (1 new)")
    assert "--report FILE lists them all" in looked.stderr
    done = run(command, "participants", path)
    assert done.exit_code == 1
    assert done.stderr.splitlines() == [
        f"pandu: 1 rows refused; all are in {path.with_suffix('.report.csv')}",
        "  line 3, membership (entah): not an allowed value; one of applied, selected, active, finished, failed, revoked",
    ]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("people", "p.csv"), "import people: one of participants, courses, enrolments, incentives"),
        (("participants", "none.csv"), "none.csv: cannot be read: No such file or directory"),
        (("courses", "p.csv"), "p.csv: no headings of courses in the first 10 rows"),
        (("participants", "p.csv", "--as-of", "kemarin"), "--as-of kemarin: write 2026-05-12T06:00"),
        (("participants", "p.csv", "--as-of", "2999-01-01"), "lies in the future"),
        (("participants", "p.csv", "--report", "no/such/folder/r.csv"), "cannot be written"),
    ],
)
def test_an_unusable_file_is_one_clear_line(
    command: CliRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "p.csv", f"{PEOPLE}a,Contoh,entah,\n" if "--report" in words else "x1,x2,x3,name\n1,2,3,4\n")
    if words[0] == "participants":
        write(tmp_path / "p.csv", f"{PEOPLE}a,Contoh,entah,\n")
    done = run(command, *words)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert told in done.stderr


def test_a_database_of_another_version(command: CliRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing.migrate, "head", lambda: "9999")
    done = run(command, "participants", write(tmp_path / "p.csv", f"{PEOPLE}a,Contoh,aktif,\n"))
    assert (done.exit_code, done.stderr) == (
        2,
        "pandu: the database is not at this version's schema: run `pandu db upgrade`\n",
    )


async def _figures(database: Database) -> tuple[int, int, int]:
    def read(connection: Connection) -> tuple[int, int, int]:
        row = connection.execute(select(imports).order_by(imports.c.id.desc()).limit(1)).mappings().first()
        there = connection.execute(select(func.count()).select_from(participants)).scalar_one()
        return (row["staged_line"], row["applied_line"], there) if row else (0, 0, there)

    return await database.read(read)


@pytest.mark.crash
@pytest.mark.parametrize("phase", [0, 1])
async def test_killed_while_staging_and_while_applying(database: Database, tmp_path: Path, phase: int) -> None:
    rows = 6_000
    lines = (
        f"k{number},Contoh {number},{'entah' if number % 1000 == 0 else 'aktif'},08000000{number:04d}\n"
        for number in range(rows)
    )
    path = write(tmp_path / "p.csv", PEOPLE + "".join(lines))
    env = {**os.environ, "PANDU_DATABASE_URL": database.url, "PANDU_SECRET_KEY": SECRET}

    def start() -> subprocess.Popen[str]:
        words = [sys.executable, "-c", COMMAND, "participants", str(path), "--json"]
        return subprocess.Popen(words, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # noqa: S603

    child = await asyncio.to_thread(start)
    deadline = time.monotonic() + 60
    while (await _figures(database))[phase] == 0:
        assert time.monotonic() < deadline
        assert child.poll() is None, "the import was over before it could be killed"
        await asyncio.sleep(0.002)
    child.send_signal(signal.SIGKILL)
    await asyncio.to_thread(child.communicate)
    assert (await _figures(database))[2] < rows
    second = await asyncio.to_thread(start)
    out, err = await asyncio.to_thread(second.communicate)
    told = json.loads(out)
    assert (second.returncode, told["resumed"], told["rows"], told["refused"]) == (1, True, rows, 6), err
    assert told["inserted"] + told["same"] == rows - 6
    assert (await _figures(database))[2] == rows - 6
    assert len(path.with_suffix(".report.csv").read_text(encoding="utf-8-sig").splitlines()) == 7
