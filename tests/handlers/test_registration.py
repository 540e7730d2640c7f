"""Registration as preparation, from the first word to the number; what goes wrong on the way."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Connection

from handlers import registration_told
from storage import chats, consents, drafts, registrations, subscriptions
from tests.handlers.talking import NOW, Talk, region

BANDUNG_CITY, BANDUNG = "3273", "3204"
DISCLAIMER = "Kakak BELUM terdaftar di Prakerja. Pendaftaran resmi hanya di www.prakerja.go.id"


@pytest.fixture
def talk(connection: Connection) -> Talk:
    """A chat while the programme is closed, as it is now."""
    return Talk(connection)


def begin(talk: Talk) -> None:
    talk.say("mau daftar dong", "register_start")
    talk.say("setuju", "affirm")


def closed_way(talk: Talk, age: str = "27") -> str:
    """Every step while the programme is closed, as short as people answer."""
    begin(talk)
    talk.say(age)
    talk.say("gak usah", "deny")
    talk.say("kota bandung", entities=[region(BANDUNG_CITY, "Kota Bandung", "kota bandung")])
    talk.say("smk")
    talk.say("ojol")
    talk.say("bikin kue sama jualan online")
    return talk.say("iya", "affirm")


def stored(talk: Talk) -> dict[str, str]:
    row = registrations.of_chat(talk.connection, talk.chat_id, talk.now)
    assert row is not None
    return dict(row["data"])


# -- consent ------------------------------------------------------------------------------------------------------


def test_nothing_is_kept_before_consent(talk: Talk) -> None:
    said = talk.say("mau daftar, umur saya 25", "register_start")
    assert "12 bulan" in said
    assert "tidak minta NIK" in said
    draft = drafts.get(talk.connection, talk.chat_id, "registration", talk.now)
    assert draft is None or draft["data"] == {}
    assert talk.state.data == {}
    assert consents.all_active(talk.connection, talk.chat_id, talk.now) == []


def test_consent_is_stored_with_its_wording_before_the_first_question(talk: Talk) -> None:
    begin(talk)
    (row,) = consents.all_active(talk.connection, talk.chat_id, talk.now)
    assert row["wording"].startswith("Saya setuju relawan Pandu lewat Pandu menyimpan umur")
    assert row["until"] == NOW + timedelta(days=365)
    assert talk.state.step == "age"


def test_without_consent_nothing_stays(talk: Talk) -> None:
    talk.say("mau daftar", "register_start")
    said = talk.say("gak mau ah, takut", "deny")
    assert "Tidak ada data pendaftaran yang saya simpan" in said
    assert talk.state.form is None
    assert drafts.get(talk.connection, talk.chat_id, "registration", talk.now) is None
    assert consents.all_active(talk.connection, talk.chat_id, talk.now) == []


def test_consent_cannot_be_left_out(talk: Talk) -> None:
    talk.say("mau daftar", "register_start")
    assert "Tanpa persetujuan, saya tidak menyimpan apa pun" in talk.say("lewati")
    assert talk.state.step == "consent"


def test_a_consent_that_holds_is_not_asked_again(talk: Talk) -> None:
    closed_way(talk)
    talk.say("benar", "affirm")
    talk.say("mau daftar lagi", "register_start")
    talk.tap("Mulai baru")
    assert talk.state.step == "age"


# -- while the programme is closed --------------------------------------------------------------------------------


def test_from_start_to_number_while_closed(talk: Talk) -> None:
    summary = closed_way(talk)
    for value in ("27 tahun", "Kota Bandung", "SMA/SMK", "Pekerja lepas", "Masak dan kue", "Pemasaran digital"):
        assert value in summary
    said = talk.say("sudah benar kak", "affirm")
    assert "P-" in said
    assert f"Ini baru persiapan. {DISCLAIMER}" in said
    assert stored(talk) == {
        "age": "27",
        "region": BANDUNG_CITY,
        "education": "sma",
        "work": "freelance",
        "interests": "cooking,digital.",
        "notify": "ya",
    }
    assert subscriptions.topics(talk.connection, talk.chat_id) == ["gelombang"]
    assert drafts.get(talk.connection, talk.chat_id, "registration", talk.now) is None
    assert talk.state.form is None


def test_the_zone_follows_the_region(talk: Talk) -> None:
    begin(talk)
    talk.say("30")
    talk.say("tidak", "deny")
    talk.say("jayapura", entities=[region("9171", "Kota Jayapura", "jayapura")])
    for text in ("sma", "nelayan", "hidroponik"):
        talk.say(text)
    talk.say("cukup")
    talk.say("tidak", "deny")
    talk.say("ya", "affirm")
    chat = chats.get(talk.connection, talk.chat_id)
    assert chat is not None
    assert chat["zone"] == "WIT"


def test_while_closed_the_birth_date_becomes_an_age(talk: Talk) -> None:
    begin(talk)
    talk.say("3 desember 1999")
    assert talk.state.data["age"] == "1999-12-03"
    for text in ("tidak", "lewati", "lewati", "lewati", "jahit", "cukup", "tidak"):
        talk.say(text)
    assert "3 Des 1999 (26 tahun)" in talk.replies[0].text
    talk.say("ya", "affirm")
    assert stored(talk)["age"] == "26"


def test_rules_can_be_checked_while_closed_and_are_not_noted(talk: Talk) -> None:
    begin(talk)
    talk.say("27")
    talk.tap("Ya, cek")
    for text in ("ya", "udah lulus", "bukan semuanya", "belum pernah"):
        talk.say(text)
    said = talk.say("baru saya aja")
    assert "Kakak kemungkinan bisa ikut" in said
    assert "2023–2024" in said
    assert "Yang memutuskan sistem Prakerja" in said
    for text in ("lewati", "s1", "wiraswasta", "excel"):
        talk.say(text)
    talk.say("cukup")
    summary = talk.say("tidak", "deny")
    assert "Sekolah" not in summary, "what is not noted does not stand in the summary of the note"
    talk.say("ya", "affirm")
    assert set(stored(talk)) == {"age", "region", "education", "work", "interests", "notify"}


# -- doubts -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("age", "reason"),
    [
        ("65", "usia 18–64 tahun"),
        ("70 thn", "usia 18–64 tahun"),
        ("17", "minimal 18 tahun"),
        ("tujuh belas", "minimal 18 tahun"),
    ],
)
def test_age_outside_the_limits_is_a_likelihood_with_its_reason(talk: Talk, age: str, reason: str) -> None:
    begin(talk)
    said = talk.say(age)
    assert "Menurut aturan 2023–2024, Kakak kemungkinan belum bisa ikut." in said
    assert reason in said
    assert "Yang memutuskan sistem Prakerja." in said
    assert "!" not in said
    talk.tap("Tetap lanjut")
    assert talk.state.step == "check"


@pytest.mark.parametrize(
    ("age", "value"),
    [
        ("18", "18"),
        ("64", "64"),
        ("umur saya 64 tahun kak", "64"),
        ("sekarang 31 thn", "31"),
        ("lahir 1990", "1990"),
        ("kelahiran 99", "1999"),
        ("dua puluh tujuh", "27"),
        ("3-12-1999", "1999-12-03"),
        ("tgl 3 des 99 kak", "1999-12-03"),
        ("03121999", "1999-12-03"),
        ("saya lahir 17 agustus 1990", "1990-08-17"),
    ],
)
def test_ages_and_birth_dates_as_people_type_them(talk: Talk, age: str, value: str) -> None:
    begin(talk)
    talk.say(age)
    assert talk.state.data["age"] == value
    assert talk.state.step == "check"


@pytest.mark.parametrize(
    ("step", "text", "reason"),
    [
        ("citizen", "bukan wni", "WNI"),
        ("student", "masih kuliah semester 5", "belum boleh ikut"),
        ("student", "belum lulus", "belum boleh ikut"),
        ("student", "udah lulus tapi masih tercatat di dikti", "PDDikti"),
        ("student", "lagi cuti kuliah", "tidak bisa memastikan"),
        ("job", "saya pns", "ASN"),
        ("job", "perangkat desa", "kepala atau perangkat desa"),
        ("job", "guru honorer", "tidak menyebut tenaga honorer"),
        ("job", "P3K", "tidak menyebut PPPK"),
        ("job", "ketua rt", "tidak menyebut ketua RT/RW"),
        ("job", "kader posyandu", "tidak menyebut kader"),
        ("job", "komisaris bumd", "pimpinan BUMN/BUMD"),
        ("recipient", "pernah dapat gelombang 12", "hanya diberikan sekali"),
        ("family", "udah 2 orang", "2 penerima dalam satu KK"),
    ],
)
def test_each_doubt_names_its_reason_and_lets_go_on(connection: Connection, step: str, text: str, reason: str) -> None:
    talk = Talk(connection, programme="open")
    begin(talk)
    talk.say("30")
    good = {"citizen": "ya", "student": "tidak", "job": "bukan", "recipient": "belum", "family": "belum"}
    for name, answer in good.items():
        assert talk.state.step == name
        if name == step:
            said = talk.say(text)
            break
        talk.say(answer)
    assert reason in said
    assert "Yang memutuskan sistem Prakerja." in said
    assert talk.state.step == f"{step}_go"
    talk.say("lanjut", "affirm")
    assert talk.state.step not in (step, f"{step}_go")


@pytest.mark.parametrize(
    ("step", "text"),
    [
        ("citizen", "iya wni kak"),
        ("student", "enggak kak"),
        ("student", "ora sekolah"),
        ("student", "sudah lulus tahun 2020"),
        ("job", "bukan pns"),
        ("job", "karyawan swasta"),
        ("job", "karyawan bumn"),
        ("job", "teu"),
        ("recipient", "blm pernah"),
        ("recipient", "pernah daftar tapi gak lolos"),
        ("family", "baru satu"),
        ("family", "blm 2"),
    ],
)
def test_ordinary_answers_raise_no_doubt(connection: Connection, step: str, text: str) -> None:
    talk = Talk(connection, programme="open")
    begin(talk)
    talk.say("30")
    for name in ("citizen", "student", "job", "recipient", "family"):
        if name == step:
            break
        talk.say("ya" if name == "citizen" else "tidak")
    talk.say(text)
    assert talk.state.data[step] in ("ya", "tidak")
    assert not str(talk.state.step).endswith("_go")


def test_stopping_at_a_doubt_keeps_the_draft(talk: Talk) -> None:
    begin(talk)
    talk.say("66")
    said = talk.tap("Berhenti dulu")
    assert "30 hari" in said
    assert talk.state.form is None
    assert talk.tap("Lanjutkan").count("kemungkinan belum bisa") == 1
    assert talk.state.step == "age_go"


def test_the_work_can_be_an_excluded_job_too(talk: Talk) -> None:
    begin(talk)
    for text in ("30", "tidak", "lewati", "lewati"):
        talk.say(text)
    assert "Aturan mengecualikan Polri" in talk.say("polisi")
    talk.say("lanjut", "affirm")
    for text in ("excel", "cukup"):
        talk.say(text)
    assert "kemungkinan belum bisa ikut, karena Polri dikecualikan" in talk.say("tidak", "deny")


# -- answers, questions, regions ----------------------------------------------------------------------------------


def test_a_question_in_the_middle_is_answered_and_the_step_comes_again(talk: Talk) -> None:
    begin(talk)
    said = talk.say("apakah prakerja itu bayar?", "program_cost")
    assert talk.content.answers["program_cost"].text.closed.split("{")[0][:20] in said
    assert "Berapa umur Kakak?" in said
    assert "age" not in talk.state.data
    talk.say("25")
    assert talk.state.data["age"] == "25"


def test_a_question_that_holds_an_answer_word_stays_a_question(talk: Talk) -> None:
    begin(talk)
    talk.say("25")
    talk.say("tidak", "deny")
    talk.say("insentif saya di bandung belum cair", "incentive_unpaid", entities=[])
    assert talk.state.step == "region"
    assert "region" not in talk.state.data


def test_an_answer_that_looks_like_a_question_is_an_answer(talk: Talk) -> None:
    begin(talk)
    talk.say("25")
    talk.say("tidak", "deny")
    talk.say("kota bandung kan?", "register_offline", entities=[region(BANDUNG_CITY, "Kota Bandung", "kota bandung")])
    assert talk.state.data["region"] == BANDUNG_CITY


def test_of_two_places_with_one_name_it_asks_which(talk: Talk) -> None:
    begin(talk)
    talk.say("25")
    talk.say("tidak", "deny")
    said = talk.say("bandung", entities=[region(BANDUNG, "Bandung", "bandung", BANDUNG, BANDUNG_CITY)])
    assert "Kabupaten Bandung atau Kota Bandung" in said
    assert talk.state.step == "region"
    talk.say("yang kota")
    assert talk.state.data["region"] == BANDUNG_CITY


def test_of_two_places_one_can_be_tapped(talk: Talk) -> None:
    begin(talk)
    talk.say("25")
    talk.say("tidak", "deny")
    talk.say("bandung", entities=[region(BANDUNG, "Bandung", "bandung", BANDUNG, BANDUNG_CITY)])
    talk.tap("Kab. Bandung")
    assert talk.state.data["region"] == BANDUNG


def test_an_unknown_place_is_asked_again_kindly(talk: Talk) -> None:
    begin(talk)
    talk.say("25")
    talk.say("tidak", "deny")
    assert "Saya belum menemukan kabupaten atau kota itu" in talk.say("desa sukamaju")
    talk.say("kampung dalam")
    assert "Bicara petugas" in talk.labels


def test_impossible_ages_are_told(talk: Talk) -> None:
    begin(talk)
    assert "salah ketik" in talk.say("3")
    assert "salah ketik" in talk.say("250 tahun")
    assert talk.state.step == "age"


def test_interests_are_gathered_one_tap_after_the_other(talk: Talk) -> None:
    begin(talk)
    for text in ("25", "tidak", "lewati", "lewati", "lewati"):
        talk.say(text)
    talk.tap("Bahasa asing")
    assert "Sudah saya catat: Bahasa asing, Kecantikan." in talk.tap("Kecantikan")
    talk.tap("Cukup")
    assert talk.state.data["interests"] == "language,beauty."
    assert talk.state.step == "notify"


def test_typed_numbers_choose_and_a_number_is_an_age_at_the_age_step(talk: Talk) -> None:
    begin(talk)
    talk.say("21")
    assert talk.state.data["age"] == "21"
    talk.say("2")  # lewati
    talk.say("lewati")
    talk.say("3")
    assert talk.state.data["education"] == "sma"


# -- summary and correction ---------------------------------------------------------------------------------------


def test_a_value_is_corrected_by_its_name(talk: Talk) -> None:
    closed_way(talk)
    talk.say("ubah umur")
    assert talk.state.step == "age"
    summary = talk.say("31")
    assert "Umur: 31 tahun" in summary
    assert "Kota Bandung" in summary
    talk.say("ubah kabupaten dong")
    assert talk.state.step == "region"
    assert "Kota Cimahi" in talk.say("cimahi", entities=[region("3277", "Kota Cimahi", "cimahi")])


def test_a_value_is_corrected_by_tapping(talk: Talk) -> None:
    closed_way(talk)
    talk.tap("Ubah data")
    talk.tap("Pendidikan")
    assert talk.state.step == "education"
    summary = talk.tap("Sarjana (S1)")
    assert "Pendidikan: Sarjana (S1)" in summary
    talk.say("ada yang salah")
    talk.say("minat")
    talk.tap("Kecantikan")
    summary = talk.tap("Cukup")
    assert "Minat: Kecantikan" in summary
    assert "P-" in talk.tap("Ya, simpan")


def test_a_correction_can_raise_a_doubt(talk: Talk) -> None:
    closed_way(talk)
    talk.tap("Ubah data")
    talk.tap("Umur")
    assert "kemungkinan belum bisa" in talk.say("67")
    talk.say("lanjut", "affirm")
    assert talk.state.step == "confirm"


def test_back_goes_one_step(talk: Talk) -> None:
    begin(talk)
    talk.say("25")
    talk.say("kembali")
    assert talk.state.step == "age"


# -- drafts, again, others ----------------------------------------------------------------------------------------


def test_a_draft_is_taken_up_again(talk: Talk) -> None:
    begin(talk)
    talk.say("25")
    assert "30 hari" in talk.say("batal", "cancel")
    talk.later(days=3)
    said = talk.say("mau daftar", "register_start")
    assert "Mau lanjut, atau mulai baru?" in said
    assert "24 Des 2026" in said
    talk.say("lanjut aja", "affirm")
    assert talk.state.step == "check"
    assert talk.state.data["age"] == "25"


def test_a_draft_can_be_dropped_for_a_new_beginning(talk: Talk) -> None:
    begin(talk)
    talk.say("25")
    talk.say("batal", "cancel")
    talk.say("mau daftar", "register_start")
    talk.say("mulai baru")
    assert talk.state.step == "age"
    assert "age" not in talk.state.data


def test_a_draft_is_gone_after_thirty_days(talk: Talk) -> None:
    begin(talk)
    talk.say("25")
    talk.say("batal", "cancel")
    talk.later(days=31)
    talk.say("mau daftar", "register_start")
    assert talk.state.step == "age"
    assert "age" not in talk.state.data


def test_an_earlier_preparation_is_shown_and_changed_under_its_number(talk: Talk) -> None:
    closed_way(talk)
    talk.say("ya", "affirm")
    (number,) = [word.strip(".") for word in talk.replies[0].text.split() if word.startswith("P-")]
    assert number in talk.say("mau daftar", "register_start")
    talk.tap("Ubah isinya")
    assert talk.state.step == "confirm"
    talk.say("ubah umur")
    talk.say("40")
    assert number in talk.say("ya", "affirm")
    assert stored(talk)["age"] == "40"


def test_leaving_an_earlier_preparation_as_it_is(talk: Talk) -> None:
    closed_way(talk)
    talk.say("ya", "affirm")
    talk.say("mau daftar", "register_start")
    assert "tetap seperti semula" in talk.tap("Biarkan saja")
    assert stored(talk)["age"] == "27"


def test_for_somebody_else_nothing_is_filled_in(talk: Talk) -> None:
    said = talk.say("mau daftarin ibu saya", "register_start", subject="mother")
    assert "oleh orangnya sendiri" in said
    assert talk.state.form is None


def test_status_tells_what_is_noted_here_and_that_it_is_no_registration(talk: Talk) -> None:
    assert "belum ada catatan" in talk.take(registration_told.status(talk.turn()))
    begin(talk)
    talk.say("25")
    talk.say("batal", "cancel")
    assert "belum selesai" in talk.take(registration_told.status(talk.turn()))
    talk.say("mau daftar", "register_start")
    talk.say("mulai baru")
    for text in ("25", "tidak", "lewati", "lewati", "lewati", "jahit", "cukup", "tidak", "ya"):
        talk.say(text)
    said = talk.take(registration_told.status(talk.turn()))
    assert "P-" in said
    assert DISCLAIMER in said
    assert "belum ada catatan" in talk.take(registration_told.status(talk.turn(subject="mother")))


# -- while the programme is open ----------------------------------------------------------------------------------


def test_while_open_the_rules_are_asked_and_a_checklist_follows(connection: Connection) -> None:
    talk = Talk(connection, programme="open")
    begin(talk)
    talk.say("3-12-1999")
    for text in ("ya", "tidak", "bukan", "belum"):
        talk.say(text)
    assert "kemungkinan bisa ikut" in talk.say("belum")
    talk.say("kota bandung", entities=[region(BANDUNG_CITY, "Kota Bandung", "kota bandung")])
    for text in ("d3", "nganggur", "bahasa inggris"):
        talk.say(text)
    talk.say("itu aja")
    summary = talk.say("ya", "affirm")
    assert "kemungkinan bisa ikut (aturan 2023–2024)" in summary
    said = talk.say("ya", "affirm")
    assert DISCLAIMER in said
    assert "e-KTP asli" in said
    assert "belum ada gelombang baru" not in said
    data = stored(talk)
    assert data["age"] == "1999-12-03"
    assert data["citizen"] == "ya"


def test_every_reply_fits_and_every_label_fits(connection: Connection) -> None:
    talk = Talk(connection, programme="open")
    begin(talk)
    for text in ("66", "bukan wni", "masih kuliah", "komisaris bumn", "pernah", "dua"):
        talk.say(text)
        _fits(talk)
        talk.say("lanjut")
        _fits(talk)
    talk.say("kab bandung barat", entities=[region("3217", "Kabupaten Bandung Barat", "kab bandung barat")])
    for text in ("sma", "tukang bangunan", "kue, jualan online, excel, bahasa inggris, desain, jahit", "ya", "ya"):
        talk.say(text)
        _fits(talk)
    assert talk.state.form is None


def _fits(talk: Talk) -> None:
    for reply in talk.replies:
        assert len(reply.text) <= (600 if "Ini catatan" in reply.text else 500), reply.text
        for option in reply.options:
            assert len(option.label) <= 20
