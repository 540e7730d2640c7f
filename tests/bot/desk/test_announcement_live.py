"""The page of an announcement that goes out or is over: figures that add up, deeds, refusals, the file to take along."""

from __future__ import annotations

import asyncio
import csv
import io
import re
import zipfile
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select, update

from bot import campaign_report, campaign_start, proactive
from bot.broadcast import LEASE
from bot.desk.counts import Counts
from handlers import announcement
from storage import campaign_run, campaigns, desk_view, leases, ledger, schema
from storage.database import database_now
from storage.schema import campaign_flights, campaign_progress, campaign_recipients
from storage.schema import campaigns as campaign_rows
from tests.bot.desk.conftest import Browser, Office
from tests.bot.desk.test_live import Stream
from tests.bot.test_broadcast import add_chats

SOURCE = "telegram:1"
FORMULA = '=HYPERLINK("http://jahat.example")'
ENDS = [(1, "accepted", None), (2, "accepted", None), (3, "failed", FORMULA), (4, "failed", "Bad Request: chat")]
ENDS += [(5, "failed", "Bad Request: chat not found"), (6, "unknown", "sender died")]


@pytest.fixture
async def chief(office: Office) -> Browser:
    """An operator, whose pages count anew each time."""
    office.desk.counts.clock = lambda: 0.0
    return await office.at_desk("rani", "operator")


async def running(
    office: Office, count: int = 10, ends: list[tuple[int, str, str | None]] = ENDS, **values: Any
) -> int:
    """An announcement to so many people that goes out; the last of them had said stop. Returns its key."""

    def work(connection: Connection) -> int:
        now = database_now(connection)
        add_chats(connection, source=SOURCE, zone="WIB", first=1, count=count)
        connection.execute(
            insert(schema.subscriptions).values(chat_id=count, topic="semua", wording="x", since=now, ended_at=now)
        )
        row = {"name": "jadwal", "content": announcement.read({"text": "Halo {sapaan}."}), "audience": {"filter": {}}}
        row |= {"sources": [SOURCE], **values}
        key = campaigns.create(connection, row, actor="operator:budi", now=now)
        made = campaigns.get(connection, key)
        assert made is not None
        campaign_start.go(connection, made, approval_from=1000, actor="operator:budi", now=now)
        ledger.write(connection, key, ends, now)
        minute = now.replace(second=0, microsecond=0)
        counts = {"campaign_id": key, "minute": minute, "accepted": 2, "other": 4}
        connection.execute(insert(campaign_progress).values(**counts))
        return key

    return await office.do(work)


async def state(office: Office, key: int) -> str:
    found = await office.do(partial(campaigns.get, campaign_id=key))
    assert found is not None
    return str(found["state"])


async def states(office: Office, key: int) -> dict[str, int]:
    return await office.do(partial(ledger.counts, campaign_id=key))


async def acts(office: Office, key: int) -> list[tuple[str, str]]:
    return [(act["actor"], act["what"]) for act in await office.do(partial(campaigns.acts, campaign_id=key))]


