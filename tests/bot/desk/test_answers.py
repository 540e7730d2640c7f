"""Front door of the editors: an answer is changed at the desk by two people, and the next question gets the new text."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.desk.answer_form import body_of, fields_of
from bot.desk.answers import seed_of
from bot.refresh import Refresh
from bot.terminal.session import Session
from handlers import answer_check, catalogue, editing_acts
from handlers.catalogue import entry_of
from storage import content_log, editing, feedback, program
from storage.database import database_now
from tests.bot.desk.conftest import Browser, Office

INTENT = "incentive_amount"


class Newsroom:
    """The desk with everything behind it: refresh and a conversation."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.session = Session(office.database, office.parts)
        self.refresh = Refresh(office.database, office.parts, office.wake, self._use)

    def _use(self, content: catalogue.Catalogue, policy: Any) -> None:
        self.office.parts = replace(self.office.parts, catalogue=content, policy=policy)
        self.session._worker.parts = self.office.parts

    async def hears(self, text: str = f"{INTENT}: berapa?") -> str:
        await self.refresh.once()
        return "\n".join(reply.text for reply in await self.session.say(text))

    async def draft(self, browser: Browser, **fields: str) -> None:
        page = await browser.get(f"/answers/{INTENT}/edit")
        revision = page.text.split('name="revision" value="')[1].split('"')[0]
        typed = {
            **fields_of(seed_of(catalogue.load(), INTENT)),
            "reason": "aturan baru",
            "revision": revision,
            **fields,
        }
        answer = await browser.post(f"/answers/{INTENT}/edit", **typed)
        assert answer.status_code == 303, answer.text

    async def step(self, browser: Browser, name: str, **fields: str) -> int:
        row = await self.office.database.read(lambda c: editing.open_version(c, INTENT))
        sent = {"revision": str(row["revision"]) if row else "0", **fields}
        await browser.get(f"/answers/{INTENT}")
        return (await browser.post(f"/answers/{INTENT}/do/{name}", **sent)).status_code


@pytest.fixture
async def room(office: Office) -> Newsroom:
    return Newsroom(office)


async def test_two_people_change_an_answer_and_the_next_question_gets_it(room: Newsroom) -> None:
    ani, budi = await room.office.at_desk("ani", "editor"), await room.office.at_desk("budi", "editor")
    await room.draft(ani, text_open="Insentif sekarang berbeda, Kak.")
    page = (await ani.get(f"/answers/{INTENT}")).text
    assert "<ins>" in page
    assert "bagian SMS" in page, "the previews are there"
    assert await room.step(ani, "submit") == 303
    assert "Setujui dan terbitkan" not in (await ani.get(f"/answers/{INTENT}")).text
    assert await room.step(ani, "publish") == 409, "not by the writer"
    assert "sekarang berbeda" not in await room.hears()
    assert "Setujui dan terbitkan" in (await budi.get(f"/answers/{INTENT}")).text
    assert await room.step(budi, "publish") == 303
    assert "sekarang berbeda" in await room.hears()


async def test_rolling_back_and_withdrawing(room: Newsroom) -> None:
    ani, budi = await room.office.at_desk("ani", "editor"), await room.office.at_desk("budi", "supervisor")
    for text in ("Isi pertama, Kak.", "Isi kedua, Kak."):
        await room.draft(ani, text_open=text)
        await room.step(ani, "submit")
        await room.step(budi, "publish")
    assert "Isi kedua" in await room.hears()
    second, first = (row["id"] for row in await room.office.database.read(lambda c: editing.history(c, INTENT)))
    assert await room.step(ani, "rollback", version=str(first)) == 422, "a reason is asked for"
    assert await room.step(ani, "rollback", version=str(first), reason="yang kedua keliru") == 303
    assert "Isi pertama" in await room.hears()
    (newest, *_) = await room.office.database.read(lambda c: editing.history(c, INTENT))
    assert await room.step(budi, "withdraw", version=str(newest["id"]), reason="ragu") == 303
    assert "Isi kedua" in await room.hears()
    page = (await ani.get(f"/answers/{INTENT}/differences?old={first}&new={second}")).text
    assert "<del>pertama,</del><ins>kedua,</ins>" in page


