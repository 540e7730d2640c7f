"""Cases at the desk: found, changed, ended, put right; and the tables that editors, operators and admins keep."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
from sqlalchemy import update

from storage import agents, calendar, desk_texts, handoffs, quality
from storage.database import Database, database_now
from storage.schema import cases as case_rows
from tests.bot.desk.conftest import PASSWORD, Office
from tests.storage import desk as rows


@pytest.fixture
def database(sqlite: Database) -> Database:
    """These pages only show and keep rows; the storage behind them is tested on both databases."""
    return sqlite


async def test_cases_are_listed_by_due_time_and_found_by_number(office: Office) -> None:
    await office.asks("siti")
    await office.asks("tono", topic="penipuan")
    ani = await office.at_desk("ani")
    page = (await ani.get("/cases")).text
    assert page.index("L-siti") < page.index("L-tono")
    page = (await ani.get("/cases?state=closed")).text
    assert "Tidak ada laporan yang cocok." in page
    assert (await ani.get("/cases?number=xyz")).headers["location"] == "/desk/cases/L-XYZ"


async def test_the_story_says_who_spoke_in_plain_words(office: Office) -> None:
    await office.asks("siti")
    await office.do(
        lambda c: c.execute(update(case_rows).values(story="person: halo\nbot: Halo, Kak.\nkata person: itu"))
    )
    page = (await (await office.at_desk("ani")).get("/cases/L-siti")).text
    assert "Warga: halo\nPandu: Halo, Kak.\nkata person: itu" in page


async def test_changes_stand_in_the_history_in_plain_words(office: Office) -> None:
    await office.asks("siti")
    ani = await office.at_desk("ani")
    await ani.get("/cases/L-siti")
    answer = await ani.post("/cases/L-siti/change", state="waiting", priority="1", agent=str(ani.id))
    page = (await ani.follow(answer)).text
    assert "keadaan: menunggu, prioritas: Mendesak, petugas: Ani" in page
    await ani.post("/cases/L-siti/note", note="Menunggu jawaban bank.")
    assert "Menunggu jawaban bank." in (await ani.get("/cases/L-siti")).text
    assert (await ani.post("/cases/L-siti/change", state="closed", priority="1")).status_code == 422


async def test_closing_tells_the_person_and_a_correction_tells_them_again(office: Office) -> None:
    chat = await office.asks("siti")
    ani = await office.at_desk("ani")
    await ani.get("/cases/L-siti")
    assert (await ani.post("/cases/L-siti/correct", told="Yang benar 2 Desember.")).status_code == 409
    answer = await ani.post("/cases/L-siti/close", resolution="answered", told="Cair 1 Desember.")
    assert "Warga diberi tahu." in (await ani.follow(answer)).text
    assert (await ani.post("/cases/L-siti/close", resolution="answered", told="Lagi.")).status_code == 409
    await ani.post("/cases/L-siti/correct", told="Yang benar 2 Desember.")
    heard = await office.hears(chat)
    assert "Cair 1 Desember." in heard[-2]
    assert "Ralat" in heard[-1]
    assert "Yang benar 2 Desember." in heard[-1]
    answer = await ani.post("/cases/L-siti/change", state="open", priority="2", agent=str(ani.id))
    assert "Tutup dan beri tahu warga" in (await ani.follow(answer)).text  # open again


async def test_what_no_agent_may_say_stands_in_no_recap_either(office: Office) -> None:
    chat = await office.asks("siti")
    ani = await office.at_desk("ani")
    await ani.get("/cases/L-siti")
    for told in ("Cek di bit.ly/abc", "x" * 401, ""):
        assert (await ani.post("/cases/L-siti/close", resolution="answered", told=told)).status_code == 422
    assert await office.hears(chat) == []


async def test_a_conversation_is_begun_from_a_case(office: Office) -> None:
    chat = await office.asks("siti")
    ani = await office.at_desk("ani")
    await ani.get("/cases/L-siti")
    assert (await ani.post("/cases/L-siti/open")).status_code == 409  # they wait in the queue already
    await office.do(
        lambda c: handoffs.close(c, handoffs.going_on(c, chat)["id"], state="left", why="x", now=database_now(c))  # type: ignore[index]
    )
    await ani.post("/cases/L-siti/open")
    assert "bersama Anda" in (await ani.get(f"/chat/{chat}")).text
    assert "tentang laporan Kakak nomor L-siti" in (await office.hears(chat))[-1]


# -- ready answers ------------------------------------------------------------------------------------------------


async def test_an_editor_writes_ready_answers_and_what_may_not_be_said_is_refused(office: Office) -> None:
    editor = await office.at_desk("edo", "editor")
    answer = await editor.post("/canned", shortcut="/Salam", title="Salam", text="Halo {nama}, saya {petugas}.")
    assert "/salam" in (await editor.follow(answer)).text
    for fields, said in (
        ({"shortcut": "a b", "title": "x", "text": "Halo."}, "Singkatan"),
        ({"shortcut": "x1", "title": "", "text": "Halo."}, "Judul"),
        ({"shortcut": "x1", "title": "x", "text": "Halo {nik}."}, "{nik} tidak dikenal"),
        ({"shortcut": "x1", "title": "x", "text": "Halo {."}, "kurawal"),
        ({"shortcut": "x1", "title": "x", "text": "Kirim OTP Kakak."}, "OTP"),
    ):
        page = await editor.post("/canned", **fields)
        assert page.status_code == 422
        assert said in page.text
    await editor.post("/canned/delete", shortcut="salam")
    assert await office.database.read(desk_texts.canned_replies) == []


# -- hours --------------------------------------------------------------------------------------------------------


async def test_an_operator_sets_shifts_days_and_rules(office: Office) -> None:
    operator = await office.at_desk("oki", "operator")
    assert "Belum ada jam layanan" in operator.page
    answer = await operator.post("/hours", day0="1", day1="1", spans="08.00-12.00, 13:00-16:00", zone="WITA")
    page = (await operator.follow(answer)).text
    assert page.count("08.00–12.00 WITA, 13.00–16.00 WITA") == 2
    ramadan = {"first": "2027-02-08", "last": "2027-03-09", "day0": "1", "spans": "08.00-14.00"}
    assert "8 Feb 2027 sampai 9 Mar 2027" in (await operator.follow(await operator.post("/hours", **ramadan))).text
    day = (await office.database.now()).date() + timedelta(days=3)
    await operator.post("/hours/day", day=day.isoformat(), name="Rapat kerja", state="closed")
    assert "Rapat kerja" in (await operator.get("/hours")).text
    await operator.post("/hours/day", day=day.isoformat(), state="forget")
    assert "Rapat kerja" not in (await operator.get("/hours")).text
    await operator.post("/hours/rule", topic="", priority="1", first_response="5", span="4", unit="days")
    rule = (await office.database.read(calendar.rules))[0]
    assert (rule["priority"], rule["first_response_minutes"], rule["working_days"]) == (1, 5, 4)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"spans": "08.00-12.00"}, "Pilih hari"),
        ({"day0": "1", "spans": "pagi"}, "bukan jam"),
        ({"day0": "1", "spans": "12.00-08.00"}, "sebelum jam selesai"),
        ({"day0": "1", "spans": "08.00-12.00, 11.00-13.00"}, "bertumpang tindih"),
        ({"day0": "1", "spans": "08.00-12.00", "zone": "GMT"}, "Zona"),
        ({"day0": "1", "spans": "08.00-12.00", "first": "2027-01-01"}, "Masa khusus"),
        ({"day0": "1", "spans": "08.00-12.00", "first": "besok", "last": "lusa"}, "bukan tanggal"),
    ],
)
async def test_hours_that_cannot_be_are_refused(office: Office, fields: dict[str, str], said: str) -> None:
    operator = await office.at_desk("oki", "operator")
    answer = await operator.post("/hours", **{"zone": "WIB", **fields})
    assert answer.status_code == 422
    assert said in answer.text
    assert await office.database.read(calendar.shifts) == []


async def test_outside_the_hours_the_queue_says_so(office: Office) -> None:
    today = (await office.database.now()).date()
    await office.do(lambda c: calendar.set_shifts(c, range(7), [(0, 1440)]))
    ani = await office.at_desk("ani")
    assert "Di luar jam layanan" not in (await ani.get("/")).text
    for day in (today, today + timedelta(days=1)):
        await office.do(
            lambda c, day=day: calendar.set_day(c, day, name="Libur", closed=True, author="x", now=database_now(c))
        )
    assert "Di luar jam layanan. Mulai lagi" in (await ani.get("/")).text
    assert isinstance(today, date)


# -- accounts -----------------------------------------------------------------------------------------------------


async def test_an_admin_makes_accounts_whose_owners_set_their_passwords(office: Office) -> None:
    admin = await office.at_desk("admin", "admin")
    await admin.get("/agents")
    fields = {"name": "cici", "alias": "Cici", "role": "agent", "cap": "3", "skills": "uang, penipuan"}
    page = (await admin.post("/agents", **fields)).text
    link = re.search(r"http://desk/desk(/invite/[\w-]+)", page)
    assert link is not None
    assert link[1] not in (await admin.get("/agents")).text  # shown once
    cici = office.browser()
    await cici.get(link[1])
    assert (await cici.post(link[1], password=PASSWORD, again=PASSWORD)).status_code == 303
    row = await office.database.read(lambda c: agents.by_name(c, "cici"))
    assert row is not None
    assert row["skills"] == ["uang", "penipuan"]
    assert (await admin.post("/agents", **fields)).status_code == 422
    assert (await admin.post("/agents", **{**fields, "name": "dodi", "skills": "memasak"})).status_code == 422


async def test_another_role_and_the_switch_end_sessions_but_nobody_locks_themselves_out(office: Office) -> None:
    admin, ani = await office.at_desk("admin", "admin"), await office.at_desk("ani")
    await admin.get("/agents")
    change = {"alias": "Ani", "cap": "4", "skills": ""}
    await admin.post(f"/agents/{ani.id}", **change, role="supervisor")
    assert (await ani.get("/")).status_code == 303
    assert (await admin.post(f"/agents/{admin.id}", **change, role="agent")).status_code == 422
    assert (await admin.post(f"/agents/{admin.id}/off")).status_code == 422
    await admin.post(f"/agents/{ani.id}/off")
    row = await office.database.read(lambda c: agents.get(c, ani.id))
    assert row is not None
    assert (row["active"], row["password_hash"]) == (False, None)
    assert (await admin.post(f"/agents/{ani.id}/link")).status_code == 404


# -- supervision --------------------------------------------------------------------------------------------------


async def test_the_supervisor_sees_figures_and_no_names_of_people(office: Office) -> None:
    lead = await office.at_desk("lina", "supervisor")
    ani = await office.agent("ani")

    def work(connection):  # type: ignore[no-untyped-def]
        now = database_now(connection)
        rows.serve(connection, "selesai", ani, now, minutes=10, rating=2)
        quality.sample(connection, 1, now, rating=2)

    await office.do(work)
    await office.asks("siti")
    page = (await lead.get("/supervision")).text
    assert "Siti" not in page
    assert re.search(r"Menunggu<b>1</b>", page)
    assert re.search(r"Balasan pertama \(tengah\)<b>1 mnt</b>", page)
    assert "2.0 (1)" in page
    assert "<html" not in (await lead.get("/supervision", **{"X-Part": "1"})).text


async def test_low_ratings_are_read_again_with_six_questions(office: Office) -> None:
    lead = await office.at_desk("lina", "supervisor")
    ani = await office.agent("ani")

    def work(connection):  # type: ignore[no-untyped-def]
        now = database_now(connection)
        key = rows.serve(connection, "kecewa", ani, now, minutes=10, rating=1)
        quality.sample(connection, key, now, rating=1)

    await office.do(work)
    page = (await lead.get("/quality")).text
    review = re.search(r'/desk(/quality/\d+)"', page)
    assert review is not None
    assert "Halo" in (await lead.get(review[1])).text
    some = {"understood": "yes", "correct": "no", "complete": "none"}
    assert (await lead.post(review[1], **some)).status_code == 422
    answers = {**some, "kind": "yes", "safe": "yes", "closed": "yes"}
    assert (await lead.post(review[1], **answers, note="Bagus")).status_code == 303
    assert "Tidak ada yang perlu dibaca" in (await lead.get("/quality")).text
    assert "75%" in (await lead.get("/supervision")).text or "80%" in (await lead.get("/supervision")).text
