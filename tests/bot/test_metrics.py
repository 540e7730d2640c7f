"""Metrics, their page, the alerts and the alerts' pages agree; every role can be asked."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import yaml

from bot import app, gauges, metrics, settings
from storage import data_requests, inbox
from storage.database import Database
from tests.bot.test_service import free_port, until_up
from tests.conftest import NOW

ROOT = Path(__file__).parents[2]
RULES = yaml.safe_load((ROOT / "deploy/prometheus/pandu.rules.yml").read_text(encoding="utf-8"))
ALERTS = [rule for group in RULES["groups"] for rule in group["rules"]]
_METRIC = re.compile(r"\bpandu_[a-z_]+")


def configured(url: str, **more: str) -> settings.Settings:
    port = free_port()
    env = {"PANDU_DATABASE_URL": url, "PANDU_SECRET_KEY": "test" * 10, "PANDU_BIND": f"127.0.0.1:{port}"}
    return settings.load({**env, **more})


def in_code() -> set[str]:
    source = (ROOT / "bot/gauges.py").read_text(encoding="utf-8")
    return {counter.name for counter in metrics.COUNTERS} | set(re.findall(r'"(pandu_[a-z_]+)"', source))


def test_every_metric_has_its_line_and_every_line_its_metric() -> None:
    page = (ROOT / "docs/metrics.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(pandu_[a-z_]+)`", page, re.MULTILINE)) == in_code()


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_an_alert_names_existing_metrics_and_has_its_page(rule: dict[str, object]) -> None:
    named = set(_METRIC.findall(str(rule["expr"])))
    assert named <= in_code()
    assert named or "up{" in str(rule["expr"])
    assert rule["labels"]["severity"] in ("page", "ticket")  # type: ignore[index]
    page = (ROOT / f"docs/runbook/{rule['alert']}.md").read_text(encoding="utf-8")
    assert [part for part in ("**What it means.**", "**Look.**", "**Do.**") if part not in page] == []


def test_no_page_without_an_alert() -> None:
    pages = {page.stem for page in (ROOT / "docs/runbook").glob("*.md")} - {"README"}
    assert pages == {rule["alert"] for rule in ALERTS}


def test_commands_in_runbooks_exist() -> None:
    from typer.main import get_command

    from bot import cli

    known = set(get_command(cli.app).commands) | {"nlu", "sms", "telegram", "whatsapp"}  # type: ignore[attr-defined]
    for page in (ROOT / "docs/runbook").glob("*.md"):
        for command in re.findall(r"(?:^    |`)pandu ([a-z]+)", page.read_text(encoding="utf-8"), re.MULTILINE):
            assert command in known, f"{page.name}: pandu {command}"


async def test_what_waits_is_shown_with_its_labels(database: Database) -> None:
    event = inbox.Event(channel="telegram", account="1", address="9", event_id="e", payload={}, sent_at=NOW)
    await database.write(lambda c: inbox.insert(c, [event], NOW))
    for number, days in (("D-1", 4), ("D-2", 1)):
        at = await database.now() - timedelta(days=days)
        asked = {"number": number, "kind": "correction", "via": "chat", "now": at}
        await database.write(lambda c, asked=asked: data_requests.receive(c, **asked))
    loaded = configured(database.url)
    service = app.Service(loaded, app.parts(loaded))
    shown = metrics.render(await gauges.read(service))
    await service.database.close()
    assert "\npandu_inbox_waiting 1\n" in shown
    assert "\npandu_schema_current 1\n" in shown
    assert 'pandu_troubled_events{state="dead"} 0' in shown
    assert re.search(
        r'pandu_info\{version="[^"]+",role="all",model="embedded-[^"]+",content="[^"]+",schema="\w+"\} 1', shown
    )
    assert 'pandu_data_requests{state="open"} 2' in shown
    assert 'pandu_data_requests{state="overdue"} 1' in shown
    assert "pandu_backup_age_seconds" not in shown, "there was none"


async def test_a_worker_tells_how_it_is_and_web_keeps_its_metrics_to_itself(sqlite: Database) -> None:
    inside = free_port()
    loaded = configured(sqlite.url, PANDU_METRICS_BIND=f"127.0.0.1:{inside}")
    made = app.parts(loaded)
    service = app.Service(loaded, made, role="worker")
    running = asyncio.create_task(service.run())
    base = f"http://127.0.0.1:{inside}"
    await until_up(f"{base}/readyz")
    async with httpx.AsyncClient(base_url=base) as client:
        assert (await client.get("/readyz")).json()["role"] == "worker"
        assert 'role="worker"' in (await client.get("/metrics")).text
    service.stop()
    await running
    web = app.Service(loaded, made, role="web")
    transport = httpx.ASGITransport(app=web.web)
    async with httpx.AsyncClient(transport=transport, base_url="http://pandu") as client:
        assert (await client.get("/metrics")).status_code == 404
        assert (await client.get("/readyz")).status_code == 200
        web.stop()
        stopping = await client.get("/readyz")
        assert (stopping.status_code, stopping.json()["reason"]) == (503, "stopping")
    await web.database.close()


async def test_not_ready_without_database_or_migrations_but_alive(sqlite: Database, tmp_path: Path) -> None:
    loaded = configured(f"sqlite:///{tmp_path / 'nothing' / 'p.db'}")
    service = app.Service(loaded, app.parts(loaded), role="web")
    transport = httpx.ASGITransport(app=service.web)
    async with httpx.AsyncClient(transport=transport, base_url="http://pandu") as client:
        away = await client.get("/readyz")
        assert (away.status_code, away.json()["reason"][:9]) == (503, "database:")
        assert (await client.get("/healthz")).text == "ok"
        assert "\npandu_database_up 0\n" in (await client.get("/metrics")).text
        from storage import migrate

        await service.database.write(lambda c: migrate.upgrade(c, "0006"))
        behind = await client.get("/readyz")
        assert behind.status_code == 503
        assert "pandu db upgrade" in behind.json()["reason"]
        await service.database.write(migrate.upgrade)
        assert (await client.get("/readyz")).status_code == 200
        from sqlalchemy import text

        await service.database.write(lambda c: c.execute(text("UPDATE alembic_version SET version_num = '9999'")))
        newer = await client.get("/readyz")
        assert newer.status_code == 200, "an upgrade's migration must not take the old processes out"
        assert "\npandu_schema_current 0\n" in (await client.get("/metrics")).text
        await app.prepare_database(loaded)
    await service.database.close()