async def test_what_may_not_be_published_is_named_at_its_field_and_goes_no_further(room: Newsroom) -> None:
    ani = await room.office.at_desk("ani", "editor")
    await room.draft(ani, text_open="Lihat https://prakerja.example.com, Kak.", sms_open="x" * 230, as_of="besok")
    page = (await ani.get(f"/answers/{INTENT}/edit")).text
    assert "Tautan ke prakerja.example.com tidak diizinkan" in page.split('id="text_open"')[0]
    assert "230 huruf, paling banyak 220" in page.split('id="sms_open"')[0].split('id="more"')[1]
    assert "Tulis tanggalnya" in page
    assert await room.step(ani, "submit") == 409
    answer = await ani.post(f"/answers/{INTENT}/edit", revision="1", sources="tanpa tanggal")
    assert answer.status_code == 422
    assert "tanpa tanggal" in answer.text


async def test_a_save_over_a_colleagues_is_refused_and_keeps_what_was_typed(room: Newsroom) -> None:
    ani, budi = await room.office.at_desk("ani", "editor"), await room.office.at_desk("budi", "editor")
    await room.draft(ani, text_open="Punya Ani.")
    typed = {**fields_of(seed_of(catalogue.load(), INTENT)), "text_open": "Punya Budi.", "reason": "x", "revision": "0"}
    answer = await budi.post(f"/answers/{INTENT}/edit", **typed)
    assert answer.status_code == 409
    assert "Punya Budi." in answer.text
    assert "Orang lain baru saja mengubah ini" in answer.text


async def test_both_writers_of_a_draft_are_no_second_readers(room: Newsroom) -> None:
    ani, budi = await room.office.at_desk("ani", "editor"), await room.office.at_desk("budi", "editor")
    await room.draft(ani, text_open="Punya Ani.")
    await room.draft(budi, text_open="Punya berdua.")
    await room.step(budi, "submit")
    assert await room.step(ani, "publish") == 409
    sari = await room.office.at_desk("sari", "admin")
    assert await room.step(sari, "back", note="Kurang jelas") == 303
    assert "Kurang jelas" in (await ani.get(f"/answers/{INTENT}")).text


async def test_the_list_is_searched_and_filtered(room: Newsroom) -> None:
    ani = await room.office.at_desk("ani", "editor")
    await room.draft(ani)
    await room.office.do(
        lambda c: feedback.note(
            c, chat_id=0, intent="survey", version_id=None, content="x", channel="web", remark="", now=database_now(c)
        )
    )
    assert f"/desk/answers/{INTENT}" in (await ani.get("/answers?filter=draft")).text
    said = (await ani.get("/answers?filter=feedback")).text
    assert "/desk/answers/survey" in said
    assert f"/desk/answers/{INTENT}" not in said
    assert "Tidak ada jawaban yang cocok" in (await ani.get("/answers?q=kuda+terbang")).text
    assert "1 laporan" in (await ani.get("/answers/survey")).text
    await ani.post("/answers/survey/feedback", which="all")
    assert not await room.office.database.read(feedback.open_counts)


