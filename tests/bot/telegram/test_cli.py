"""`pandu telegram setup|check`, run as an operator runs it, against the fake."""

from __future__ import annotations

import asyncio
import json

import pytest
from typer.testing import CliRunner, Result

from bot.settings import Settings
from bot.telegram import limits
from bot.telegram.cli import app, profile
from tests.bot.telegram.conftest import SECRET
from tests.fakes.telegram import TOKEN, FakeTelegram


@pytest.fixture(autouse=True)
def _environment(fake: FakeTelegram, monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.setenv("PANDU_SECRET_KEY", "x" * 40)
    monkeypatch.setenv("PANDU_TELEGRAM_TOKEN", TOKEN)
    monkeypatch.setenv("PANDU_TELEGRAM_API", fake.base)


def webhook_mode(monkeypatch: pytest.MonkeyPatch, url: str = "https://pandu.example.id") -> None:
    monkeypatch.setenv("PANDU_TELEGRAM_MODE", "webhook")
    monkeypatch.setenv("PANDU_TELEGRAM_SECRET", SECRET)
    monkeypatch.setenv("PANDU_PUBLIC_URL", url)


async def pandu(*arguments: str) -> Result:
    return await asyncio.to_thread(lambda: CliRunner().invoke(app, list(arguments)))


async def test_setup_for_polling(fake: FakeTelegram) -> None:
    fake.queue.webhook = {"url": "https://old.example/", "secret_token": "", "max_connections": 40, "error": None}
    result = await pandu("setup")
    assert result.exit_code == 0, result.output
    assert "bot: @pandu_test_bot" in result.output
    assert "webhook: removed" in result.output
    assert not fake.queue.webhook
    assert [command["command"] for command in fake.profile["commands"]] == ["menu", "batal", "privacy", "start"]
    assert "Bukan akun resmi Prakerja" in fake.profile["description"]
    assert "relawan Pandu" in fake.profile["short_description"]
    assert (await pandu("check")).exit_code == 0


async def test_setup_for_a_webhook(fake: FakeTelegram, monkeypatch: pytest.MonkeyPatch) -> None:
    webhook_mode(monkeypatch)
    result = await pandu("setup", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["webhook"] == "https://pandu.example.id/telegram/123456789"
    (call,) = fake.called("setWebhook")
    assert call.arguments["secret_token"] == SECRET
    assert call.arguments["allowed_updates"] == list(limits.ALLOWED_UPDATES)
    report = json.loads((await pandu("check", "--json")).stdout)
    assert (report["ok"], report["pending"]) == (True, 0)


async def test_check_tells_what_waits_and_why(fake: FakeTelegram, monkeypatch: pytest.MonkeyPatch) -> None:
    webhook_mode(monkeypatch)
    await pandu("setup")
    assert fake.queue.webhook
    fake.queue.webhook["error"] = (1_764_000_000, "Wrong response from the webhook: 502 Bad Gateway")
    assert (await pandu("check")).exit_code == 0  # of yesterday, nothing waits
    fake.queue.wake = lambda: None  # type: ignore[method-assign]
    fake.person(7).says("halo")
    result = await pandu("check", "--json")
    assert result.exit_code == 1
    report = json.loads(result.stdout)
    assert report["last_error_at"] == "2025-11-24T16:00:00+00:00"
    assert result.stderr.strip() == f"telegram: {report['problem']}"
    assert report["problem"].startswith("1 updates wait, last error: Wrong response")


async def test_check_sees_that_setup_was_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    webhook_mode(monkeypatch)
    result = await pandu("check")
    assert result.exit_code == 1
    assert "it should be https://pandu.example.id/telegram/123456789: run setup" in result.stderr


WEBHOOK = {"PANDU_TELEGRAM_MODE": "webhook"}
PROBLEMS = [
    ({"PANDU_TELEGRAM_TOKEN": ""}, "PANDU_TELEGRAM_TOKEN is not set"),
    ({"PANDU_TELEGRAM_TOKEN": "rahasia"}, "is not a token"),
    ({"PANDU_TELEGRAM_TOKEN": "42:unknown"}, "does not know this token"),
    ({"PANDU_TELEGRAM_API": "http://127.0.0.1:1"}, "no connection to http://127.0.0.1:1"),
    ({"PANDU_TELEGRAM_MODE": "telepathy"}, "neither polling nor webhook"),
    (WEBHOOK, "PANDU_TELEGRAM_SECRET"),
    ({**WEBHOOK, "PANDU_TELEGRAM_SECRET": SECRET}, "PANDU_PUBLIC_URL is not set"),
    (
        {"PANDU_TELEGRAM_MODE": "webhook", "PANDU_TELEGRAM_SECRET": "a b", "PANDU_PUBLIC_URL": "https://a.id"},
        "unallowed characters",
    ),
]


@pytest.mark.parametrize(("environment", "words"), PROBLEMS)
async def test_problems_are_one_line_and_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], words: str
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    result = await pandu("setup")
    assert result.exit_code == 1
    assert words in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert "Traceback" not in result.output
    assert TOKEN not in result.output


@pytest.mark.parametrize(
    ("url", "words"),
    [("http://pandu.example.id", "not https"), ("https://pandu.example.id:5000", "port 5000 is none of")],
)
async def test_addresses_that_telegram_cannot_reach(monkeypatch: pytest.MonkeyPatch, url: str, words: str) -> None:
    webhook_mode(monkeypatch, url)
    monkeypatch.delenv("PANDU_TELEGRAM_API")
    result = await pandu("setup")
    assert result.exit_code == 1
    assert words in result.stderr


@pytest.mark.parametrize("operator", ["relawan Pandu", "Dinas " + "Tenaga Kerja " * 60])
def test_the_profile_fits(operator: str) -> None:
    commands, description, short = profile(Settings(operator=operator, official=True))
    assert len(description) <= limits.DESCRIPTION
    assert len(short) <= limits.SHORT_DESCRIPTION
    assert "Layanan resmi" in description or len(operator) > 100
    assert all(len(command.description) <= limits.COMMAND_DESCRIPTION for command in commands)
