"""Choosing a course: read in everyday words, found with slips, refined, compared, noted, never bought."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import delete, insert, update

from handlers import course_find, course_search
from handlers.course_search import Search, from_text, refine
from storage import courses
from storage.schema import courses as rows
from storage.schema import participants
from tests.handlers.sample_talk import NOW, SampleTalk, entity, sampled


def add_course(talk: SampleTalk, title: str, **changes: object) -> int:
    values = {
        "course_key": title,
        "title": title,
        "provider": "Lembaga Contoh",
        "platform": "pijar",
        "mode": "webinar",
        "topic": "kue",
        "price": 300_000,
        "summary": "",
        "invented": False,
        "as_of": NOW,
        **changes,
    }
    return int(talk.connection.execute(insert(rows).values(values).returning(rows.c.id)).scalar_one())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("kursus bikin kue yg online murah", Search(topic="kue", mode="online", cheap=True)),
        ("mau belajar bahasa inggris dong", Search(topic="bahasa_inggris")),
        ("pelatihan jahit tatap muka", Search(topic="jahit", mode="offline")),
        ("kelas excel di tokped", Search(topic="office", platform="tokopedia")),
        ("ada kursus digital marketing webinar ga", Search(topic="pemasaran_digital", mode="webinar")),
        ("mau liat pelatihan apa aja", Search()),
    ],
)
def test_what_is_looked_for_is_read_from_everyday_words(talk: SampleTalk, text: str, expected: Search) -> None:
    assert course_search.read(talk.turn(text)) == expected


def test_place_and_price_come_from_the_entities(talk: SampleTalk) -> None:
    place = entity("region", "3204", "bandung", candidates="3204|3273")
    found = course_search.read(
        talk.turn("bandung kursus las di bawah 500rb", entities=[place, entity("money", 500_000, "500rb")])
    )
    assert found == Search(topic="las", regions="3204|3273", max_price=500_000)
    assert (
        course_search.read(talk.turn("kursus 600 ribu", entities=[entity("money", 600_000, "600 ribu")])).max_price == 0
    )


def test_a_search_survives_as_text() -> None:
    search = Search(topic="kue", cheap=True, max_price=5, words="bolu kukus", page=2, after=77)
    assert from_text(search.to_text()) == search
    assert from_text("topic=kue&baru=1") == Search(topic="kue")


def test_another_topic_forgets_the_words_of_the_former() -> None:
    search = Search(topic="kue", words="bolu", mode="online", page=3)
    assert refine(search, Search(topic="las")) == Search(topic="las", mode="online")
    assert refine(search, Search(cheap=True)) == Search(topic="kue", words="bolu", mode="online", cheap=True)


def test_slips_are_forgiven_and_the_best_fit_comes_first(talk: SampleTalk) -> None:
    add_course(talk, "Bolu Kukus Mekar", price=900_000)
    found = course_find.find(talk.turn("x"), Search(words="bolu kukuss"), NOW.date())
    assert [row["title"] for row in found.rows] == ["Bolu Kukus Mekar"]


def test_where_nothing_fits_conditions_are_dropped_and_it_is_said(talk: SampleTalk) -> None:
    found = course_find.find(talk.turn("x"), Search(topic="jahit", max_price=1), NOW.date())
    assert found.rows
    assert not found.exact
    assert found.dropped == ("price",)
    assert "tanpa syarat harga" in talk.say(
        "kursus jahit di bawah 1 ribu", "course_choose", entities=[entity("money", 1_000, "1 ribu")]
    )


def test_courses_past_their_time_are_not_listed(talk: SampleTalk) -> None:
    add_course(talk, "Kue Kemarin", topic="kuno", valid_until=NOW.date() - timedelta(days=1))
    assert course_find.find(talk.turn("x"), Search(topic="kuno"), NOW.date()).rows == ()


def test_the_list_says_what_it_is_and_fits_one_message(talk: SampleTalk) -> None:
    shown = talk.say("kursus bikin kue", "course_choose")
    assert shown.startswith("Contoh pelatihan 2024; sekarang tidak bisa dibeli.")
    assert shown.count("(contoh)") == 5
    assert "Data 24 Nov 2026" in shown
    for topic in talk.content.files["courses"]["topics"].values():
        talk.state = replace(talk.state, form=None, step=None, data={})
        assert len(talk.say(f"kursus {topic['words'][0]}", "course_choose")) <= 500
        assert all(len(label) <= 20 for label in talk.labels)


def test_pages_refinement_and_back(talk: SampleTalk) -> None:
    first = talk.say("kursus bikin kue", "course_choose")
    second = talk.say("lagi")
    assert "halaman 2 dari 2" in second
    assert first.splitlines()[2] not in second
    assert "online" in talk.say("yang online aja")
    assert talk.step == "course_choose/list"
    talk.say("kembali")
    assert talk.step == "course_choose/query"
    assert "Bahasa Inggris" in talk.tap("Bahasa Inggris"), "a new search shows no stale list"


def test_a_title_can_be_typed(talk: SampleTalk) -> None:
    add_course(talk, "Bolu Kukus Mekar", topic="kuno")
    talk.say("bolu kukus", "course_choose")
    assert "Bolu Kukus Mekar\n" in talk.say("bolu kukus mekar")
    assert talk.step == "course_choose/detail"


@pytest.mark.parametrize(("said", "row"), [("yang nomor 2", 1), ("yg ketiga kak", 2), ("no 1", 0)])
def test_a_row_is_named_as_people_name_it(talk: SampleTalk, said: str, row: int) -> None:
    listed = talk.say("kursus bikin kue", "course_choose").splitlines()[2:]
    assert listed[row][3:].split(" (")[0] in talk.say(said)
    assert talk.step == "course_choose/detail"


def test_chatter_at_the_list_changes_nothing(talk: SampleTalk) -> None:
    talk.say("kursus bikin kue", "course_choose")
    listed = talk.state.options
    assert "belum menangkap" in talk.say("hmm bingung deh")
    assert "tidak ada di daftar" in talk.say("nomor 9")
    talk.say("nomor 9")
    assert talk.state.options[: len(listed)] == listed, "a person is offered beside the same list"


def test_noting_a_course_says_that_nothing_is_bought(talk: SampleTalk) -> None:
    talk.say("kursus bikin kue", "course_choose")
    talk.say("1")
    shown = talk.say("yang ini aja kak")
    assert "Baru dicatat" in shown
    assert "Pelatihan BELUM dibeli" in shown
    assert "sekarang tidak bisa dibeli" in shown
    assert talk.step == ""
    assert len(courses.choices(talk.connection, 1)) == 1
    assert "Yang sudah Kakak catat" in talk.say("mau cari pelatihan", "course_choose")


def test_two_courses_side_by_side(talk: SampleTalk) -> None:
    talk.say("kursus bikin kue", "course_choose")
    talk.say("1")
    listed = talk.say("bandingkan")
    assert "Mau dibandingkan" in listed
    compared = talk.say("1")
    assert compared.count("Rp") == 2
    talk.tap("Catat nomor 2")
    chosen = courses.choices(talk.connection, 1)[0]["title"]
    assert chosen in compared.splitlines()[2]


def test_back_to_the_list_keeps_the_search(talk: SampleTalk) -> None:
    listed = talk.say("kursus bikin kue", "course_choose")
    talk.say("2")
    assert talk.say("kembali ke daftar") == listed


def test_a_question_on_the_way_is_answered(talk: SampleTalk) -> None:
    talk.say("kursus bikin kue", "course_choose")
    shown = talk.say("sertifikat pelatihan belum muncul kenapa?", "course_certificate")
    assert "Kita lanjut" in shown
    assert talk.step == "course_choose/list"


def test_open_the_deadline_and_the_balance_of_the_record_are_told() -> None:
    with sampled() as connection:
        talk = SampleTalk(connection, programme="open")
        number = talk.number_with(membership="active", wallet="")
        talk.link(number)
        connection.execute(
            update(participants)
            .where(participants.c.id == talk.person(number))
            .values(balance=350_000, videos_watched=1)
        )
        dear = add_course(talk, "Bolu Kukus Mekar", price=900_000, starts_on=NOW.date() + timedelta(days=9), hours=15)
        talk.say("bolu kukus mekar", "course_choose")
        detail = talk.say("1")
        assert "Contoh pelatihan" not in detail
        assert "15 jam, mulai 3 Des 2026" in detail
        assert "Saldo pelatihan Kakak Rp350.000, kurang Rp550.000." in detail
        noted = talk.say("catat")
        assert "Beli sendiri di Pijar Mahir paling lambat 30 Nov 2026, 23.59 WIB" in noted
        assert "tonton 3 video" in noted
        assert courses.choices(connection, 1)[0]["id"] == dear


def test_amounts_need_level_2_and_fresh_data(talk: SampleTalk) -> None:
    talk.link(1, "2a")
    talk.say("kursus bikin kue", "course_choose")
    assert "Saldo" not in talk.say("1")
    talk.link(1)
    assert "Saldo" in talk.say("kembali ke daftar") + talk.say("1")
    talk.later(days=4)
    assert "Saldo" not in talk.say("kembali ke daftar") + talk.say("1")


def test_without_a_list_it_is_said_where_to_look(talk: SampleTalk) -> None:
    talk.connection.execute(delete(rows))
    assert "www.prakerja.go.id" in talk.say("mau pilih kursus", "course_choose")
    assert talk.step == ""


def test_a_course_that_vanished_ends_in_no_dead_end(talk: SampleTalk) -> None:
    talk.say("kursus bikin kue", "course_choose")
    talk.say("1")
    talk.connection.execute(delete(rows))
    assert "sudah tidak ada" in talk.say("catat")
    assert talk.step == ""