async def test_the_state_takes_two_people_and_holds_until_its_end(room: Newsroom) -> None:
    ani, budi = await room.office.at_desk("ani", "editor"), await room.office.at_desk("budi", "operator")
    asked = {"kind": "state", "value": "open", "reason": "pengumuman resmi", "valid_to": "2099-01-01T00:00"}
    assert (await ani.post("/program", **{**asked, "valid_to": ""})).status_code == 422, "an end is needed"
    await ani.follow(await ani.post("/program", **asked))
    (row,) = await room.office.database.read(program.listed)
    assert (await ani.post(f"/program/{row['id']}/approve")).status_code == 409
    assert "Belum ada tanggal" in await room.hears("program_open: kapan?")
    await budi.get("/program")
    assert (await budi.post(f"/program/{row['id']}/approve")).status_code == 303
    assert "Belum ada tanggal" not in await room.hears("program_open: kapan?")
    assert "Pendaftaran dibuka" in (await ani.get("/program")).text
    assert (await ani.post(f"/program/{row['id']}/end", reason="batal dibuka")).status_code == 303
    assert "Belum ada tanggal" in await room.hears("program_open: kapan?")


@pytest.mark.parametrize(
    "asked",
    [
        {"kind": "notice", "value": "Cek https://situs.example.com", "key": "", "valid_to": "2099-01-01T00:00"},
        {"kind": "notice", "value": "Gangguan", "key": "kuda", "valid_to": "2099-01-01T00:00"},
        {"kind": "notice", "value": "Gangguan", "key": "", "valid_to": "2001-01-01T00:00"},
        {"kind": "fact", "value": "delapan belas", "key": "usia_min"},
        {"kind": "fact", "value": "Rp1", "key": "insentif"},
        {"kind": "fact", "value": "x", "key": "Nama Baru"},
        {"kind": "fact", "value": "x {situs}", "key": "posko"},
        {"kind": "fact", "value": "bukan_situs", "key": "link_hosts"},
        {"kind": "fact", "value": "prakerja-gratis.com", "key": "situs"},
        {"kind": "notice", "value": "Gangguan", "key": "", "valid_to": "9999-12-31T23:59"},
        {"kind": "fact", "value": "x", "key": "posko", "valid_from": "1 Desember 2026"},
        {"kind": "state", "value": "entah", "valid_to": "2099-01-01T00:00"},
    ],
)
async def test_rows_that_would_break_texts_are_refused(room: Newsroom, asked: dict[str, str]) -> None:
    ani = await room.office.at_desk("ani", "editor")
    answer = await ani.post("/program", **asked, reason="alasan yang panjang")
    assert answer.status_code == 422
    assert 'value="alasan yang panjang"' in answer.text, "what was typed is still there"
    assert not await room.office.database.read(program.listed)


async def test_the_operators_hosts_are_a_row(room: Newsroom) -> None:
    ani, budi = await room.office.at_desk("ani", "editor"), await room.office.at_desk("budi", "admin")
    await ani.post("/program", kind="fact", key="link_hosts", value="contoh.example.com", reason="situs dinas")
    (row,) = await room.office.database.read(program.listed)
    await budi.get("/program")
    await budi.post(f"/program/{row['id']}/approve")
    await room.refresh.once()
    await room.draft(ani, text_open="Lihat https://contoh.example.com, Kak.")
    assert await room.step(ani, "submit") == 303


