"""Finding a course: by words with slips, by meaning, within the balance, by the start; and what to check first."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, update

from handlers import course_find, course_search
from handlers.course_search import Search
from storage.schema import courses, enrolments, participants
from tests.handlers.sample_talk import NOW, SampleTalk, entity, sampled
from tests.handlers.test_courses import add_course

TODAY = NOW.date()
TITLES = (
    "Teknik Pangkas Rambut Pria",
    "Merawat Lansia di Rumah",
    "Budidaya Lele Bioflok",
    "Menjadi Admin Gudang",
    "Membuat Sabun Cuci",
    "Merajut Tas",
)


@pytest.fixture
def own_list(talk: SampleTalk) -> SampleTalk:
    """A list of real titles, of no topic that the content knows."""
    talk.connection.execute(delete(courses))
    for title in TITLES:
        add_course(talk, title, topic="kuno")
    return talk


@pytest.fixture
def opened() -> Iterator[SampleTalk]:
    with sampled() as connection:
        yield SampleTalk(connection, programme="open")


def titles(talk: SampleTalk, words: str) -> list[str]:
    return [row["title"] for row in course_find.find(talk.turn("x"), Search(words=words), TODAY).rows]


@pytest.mark.parametrize(
    ("typed", "title"),
    [
        ("pangkas rambot", "Teknik Pangkas Rambut Pria"),
        ("lansiaa", "Merawat Lansia di Rumah"),
        ("budidya leele", "Budidaya Lele Bioflok"),
        ("gudnag", "Menjadi Admin Gudang"),
        ("merajt", "Merajut Tas"),
    ],
)
def test_mistyped_words_find_their_course(own_list: SampleTalk, typed: str, title: str) -> None:
    assert titles(own_list, typed)[0] == title


@pytest.mark.parametrize(
    ("left", "right"), [("masak", "masuk"), ("jahit", "sakit"), ("lele", "lilin"), ("las", "las ka")]
)
def test_other_words_are_no_slips(left: str, right: str) -> None:
    assert course_find.alike(left, right) == 0


def test_where_no_word_fits_the_meaning_does_and_it_is_said(own_list: SampleTalk) -> None:
    add_course(own_list, "Kamera HP", topic="foto")
    found = course_find.find(own_list.turn("x"), Search(words="film"), TODAY)
    assert [row["title"] for row in found.rows] == ["Kamera HP"]
    assert not found.exact
    assert "Yang persis begitu belum ada" in own_list.say("kursus film", "course_choose")


def test_foreign_words_find_nothing_by_meaning(own_list: SampleTalk) -> None:
    for words in ("ilmu pelet", "sejarah majapahit", "zzz"):
        assert titles(own_list, words) == []


def test_meaning_puts_the_nearer_course_first(talk: SampleTalk) -> None:
    talk.connection.execute(delete(courses))
    add_course(talk, "Usaha Rumahan", price=100_000)
    add_course(talk, "Usaha Ternak Ayam", price=900_000)
    assert titles(talk, "usaha telur")[0] == "Usaha Ternak Ayam"


def test_chatter_is_no_search_by_meaning(own_list: SampleTalk) -> None:
    add_course(own_list, "Kamera HP", topic="foto")
    own_list.say("mau pilih kursus", "course_choose")
    own_list.say("merajut", "course_choose")
    assert "belum menangkap" in own_list.say("kemarin nonton film")


# -- balance and start --------------------------------------------------------------------------------------------


def test_within_the_balance_of_the_own_record(talk: SampleTalk) -> None:
    talk.link(7)
    talk.connection.execute(update(participants).where(participants.c.id == talk.person(7)).values(balance=400_000))
    assert "≤ Rp400.000" in talk.say("kursus yang sesuai saldo saya", "course_choose")
    assert course_search.read(talk.turn("kursus kue cukup saldo")) == Search(
        topic="kue", max_price=400_000, within=True
    )


@pytest.mark.parametrize("level", ["", "2a"])
def test_a_balance_that_may_not_be_told_limits_nothing_and_it_is_said(talk: SampleTalk, level: str) -> None:
    if level:
        talk.link(7, level)
    shown = talk.say("kursus kue yang sesuai saldo saya", "course_choose")
    assert "Saldo Kakak tidak bisa saya lihat" in shown
    assert "≤" not in shown


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("kelas kue yang mulai minggu ini", "2026-11-24", "2026-11-29"),
        ("kelas kue minggu depan", "2026-11-30", "2026-12-06"),
        ("kelas kue bulan ini", "2026-11-24", "2026-11-30"),
        ("kelas kue mulai bulan depan", "2026-12-01", "2026-12-31"),
        ("kelas kue mulai desember", "2026-12-01", "2026-12-31"),
        ("kelas kue mulai januari", "2027-01-01", "2027-01-31"),
    ],
)
def test_when_the_class_begins(talk: SampleTalk, text: str, first: str, last: str) -> None:
    assert course_search.read(talk.turn(text)) == Search(topic="kue", start_from=first, start_to=last)


def test_a_day_counts_only_where_the_start_is_meant(talk: SampleTalk) -> None:
    day = entity("date", "2026-12-01", "1 desember")
    found = course_search.read(talk.turn("1 desember mulai kursus las", entities=[day]))
    assert (found.start_from, found.start_to, found.words) == ("2026-12-01", "2026-12-07", "")
    assert course_search.read(talk.turn("1 desember saya lolos, kursus las", entities=[day])).start_to == ""


def test_self_paced_courses_begin_any_day(talk: SampleTalk) -> None:
    talk.connection.execute(delete(courses))
    soon = TODAY + timedelta(days=2)
    add_course(talk, "Segera", topic="las", starts_on=soon)
    add_course(talk, "Nanti", topic="las", starts_on=soon + timedelta(days=30))
    add_course(talk, "Kapan Saja", topic="las", mode="spl")
    add_course(talk, "Tidak Jelas", topic="las")
    shown = talk.say("kursus las minggu ini", "course_choose")
    assert "mulai 24 Nov 2026–29 Nov 2026" in shown
    assert ("Segera" in shown, "Kapan Saja" in shown) == (True, True)
    assert ("Nanti" in shown, "Tidak Jelas" in shown) == (False, False)


# -- rows past their time -----------------------------------------------------------------------------------------


def test_a_course_that_ran_out_meanwhile_cannot_be_noted(talk: SampleTalk) -> None:
    talk.say("kursus bikin kue", "course_choose")
    talk.say("1")
    talk.connection.execute(update(courses).values(valid_until=TODAY - timedelta(days=1)))
    assert "sudah tidak ada di daftar" in talk.say("catat")
    assert "Daftar pelatihan belum ada" in talk.say("mau cari kursus", "course_choose")


def test_the_details_say_how_long_the_course_is_listed(talk: SampleTalk) -> None:
    talk.connection.execute(update(courses).values(valid_until=TODAY + timedelta(days=9)))
    talk.say("kursus bikin kue", "course_choose")
    assert "Ada di daftar sampai 3 Des 2026." in talk.say("1")


# -- the first check ----------------------------------------------------------------------------------------------


def linked(talk: SampleTalk, **values: Any) -> None:
    number = talk.number_with(membership="selected", course="")
    talk.link(number, values.pop("level", "2"))
    talk.connection.execute(update(participants).where(participants.c.id == talk.person(number)).values(values))


@pytest.mark.parametrize(
    ("values", "said", "unsaid"),
    [
        ({"videos_watched": 1, "wallet_state": "unlinked"}, "baru 1", "sambungkan"),
        ({"videos_watched": 3, "wallet_state": "unlinked"}, "sambungkan rekening", "baru"),
        ({"videos_watched": 2, "wallet_state": "linked", "level": "2a"}, "baru 2", "Rp"),
        ({"videos_watched": None, "wallet_state": None}, "tonton 3 video perkenalan di dashboard, lalu", "baru"),
    ],
)
def test_before_choosing_the_record_tells_what_is_missing(
    opened: SampleTalk, values: dict[str, Any], said: str, unsaid: str
) -> None:
    linked(opened, **values)
    shown = opened.say("mau pilih pelatihan", "course_choose")
    assert said in shown
    assert unsaid not in shown
    assert opened.step == "course_choose/query"


def test_nothing_is_said_where_nothing_is_missing(opened: SampleTalk) -> None:
    linked(opened, videos_watched=3, wallet_state="linked")
    assert "Sebelum membeli" not in opened.say("mau pilih pelatihan", "course_choose")


def test_a_second_course_waits_for_the_first(opened: SampleTalk) -> None:
    opened.link(opened.number_with(membership="active", course="running"))
    assert "pelatihan pertama Kakak belum selesai" in opened.say("mau pilih pelatihan", "course_choose")
    opened.connection.execute(update(enrolments).values(state="finished"))
    opened.say("batal")
    assert "belum selesai" not in opened.say("mau pilih pelatihan", "course_choose")


def test_a_chat_without_a_record_is_reminded_and_nobody_while_closed(opened: SampleTalk, talk: SampleTalk) -> None:
    assert "Sebelum membeli: tonton 3 video" in opened.say("mau pilih pelatihan", "course_choose")
    linked(talk, videos_watched=0)
    assert "Sebelum membeli" not in talk.say("mau pilih pelatihan", "course_choose")