def words(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


async def test_while_it_goes_out_the_page_says_where_each_recipient_stands(office: Office, chief: Browser) -> None:
    key = await running(office)
    page = await chief.get(f"/announcements/{key}")
    told = words(page.text)
    for shown in ("berjalan", "7 dari 10 sudah selesai", "Diterima platform 2", "Gagal 3", "sudah bilang BERHENTI"):
        assert shown in told, shown
    assert "pengirim mati saat mengirim" in told
    assert "budi (baris perintah) memulai 10 baris" in told
    assert "1 kiriman tidak pasti" in told
    assert "Terkirim per menit (WIB)" in told
    rows = re.search(r"Keadaan penerima</caption>(.*?)</table>", page.text, re.DOTALL)
    assert rows
    counts = [int(one) for one in re.findall(r'class="num">(?:<strong>)?([\d.]+)<', rows[1])]
    assert sum(counts[:-1]) == counts[-1] == 10, "the states add up to the audience"
    assert "HYPERLINK(&#34;" in page.text, "a platform's words are escaped"


async def test_why_it_stands_still(office: Office, chief: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    key = await running(office)
    monkeypatch.setattr(proactive, "daytime_zones", lambda now: ["WIT"])
    told = words((await chief.get(f"/announcements/{key}")).text)
    assert "Tidak ada pengirim yang bekerja." in told
    assert "Sudah malam di WIB." in told
    await office.do(partial(leases.take, name=LEASE, owner="x", lease=timedelta(minutes=1)))
    monkeypatch.setattr(proactive, "daytime_zones", lambda now: ["WIB"])
    told = words((await chief.get(f"/announcements/{key}")).text)
    assert "Tidak ada pengirim" not in told
    assert "Sudah malam" not in told


async def test_a_draft_and_one_put_down_for_later_have_their_own_page(office: Office, chief: Browser) -> None:
    content = announcement.read({"text": "Halo."})
    for number, kind in enumerate(("draft", "scheduled")):
        row = {"name": kind, "content": content, "audience": {}, "sources": [SOURCE], "state": kind}
        key = await office.do(lambda c, row=row: campaigns.create(c, row, actor="x", now=database_now(c)))
        answer = await chief.get(f"/announcements/{key}")
        assert (answer.status_code, answer.headers["location"]) == (303, f"/desk/announcements/{number + 1}/draft")
        assert (await chief.get(f"/announcements/{key}/ledger.csv")).status_code == 404, "nobody stands in it yet"
    assert (await chief.get("/announcements/99")).status_code == 404


async def test_paused_resumed_and_cancelled_with_the_agents_name(office: Office, chief: Browser) -> None:
    key = await running(office)
    path = f"/announcements/{key}"
    await chief.get(path)
    page = await chief.follow(await chief.post(f"{path}/pause"))
    assert await state(office, key) == "paused"
    told = words(page.text)
    assert "Dijeda Rani," in told
    assert "paling banyak 64 pesan" in told
    again = await chief.post(f"{path}/pause")
    assert (again.status_code, "hanya pengumuman yang sedang berjalan" in again.text) == (409, True)
    assert f'data-here="/desk{path}"' in again.text, "a page after a refusal leads back to the announcement"
    await chief.post(f"{path}/resume")
    assert await state(office, key) == "running"
    assert (await chief.post(f"{path}/resume")).status_code == 409
    unsure = await chief.post(f"{path}/cancel")
    assert (unsure.status_code, "Centang dulu" in unsure.text) == (422, True)
    assert await state(office, key) == "running"
    await chief.post(f"{path}/cancel", sure="1")
    assert await states(office, key) == {"accepted": 2, "unknown": 1, "failed": 3, "skipped": 1, "cancelled": 3}
    assert (await chief.post(f"{path}/cancel", sure="1")).status_code == 409
    assert (await chief.post(f"{path}/retry", which="failed:")).status_code == 409
    by = f"agent:{chief.id}"
    assert (await acts(office, key))[2:] == [(by, "pause"), (by, "resume"), (by, "cancel")]


async def test_tried_again_by_just_one_reason_and_only_what_may_be(office: Office, chief: Browser) -> None:
    key = await running(office)
    path = f"/announcements/{key}"
    page = (await chief.get(path)).text
    assert 'value="failed:Bad Request: chat"' in page
    assert "skipped:" not in page, "who was left out at the start is not offered"
    await chief.post(f"{path}/retry", which="failed:Bad Request: chat")
    assert (await states(office, key))["failed"] == 2, "a longer reason is another one"
    for which, status in (("", 422), ("read:", 422), ("skipped:", 422), ("failed:Bad Request: chat", 409)):
        assert (await chief.post(f"{path}/retry", which=which)).status_code == status, which
    assert (await chief.post(f"{path}/retry", which="skipped:opted_out")).status_code == 409
    assert (await chief.post(f"{path}/retry", which="unknown:")).status_code == 422, "somebody may get it twice"
    await chief.post(f"{path}/retry", which="unknown:", sure="1")
    assert "unknown" not in await states(office, key)
    page = (await chief.follow(await chief.post(f"{path}/retry", which="failed:"))).text
    assert "failed" not in await states(office, key)
    assert "Akan dikirim lagi." in page
    assert "mencoba lagi 1 gagal: Bad Request: chat" in words(page)


async def test_what_nobody_knows_is_decided_by_a_human(office: Office, chief: Browser) -> None:
    key = await running(office)
    path = f"/announcements/{key}"
    await chief.get(path)
    assert (await chief.post(f"{path}/settle", **{"as": "read"})).status_code == 422
    page = await chief.follow(await chief.post(f"{path}/settle", **{"as": "accepted"}))
    assert await states(office, key) == {"pending": 3, "accepted": 3, "failed": 3, "skipped": 1}
    assert "Rani memutuskan yang tidak pasti 1 dianggap terkirim" in words(page.text)
    assert "diputuskan Rani" in words(page.text)
    assert (await chief.post(f"{path}/settle", **{"as": "failed"})).status_code == 409, "nobody is left"


@pytest.mark.parametrize(
    ("why", "told"),
    [
        (
            "12% of the last sends failed or were cut (limit 10%)",
            "12% kiriman terakhir gagal atau terputus (batas 10%)",
        ),
        ("30% of the last sends went to people who had left (limit 20%)", "sudah memblokir kita (batas 20%)"),
        ("Templat jadwal dihentikan <Meta>", "Templat jadwal dihentikan &lt;Meta&gt;"),
    ],
)
async def test_why_it_has_paused_by_itself_and_what_to_do(office: Office, chief: Browser, why: str, told: str) -> None:
    key = await running(office)
    await office.do(lambda c: campaign_run.pause(c, key, actor="pandu", now=database_now(c), why=why))
    for path in (f"/announcements/{key}", "/announcements"):
        page = (await chief.get(path)).text
        assert "Berhenti sendiri" in page
        assert told in page
        assert "of the last sends" not in page


async def ended(office: Office, key: int) -> None:
    """It is over; one person has asked something, one has left, and one had asked before it."""

    def work(connection: Connection) -> None:
        now = database_now(connection)
        ours = {"author": ledger.author_of(key), "text": "Halo.", "at": now}
        asked = {"author": "person", "text": "kapan cair?", "intent": "incentive_when", "at": now}
        before = {**asked, "intent": "ability_test"}
        rows = [{"chat_id": 1, **before}, {"chat_id": 1, **ours}, {"chat_id": 2, **ours}, {"chat_id": 1, **asked}]
        rows += [{"chat_id": 1, **before}, {"chat_id": 5, **before}]
        for row in rows:
            connection.execute(insert(schema.messages).values(**row))
        connection.execute(update(schema.chats).where(schema.chats.c.id == 2).values(stopped_at=now))
        ledger.close_rest(connection, key, "accepted", "x", now)
        row = campaigns.get(connection, key)
        assert row is not None
        campaign_run.finish(connection, row, now + timedelta(minutes=90))

    await office.do(work)


async def test_afterwards_it_says_what_people_did_and_the_command_says_the_same(office: Office, chief: Browser) -> None:
    key = await running(office)
    await ended(office, key)
    page = await chief.get(f"/announcements/{key}")
    told = words(page.text)
    assert "Membalas 1 dalam 3 hari" in told
    assert "Minta berhenti atau memblokir 1" in told
    assert "lamanya 1 jam 30 mnt" in told
    assert "Yang ditanyakan sesudahnya" in told
    asked = office.parts.catalogue.title("incentive_when")
    assert f"{asked}: 1" in page.text.replace("&#39;", "'")
    assert office.parts.catalogue.title("ability_test") not in page.text, "said before it, or to nothing of ours"

    def both(connection: Connection) -> dict[str, Any]:
        row = campaigns.get(connection, key)
        assert row is not None
        return campaign_report.report(connection, row, database_now(connection))

    found = await office.do(both)
    assert (found["replied"], found["asked"], found["opted_out_after"]) == (1, {"incentive_when": 1}, 1)
    assert sum(found["states"].values()) == found["audience"] == 10


async def test_the_ledger_is_taken_along_as_csv_and_xlsx_and_that_is_logged(office: Office, chief: Browser) -> None:
    key = await running(office)
    answer = await chief.get(f"/announcements/{key}/ledger.csv")
    assert answer.headers["content-disposition"] == f'attachment; filename="pengumuman-{key}.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [row["n"] for row in rows] == [str(n) for n in range(1, 11)]
    assert rows[2]["reason"] == f"'{FORMULA}", "no spreadsheet takes it for a formula"
    sheet = await chief.get(f"/announcements/{key}/ledger.xlsx")
    with zipfile.ZipFile(io.BytesIO(sheet.content)) as file:
        assert file.testzip() is None
        text = file.read("xl/worksheets/sheet1.xml").decode()
    assert text.count("<row ") == 11
    assert 't="inlineStr"' in text
    logged = await office.do(lambda c: desk_view.looks(c, limit=9))
    by = f"agent:{chief.id}"
    assert [(row["actor"], row["what"], row["reason"]) for row in logged] == [
        (by, "daftar penerima pengumuman", "jadwal")
    ] * 2
    officer = await office.at_desk("dewi", "data_officer")
    assert "daftar penerima pengumuman" in (await officer.get("/looks")).text


async def test_what_a_sheet_cannot_hold_is_offered_as_csv_alone(office: Office, chief: Browser) -> None:
    key = await running(office)
    await office.do(lambda c: campaigns.change(c, key, frozen_size=1_048_576))
    assert (await chief.get(f"/announcements/{key}/ledger.xlsx")).status_code == 409
    assert (await chief.get(f"/announcements/{key}/ledger.csv")).status_code == 200


async def test_an_open_page_is_stirred_by_a_deed_and_asks_for_its_parts(office: Office, chief: Browser) -> None:
    key = await running(office)
    await office.do(lambda c: campaign_run.pause(c, key, actor="operator:x", now=database_now(c)))
    page = (await chief.get(f"/announcements/{key}")).text
    since = re.search(r'data-since="([^"]*)"', page)
    assert since
    assert f'data-live="/desk/live?announcement={key}"' in page
    async with Stream(office, chief, f"/desk/live?announcement={key}&since={since[1]}") as stream:
        await office.do(lambda c: campaign_run.resume(c, key, actor="operator:x", now=database_now(c)))
        while "running" not in (event := await stream.next())["id"]:
            pass
        assert event.get("data", "0") == "0", "whoever waits in the queue is not this page's"
    part = await chief.get(f"/announcements/{key}", **{"x-part": "1"})
    assert re.findall(r'<div id="(\w+)" data-part', part.text) == [
        "progress",
        "deeds",
        "after",
        "detail",
        "mend",
        "history",
    ]
    assert "<html" not in part.text


async def test_one_count_serves_all_pages_and_takes_a_tenth_of_the_time() -> None:
    now, counted, gate = 0.0, 0, asyncio.Event()
    counts = Counts(clock=lambda: now)

    async def count() -> int:
        nonlocal now, counted
        counted += 1
        now += 2.0
        await gate.wait()
        return counted

    first, second = asyncio.create_task(counts.of("x", count)), asyncio.create_task(counts.of("x", count))
    gate.set()
    assert (await first, await second, counted) == (1, 1, 1)
    now += 19.0
    assert await counts.of("x", count) == 1
    now += 1.0
    gate.clear()
    due = asyncio.create_task(counts.of("x", count))
    await asyncio.sleep(0)
    assert await counts.of("x", count) == 1, "while one counts the others have the last figures"
    gate.set()
    assert await due == 2
    counts.forget("x")
    assert await counts.of("x", count) == 3


async def test_who_was_left_out_at_the_start_is_not_written_to_by_a_retry(office: Office) -> None:
    key = await running(office)
    again = partial(campaign_run.retry, campaign_id=key, state="skipped", reason="opted", actor="operator:a")
    assert await office.do(lambda c: again(c, now=database_now(c))) == 0
    late = update(campaign_recipients).where(campaign_recipients.c.n == 9).values(state="skipped", reason="erased")
    await office.do(lambda c: c.execute(late))
    again = partial(again, reason="erased")
    assert await office.do(lambda c: again(c, now=database_now(c))) == 1
    assert await office.do(lambda c: c.execute(select(campaign_flights.c.n)).all()) == []
    assert await office.do(lambda c: c.execute(select(campaign_rows.c.state)).scalar()) == "running"


async def test_the_next_one_of_a_series_is_named_and_led_to(office: Office, chief: Browser) -> None:
    key = await running(office)
    assert "berikutnya" not in (await chief.get(f"/announcements/{key}")).text

    def follows(connection: Connection) -> int:
        now = database_now(connection)
        row = {"name": "jadwal 2090-01-01", "content": announcement.read({"text": "Halo."}), "audience": {}}
        row |= {"sources": [SOURCE], "state": "scheduled", "repeat": "daily", "follows_id": key}
        return campaigns.create(connection, {**row, "starts_at": now + timedelta(days=1)}, actor="x", now=now)

    following = await office.do(follows)
    page = (await chief.get(f"/announcements/{key}")).text
    assert f'<a href="/desk/announcements/{following}/draft">jadwal 2090-01-01</a>' in page
    draft = partial(campaigns.change, campaign_id=following, state="draft", starts_at=datetime(2026, 1, 1, tzinfo=UTC))
    await office.do(draft)
    assert "berikutnya" not in (await chief.get(f"/announcements/{key}")).text
    told = words((await chief.get(f"/announcements/{following}/draft")).text)
    assert "Mulai sendiri 1 Jan" not in told, "its time has passed"
    assert "tiap hari; berikutnya dijadwalkan begitu pengumuman ini mulai." in told
