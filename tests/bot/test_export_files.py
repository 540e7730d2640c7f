"""`pandu export`: what stands in the files, the filters, and that each look is logged."""

from __future__ import annotations

import asyncio
import csv
import io
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import typer
from sqlalchemy import Connection, update
from typer.testing import CliRunner

from bot import cli
from bot.commands import exporting
from bot.exchange.exporter import HEADINGS, export
from bot.exchange.table import Record, open_table
from storage import cases, exports, people, registrations
from storage.database import Database
from storage.schema import access_log, participants
from tests.bot.exchange import rows_of
from tests.storage.test_people import add_chat, add_person


def fill(connection: Connection, now: datetime) -> None:
    """Two chats: "one" in Bandung, linked, with a case and a preparation; "two" with what is older."""
    one, two = add_chat(connection, "one", now), add_chat(connection, "two", now)
    person = add_person(connection, "sampel-1", now)
    connection.execute(update(participants).values(region="3273"))
    data = {
        "age": "27",
        "region": "3273",
        "work": "=Tukang cukur",
        "interests": "kue,las.",
        "education": "-",
        "_number": "x",
    }
    kept = now + timedelta(days=365)
    registrations.save(connection, one, number="P-000001", data=data, now=now, kept_until=kept)
    old = now - timedelta(days=9)
    registrations.save(connection, two, number="P-000002", data={"region": "3578"}, now=old, kept_until=kept)
    people.link(connection, chat_id=two, participant_id=person, level="2", method="birth_card", now=old)
    people.end_link(connection, two, why="asked", now=now)
    people.link(connection, chat_id=one, participant_id=person, level="2a", method="birth_nik", now=now)
    opened = {"topic": "uang", "priority": cases.URGENT, "story": "=HYPERLINK(1)"}
    cases.create(connection, number="L-000001", chat_id=one, participant_id=person, now=now, due_at=now, **opened)  # type: ignore[arg-type]
    cases.create(
        connection,
        number="L-000002",
        chat_id=two,
        topic="akun",
        priority=cases.NORMAL,
        story="lama",
        now=old,
        due_at=old,
    )


async def exported(database: Database, kind: str, **only: object) -> list[dict[str, str]]:
    screen = io.StringIO()
    await export(database, kind, exports.Filter(**only), out=None, xlsx=False, screen=screen)  # type: ignore[arg-type]
    return list(csv.DictReader(io.StringIO(screen.getvalue())))


async def test_registrations(database: Database, now: datetime) -> None:
    await database.write(lambda connection: fill(connection, now))
    rows = await exported(database, "registrations")
    assert tuple(rows[0]) == HEADINGS["registrations"]
    wanted = {
        "number": "P-000001",
        "channel": "telegram",
        "created_at": "2026-11-24T10:00:00+07:00",
        "age": "27",
        "region": "3273",
        "region_name": "Kota Bandung",
        "work": "Tukang cukur",
        "interests": "kue,las",
        "education": "",
    }
    assert {name: rows[0][name] for name in wanted} == wanted
    assert [row["number"] for row in rows] == ["P-000001", "P-000002"]
    for only in ({"since": now - timedelta(days=1)}, {"region": "3273"}, {"region": "32"}):
        assert [row["number"] for row in await exported(database, "registrations", **only)] == ["P-000001"]
    assert await exported(database, "registrations", region="3171") == []


async def test_links_and_cases_are_logged_for_their_people(database: Database, now: datetime) -> None:
    await database.write(lambda connection: fill(connection, now))
    links = await exported(database, "links")
    assert [(row["record_key"], row["level"], row["state"], row["ended_why"]) for row in links] == [
        ("sampel-1", "2", "ended", "asked"),
        ("sampel-1", "2a", "active", ""),
    ]
    assert [row["level"] for row in await exported(database, "links", state="active")] == ["2a"]
    assert [row["level"] for row in await exported(database, "links", state="ended", region="32")] == ["2"]
    assert {(row["actor"], row["what"], row["participant_id"]) for row in await rows_of(database, access_log)} == {
        ("cli", "ekspor", 1)
    }
    found = await exported(database, "cases")
    assert [(row["number"], row["priority"], row["record_key"], row["story"]) for row in found] == [
        ("L-000001", "urgent", "sampel-1", "'=HYPERLINK(1)"),
        ("L-000002", "normal", "", "lama"),
    ]
    assert await exported(database, "cases", state="closed") == []
    assert [row["number"] for row in await exported(database, "cases", region="3273")] == ["L-000001"]


async def test_pages_follow_each_other(database: Database, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.exchange.exporter.PAGE", 2)

    def many(connection: Connection) -> None:
        for number in range(5):
            chat = add_chat(connection, f"c{number}", now)
            cases.create(
                connection,
                number=f"L-00000{number}",
                chat_id=chat,
                topic="uang",
                priority=2,
                story="…",
                now=now,
                due_at=now,
            )

    await database.write(many)
    assert [row["number"][-1] for row in await exported(database, "cases")] == list("01234")


@pytest.fixture
def command(sqlite: Database, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.setenv("PANDU_DATABASE_URL", sqlite.url)
    return CliRunner()


def test_the_command_writes_csv_and_xlsx(sqlite: Database, command: CliRunner, now: datetime, tmp_path: Path) -> None:
    async def prepare() -> None:
        database = Database(sqlite.url)
        await database.write(lambda connection: fill(connection, now))
        await database.close()

    asyncio.run(prepare())
    app = typer.Typer()
    app.command()(exporting.export)
    shown = command.invoke(app, ["cases", "--since", "2026-11-24"])
    assert (shown.exit_code, shown.stderr) == (0, "1 cases\n")
    assert shown.stdout.splitlines()[1].startswith("L-000001,uang,urgent,open,2026-11-24T10:00:00+07:00")
    for form in ("csv", "xlsx"):
        out = tmp_path / f"cases.{form}"
        done = command.invoke(app, ["cases", "--format", form, "--out", str(out)])
        assert out.stat().st_mode & 0o077 == 0
        assert (done.exit_code, done.stdout) == (0, "")
        records = [record.cells for record in open_table(out, "participants").records() if isinstance(record, Record)]
        assert records[0] == list(HEADINGS["cases"])
        assert records[1][-1] == ("=HYPERLINK(1)" if form == "xlsx" else "'=HYPERLINK(1)")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["people"], "export people: one of registrations, links, cases"),
        (["cases", "--state", "x"], "--state x: one of open, waiting, closed"),
        (["registrations", "--state", "open"], "registrations have no --state"),
        (["cases", "--region", "Bandung"], "--region Bandung: a code"),
        (["cases", "--since", "kemarin"], "--since kemarin: write 2026-05-12"),
        (["cases", "--format", "pdf"], "--format pdf: csv or xlsx"),
        (["cases", "--format", "xlsx"], "--format xlsx needs --out FILE"),
    ],
)
def test_what_cannot_be_is_one_clear_line(command: CliRunner, words: list[str], told: str) -> None:
    app = typer.Typer()
    app.command()(exporting.export)
    done = command.invoke(app, words)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("pandu: ")
    assert told in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_folder_that_is_not_there_is_told_as_by_every_command(command: CliRunner) -> None:
    done = command.invoke(cli.app, ["export", "cases", "--out", "no/such/folder/x.csv"])
    told = "pandu: no/such/folder/x.csv: No such file or directory\n"
    assert (done.exit_code, done.stdout, done.stderr) == (1, "", told)
