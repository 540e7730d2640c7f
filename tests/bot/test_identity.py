"""NIK and KK from the preparation to the lawful receiver: settings, doctor, export, and the move to another key."""

from __future__ import annotations

import asyncio
import csv
import stat
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection
from typer.testing import CliRunner

from bot import cli, rotation, settings, settings_check
from bot.commands.doctor import examine
from bot.policy import policy
from bot.settings import Settings
from handlers import identity, secure
from handlers.turn import Policy
from storage import exports, registrations
from storage import identity as numbers
from storage.database import Database
from tests.storage.test_people import add_chat

OLD, NEW, THIRD = "former secret " * 4, "present secret " * 4, "another secret " * 4
LAWFUL = {
    "PANDU_IDENTITY_TRANSFER": "Kementerian Contoh",
    "PANDU_IDENTITY_BASIS": "Perjanjian 1/2026",
    "PANDU_PUBLIC_URL": "https://pandu.example",
}
PLAIN = {"nik": "3273010312990001", "kk": "3273010101100002"}
YEAR = timedelta(days=365)


def loaded(**env: str) -> Settings:
    return settings.load({"PANDU_SECRET_KEY": NEW, **LAWFUL, **env})


def keep(connection: Connection, address: str, now: datetime, under: Policy) -> int:
    """A preparation with its numbers, sealed by that policy."""
    chat = add_chat(connection, address, now)
    row = identity.sealed_row(PLAIN, under, chat_id=chat)
    numbers.save(connection, chat, values=row, now=now, kept_until=now + YEAR)
    data = {"age": "27", "identity": "noted"}
    registrations.save(connection, chat, number=f"P-{address}", data=data, now=now, kept_until=now + YEAR)
    return chat


# -- settings -----------------------------------------------------------------------------------------------------


def test_everything_configured_is_asked() -> None:
    assert settings_check.identity_problems(loaded()) == []
    assert policy(loaded()).asks_identity
    assert policy(loaded(PANDU_PUBLIC_URL="http://127.0.0.1:8080")).asks_identity


@pytest.mark.parametrize(
    ("env", "told"),
    [
        ({"PANDU_IDENTITY_BASIS": ""}, "PANDU_IDENTITY_BASIS is unset"),
        ({"PANDU_IDENTITY_TRANSFER": ""}, "PANDU_IDENTITY_TRANSFER is unset"),
        ({"PANDU_PUBLIC_URL": ""}, "PANDU_PUBLIC_URL is no https address"),
        ({"PANDU_PUBLIC_URL": "http://pandu.example"}, "PANDU_PUBLIC_URL is no https address"),
        ({"PANDU_IDENTITY_BASIS": "x" * 81}, "PANDU_IDENTITY_BASIS has 81 characters"),
    ],
)
def test_what_is_missing_is_named_and_nothing_is_asked(env: dict[str, str], told: str) -> None:
    (problem,) = settings_check.identity_problems(loaded(**env))
    assert told in problem
    assert not policy(loaded(**env)).asks_identity


def test_nothing_configured_is_no_problem() -> None:
    plain = settings.load({"PANDU_SECRET_KEY": NEW})
    assert settings_check.identity_problems(plain) == []
    assert not policy(plain).asks_identity


# -- a database with preparations ---------------------------------------------------------------------------------


@pytest.fixture
def environment(sqlite: Database, now: datetime, monkeypatch: pytest.MonkeyPatch) -> Database:
    """The operator's environment with two preparations, one of them sealed under the former key."""
    for name, value in {**LAWFUL, "PANDU_DATABASE_URL": sqlite.url, "PANDU_SECRET_KEY": NEW}.items():
        monkeypatch.setenv(name, value)
    former = policy(settings.load({**LAWFUL, "PANDU_SECRET_KEY": OLD}))

    async def fill() -> None:
        database = Database(sqlite.url)
        await database.write(lambda c: (keep(c, "lama", now, former), keep(c, "baru", now, policy(loaded()))))
        await database.close()

    asyncio.run(fill())
    return sqlite


def read(database: Database, work) -> object:  # type: ignore[no-untyped-def]
    async def once() -> object:
        one = Database(database.url)
        try:
            return await one.read(work)
        finally:
            await one.close()

    return asyncio.run(once())


