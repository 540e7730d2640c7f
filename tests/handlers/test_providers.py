"""Is an institution official: by the imported list alone, with its day; a name that only looks alike is never confirmed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import delete, insert, update

from storage.schema import courses
from storage.schema import providers as rows
from tests.handlers.sample_talk import NOW, SampleTalk, entity

DAY = "24 Nov 2026"


def add(talk: SampleTalk, name: str, **changes: object) -> None:
    values = {
        "provider_key": f"{name}/{changes.get('region')}",
        "name": name,
        "state": "listed",
        "as_of": NOW,
        **changes,
    }
    talk.connection.execute(insert(rows).values(values))


@pytest.fixture
def listing(talk: SampleTalk, _no_other_list: None) -> SampleTalk:
    add(talk, "LPK Karya Muda", region="3273", other_names="Kamu Kursus; LKP Karyamuda")
    add(talk, "PT Belajar Digital Nusantara")
    return talk


@pytest.fixture(autouse=True)
def _no_other_list(talk: SampleTalk) -> None:
    talk.connection.execute(delete(rows))


def ask(talk: SampleTalk, text: str, **more: object) -> str:
    return talk.say(text, "provider_check", **more)


def test_without_a_list_that_is_said_first(talk: SampleTalk) -> None:
    shown = ask(talk, "apakah LPK Karya Muda resmi?")
    assert shown.startswith("Saya tidak punya daftar resminya.")
    assert "platform mitra" in shown
    assert len(shown) <= 500
    assert talk.replies[0].sms is not None
    assert talk.replies[0].sms.startswith("Saya tidak punya daftar resminya.")


@pytest.mark.parametrize(
    "text",
    [
        "apakah LPK Karya Muda resmi?",
        "lpk karya muda resmi ga",
        "saya ditawari kelas sama LPK Karya Muda, itu beneran gak",
        "karya muda itu terdaftar?",
        "KAMU KURSUS asli gak",
        "lembaga karyamuda mitra prakerja bukan",
    ],
)
def test_a_name_of_the_list_is_confirmed_with_its_day_and_place(listing: SampleTalk, text: str) -> None:
    shown = ask(listing, text)
    assert f"LPK Karya Muda (Kota Bandung) ada di daftar lembaga per {DAY} dari relawan Pandu." in shown
    assert "belum menjamin" in shown
    assert "aman" not in shown


@pytest.mark.parametrize(
    "text",
    [
        "LPK Karya Mudah resmi?",
        "lpk karya muda sejahtera resmi ga",
        "LPK Maju Karya Muda itu asli?",
        "pt belajar digital nusantaraa resmi?",
        "LPK Karya Muda Indonesia terdaftar?",
    ],
)
def test_a_name_that_looks_alike_is_not_confirmed(listing: SampleTalk, text: str) -> None:
    shown = ask(listing, text)
    assert shown.startswith("Nama itu persis tidak ada di daftar")
    assert "Samakan huruf demi huruf" in shown


def test_the_same_name_elsewhere_is_not_confirmed(listing: SampleTalk) -> None:
    here = entity("region", "3273", "bandung", candidates="3204|3273")
    there = entity("region", "3578", "surabaya")
    assert "ada di daftar lembaga" in ask(listing, "bandung LPK Karya Muda resmi?", entities=[here])
    assert "persis tidak ada" in ask(listing, "surabaya LPK Karya Muda resmi?", entities=[there])


def test_a_name_that_no_list_has(listing: SampleTalk) -> None:
    shown = ask(listing, "lpk cahaya ilmu resmi gak kak")
    assert f"Nama itu tidak ada di daftar lembaga per {DAY}" in shown
    assert "belum tentu palsu" in shown


@pytest.mark.parametrize(
    "text", ["lembaga mana yang bagus?", "cara cek lembaga resmi gimana", "LPK yang terpercaya apa ya"]
)
def test_a_question_without_a_name_gets_the_general_answer_and_is_asked_for_it(listing: SampleTalk, text: str) -> None:
    shown = ask(listing, text)
    assert "platform mitra" in shown
    assert f"di daftar per {DAY}" in shown


def test_one_that_has_ended_or_run_out_or_left_the_list(listing: SampleTalk) -> None:
    add(listing, "LKP Jahit Rapi", state="ended")
    add(listing, "LKP Las Kuat", valid_until=NOW.date() - timedelta(days=1))
    add(listing, "BLK Lama", as_of=NOW - timedelta(days=200))
    assert "tercatat sudah berakhir" in ask(listing, "lkp jahit rapi resmi?")
    assert "hanya berlaku sampai 23 Nov 2026" in ask(listing, "lkp las kuat resmi?")
    left = ask(listing, "blk lama resmi?")
    assert "per 8 Mei 2026" in left
    assert f"tidak ada lagi di daftar terbaru per {DAY}" in left


def test_several_of_one_name_are_told_apart_by_their_place(listing: SampleTalk) -> None:
    add(listing, "LPK Karya Muda", region="3578")
    assert "2 lembaga dengan nama itu: LPK Karya Muda (Kota Bandung); LPK Karya Muda (Kota Surabaya)" in ask(
        listing, "lpk karya muda resmi?"
    )


def test_in_front_of_a_course_its_own_provider_is_meant(listing: SampleTalk) -> None:
    listing.connection.execute(update(courses).values(provider="Karya Muda"))
    listing.say("kursus bikin kue", "course_choose")
    listing.say("1")
    shown = ask(listing, "lembaganya resmi ga nih?")
    assert "LPK Karya Muda (Kota Bandung) ada di daftar lembaga" in shown
    assert listing.step == "course_choose/detail"
    listing.connection.execute(update(courses).values(provider="Lembaga Contoh A"))
    assert "Nama itu tidak ada di daftar" in ask(listing, "lembaganya resmi ga nih?")


def test_every_answer_fits_one_message(listing: SampleTalk) -> None:
    for text in ("lpk karya mudah resmi?", "lpk lain lagi resmi?", "lembaga mana yang bagus?", "lpk karya muda resmi"):
        assert len(ask(listing, text)) <= 500
