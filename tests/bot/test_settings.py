"""Settings: what is wrong is named with its mend; secrets come from files and are never shown."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from bot import keys, settings, settings_check
from bot.commands.doctor import examine
from storage import channel_notes, migrate
from storage.database import Database
from tests.conftest import NOW


def test_defaults_make_a_key_once_readable_by_its_owner_alone(tmp_path: Path) -> None:
    env = {"PANDU_DATABASE_URL": f"sqlite:///{tmp_path / 'p.db'}"}
    first = settings.load(env)
    assert len(first.secret_key) > 40
    assert (tmp_path / "p.key").stat().st_mode & 0o777 == 0o600
    assert settings.load(env).secret_key == first.secret_key


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("123:abc\n")
    loaded = settings.load({"PANDU_TELEGRAM_TOKEN_FILE": str(tmp_path / "token"), "PANDU_SECRET_KEY": "k"})
    assert loaded.telegram_token == "123:abc"


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({"PANDU_BIND": "8080"}, "PANDU_BIND"),
        ({"PANDU_BIND": "localhost:http"}, "PANDU_BIND"),
        ({"PANDU_TELEGRAM_MODE": "push"}, "polling nor webhook"),
        ({"PANDU_TELEGRAM_MODE": "webhook", "PANDU_TELEGRAM_TOKEN": "1:a"}, "PANDU_TELEGRAM_SECRET"),
        ({"PANDU_NLU": "gpt"}, "none of embedded"),
        ({"PANDU_NLU": "rasa", "PANDU_RASA_URL": "localhost:5005"}, "PANDU_RASA_URL"),
        ({"PANDU_OFFICIAL": "maybe"}, "PANDU_OFFICIAL"),
        ({"PANDU_TELEGRAM_RATE": "fast"}, "PANDU_TELEGRAM_RATE"),
        ({"PANDU_TELEGRAM_PAID_RATE": "25"}, "PANDU_TELEGRAM_PAID_RATE: more than PANDU_TELEGRAM_RATE"),
        ({"PANDU_TELEGRAM_PAID_RATE": "1001"}, "PANDU_TELEGRAM_PAID_RATE.*at most 1000"),
        ({"PANDU_TELEGRAM_PAID_RATE": "100", "PANDU_TELEGRAM_RATE": "0"}, "PANDU_TELEGRAM_PAID_RATE.*must not be 0"),
        ({"PANDU_PUBLIC_URL": "pandu.example"}, "PANDU_PUBLIC_URL"),
        ({"PANDU_SECRET_KEY_FILE": "/nowhere"}, "cannot be read"),
        ({"PANDU_WHATSAPP_NUMBER_ID": "+62811"}, "PANDU_WHATSAPP_NUMBER_ID.*digits"),
        ({"PANDU_WHATSAPP_VERIFY_TOKEN": "short"}, "at least 12"),
        ({"PANDU_WHATSAPP_API": "http://graph.example"}, "https"),
        ({"PANDU_WHATSAPP_VERSION": "24"}, "as in v24.0"),
        ({"PANDU_WHATSAPP_MONTHLY_CAP": "-1"}, "not below 0"),
    ],
)
def test_what_is_wrong_is_named(env: dict[str, str], words: str) -> None:
    with pytest.raises(settings.SettingsError, match=words):
        settings.load({"PANDU_SECRET_KEY": "k", **env} if "PANDU_SECRET_KEY_FILE" not in env else env)


def test_postgresql_wants_a_key() -> None:
    with pytest.raises(settings.SettingsError, match="PANDU_SECRET_KEY"):
        settings.load({"PANDU_DATABASE_URL": "postgresql://h/d"})


def test_doctor_shows_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PANDU_DATABASE_URL", f"sqlite:///{tmp_path / 'p.db'}")
    monkeypatch.setenv("PANDU_TELEGRAM_TOKEN", "123:very-secret")
    found = asyncio.run(examine())
    assert "very-secret" not in str(found)
    assert {"name": "PANDU_TELEGRAM_TOKEN", "value": "(set)"}.items() <= next(
        r for r in found["settings"] if r["name"] == "PANDU_TELEGRAM_TOKEN"
    ).items()
    assert any("pandu db upgrade" in problem for problem in found["problems"])


def test_whatsapp_says_what_is_missing_only_once_it_is_begun() -> None:
    env = {"PANDU_SECRET_KEY": "k", "PANDU_WHATSAPP_NUMBER_ID": "1"}
    assert settings_check.whatsapp_problems(settings.load(env)) == []
    found = settings_check.whatsapp_problems(settings.load({**env, "PANDU_WHATSAPP_TOKEN": "t"}))
    assert [line.split()[0].removeprefix("PANDU_WHATSAPP_") for line in found] == [
        "ACCOUNT_ID",
        "APP_SECRET",
        "VERIFY_TOKEN",
    ]


def test_every_setting_is_documented() -> None:
    from dataclasses import fields

    page = (Path(__file__).parents[2] / "docs" / "settings.md").read_text(encoding="utf-8")
    assert [f.metadata["env"] for f in fields(settings.Settings) if f"`{f.metadata['env']}`" not in page] == []


def test_doctor_tells_what_a_platform_warns_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{tmp_path / 'p.db'}"
    monkeypatch.setenv("PANDU_DATABASE_URL", url)

    async def run() -> dict[str, Any]:
        database = Database(url)
        await database.write(migrate.upgrade)
        note = {"kind": "quality", "key": "q", "text": "Nomor turun ke TIER_2K.", "at": NOW}
        await database.write(lambda c: channel_notes.add(c, "whatsapp:1", **note))
        await database.close()
        return await examine()

    found = asyncio.run(run())
    assert [row["value"] for row in found["settings"] if "whatsapp:1" in row["value"]] == [
        "whatsapp:1, 24 Nov 2026: Nomor turun ke TIER_2K."
    ]


def test_keys_are_separate_and_may_have_secrets_of_their_own() -> None:
    base = {"PANDU_SECRET_KEY": "a" * 40}
    derived = keys.present(settings.load(base))
    assert len({derived.lookup, derived.sealing, derived.signing}) == 3
    own = keys.present(settings.load({**base, "PANDU_LOOKUP_KEY": "b" * 40}))
    assert own.lookup != derived.lookup
    assert (own.sealing, own.signing) == (derived.sealing, derived.signing)
    for wrong in ({"PANDU_LOOKUP_KEY": "short"}, {"PANDU_SEALING_KEY": "a" * 40}):
        with pytest.raises(settings.SettingsError, match="_KEY"):
            settings.load({**base, **wrong})


def test_several_former_secrets_are_tried_newest_first() -> None:
    loaded = settings.load({"PANDU_SECRET_KEY": "n" * 40, "PANDU_SECRET_KEY_FORMER": "b" * 40 + ", " + "a" * 40})
    assert [one.lookup for one in keys.former(loaded)][:2] == [keys.lookup_key("b" * 40), keys.lookup_key("a" * 40)]
    comma = settings.load({"PANDU_SECRET_KEY": "n" * 40, "PANDU_SECRET_KEY_FORMER": "with, a comma"})
    assert keys.lookup_key("with, a comma") in [one.lookup for one in keys.former(comma)]
    assert keys.former(settings.load({"PANDU_SECRET_KEY": "n" * 40})) == ()


def test_postgresql_does_not_start_without_a_key_and_says_how_to_make_one() -> None:
    with pytest.raises(settings.SettingsError, match=r"required with PostgreSQL.*token_urlsafe.*PANDU_SECRET_KEY_FILE"):
        settings.load({"PANDU_DATABASE_URL": "postgresql://x@y/z"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PANDU_BIND", "127.0.0.1:8²"),
        ("PANDU_TELEGRAM_RATE", "nan"),
        ("PANDU_TELEGRAM_RATE", "inf"),
        ("PANDU_BIND", "x"),
    ],
)
def test_what_only_looks_like_a_number_is_named(name: str, value: str) -> None:
    with pytest.raises(settings.SettingsError, match=f"^{name}: "):
        settings.load({"PANDU_SECRET_KEY": "k" * 40, name: value})