async def test_who_approves_sees_the_source_and_only_what_may_be_said_today(room: Newsroom) -> None:
    ani, budi = await room.office.at_desk("ani", "editor"), await room.office.at_desk("budi", "admin")
    until = {"valid_to": "2099-01-01T00:00"}
    source = {"source_date": "2026-11-20", "source_url": "https://www.prakerja.go.id/kabar"}
    await ani.post("/program", kind="state", value="open", reason="pengumuman", **until, **source)
    assert "Sumber: 2026-11-20, https://www.prakerja.go.id/kabar" in (await budi.get("/program")).text
    room.office.parts = replace(
        room.office.parts, policy=replace(room.office.parts.policy, link_hosts=("dinas.example",))
    )
    assert (
        await ani.post("/program", kind="notice", value="Cek dinas.example, https://dinas.example", reason="x", **until)
    ).status_code == 303
    room.office.parts = replace(room.office.parts, policy=replace(room.office.parts.policy, link_hosts=()))
    (row, *_) = await room.office.database.read(program.listed)
    await budi.get("/program")
    assert (await budi.post(f"/program/{row['id']}/approve")).status_code == 409


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("valid_from", "1-12-2026"),
        ("valid_to", "9999-12-31"),
        ("valid_to", "0001-01-01"),
        ("more", "kata " * 2_000),
    ],
)
async def test_what_cannot_be_kept_is_refused_and_stays_on_the_page(room: Newsroom, field: str, typed: str) -> None:
    ani = await room.office.at_desk("ani", "editor")
    await ani.get(f"/answers/{INTENT}/edit")
    fields = {**fields_of(seed_of(catalogue.load(), INTENT)), "text_open": "Tulisan Ani.", "reason": "x", field: typed}
    answer = await ani.post(f"/answers/{INTENT}/edit", **fields, revision="0")
    assert answer.status_code == 422
    assert f'id="{field}-wrong1"' in answer.text
    assert "Tulisan Ani." in answer.text
    assert typed in answer.text
    assert await room.office.database.read(lambda c: editing.open_version(c, INTENT)) is None


async def test_no_identity_stands_in_a_public_reason(room: Newsroom) -> None:
    ani, budi = await room.office.at_desk("ani", "editor"), await room.office.at_desk("budi", "supervisor")
    await room.draft(ani, text_open="Isi, Kak.")
    await room.step(ani, "submit")
    await room.step(budi, "publish")
    (version,) = await room.office.database.read(lambda c: editing.history(c, INTENT))
    for step in ("withdraw", "rollback"):
        reason = "laporan NIK 3273014501990001"
        assert await room.step(budi, step, version=str(version["id"]), reason=reason) == 422
    assert len(await room.office.database.read(content_log.listed)) == 1


async def test_a_version_is_compared_with_the_one_before_it(room: Newsroom) -> None:
    ani, budi = await room.office.at_desk("ani", "editor"), await room.office.at_desk("budi", "supervisor")
    for text in ("Isi pertama, Kak.", "Isi kedua, Kak."):
        await room.draft(ani, text_open=text)
        await room.step(ani, "submit")
        await room.step(budi, "publish")
    second, first = (row["id"] for row in await room.office.database.read(lambda c: editing.history(c, INTENT)))
    page = (await ani.get(f"/answers/{INTENT}")).text
    assert f"differences?old={first}&amp;new={second}" in page
    assert f"differences?old=0&amp;new={first}" in page


async def test_agents_and_data_officers_write_nothing(room: Newsroom) -> None:
    for role in ("agent", "data_officer"):
        browser = await room.office.at_desk(f"x-{role}", role)
        assert (await browser.get("/answers")).status_code == 403
        assert (await browser.post("/program", kind="state", value="open")).status_code == 403


def test_each_answer_goes_through_the_form_unchanged() -> None:
    content = catalogue.load()
    for intent in content.answers:
        body, wrong = body_of(fields_of(seed_of(catalogue.load(), intent)))
        assert not wrong
        assert entry_of(intent, editing_acts.dated(body)) == content.answers[intent], intent
        assert answer_check.draft(intent, editing_acts.dated(body), content) == [], intent


async def test_every_change_is_in_the_log_without_its_draft(room: Newsroom) -> None:
    ani, budi = await room.office.at_desk("ani", "editor"), await room.office.at_desk("budi", "editor")
    await room.draft(ani, text_open="Isi, Kak.", valid_to="2098-12-31")
    assert not await room.office.database.read(content_log.listed)
    await room.step(ani, "submit")
    await room.step(budi, "publish")
    (row,) = await room.office.database.read(content_log.listed)
    assert (row["kind"], row["key"], row["action"], row["reason"]) == ("answer", INTENT, "published", "aturan baru")
    assert row["valid_to"].astimezone().year in (2098, 2099)
    assert row["valid_to"] - row["valid_from"] > timedelta(days=1)