def pandu(*words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(cli.app, list(words))
    return done.exit_code, done.stdout, done.stderr


def test_doctor_says_what_is_missing(environment: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    problems = "\n".join(asyncio.run(examine())["problems"])
    assert "set PANDU_SECRET_KEY_FORMER" in problems
    monkeypatch.setenv("PANDU_SECRET_KEY_FORMER", OLD)
    problems = "\n".join(asyncio.run(examine())["problems"])
    assert "run `pandu keys rotate`" in problems
    monkeypatch.delenv("PANDU_IDENTITY_BASIS")
    found = asyncio.run(examine())
    problems = "\n".join(found["problems"])
    assert "PANDU_IDENTITY_BASIS is unset: NIK and KK are not asked" in problems
    assert "no lawful transfer is configured" in problems
    assert OLD not in str(found)


def test_doctor_says_that_they_are_asked(environment: Database) -> None:
    assert "for Kementerian Contoh (Perjanjian 1/2026)" in str(asyncio.run(examine())["settings"])


def test_keys_are_listed_and_rotated_and_nothing_is_lost(
    environment: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, shown, told = pandu("keys", "list")
    assert code == 1
    assert "present" in shown
    assert "missing" in shown
    assert NEW not in shown
    assert "set PANDU_SECRET_KEY_FORMER" in told
    code, shown, told = pandu("keys", "rotate")
    assert (code, shown.splitlines()[0]) == (1, "0 sealed anew under the present key")
    monkeypatch.setenv("PANDU_SECRET_KEY_FORMER", OLD)
    code, shown, told = pandu("keys", "rotate")
    assert (code, shown.splitlines()[0]) == (0, "1 sealed anew under the present key")
    monkeypatch.delenv("PANDU_SECRET_KEY_FORMER")
    assert pandu("keys", "list")[0] == 0
    present = policy(loaded())
    found = read(environment, lambda c: numbers.sealed_under(c, secure.key_id(present.sealing_key), 10))
    assert [identity.opened(row, present) for row in found] == [PLAIN, PLAIN]  # type: ignore[attr-defined]
    assert len({row["nik_hash"] for row in found}) == 1  # type: ignore[attr-defined]


async def test_a_rotation_can_be_repeated_and_goes_in_batches(
    database: Database, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "_BATCH", 2)
    former = policy(settings.load({**LAWFUL, "PANDU_SECRET_KEY": OLD}))
    for address in ("one", "two", "three"):
        await database.write(lambda c, address=address: keep(c, address, now, former))
    both = policy(loaded(PANDU_SECRET_KEY_FORMER=OLD))
    steps: list[int] = []
    assert await rotation.rotate(database, both, tell=steps.append) == 3
    assert steps == [2, 1]
    assert await rotation.rotate(database, both) == 0
    (held,) = await rotation.held(database, both)
    assert (held.state, held.count) == ("present", 3)


def test_numbers_open_for_their_chat_alone(environment: Database) -> None:
    present = policy(loaded())
    (row,) = read(environment, lambda c: numbers.sealed_under(c, secure.key_id(present.sealing_key), 10))  # type: ignore[misc]
    with pytest.raises(ValueError, match="do not open"):
        identity.opened({**row, "chat_id": 99}, present)
    with pytest.raises(ValueError, match="not configured"):
        identity.opened(row, policy(settings.load({**LAWFUL, "PANDU_SECRET_KEY": THIRD})))


# -- export -------------------------------------------------------------------------------------------------------


def test_an_export_opens_numbers_only_on_demand_and_logs_it(
    environment: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PANDU_SECRET_KEY_FORMER", OLD)
    code, shown, _ = pandu("export", "registrations")
    assert code == 0
    assert PLAIN["nik"] not in shown
    rows = list(csv.DictReader(shown.splitlines()))
    assert [row["identity"] for row in rows] == ["noted", "noted"]
    assert all(len(row["identity_ref"]) == 16 for row in rows)
    assert read(environment, lambda c: numbers.looks(c, 1)) == []

    out = tmp_path / "serah.csv"
    code, shown, _ = pandu("export", "registrations", "--with-identity", "--out", str(out))
    assert (code, shown) == (0, "")
    rows = list(csv.DictReader(out.read_text(encoding="utf-8-sig").splitlines()))
    assert [(row["nik"], row["kk"]) for row in rows] == [(PLAIN["nik"], PLAIN["kk"])] * 2
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    for chat in (1, 2):
        (look,) = read(environment, lambda c, chat=chat: numbers.looks(c, chat))  # type: ignore[misc]
        assert (look["actor"], look["what"]) == ("cli", exports.LOGGED_IDENTITY)


def test_an_export_with_numbers_needs_lawful_settings_keys_and_a_file(
    environment: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    words = ("export", "registrations", "--with-identity", "--out", str(tmp_path / "x.csv"))
    for given, told in (
        (words[:3], "needs --out FILE"),
        (("export", "cases", *words[2:]), "is for registrations"),
        (words, "set PANDU_SECRET_KEY_FORMER"),
    ):
        code, _, error = pandu(*given)
        assert code == 2
        assert told in error
    monkeypatch.delenv("PANDU_IDENTITY_TRANSFER")
    code, _, error = pandu(*words)
    assert code == 2
    assert "no lawful transfer is configured" in error
    assert not (tmp_path / "x.csv").exists()
