"""Changes of the account: the template registry follows, and operators read what they must know, once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from bot.whatsapp.account import _FIELDS, _sentences
from storage import channel_notes, charges, schema, subscriptions, templates
from tests.bot.whatsapp.conftest import ACCOUNT, BSUID, SENT, SOURCE, Door
from tests.conftest import NOW

NOTES = {
    "template_status": ("template", "Templat jadwal_survei (id) sekarang PAUSED. Paused for 3 hours"),
    "template_quality": (
        "template",
        "Mutu templat jadwal_survei (id) turun dari GREEN ke YELLOW. Periksa keluhan penerima sebelum dipakai lagi.",
    ),
    "template_category": (
        "template",
        "Kategori templat jadwal_survei (id) diubah Meta dari UTILITY ke MARKETING. Harganya ikut berubah.",
    ),
    "template_category_soon": (
        "template",
        "Meta akan mengubah kategori templat jadwal_survei (id) ke MARKETING. Ajukan banding di WhatsApp Manager bila keliru.",
    ),
    "number_quality": ("quality", "Nomor 622150996670: DOWNGRADE. Batas sekarang TIER_2K."),
    "capability": ("tier", "Batas pesan akun sekarang 2000 orang per 24 jam."),
    "errors": ("error", "Meta melaporkan gangguan 131000: Error was unavoidable"),
}


async def notes(door: Door) -> list[Any]:
    return await door.database.read(channel_notes.unseen)


@pytest.mark.parametrize(("name", "note"), NOTES.items())
async def test_operators_are_told_once(door: Door, name: str, note: tuple[str, str]) -> None:
    for _ in range(2):
        assert (await door.post(name)).status_code == 200
    (found,) = await notes(door)
    assert (found["kind"], found["text"], found["source"]) == (*note, SOURCE)
    assert found["at"] == SENT or name == "errors"  # which bears no time


@pytest.mark.parametrize("name", ["account_restricted", "account_alert"])
async def test_warnings_say_what_meta_says(door: Door, name: str) -> None:
    await door.post(name)
    (found,) = await notes(door)
    assert found["kind"] == "account"
    assert "SPAM" in found["text"] if name == "account_restricted" else "Send more information" in found["text"]


async def test_the_registry_follows(door: Door) -> None:
    held = templates.Template(name="jadwal_survei", language="id", category="utility", status="approved", body="Hai.")
    await door.database.write(lambda c: templates.replace_all(c, ACCOUNT, [held], NOW))

    async def now() -> tuple[str, str, str]:
        row = await door.database.read(lambda c: templates.get(c, ACCOUNT, "jadwal_survei", "id"))
        assert row is not None
        return row["status"], row["quality"], row["category"]

    await door.post("template_status")
    assert await now() == ("paused", "", "utility")
    await door.post("template_quality")
    await door.post("template_category")
    assert await now() == ("paused", "yellow", "marketing")
    await door.post("template_category_soon")
    await door.post("template_approved")
    assert await now() == ("approved", "yellow", "utility")


async def test_good_news_is_no_warning(door: Door) -> None:
    await door.post("template_approved")
    assert await notes(door) == []


@pytest.mark.parametrize("told", ["stopped_marketing", "stopped_marketing_by_id"])
async def test_who_stops_marketing_in_whatsapp_gets_nothing_unasked(door: Door, told: str) -> None:
    await door.says("halo", "1", phone="6281234567890", bsuid=BSUID)
    await door.database.write(lambda c: subscriptions.subscribe(c, 1, "gelombang", wording="ya", now=NOW))
    assert (await door.post(told)).status_code == 200
    assert await door.database.read(lambda c: subscriptions.topics(c, 1)) == []


async def test_taken_back_there_what_ran_before_runs_again(door: Door) -> None:
    await door.says("halo", "1", phone="6281234567890")
    await door.database.write(lambda c: subscriptions.subscribe(c, 1, "gelombang", wording="ya", now=SENT))
    await door.database.write(lambda c: subscriptions.stop(c, 1, SENT))
    assert (await door.post("resumed_marketing")).status_code == 200
    assert await door.database.read(lambda c: subscriptions.topics(c, 1)) == ["gelombang"]


async def test_taken_back_there_counts_also_where_both_are_heard_of_later(door: Door) -> None:
    await door.says("halo", "1", phone="6281234567890")
    await door.database.write(lambda c: subscriptions.subscribe(c, 1, "gelombang", wording="ya", now=SENT))
    assert (await door.post("stopped_marketing")).status_code == 200
    assert await door.database.read(lambda c: subscriptions.stopped(c, 1))
    assert (await door.post("resumed_marketing")).status_code == 200
    assert await door.database.read(lambda c: subscriptions.topics(c, 1)) == ["gelombang"]


async def test_taken_back_there_before_a_stop_said_here_changes_nothing(door: Door) -> None:
    await door.says("halo", "1", phone="6281234567890")
    await door.database.write(lambda c: subscriptions.stop(c, 1, SENT + timedelta(seconds=1)))
    assert (await door.post("resumed_marketing")).status_code == 200
    assert await door.database.read(lambda c: subscriptions.stopped(c, 1))


async def test_a_stop_of_somebody_unknown_is_200(door: Door) -> None:
    assert (await door.post("stopped_marketing")).status_code == 200


async def test_statuses_reach_the_message_and_the_ledger(door: Door) -> None:
    for name in ("status_delivered", "status_sent", "status_read", "status_delivered"):
        assert (await door.post(name)).status_code == 200
    early = select(schema.early_deliveries.c.delivery)
    assert await door.database.read(lambda c: c.execute(early).scalars().all()) == ["read"]
    rows = await door.database.read(lambda c: charges.of_month(c, SOURCE, f"{SENT:%Y-%m}"))
    assert [(row["category"], row["messages"], row["billable"]) for row in rows] == [("utility", 1, 1)]


def test_every_sentence_is_used() -> None:
    keys = set(_sentences())
    told = {"template_status", "template_quality", "template_category", "template_category_soon", "number_quality"}
    told |= {"capability", "account", "account_alert", "account_review", "number_name", "security", "error"}
    assert keys == told
    assert len(_FIELDS) == 11
