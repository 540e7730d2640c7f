"""The incentive: the time line of a record, the one next thing, and the tree for everybody else."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from bot import samples
from storage.schema import enrolments, incentives, participants
from tests.handlers.sample_talk import NOW, SampleTalk, entity
from tests.handlers.talking import memory

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
    assert "belum memuat kejadian itu" in shown
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
    with memory() as connection:
        talk = SampleTalk(connection, programme="open")
        shown = status(talk, talk.number_with(payment="failed", reason="wallet_full"))
        assert talk.content.files["unpaid"]["wallet_full"]["action"] in shown


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
        with memory() as connection:
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
    lead, complaint = (reply.text for reply in talk.replies)
    assert "bantuan.prakerja.go.id" in lead
    assert "Gelombang: 68" in complaint
    assert "Pelatihan: Barista Dasar" in complaint
    assert "NIK" not in complaint
    assert talk.step == ""


def test_the_complaint_can_be_declined_and_its_questions_skipped(talk: SampleTalk) -> None:
    assert "Kalau masih macet" in check(talk, "belum", "gak usah")
    check(talk, "belum", "ya", "lewati", "lewati")
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
