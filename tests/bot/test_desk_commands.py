"""`pandu agent`, `pandu case`, `pandu hours`: as an operator uses them, against a database on disk."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select
from typer.testing import CliRunner, Result

from bot.cli import app
from storage import agents, cases
from storage.schema import outbox
from tests.bot.at_once import at_once
from tests.storage.desk import ask


@pytest.fixture
def url(tmp_path: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    found = f"sqlite:///{tmp_path / 'pandu.db'}"
    monkeypatch.setenv("PANDU_DATABASE_URL", found)
    monkeypatch.setenv("PANDU_SECRET_KEY", "x" * 32)
    monkeypatch.setenv("PANDU_PUBLIC_URL", "https://bantuan.contoh.go.id/")
    shutil.copy(sqlite_template, tmp_path / "pandu.db")
    return found


def run(url: str, work: Callable[[Connection], Any]) -> Any:
    return at_once(url, lambda database: database.write(work))


def pandu(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


# -- agents -----------------------------------------------------------------------------------------------------------


def test_an_account_is_made_with_a_link_and_no_password(url: str) -> None:
    made = pandu("agent", "add", "Rani Contoh", "--role", "admin", "--skills", "uang, akun", "--cap", "6")
    assert made.exit_code == 0, made.output
    first, link = made.output.strip().splitlines()
    assert first.startswith("Rani Contoh (admin), code for citizens P-")
    token = link.removeprefix("https://bantuan.contoh.go.id/desk/invite/")
    hashed = hashlib.sha256(token.encode()).hexdigest()
    row = run(url, lambda c: agents.invited(c, hashed, datetime.now(UTC)))
    assert (row["alias"], row["skills"], row["cap"], row["password_hash"]) == ("Rani", ["uang", "akun"], 6, None)
    assert token not in Path(url.removeprefix("sqlite:///")).read_bytes().decode("latin-1")
    (listed,) = json.loads(pandu("agent", "list", "--json").output)
    assert (listed["name"], listed["role"], listed["load"]) == ("Rani Contoh", "admin", 0)
    assert "invited" in pandu("agent", "list").output


def test_a_new_link_replaces_the_old_one_and_off_ends_both(url: str) -> None:
    old = pandu("agent", "add", "Rani").output.split("/invite/")[1].strip()
    new = pandu("agent", "link", "rani").output.split("/invite/")[1].strip()

    def counts(token: str) -> bool:
        hashed = hashlib.sha256(token.encode()).hexdigest()
        return run(url, lambda c: agents.invited(c, hashed, datetime.now(UTC))) is not None

    assert (counts(old), counts(new)) == (False, True)
    assert pandu("agent", "off", "Rani").exit_code == 0
    assert not counts(new)
    assert pandu("agent", "link", "Rani").exit_code == 1
    assert " off " in pandu("agent", "list").output


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("Rani", "--role", "boss"), "role boss: one of agent"),
        (("Rani", "--skills", "memasak"), "no topic memasak"),
        (("R",), "2 to 80 characters"),
    ],
)
def test_what_is_wrong_with_an_account_is_one_line(url: str, words: tuple[str, ...], told: str) -> None:
    made = pandu("agent", "add", *words)
    assert made.exit_code == 1
    assert told in made.output
    assert len(made.output.strip().splitlines()) == 1


def test_a_name_is_taken_once(url: str) -> None:
    assert pandu("agent", "add", "Rani").exit_code == 0
    again = pandu("agent", "add", "RANI")
    assert (again.exit_code, "already" in again.output) == (1, True)


# -- cases ------------------------------------------------------------------------------------------------------------


def texts(url: str) -> list[str]:
    rows = run(url, lambda c: c.execute(select(outbox.c.payload).order_by(outbox.c.id)).scalars().all())
    return [row["text"] for row in rows]


def test_a_case_is_shown_noted_answered_and_put_right(url: str) -> None:
    run(url, lambda c: ask(c, "ABC123", datetime.now(UTC)))
    assert "L-ABC123" in pandu("case", "list").output
    assert pandu("case", "note", "l-abc123", "sudah ditelepon", "--by", "budi").exit_code == 0
    early = pandu("case", "correct", "L-ABC123", "--tell", "x")
    assert (early.exit_code, "nothing was told" in early.output) == (1, True)
    closed = pandu("case", "close", "L-ABC123", "--tell", "Sudah dibayar 3 November.", "--by", "budi")
    assert closed.exit_code == 0, closed.output
    again = pandu("case", "close", "L-ABC123", "--tell", "x")
    assert (again.exit_code, "is closed" in again.output) == (1, True)
    assert pandu("case", "correct", "L-ABC123", "--tell", "Dibayar 5 November.").exit_code == 0
    shown = json.loads(pandu("case", "show", "L-ABC123").output)
    assert (shown["state"], shown["resolution"], shown["told"]) == ("closed", "answered", "Dibayar 5 November.")
    assert [(one["author"], one["text"]) for one in shown["notes"]] == [("operator:budi", "sudah ditelepon")]
    assert [one["what"].split(":")[0] for one in shown["history"]] == ["opened", "answered", "corrected"]
    answered, corrected = texts(url)
    assert answered.startswith("Laporan L-ABC123 sudah dijawab petugas:\nSudah dibayar 3 November.")
    assert "Ralat" in corrected
    assert "Dibayar 5 November." in corrected
    assert pandu("case", "list").output.strip() == "no such cases"


def test_a_forwarded_case_stays_open(url: str) -> None:
    run(url, lambda c: ask(c, "ABC123", datetime.now(UTC)))
    assert pandu("case", "close", "L-ABC123", "--tell", "Kami tanyakan.", "--as", "forwarded").exit_code == 0
    (row,) = json.loads(pandu("case", "list", "--json").output)
    assert (row["state"], row["resolution"]) == ("open", "forwarded")
    assert run(url, lambda c: cases.by_number(c, "L-ABC123"))["closed_at"] is None


def test_cases_are_found_by_due_time_and_an_unknown_one_is_said(url: str) -> None:
    run(url, lambda c: ask(c, "ABC123", datetime.now(UTC)))  # due in a day
    assert pandu("case", "list", "--due-in", "2").output.strip() == "no such cases"
    assert "L-ABC123" in pandu("case", "list", "--due-in", "30").output
    unknown = pandu("case", "show", "L-000000")
    assert (unknown.exit_code, "no case" in unknown.output) == (1, True)
    wrong = pandu("case", "close", "L-ABC123", "--tell", "x", "--as", "done")
    assert (wrong.exit_code, "resolution done" in wrong.output) == (1, True)


# -- hours ------------------------------------------------------------------------------------------------------------


def test_hours_are_set_shown_and_make_a_desk(url: str) -> None:
    assert "there is no desk" in pandu("hours", "show").output
    assert pandu("hours", "set", "senin-jumat", "08.00-12.00,13.00-16.00").exit_code == 0
    assert pandu("hours", "set", "jumat", "08:00-11:00", "--zone", "WITA").exit_code == 0
    ramadan = pandu("hours", "set", "senin-kamis", "08.00-15.00", "--from", "2027-02-08", "--to", "2027-03-08")
    assert ramadan.exit_code == 0
    assert pandu("hours", "set", "selasa", "tutup").exit_code == 0
    shifts = json.loads(pandu("hours", "show", "--json").output)["shifts"]
    assert {"day": "jumat", "span": "08.00-11.00", "zone": "WITA", "period": ""} in shifts
    assert {"day": "senin", "span": "13.00-16.00", "zone": "WIB", "period": ""} in shifts
    assert [one["period"] for one in shifts if one["day"] == "selasa"] == ["2027-02-08 to 2027-03-08"]
    pandu("agent", "add", "Rani")
    assert run(url, agents.staffed)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("set", "ahad", "08.00-12.00"), "weekdays are"),
        (("set", "senin", "pagi"), "no shift"),
        (("set", "senin", "12.00-08.00"), "must begin before it ends"),
        (("set", "senin", "08.00-12.00", "--zone", "UTC"), "--zone"),
        (("set", "senin", "08.00-12.00", "--from", "2027-02-08"), "go together"),
        (("set", "senin", "08.00-12.00", "--from", "2027-02-08", "--to", "2027-02-01"), "before --from"),
        (("close", "besok", "x"), "no day"),
        (("clear", "2027-02-08"), "nothing is entered"),
    ],
)
def test_what_is_wrong_with_hours_is_one_line(url: str, words: tuple[str, ...], told: str) -> None:
    made = pandu("hours", *words)
    assert made.exit_code == 1
    assert told in made.output
    assert len(made.output.strip().splitlines()) == 1


def test_days_are_closed_opened_forgotten_and_imported(url: str, tmp_path: Path) -> None:
    year = datetime.now(UTC).year + 1
    assert pandu("hours", "close", f"{year}-03-03", "cuti bersama").exit_code == 0
    assert pandu("hours", "open", f"{year}-12-25").exit_code == 0
    path = tmp_path / "libur.csv"
    path.write_text(f"day,name,state\n{year}-04-04,Cuti bersama,closed\n{year}-05-05,Tetap buka,open\n", "utf-8")
    assert "2 days kept" in pandu("hours", "import", str(path)).output
    days = {one["day"]: one["closed"] for one in json.loads(pandu("hours", "show", "--json").output)["days"]}
    assert days == {f"{year}-03-03": True, f"{year}-12-25": False, f"{year}-04-04": True, f"{year}-05-05": False}
    assert pandu("hours", "clear", f"{year}-03-03").exit_code == 0
    assert f"{year}-03-03" not in pandu("hours", "show").output


def test_a_wrong_row_of_an_import_keeps_nothing(url: str, tmp_path: Path) -> None:
    path = tmp_path / "libur.csv"
    path.write_text("day,name,state\n2027-04-04,Cuti,closed\n2027-13-01,Salah,closed\n", encoding="utf-8")
    made = pandu("hours", "import", str(path))
    assert (made.exit_code, "line 3" in made.output) == (1, True)
    assert json.loads(pandu("hours", "show", "--json").output)["days"] == []
    path.write_text("day,name\n", encoding="utf-8")
    assert pandu("hours", "import", str(path)).exit_code == 1
    assert pandu("hours", "import", str(tmp_path / "none.csv")).exit_code == 1
