"""`pandu whatsapp setup|check|templates`, run as an operator runs it, against the Graph server."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bot.whatsapp import limits
from bot.whatsapp.cli import app
from storage.database import Database
from tests.bot.whatsapp.sending.conftest import Clock, rigged
from tests.fakes.whatsapp import ACCOUNT_ID, APP_ID, NUMBER_ID, SECRET, TOKEN, VERIFY, FakeWhatsApp


@pytest.fixture
async def own(tmp_path: Path, sqlite_template: Path) -> AsyncIterator[Database]:
    """The operator's database."""
    shutil.copy(sqlite_template, tmp_path / "pandu.db")
    made = Database(f"sqlite:///{tmp_path}/pandu.db")
    yield made
    await made.close()


@pytest.fixture(autouse=True)
async def _running(
    fake: FakeWhatsApp, clock: Clock, own: Database, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[None]:
    """A fresh app and number at Meta, our settings, and `pandu run` behind the address."""
    async with rigged(own, fake, clock):
        url = str(fake.webhook.url)
        fake.webhook.url, fake.webhook.fields, fake.subscribed, fake.registered = None, set(), False, False
        fake.reviews = None
        for name, value in {
            "PANDU_SECRET_KEY": "x" * 40,
            "PANDU_DATABASE_URL": own.url,
            "PANDU_PUBLIC_URL": url.removesuffix(f"/whatsapp/{NUMBER_ID}"),
            "PANDU_WHATSAPP_TOKEN": TOKEN,
            "PANDU_WHATSAPP_NUMBER_ID": NUMBER_ID,
            "PANDU_WHATSAPP_ACCOUNT_ID": ACCOUNT_ID,
            "PANDU_WHATSAPP_APP_ID": APP_ID,
            "PANDU_WHATSAPP_APP_SECRET": SECRET,
            "PANDU_WHATSAPP_VERIFY_TOKEN": VERIFY,
            "PANDU_WHATSAPP_API": fake.base,
        }.items():
            monkeypatch.setenv(name, value)
        yield


async def pandu(*arguments: str) -> Result:
    return await asyncio.to_thread(lambda: CliRunner().invoke(app, list(arguments)))


async def test_from_a_fresh_number_to_a_working_webhook(fake: FakeWhatsApp) -> None:
    first = await pandu("setup")
    assert first.exit_code == 1
    assert "storage region" in first.stderr
    assert "before the number is registered" in first.stderr
    assert not fake.registered
    second = await pandu("setup", "--region", "id")
    assert second.exit_code == 1
    assert "six digits" in second.stderr
    assert fake.region == "ID"
    done = await pandu("setup", "--region", "id", "--pin", "123456")
    assert done.exit_code == 0, done.output
    assert "webhook: " in done.output
    assert fake.registered
    assert fake.subscribed
    assert fake.webhook.fields == set(limits.WEBHOOK_FIELDS)
    again = await pandu("setup")
    assert again.exit_code == 0, again.output
    report = json.loads((await pandu("check", "--json")).stdout)
    assert report["ok"]
    assert [step["name"] for step in report["steps"]][-1] == "standing"


async def test_check_changes_nothing(fake: FakeWhatsApp) -> None:
    fake.registered = True
    result = await pandu("check")
    assert result.exit_code == 1
    assert "the app does not hear of it" in result.output
    assert "run `pandu whatsapp setup`" in result.stderr
    assert "cost: USD 0.00" in result.output
    assert not fake.subscribed
    assert {call.method for call in fake.calls} == {"GET"}


async def test_an_address_that_does_not_answer_is_explained(
    fake: FakeWhatsApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.registered = True
    monkeypatch.setenv("PANDU_WHATSAPP_VERIFY_TOKEN", "quite-another-one")
    result = await pandu("setup")
    assert result.exit_code == 1
    assert "is `pandu run` up" in result.stderr


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"valid": False}, "Generate token"),
        ({"scopes": ["whatsapp_business_messaging"]}, "whatsapp_business_management"),
        ({"expires": 1_900_000_000}, "never expires"),
        ({"secret": "f" * 32}, "do not belong together"),
        ({"account_id": "1"}, "#100"),
        ({"number_id": "1"}, "#100"),
        ({"quality": "RED"}, "people block"),
    ],
)
async def test_what_is_wrong_is_said_with_its_mend(fake: FakeWhatsApp, change: dict[str, object], words: str) -> None:
    fake.registered = True
    for name, value in change.items():
        setattr(fake, name, value)
    result = await pandu("check")
    assert result.exit_code == 1
    assert words in result.output + result.stderr


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("PANDU_WHATSAPP_TOKEN", "", "Create app"),
        ("PANDU_WHATSAPP_APP_ID", "", "PANDU_WHATSAPP_APP_ID is unset"),
        ("PANDU_PUBLIC_URL", "http://pandu.example.id", "no https"),
        ("PANDU_WHATSAPP_ACCOUNT_ID", "", "PANDU_WHATSAPP_ACCOUNT_ID is unset"),
        ("PANDU_WHATSAPP_API", "http://127.0.0.1:1", "no connection"),
    ],
)
async def test_missing_settings(monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str) -> None:
    monkeypatch.setenv(name, value)
    result = await pandu("check")
    assert result.exit_code == 1
    assert words in result.output + result.stderr


async def test_templates_are_submitted_once_and_watched(fake: FakeWhatsApp) -> None:
    before = await pandu("templates")
    assert before.exit_code == 1
    assert "whatsapp_templates.yml:" in before.stderr
    assert "--submit" in before.stderr
    handed_in = await pandu("templates", "--submit")
    assert "submitted reminder_draft: pending" in handed_in.output
    assert handed_in.exit_code == 1
    assert "wait for Meta's review" in handed_in.stderr
    assert fake.templates["reminder_buy_1", "id"].components[0]["text"].count("{{") == 4
    assert "submitted" not in (await pandu("templates", "--submit")).output
    for name, _ in list(fake.templates):
        fake.review(name)
    synced = await pandu("templates", "--sync", "--json")
    assert synced.exit_code == 0, synced.output
    assert {row["status"] for row in json.loads(synced.stdout)["templates"]} == {"approved"}
    assert (await pandu("templates")).exit_code == 0


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        ({"status": "PAUSED"}, "is paused"),
        ({"category": "MARKETING"}, "has become marketing"),
        ({"language": "en"}, "is not at Meta in this language"),
        ({"components": [{"type": "BODY", "text": "Halo {{1}} Kak."}]}, "reads otherwise"),
    ],
)
async def test_a_template_that_drifted_is_named_with_its_line(
    fake: FakeWhatsApp, spoil: dict[str, object], words: str
) -> None:
    fake.reviews = "APPROVED"
    await pandu("templates", "--submit")
    for name, value in spoil.items():
        setattr(fake.templates["notice_change", "id"], name, value)
    result = await pandu("templates", "--sync")
    assert result.exit_code == 1
    assert words in result.stderr
    assert result.stderr.count("whatsapp_templates.yml:") == 1


async def test_more_templates_than_a_page(fake: FakeWhatsApp) -> None:
    fake.reviews, fake.limits.on = "APPROVED", False
    for number in range(120):
        part = {"type": "BODY", "text": "Halo, Kak."}
        fake._made.clear()
        fake.add_template({"name": f"lain_{number}", "language": "id", "category": "UTILITY", "components": [part]})
    result = await pandu("templates", "--submit", "--json")
    assert len(json.loads(result.stdout)["templates"]) == 125
