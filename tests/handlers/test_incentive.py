"""The incentive: the time line of a record, the one next thing, and the tree for everybody else."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, update

from bot import samples
from storage.schema import enrolments, incentives, participants
from tests.handlers.sample_talk import NOW, SampleTalk, entity, sampled

ASKED = "cek insentif saya"


def status(talk: SampleTalk, number: int, level: str = "2") -> str:
    talk.link(number, level)
    return talk.say(ASKED, "incentive_status")


# -- with a record ------------------------------------------------------------------------------------------------


def test_every_story_has_its_time_line_within_one_message(talk: SampleTalk) -> None:
    for number in range(1, len(samples.STORIES) + 1):
        full = status(talk, number)
        assert "24 Nov, 10.00 WIB" in full
        assert all(len(reply.text) <= 500 for reply in talk.replies)
        part = status(talk, number, "2a")
        assert "Rp" not in part
        assert "••••" not in part
        assert "24 Nov, 10.00 WIB" in part
        assert talk.step == ""


@pytest.mark.parametrize(
    ("story", "said"),
    [
        ({"payment": "scheduled", "scheduled": 2}, "cek rekening sampai 3 Des 2026"),
        ({"payment": "sent"}, "sudah dikirim"),
        ({"payment": "paid"}, "sudah masuk"),
        ({"payment": "waiting", "certificate": True, "rated": False}, "Rating bintang"),
        ({"payment": "waiting", "rated": True, "reviewed": False}, "Bintang saja belum cukup"),
        ({"membership": "active", "course": "running"}, "sesi atau tugas yang belum selesai"),
        ({"membership": "active", "course": "", "wallet": ""}, "belum ada pelatihan yang dibeli"),
        ({"membership": "applied"}, "belum tercatat sebagai peserta"),
        ({"membership": "revoked"}, "Saya ikut prihatin"),
        ({"payment": "waiting", "wallet": "", "certificate": True}, "Belum ada rekening"),
        ({"payment": "waiting", "wallet": "not_upgraded"}, "belum di-upgrade"),
        ({"payment": "failed", "reason": "wallet_full"}, "Saldo e-wallet penuh"),
        ({"course": "finished"}, "Sertifikat pelatihan pertama belum tampil"),
    ],
)
def test_the_one_next_thing(talk: SampleTalk, story: dict[str, Any], said: str) -> None:
    assert said in status(talk, talk.number_with(**story))


def test_a_revoked_membership_begins_with_a_human_sentence(talk: SampleTalk) -> None:
    shown = status(talk, talk.number_with(membership="revoked"))
    assert shown.startswith("Saya ikut prihatin")
    assert "!" not in shown


def test_an_overdue_payment_comes_with_a_complaint_to_paste(talk: SampleTalk) -> None:
    number = talk.number_with(payment="scheduled", scheduled=-20)
    status(talk, number)
    complaint = talk.replies[-1].text
    assert complaint.startswith("Yth. Tim Prakerja")
    assert "4 Nov 2026, sudah lewat lima hari kerja" in complaint
    assert "NIK" not in complaint
    assert "[isi]" in complaint, "the order number is not known"


def test_data_from_before_the_due_day_opens_no_complaint(talk: SampleTalk) -> None:
    number = talk.number_with(payment="scheduled", scheduled=-20)
    early = NOW - timedelta(days=2)
    talk.connection.execute(
        update(incentives)
        .where(incentives.c.participant_id == talk.person(number))
        .values(scheduled_on=NOW.date() - timedelta(days=8), as_of=early)
    )
    shown = status(talk, number)
    assert "Data saya belum memuat kejadian itu. Cek lagi setelah 24 Nov 2026." in shown
    assert "22 Nov" in shown, "the moment the oldest value speaks of"
    assert len(talk.replies) == 1


def test_a_fresh_review_only_waits(talk: SampleTalk) -> None:
    number = talk.number_with(payment="waiting", certificate=True, rated=True, reviewed=True, wallet="linked")
    today = NOW.date()
    talk.connection.execute(
        update(enrolments)
        .where(enrolments.c.participant_id == talk.person(number))
        .values(rated_on=today, reviewed_on=today)
    )
    assert "1x24 jam" in status(talk, number)


def test_old_data_is_not_told(talk: SampleTalk) -> None:
    talk.link(1)
    talk.later(days=3, seconds=1)
    shown = talk.say(ASKED, "incentive_status")
    assert "dashboard.prakerja.go.id" in shown
    assert "Rp" not in shown


def test_one_old_row_is_enough_to_hide_all(talk: SampleTalk) -> None:
    talk.connection.execute(
        update(incentives).where(incentives.c.participant_id == talk.person(1)).values(as_of=NOW - timedelta(days=9))
    )
    assert "Rp" not in status(talk, 1)


def test_the_bank_is_not_named_below_level_2(talk: SampleTalk) -> None:
    number = talk.number_with(payment="failed", reason="technical")
    talk.connection.execute(
        update(incentives).where(incentives.c.participant_id == talk.person(number)).values(reason="bni_check")
    )
    assert "BNI" not in status(talk, number, "2a")


def test_an_unknown_reason_of_a_newer_import_is_survived(talk: SampleTalk) -> None:
    number = talk.number_with(payment="failed", reason="technical")
    talk.connection.execute(
        update(incentives).where(incentives.c.participant_id == talk.person(number)).values(reason="baru_sekali")
    )
    assert "gagal dikirim" in status(talk, number)


def test_open_the_action_is_another() -> None:
    with sampled() as connection:
        talk = SampleTalk(connection, programme="open")
        shown = status(talk, talk.number_with(payment="failed", reason="wallet_full"))
        assert talk.content.files["unpaid"]["wallet_full"]["action"] in shown


def set_rows(talk: SampleTalk, number: int, table: Any, **values: Any) -> None:
    key = table.c.id if table is participants else table.c.participant_id
    talk.connection.execute(update(table).where(key == talk.person(number)).values(**values))


def test_the_time_line_runs_from_the_course_to_the_money(talk: SampleTalk) -> None:
    lines = status(talk, talk.number_with(payment="paid")).splitlines()
    assert [line.split(":")[0] for line in lines[:5]] == [
        "Menurut data 24 Nov, 10.00 WIB",
        "- Pelatihan",
        "- Sertifikat, rating, ulasan",
        "- Rekening",
        "- Insentif Rp600.000",
    ]
    assert "jadwal 15 Okt 2026, sudah masuk 17 Okt 2026" in lines[4]


def test_a_failed_payment_is_told_with_its_schedule_and_reason(talk: SampleTalk) -> None:
    shown = status(talk, talk.number_with(payment="failed", reason="wallet_full"))
    assert "jadwal 12 Nov 2026, gagal dikirim" in shown
    assert "Saldo e-wallet penuh" in shown


def test_a_survey_that_failed_is_the_next_thing_once_the_incentive_is_paid(talk: SampleTalk) -> None:
    number = talk.number_with(payment="paid")
    row = {"participant_id": talk.person(number), "kind": "survey_1", "amount": 50_000, "as_of": NOW}
    talk.connection.execute(insert(incentives).values(**row, state="failed", reason="no_kyc"))
    assert "belum di-upgrade atau belum diverifikasi" in status(talk, number)


def test_every_reason_of_a_payment_has_explanation_action_and_both_states(talk: SampleTalk) -> None:
    """The 21 reasons of facts 6.4."""
    number = talk.number_with(payment="failed", reason="wallet_full")
    reasons = talk.content.files["unpaid"]
    assert len(reasons) == 21
    for code, reason in reasons.items():
        assert {"title", "dashboard", "explain", "action", "closed", "source", "years"} <= set(reason), code
        set_rows(talk, number, incentives, reason=code)
        shown = status(talk, number)
        assert talk.content.fill(reason["explain"]) in shown
        assert talk.content.fill(reason["closed"]) in shown
        assert len(shown) <= 500, code


def test_what_the_file_does_not_say_is_not_claimed(talk: SampleTalk) -> None:
    number = talk.number_with(payment="waiting", certificate=True, rated=True, reviewed=True, wallet="linked")
    set_rows(talk, number, participants, wallet=None, wallet_masked=None, wallet_state=None)
    shown = status(talk, number)
    assert "Rekening: tidak tercatat di data saya" in shown
    assert "Keadaan rekening tidak ada di data saya" in shown
    assert "Belum ada rekening" not in shown
    for state, said in (
        ("scheduled", "Jadwalnya tercatat, tanggalnya tidak"),
        ("sent", "sudah dikirim, tanggalnya tidak"),
    ):
        set_rows(talk, number, incentives, state=state)
        assert said in status(talk, number)
        assert said in status(talk, number, "2a")


def test_a_review_newer_than_the_data_is_awaited(talk: SampleTalk) -> None:
    number = talk.number_with(payment="waiting", certificate=True, rated=True, reviewed=True, wallet="linked")
    day = NOW.date() - timedelta(days=2)
    set_rows(talk, number, enrolments, rated_on=day, reviewed_on=day, as_of=NOW - timedelta(days=2))
    shown = status(talk, number)
    assert "Data saya belum memuat kejadian itu. Cek lagi setelah 24 Nov 2026." in shown
    assert "Formulir Pengaduan" not in shown
    set_rows(talk, number, enrolments, as_of=NOW)
    assert "Formulir Pengaduan" in status(talk, number)


@pytest.mark.parametrize(
    ("story", "early"),
    [
        ({"payment": "scheduled", "scheduled": 2}, "3 Des 2026"),
        ({"payment": "sent"}, "27 Nov 2026"),
        ({"payment": "scheduled", "scheduled": -20}, ""),
        ({"payment": "failed"}, ""),
    ],
)
def test_a_case_opens_only_when_the_data_is_newer_than_the_event_and_its_lag(
    talk: SampleTalk, story: dict[str, Any], early: str
) -> None:
    talk.link(talk.number_with(**story))
    shown = talk.say("mau lapor insentif saya belum cair juga sampai sekarang padahal sudah rating", "report_problem")
    assert ("Laporan belum saya buat" in shown) == bool(early)
    assert early in shown
    assert talk.step == ("" if early else "report/confirm")
    if early:
        assert "Bicara petugas" in talk.labels


def test_other_stories_and_other_people_open_a_case_at_once(talk: SampleTalk) -> None:
    talk.link(1)
    talk.say("mau lapor saldo pelatihan saya di dashboard salah sejak kemarin malam", "report_problem")
    assert talk.step == "report/confirm"
    talk.say("batal")
    talk.say("mau lapor insentif ibu saya belum cair juga sampai sekarang ini", "report_problem", subject="mother")
    assert talk.step == "report/confirm"
    talk.say("batal")
    talk.later(days=4)
    talk.say("mau lapor insentif saya belum cair juga sampai sekarang ini ya", "report_problem")
    assert talk.step == "report/confirm", "data that may not be told decides nothing"


def test_below_level_2_too_early_is_said_without_a_date(talk: SampleTalk) -> None:
    talk.link(1, "2a")
    shown = talk.say("mau lapor insentif saya belum cair juga sampai sekarang ini ya", "report_problem")
    assert "Cek lagi beberapa hari kemudian" in shown
    assert "Des" not in shown


# -- the tree -----------------------------------------------------------------------------------------------------


def check(talk: SampleTalk, *answers: str) -> str:
    talk.state = replace(talk.state, form=None, step=None, data={})
    said = talk.say(ASKED, "incentive_status")
    for answer in answers:
        said = talk.say(answer)
    return said


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        (("belum",), "certificate_missing"),
        (("sertifikat belum muncul kak",), "certificate_missing"),
        (("sdh", "blm"), "not_rated"),
        (("udah", "udah", "belum kasih ulasan"), "not_reviewed"),
        (("sudah",) * 3 + ("belum tersambung",), "no_account"),
        (("sudah",) * 4 + ("belum",), "no_kyc"),
        (("sudah",) * 5 + ("beda nomornya",), "phone_differs"),
        (("sudah",) * 5 + ("sama", "belum ada jadwal", "kemarin"), "rated_recently"),
        (("sudah",) * 5 + ("sama", "gagal", "saldo e-wallet penuh"), "wallet_full"),
        (("sudah",) * 5 + ("sama", "gagal", "tidak tahu"), "technical"),
        (("kepesertaan dicabut",), "revoked"),
        (("sudah", "tulisannya cek rekening bni"), "bni_check"),
    ],
)
def test_the_tree_finds_the_reason(talk: SampleTalk, answers: tuple[str, ...], reason: str) -> None:
    shown = check(talk, *answers)
    entry = talk.content.files["unpaid"][reason]
    assert entry["explain"] in shown
    assert talk.step == "incentive_check/advice"
    assert len(shown) <= 500


def test_every_advice_fits_one_message_open_and_closed() -> None:
    from handlers.incentive_advice import advice

    for programme in ("open", "closed"):
        with sampled() as connection:
            talk = SampleTalk(connection, programme=programme)
            for reason in talk.content.files["unpaid"]:
                assert len(advice(talk.turn("x"), reason, "")) <= 460, reason


@pytest.mark.parametrize(
    ("day", "said"), [("2026-11-20", "3–5 hari kerja"), ("2026-05-12", "sudah lewat lima hari kerja")]
)
def test_the_schedules_date_decides(talk: SampleTalk, day: str, said: str) -> None:
    check(talk, *("sudah",) * 5, "sama")
    assert talk.step == "incentive_check/schedule"
    assert said in talk.say("tgl segitu", entities=[entity("date", day, "tgl segitu")])


def test_not_knowing_goes_on_and_says_where_to_look(talk: SampleTalk) -> None:
    shown = check(talk, "ga tau kak")
    assert "Pelatihan Saya" in shown
    assert talk.step == "incentive_check/rating"


def test_the_complaint_at_the_end_has_wave_and_course_and_no_nik(talk: SampleTalk) -> None:
    check(talk, *("sudah",) * 5, "sama", "belum ada jadwal", "sudah lama", "ya")
    assert "Gelombang yang saya kenal" in talk.say("999")
    talk.say("gel 68", entities=[entity("wave", 68, "gel 68")])
    talk.say("Barista Dasar")
    talk.say("INV/2024/0815")
    lead, complaint = (reply.text for reply in talk.replies)
    assert "bantuan.prakerja.go.id" in lead
    assert "Gelombang: 68" in complaint
    assert "Pelatihan: Barista Dasar" in complaint
    assert "Nomor pesanan: INV/2024/0815" in complaint
    assert "NIK" not in complaint
    assert talk.step == ""


def test_the_complaint_can_be_declined_and_its_questions_skipped(talk: SampleTalk) -> None:
    assert "Kalau masih macet" in check(talk, "belum", "gak usah")
    check(talk, "belum", "ya", "lewati", "lewati", "lewati")
    assert "Gelombang: [isi]" in talk.replies[-1].text


def test_a_question_in_the_tree_is_a_question(talk: SampleTalk) -> None:
    check(talk, "sudah")
    shown = talk.say("gimana cara kasih rating?", "course_review")
    assert "Kita lanjut" in shown
    assert talk.step == "incentive_check/rating"
    talk.say("otp tidak masuk", "otp_missing")
    assert talk.step == "incentive_check/rating"
    assert "rating" not in talk.state.data


def test_linking_is_offered_only_where_there_are_records_and_for_oneself(talk: SampleTalk) -> None:
    check(talk)
    assert "Hubungkan akun" in talk.labels
    talk.tap("Hubungkan akun")
    assert talk.step == "linking/contact"
    talk.state = replace(talk.state, form=None, step=None, data={})
    shown = talk.say("insentif ibu saya", "incentive_status", subject="mother")
    assert "orang lain" in shown
    assert "Hubungkan akun" not in talk.labels
    talk.connection.execute(participants.delete())
    check(talk)
    assert "Hubungkan akun" not in talk.labels
