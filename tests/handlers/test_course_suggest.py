"""Suggestions: from the message, the preparation, the record and similar people; each with its reason; off means off."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, insert, update

from handlers import course_suggest, registration_view
from handlers.course_search import Search
from handlers.turn import Policy
from storage import consents, course_groups, courses, registrations
from storage.course_groups import Count
from storage.schema import courses as rows
from storage.schema import enrolments, participants
from tests.handlers.sample_talk import NOW, SampleTalk
from tests.handlers.test_courses import add_course

ASKED = "rekomendasi pelatihan dong kak"


@pytest.fixture
def few(talk: SampleTalk) -> SampleTalk:
    """A list of five courses."""
    talk.connection.execute(delete(rows))
    for key, topic in (("Bolu", "kue"), ("Kebaya", "jahit"), ("Excel", "office"), ("Pembukuan", "akuntansi")):
        add_course(talk, key, topic=topic)
    add_course(talk, "Las di Bandung", topic="las", mode="offline", region="3273")
    return talk


def prepared(talk: SampleTalk, **data: Any) -> None:
    wording = registration_view.wording(talk.turn("x"))
    until = NOW + timedelta(days=300)
    consents.give(talk.connection, 1, purpose="registration", wording=wording, now=NOW, until=until)
    registrations.save(talk.connection, 1, number="P-1", data=data, now=NOW, kept_until=until)


def course_id(talk: SampleTalk, title: str) -> int:
    return int(talk.connection.execute(rows.select().where(rows.c.title == title)).mappings().one()["id"])


def counted(talk: SampleTalk, title: str, place: str, band: int, finished: int = 30, people: int = 120) -> None:
    one = Count(place, band, course_id(talk, title), finished, people)
    course_groups.replace(talk.connection, [place], [one], NOW)


def kinds(talk: SampleTalk, text: str = ASKED) -> dict[str, str]:
    turn = talk.turn(text, "course_choose")
    search = Search(suggest=True)
    found = course_suggest.suggest(turn, search, course_suggest.known(turn, search)).found
    return {one.row["title"]: one.kind for one in found}


# -- where it comes from ------------------------------------------------------------------------------------------


def test_who_is_unknown_is_asked_for_something_to_go_by(few: SampleTalk) -> None:
    shown = few.say(ASKED, "course_choose")
    assert "tulis minat, pekerjaan, atau kota Kakak" in shown
    assert few.step == "course_choose/query"
    assert "Sejalan dengan pekerjaan Kakak: urus rumah tangga." in few.say("saya ibu rumah tangga")
    assert few.step == "course_choose/list"


def test_the_preparation_tells_interests_work_and_region(few: SampleTalk) -> None:
    prepared(few, interests="sewing,cooking.", work="owner", region="3273", age="27")
    shown = few.say(ASKED, "course_choose")
    assert "Saran untuk Kakak, 4 pelatihan:" in shown
    assert "Sesuai minat Kakak: Masak dan kue." in shown
    assert "Sejalan dengan pekerjaan Kakak: usaha sendiri." in shown
    assert "Kelasnya di Kota Bandung, daerah Kakak." in shown
    assert "halaman" not in shown
    assert len(few.labels) == 3 + 2, "three courses, the next page, another search"
    assert "Sesuai minat Kakak: Jahit dan kerajinan." in few.tap("Berikutnya")


def test_a_preparation_under_another_consent_is_not_used(few: SampleTalk) -> None:
    until = NOW + timedelta(days=300)
    consents.give(few.connection, 1, purpose="registration", wording="Saya setuju dicatat.", now=NOW, until=until)
    registrations.save(few.connection, 1, number="P-1", data={"interests": "sewing."}, now=NOW, kept_until=until)
    assert "tulis minat" in few.say(ASKED, "course_choose")


def test_work_typed_in_own_words_goes_by_its_meaning(few: SampleTalk) -> None:
    add_course(few, "Menjadi Admin Gudang", topic="kuno")
    prepared(few, work="=penjaga gudang", interests="-.", age="-")
    assert "Dekat dengan pekerjaan Kakak: penjaga gudang." in few.say(ASKED, "course_choose")


def test_the_record_tells_the_region_from_level_2_on(few: SampleTalk) -> None:
    few.link(7, "2a")
    few.connection.execute(update(participants).values(region="3273"))
    assert kinds(few) == {}
    few.link(7)
    assert kinds(few) == {"Las di Bandung": "region"}
    few.later(days=4)
    assert kinds(few) == {}


def test_the_message_counts_before_all_else(few: SampleTalk) -> None:
    prepared(few, interests="cooking.", work="employee", age="27")
    shown = few.say("sarankan dong, saya suka menari dan kerajinan", "course_choose")
    assert "Sesuai minat Kakak: Jahit dan kerajinan." in shown
    few.say("batal")
    assert "usaha sendiri" in few.say("yang cocok buat pedagang bakso apa ya", "course_choose")


def test_a_topic_or_a_title_is_searched_and_not_suggested(few: SampleTalk) -> None:
    assert "Bolu" in few.say("rekomendasi kursus kue", "course_choose")
    few.say("batal")
    assert "Kebaya" in few.say("rekomendasi kursus kebayaa", "course_choose")
    assert "Saran untuk" not in few.replies[0].text


def test_for_somebody_else_nothing_of_ones_own_is_used(few: SampleTalk) -> None:
    prepared(few, interests="sewing.", age="27")
    turn = few.turn("rekomendasi pelatihan buat ibu saya", "course_choose", subject="mother")
    assert not course_suggest.known(turn, Search(suggest=True)).anything


def test_what_is_bought_noted_too_dear_or_elsewhere_is_not_suggested(few: SampleTalk) -> None:
    prepared(few, interests="cooking,sewing,office,business.", region="3273", age="27")
    few.link(7)
    bought = {"participant_id": few.person(7), "course_id": course_id(few, "Bolu"), "position": 1}
    few.connection.execute(insert(enrolments).values(**bought, state="finished", as_of=NOW))
    courses.note_choice(few.connection, chat_id=1, course_id=course_id(few, "Kebaya"), now=NOW)
    few.connection.execute(update(rows).where(rows.c.title == "Excel").values(price=9_000_000))
    few.connection.execute(update(participants).values(region="3171"))
    assert kinds(few) == {"Pembukuan": "interest"}


def test_each_kind_of_reason_has_its_turn(few: SampleTalk) -> None:
    for number in range(4):
        add_course(few, f"Bolu {number}", topic="kue")
    prepared(few, interests="cooking.", work="employee", region="3273", age="27")
    counted(few, "Pembukuan", "32", 25)
    assert list(kinds(few).values())[:4] == ["interest", "similar", "work", "region"]


# -- similar people -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "band", "said"),
    [
        ("3273", 25, "Ditamatkan 30 dari 120 peserta umur 25–34 di Kota Bandung."),
        ("32", 25, "Ditamatkan 30 dari 120 peserta umur 25–34 di Jawa Barat."),
        ("32", 0, "Ditamatkan 30 dari 120 peserta di Jawa Barat."),
        ("", 25, "Ditamatkan 30 dari 120 peserta umur 25–34."),
    ],
)
def test_the_nearest_group_is_told_with_its_size_and_date(few: SampleTalk, place: str, band: int, said: str) -> None:
    prepared(few, age="27", region="3273")
    counted(few, "Kebaya", place, band)
    shown = few.say(ASKED, "course_choose")
    assert said in shown
    assert "Hitungan peserta per 24 Nov 2026." in shown
    assert "Tanpa data peserta" in few.labels


def test_the_nearer_group_comes_first(few: SampleTalk) -> None:
    prepared(few, age="60", region="3273")
    counted(few, "Kebaya", "", 55)
    counted(few, "Excel", "3273", 0)
    assert kinds(few) == {"Excel": "similar", "Las di Bandung": "region"}
    counted(few, "Bolu", "3273", 55)
    assert "Bolu" in kinds(few)


def test_a_person_switches_it_off_and_on(few: SampleTalk) -> None:
    prepared(few, age="27", region="3273", interests="cooking.")
    counted(few, "Kebaya", "3273", 25)
    few.say(ASKED, "course_choose")
    shown = few.tap("Tanpa data peserta")
    assert "saya matikan" in shown
    assert "Ditamatkan" not in shown
    assert few.step == "course_choose/list", "the list is shown again without it"
    few.say("batal")
    assert "Ditamatkan" not in few.say(ASKED, "course_choose")
    few.say("batal")
    assert "saya nyalakan" in few.say("nyalakan saran peserta lain", "subscribe")
    assert "Ditamatkan" in few.say(ASKED, "course_choose")
    assert "saya matikan" in few.say("jangan pakai data peserta lain ya")


def test_a_forwarded_text_switches_nothing(few: SampleTalk) -> None:
    few.say("matikan saran dari peserta lain", forwarded=True)
    assert few.turn("x").chat["similar"]


def test_the_operator_switches_it_off(few: SampleTalk) -> None:
    few.policy = replace(Policy(), similar=False)
    prepared(few, age="27", region="3273", interests="cooking.")
    counted(few, "Kebaya", "3273", 25)
    assert "Ditamatkan" not in few.say(ASKED, "course_choose")
    few.say("batal")
    assert "memang tidak dipakai" in few.say("nyalakan saran")


# -- in the list --------------------------------------------------------------------------------------------------


def test_suggestions_are_narrowed_chosen_and_left_for_a_search(few: SampleTalk) -> None:
    prepared(few, interests="cooking,sewing.", region="3273", age="27")
    few.say(ASKED, "course_choose")
    assert "Kelasnya di Kota Bandung" in few.say("yang tatap muka aja")
    assert "Las di Bandung\n" in few.say("1")
    few.say("kembali ke daftar")
    shown = few.say("excel")
    assert "Saran untuk" not in shown
    assert "Excel" in shown


def test_every_answer_fits_one_message(talk: SampleTalk) -> None:
    interests = talk.content.files["registration"]["interests"]
    codes = list(interests)
    for at, work in enumerate(talk.content.files["registration"]["work"]):
        talk.state = replace(talk.state, form=None, step=None, data={})
        prepared(talk, interests=f"{codes[at]},{codes[-at - 1]}.", work=work, region="6472", age="27")
        best = talk.connection.execute(rows.select().where(rows.c.topic == "perawatan")).mappings().first()
        assert best is not None
        course_groups.replace(talk.connection, [""], [Count("", 25, best["id"], 1234, 12345)], NOW)
        assert len(talk.say(ASKED, "course_choose")) <= 500
        while "Berikutnya" in talk.labels:
            assert len(talk.tap("Berikutnya")) <= 500


def test_the_tables_of_suggestions_name_known_topics(talk: SampleTalk) -> None:
    files = talk.content.files
    for kind in ("interests", "work"):
        assert set(files["suggest"][kind]) == set(files["registration"][kind])
        assert {topic for topics in files["suggest"][kind].values() for topic in topics} <= set(
            files["courses"]["topics"]
        )
