"""Reports, the way to a person, and the status of one's participation."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from handlers import reports
from handlers.turn import Policy
from storage import cases as case_store
from storage.schema import cases, participants
from tests.handlers.sample_talk import SampleTalk


def filed(talk: SampleTalk) -> list[dict[str, object]]:
    return [dict(row) for row in talk.connection.execute(select(cases).order_by(cases.c.id)).mappings()]


def test_a_report_from_the_first_word_to_its_number(talk: SampleTalk) -> None:
    talk.say("mau lapor", "report_problem")
    talk.tap("Pelatihan")
    assert "lebih panjang" in talk.say("belum muncul")
    shown = talk.say("sertifikat saya belum muncul sejak dua minggu lalu", "course_certificate")
    assert "Yang akan saya catat" in shown
    talk.say("ubah cerita")
    talk.say("sertifikat kelas barista belum muncul sejak dua minggu lalu")
    shown = talk.say("iya betul")
    assert "L-000001" in shown
    assert "tidak ada petugas" in shown
    assert "Formulir Pengaduan" in shown
    (row,) = filed(talk)
    assert (row["topic"], row["priority"], row["state"]) == ("pelatihan", case_store.NORMAL, "open")
    assert "barista" in str(row["story"])


def test_a_story_told_at_once_is_only_confirmed(talk: SampleTalk) -> None:
    talk.say("saya mau lapor insentif belum masuk padahal jadwalnya sudah lewat dua minggu", "report_problem")
    assert talk.step == "report/confirm"
    assert talk.state.data["topic"] == "uang"


def test_fraud_is_urgent_and_says_what_to_do_first(talk: SampleTalk) -> None:
    talk.policy = Policy(agents=True)
    assert "Telepon bank atau e-wallet" in talk.say("saya ditipu", "report_problem")
    talk.tap("Buat laporan")
    talk.say("kemarin saya transfer uang ke joki lewat telegram")
    shown = talk.say("ya")
    assert shown.startswith("Kalau uang atau data dipakai orang, hubungi bank")
    assert "paling lambat Selasa, 24 Nov, 14.00 WIB" in shown
    assert filed(talk)[0]["priority"] == case_store.URGENT


def test_declining_files_nothing(talk: SampleTalk) -> None:
    talk.say("saya mau lapor insentif belum masuk padahal jadwalnya sudah lewat dua minggu", "report_problem")
    assert "tidak saya catat" in talk.say("tidak")
    assert filed(talk) == []


@pytest.mark.parametrize(
    ("text", "intent", "step"),
    [
        ("kapan gelombang dibuka?", "program_open", "report/story"),
        ("gimana cara ganti email", "account_contact_change", "report/story"),
        ("mau ngomong sama petugas aja", "human_agent", "report/story"),
        ("uang saya di gopay hilang semalam", "incentive_unpaid", "report/confirm"),
        (
            "saya daftar dari bulan mei lalu ikut gelombang dan sampai sekarang tidak tahu kenapa selalu gagal terus",
            "selection_failed",
            "report/confirm",
        ),
    ],
)
def test_a_story_is_told_from_a_question(talk: SampleTalk, text: str, intent: str, step: str) -> None:
    talk.say("mau lapor", "report_problem")
    talk.say("lainnya")
    talk.say(text, intent)
    assert talk.step == step


def test_a_report_is_followed_up_by_its_number_and_only_from_its_own_chat(talk: SampleTalk) -> None:
    number = "L-7K2M9Q"
    case_store.create(
        talk.connection, number=number, chat_id=1, topic="uang", priority=2, story="…", now=talk.now, due_at=talk.now
    )
    for text in ("laporan l-7k2m9q gimana", "L 7K2M9Q", "tiket L7K2M9Q sudah sampai mana"):
        assert number in talk.say(text, "report_problem"), text
    talk.connection.execute(cases.update().values(chat_id=_other_chat(talk)))
    assert "tidak menemukan" in talk.say(f"laporan {number}", "report_problem")


def _other_chat(talk: SampleTalk) -> int:
    from tests.handlers.talking import add_chat

    return add_chat(talk.connection, "other")


def test_a_number_in_any_message_is_enough_but_only_ones_own(talk: SampleTalk) -> None:
    case_store.create(
        talk.connection,
        number="L-7K2M9Q",
        chat_id=1,
        topic="uang",
        priority=2,
        story="…",
        now=talk.now,
        due_at=talk.now,
    )
    answer = reports.mentioned(talk.turn("L-7K2M9Q"))
    assert answer is not None
    assert "L-7K2M9Q" in answer.replies[0].text
    assert reports.mentioned(talk.turn("L-000000")) is None
    assert reports.mentioned(talk.turn("halo")) is None


@pytest.mark.parametrize("text", ["lembaga pelatihan saya", "lambat sekali", "layanan buruk", "L", ""])
def test_words_are_no_case_numbers(text: str) -> None:
    assert reports.case_number(text) is None


def test_a_follow_up_without_a_number_means_the_newest(talk: SampleTalk) -> None:
    assert "Laporannya soal apa" in talk.say("tindak lanjut laporan saya", "report_problem")
    talk.say("batal")
    for number in ("L-000008", "L-000009"):
        case_store.create(
            talk.connection,
            number=number,
            chat_id=1,
            topic="petugas",
            priority=2,
            story="…",
            now=talk.now,
            due_at=talk.now,
        )
    shown = talk.say("tindak lanjut laporan saya", "report_problem")
    assert "L-000009" in shown
    assert "bicara dengan petugas" in shown


# -- a person -----------------------------------------------------------------------------------------------------


def test_where_nobody_answers_the_official_channels_are_told_with_their_dates(talk: SampleTalk) -> None:
    shown = talk.say("mau bicara dengan orang", "human_agent")
    assert "Di sini tidak ada petugas" in shown
    assert "0800-150-3001" in shown
    assert "2024" in shown
    assert filed(talk) == []
    talk.tap("Catat masalahnya")
    assert talk.step == "report/topic"


def test_where_agents_work_the_conversation_goes_with_the_case_once(talk: SampleTalk) -> None:
    talk.policy = Policy(agents=True)
    first = talk.say("petugas dong", "human_agent")
    assert "L-000001" in first
    talk.later(minutes=5)
    again = talk.say("mana petugasnya", "human_agent")
    assert "sejak 24 Nov, 10.00 WIB" in again
    (row,) = filed(talk)
    assert (row["topic"], row["story"], row["priority"]) == ("petugas", "person: petugas dong", case_store.NORMAL)
    talk.say("keluar antrean")
    assert filed(talk)[0]["state"] == "closed"
    assert "L-000002" in talk.say("petugas", "human_agent")


def test_after_bad_news_the_request_is_urgent(talk: SampleTalk) -> None:
    talk.policy = Policy(agents=True)
    talk.say("kepesertaan saya dicabut", "membership_revoked")
    talk.say("petugas", "human_agent")
    assert filed(talk)[0]["priority"] == case_store.URGENT


# -- status -------------------------------------------------------------------------------------------------------


def test_a_stranger_is_told_where_to_look_and_what_the_words_mean(talk: SampleTalk) -> None:
    shown = talk.say("saya lolos gak", "application_status")
    assert "dashboard.prakerja.go.id" in shown
    assert "Sedang Dievaluasi" in shown
    assert "Hubungkan akun" in talk.labels
    talk.connection.execute(participants.delete())
    talk.say("saya lolos gak", "application_status")
    assert "Hubungkan akun" not in talk.labels


def test_balance_and_dates_need_level_2(talk: SampleTalk) -> None:
    number = talk.number_with(membership="active", course="", wallet="")
    talk.link(number)
    full = talk.say("status saya", "application_status")
    assert "Rp3.500.000" in full
    assert "30 Nov 2026, 23.59 WIB" in full
    talk.link(number, "2a")
    part = talk.say("status saya", "application_status")
    assert "peserta aktif" in part
    assert "Rp" not in part
    assert "30 Nov" not in part


def test_a_passed_deadline_is_said_gently(talk: SampleTalk) -> None:
    number = talk.number_with(membership="active", course="", wallet="")
    talk.link(number)
    late = talk.now.date() - timedelta(days=3)
    talk.connection.execute(participants.update().where(participants.c.id == talk.person(number)).values(buy_by=late))
    assert "Batas itu sudah lewat" in talk.say("status saya", "application_status")


@pytest.mark.parametrize("membership", ["applied", "selected", "finished", "failed", "revoked"])
def test_every_membership_has_its_sentence(talk: SampleTalk, membership: str) -> None:
    talk.link(talk.number_with(membership=membership))
    shown = talk.say("status saya", "application_status")
    assert talk.content.text(f"status_next_{membership}") in shown
    assert ("Saldo" in shown) == (membership in ("selected", "finished"))


def test_for_somebody_else_no_record_is_opened(talk: SampleTalk) -> None:
    talk.link(1)
    shown = talk.say("status kakak saya gimana", "application_status", subject="sibling")
    assert "orang lain" in shown
    assert "Gelombang" not in shown
