"""`pandu sms check` sends nothing unless asked; `pandu sms setup` tells the telephone where we are."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from bot.commands import doctor
from bot.settings import load
from bot.sms import cli
from bot.sms.gateway import Client
from bot.sms.send import read_config
from tests.bot.sms.conftest import PERSON, SAMPLES
from tests.fakes.sms import KEY, SECRET, USER, FakeAndroid, serve

ENV = {
    "PANDU_SMS_USER": USER,
    "PANDU_SMS_KEY": KEY,
    "PANDU_SMS_WEBHOOK_SECRET": SECRET,
    "PANDU_PUBLIC_URL": "https://pandu.contoh.go.id",
    "PANDU_SMS_MONTHLY_CAP": "100000",
    "PANDU_SECRET_KEY": "k" * 32,
}


async def run(work: Callable[..., Awaitable[Any]], fake: FakeAndroid, folder: Path, **options: Any) -> dict[str, Any]:
    text = (SAMPLES / "android.yml").read_text(encoding="utf-8").replace("http://192.168.1.20:8080", fake.base)
    (folder / "sms.yml").write_text(text, encoding="utf-8")
    env = {**ENV, "PANDU_SMS_CONFIG": str(folder / "sms.yml"), "PANDU_DATABASE_URL": f"sqlite:///{folder}/x.db"}
    settings, client = load({**env, **options.pop("env", {})}), Client()
    try:
        found: dict[str, Any] = await work(settings, read_config(settings), client, **options)
        return found
    finally:
        await client.close()


async def test_setup_then_check_then_a_test_message(tmp_path: Path) -> None:
    async with serve(FakeAndroid()) as fake:
        before = await run(cli.look, fake, tmp_path)
        assert before["problem"].endswith("run `pandu sms setup`")
        await run(cli.set_up, fake, tmp_path)
        assert {hook["event"] for hook in fake.webhooks.values()} == {
            "sms:received",
            "sms:sent",
            "sms:delivered",
            "sms:failed",
        }
        await run(cli.set_up, fake, tmp_path)
        assert len(fake.webhooks) == 4  # again: the same ones
        after = await run(cli.look, fake, tmp_path)
        assert "problem" not in after
        assert (after["health"], after["sender_vouched_for"]) == ("pass", "yes: our own SIM")
        assert fake.sent == []
        sent = await run(cli.look, fake, tmp_path, to="081200000007")
        assert sent["to"].startswith(f"{PERSON}: taken as p")
        assert sent["to"].endswith("1 of at most 2 parts, Rp350")
        assert fake.sent[0].text.startswith("Saya Pandu")
        assert fake.problems == []


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({"PANDU_SMS_KEY": "lain"}, "does not take PANDU_SMS_USER and PANDU_SMS_KEY"),
        ({"PANDU_SMS_KEY": ""}, "does not take"),
    ],
)
async def test_wrong_credentials_are_told(tmp_path: Path, env: dict[str, str], said: str) -> None:
    async with serve(FakeAndroid()) as fake:
        with pytest.raises(cli.ProblemError, match=said):
            await run(cli.look, fake, tmp_path, env=env)


def test_without_a_file_the_command_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from typer.testing import CliRunner

    monkeypatch.chdir(tmp_path)
    told = CliRunner().invoke(cli.app, ["check", "--json"])
    assert told.exit_code == 1
    assert "docs/samples/sms/" in json.loads(told.stdout.splitlines()[0])["problem"]


def test_doctor_tells_what_is_wrong_with_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "sms.yml").write_text("gateway: http\n", encoding="utf-8")
    for name, value in {**ENV, "PANDU_SMS_CONFIG": str(tmp_path / "sms.yml")}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PANDU_DATABASE_URL", f"sqlite:///{tmp_path}/x.db")
    problems = asyncio.run(doctor.examine())["problems"]
    assert any("sms.yml:1:1: number is missing" in problem for problem in problems)
    monkeypatch.setenv("PANDU_SMS_CONFIG", str(SAMPLES / "json.yml"))
    assert not any("SMS" in problem for problem in asyncio.run(doctor.examine())["problems"])
